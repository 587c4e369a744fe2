//! TLS 1.2 and 1.3 from PEM files, read again when they change: a renewed certificate needs no restart.
//!
//! There may be several certificates, each for its names. A client says which name it wants before anything is encrypted
//! (SNI, RFC 6066, 3): it gets the first certificate that has exactly this name, otherwise the first with a wildcard that
//! covers it, otherwise, and when it names nobody, the first of all.

mod pair;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio_rustls::TlsAcceptor;

use self::pair::{Fit, Pair};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Largest file that is read: a chain of certificates takes some kilobytes.
const FILE_BYTES: u64 = 1024 * 1024;

/// Certificates with their keys, and the handshakes they are used for. HTTP/2 and HTTP/1.1 are offered. Clones share them.
#[derive(Clone)]
pub struct Tls {
    certificates: Arc<Certificates>,
    acceptor: TlsAcceptor,
}

/// Every certificate; the first one is for clients that name nobody, or somebody else.
struct Certificates(RwLock<Arc<[Pair]>>);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate at all.
    #[error("there is no TLS certificate, expected at least one with its key")]
    None,
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
    /// Beside others a certificate is chosen by its names, and they cannot be read.
    #[error(
        "TLS certificate {}: its names cannot be read, so no client would ever get it: {error}; only the first certificate \
         may be without", .certificate.display()
    )]
    NoNames {
        /// The certificates' file.
        certificate: PathBuf,
        /// What is wrong with it.
        error: rustls::Error,
    },
}

impl Tls {
    /// Reads one certificate chain, the server's own certificate first, and its key (PKCS #8, PKCS #1 or SEC 1), both in
    /// PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or certificate and key do not fit together.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::from_pairs(&[(certificate.to_owned(), key.to_owned())])
    }

    /// Reads several, each with its key. The first one is for clients that ask for no name, or for a name that none has.
    ///
    /// # Errors
    /// When there is none, a file cannot be read, a certificate and its key do not fit together, or one beside the first
    /// has no names by which it could be chosen.
    pub fn from_pairs(files: &[(PathBuf, PathBuf)]) -> Result<Self, TlsError> {
        let mut pairs = Vec::new();
        for (certificate, key) in files {
            let pair = Pair::read(certificate, key)?;
            if !pairs.is_empty() {
                pair.check_names()?;
            }
            pairs.push(pair);
        }
        let (certificate, key) = files.first().ok_or(TlsError::None)?;
        let certificates = Arc::new(Certificates(RwLock::new(pairs.into())));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| TlsError::Unusable { certificate: certificate.clone(), key: key.clone(), error })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { certificates, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Goes on with the certificates of another one; handshakes that begin from now on get those.
    pub fn replace_with(&self, other: &Self) {
        let pairs = other.certificates.pairs();
        *self.certificates.0.write().unwrap_or_else(PoisonError::into_inner) = pairs;
    }

    /// How many certificates there are.
    pub fn certificates(&self) -> usize {
        self.certificates.pairs().len()
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
        self.certificates.pairs().iter().for_each(Pair::look);
    }
}

impl Certificates {
    fn pairs(&self) -> Arc<[Pair]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate for a client that asks for this name.
    fn of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let pairs = self.pairs();
        let first = pairs.first()?;
        let (Some(name), [_, _, ..]) = (name, pairs.as_ref()) else { return Some(first.current()) };
        let mut by_wildcard = None;
        for pair in pairs.iter() {
            match pair.fit(name) {
                Fit::Exact => return Some(pair.current()),
                Fit::Wildcard => by_wildcard = by_wildcard.or(Some(pair)),
                Fit::None => {}
            }
        }
        Some(by_wildcard.unwrap_or(first).current())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(hello.server_name())
    }
}

impl core::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.pairs().iter()).finish()
    }
}

impl core::fmt::Debug for Tls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Tls").field(&self.certificates).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs;

    use rustls::pki_types::CertificateDer;

    fn write(directory: &Path) -> (PathBuf, PathBuf) {
        write_for(directory, "tls", &["localhost"])
    }

    fn write_for(directory: &Path, file: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let (certificate, key) = (directory.join(format!("{file}.crt")), directory.join(format!("{file}.key")));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn current(tls: &Tls) -> Vec<CertificateDer<'static>> {
        tls.certificates.of(None).unwrap().cert.clone()
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

    #[test]
    fn a_client_gets_the_certificate_of_the_name_it_asks_for() {
        let directory = tempfile::tempdir().unwrap();
        let pairs = [
            write_for(directory.path(), "default", &["*.example.com", "mail.example.net"]),
            write_for(directory.path(), "exact", &["mail.example.com"]),
            write_for(directory.path(), "other", &["*.example.org", "example.org"]),
        ];
        let tls = Tls::from_pairs(&pairs).unwrap();
        let of = |name: Option<&str>| {
            let got = tls.certificates.of(name).unwrap().cert.clone();
            let is = |pair: &Pair| pair.current().cert == got;
            tls.certificates.pairs().iter().position(is).unwrap()
        };
        assert_eq!(of(None), 0, "a client without SNI");
        assert_eq!(of(Some("nowhere.example")), 0, "a name that none has");
        assert_eq!(of(Some("eas.example.com")), 0, "a wildcard");
        assert_eq!(of(Some("Mail.Example.Com")), 1, "an exact name before a wildcard, whatever the order and the case");
        assert_eq!(of(Some("example.org")), 2);
        assert_eq!(of(Some("a.example.org")), 2);
        assert_eq!(of(Some("a.b.example.org")), 0, "a wildcard covers one label");
        assert_eq!(of(Some("mail.example.net")), 0);
        assert_eq!(of(Some("no name\u{0}")), 0);
        let one = Tls::from_files(&pairs[1].0, &pairs[1].1).unwrap();
        tls.replace_with(&one);
        assert_eq!(current(&tls), current(&one), "handshakes from now on get the new ones");
    }

    #[test]
    fn every_pair_is_looked_at_and_each_fault_names_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (write_for(directory.path(), "a", &["a.example"]), write(directory.path()));
        let crossed = [first.clone(), (second.0.clone(), first.1.clone())];
        let fault = Tls::from_pairs(&crossed).unwrap_err().to_string();
        assert!(fault.contains("tls.crt") && fault.contains("a.key"), "{fault}");
        assert!(matches!(Tls::from_pairs(&[]), Err(TlsError::None)));
        let tls = Tls::from_pairs(&[first, second.clone()]).unwrap();
        let before = tls.certificates.of(Some("localhost")).unwrap().cert.clone();
        write(directory.path());
        tls.look();
        assert_ne!(tls.certificates.of(Some("localhost")).unwrap().cert, before, "the second is read again too");
    }
}
