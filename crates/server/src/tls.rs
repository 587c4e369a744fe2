//! TLS 1.2 and 1.3 from PEM files, read again when they change: a renewed certificate needs no restart.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Largest file that is read: a chain of certificates takes some kilobytes.
const FILE_BYTES: u64 = 1024 * 1024;

/// A certificate with its key, and the handshakes they are used for. HTTP/2 and HTTP/1.1 are offered.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    acceptor: TlsAcceptor,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    stamps: Mutex<Stamps>,
}

/// Time, size and place of both files.
type Stamps = [Option<(i64, i64, u64, u64)>; 2];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("TLS file {}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: pem::Error,
    },
    /// A file is larger than any certificate or key.
    #[error("TLS file {} has more than {FILE_BYTES} bytes, expected certificates or a key in PEM", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no certificate.
    #[error("TLS file {} holds no certificate, expected -----BEGIN CERTIFICATE-----", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not fit together, or are of a kind that TLS does not use.
    #[error("TLS certificate {} and key {}: {error}", .certificate.display(), .key.display())]
    Unusable {
        /// The certificates' file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        error: rustls::Error,
    },
}

impl Tls {
    /// Reads the certificate chain, the server's own certificate first, and its key (PKCS #8, PKCS #1 or SEC 1), both
    /// in PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or certificate and key do not fit together.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamps = [stamp(certificate), stamp(key)];
        let current = read(certificate, key)?;
        let files = Arc::new(Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(current)),
            stamps: Mutex::new(stamps),
        });
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| unusable(certificate, key, error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&files) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(crate) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Looks at the files from time to time, for ever.
    pub(crate) async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let tls = self.clone();
            // It only ever fails when the process is on its way out.
            let _ = tokio::task::spawn_blocking(move || tls.look()).await;
        }
    }

    /// Reads the files again if they have changed. Faulty ones leave the old certificate in use.
    pub fn look(&self) {
        let Files { certificate, key, .. } = self.files.as_ref();
        let stamps = [stamp(certificate), stamp(key)];
        {
            let mut before = self.files.stamps.lock().unwrap_or_else(PoisonError::into_inner);
            if *before == stamps {
                return;
            }
            *before = stamps;
        }
        match read(certificate, key) {
            Ok(new) => {
                *self.files.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(certificate = %certificate.display(), "the TLS certificate was read again");
            }
            // While both are being replaced they may not fit together for a moment.
            Err(error) => {
                tracing::error!("the TLS files have changed and cannot be used, so the old ones stay: {error}");
            }
        }
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl core::fmt::Debug for Files {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).field("key", &self.key).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Tls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.files.fmt(f)
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    for path in [certificate, key] {
        if fs::metadata(path).is_ok_and(|data| data.len() > FILE_BYTES) {
            return Err(TlsError::TooLarge { path: path.to_owned() });
        }
    }
    let in_file = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::File { path, error }
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).map_err(in_file(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(in_file(key))?;
    CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| unusable(certificate, key, error))
}

fn unusable(certificate: &Path, key: &Path, error: rustls::Error) -> TlsError {
    TlsError::Unusable { certificate: certificate.to_owned(), key: key.to_owned(), error }
}

fn stamp(path: &Path) -> Option<(i64, i64, u64, u64)> {
    fs::metadata(path).ok().map(|data| (data.mtime(), data.mtime_nsec(), data.size(), data.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (directory.join("tls.crt"), directory.join("tls.key"));
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn current(tls: &Tls) -> Vec<CertificateDer<'static>> {
        tls.files.current.read().unwrap().cert.clone()
    }

    #[test]
    fn a_renewed_certificate_is_used_and_a_faulty_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = write(directory.path());
        let tls = Tls::from_files(&certificate, &key).unwrap();
        let first = current(&tls);
        tls.look();
        assert_eq!(current(&tls), first);
        write(directory.path());
        tls.look();
        let second = current(&tls);
        assert_ne!(second, first);
        fs::write(&certificate, "nothing").unwrap();
        tls.look();
        assert_eq!(current(&tls), second);
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = write(directory.path());
        let other = tempfile::tempdir().unwrap();
        let (_, other_key) = write(other.path());
        let error = |certificate: &Path, key: &Path| Tls::from_files(certificate, key).unwrap_err().to_string();
        assert!(error(&certificate, &other_key).contains("tls.key"), "certificate and key of two pairs");
        assert!(error(&directory.path().join("none"), &key).contains("none"));
        fs::write(&certificate, "").unwrap();
        assert!(error(&certificate, &key).contains("no certificate"));
    }
}
