//! One certificate with its key: two files, what was read from them last, and the names it is for.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use super::{FILE_BYTES, TlsError};

/// A certificate with its key.
pub(super) struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    stamps: Mutex<Stamps>,
}

/// Time, size and place of both files.
type Stamps = [Option<(i64, i64, u64, u64)>; 2];

/// How a certificate fits a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Exact,
    Wildcard,
    None,
}

impl Pair {
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamps = [stamp(certificate), stamp(key)];
        let current = read(certificate, key)?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(current)),
            stamps: Mutex::new(stamps),
        })
    }

    /// What was read last.
    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it has names by which it can be chosen.
    pub(super) fn check_names(&self) -> Result<(), TlsError> {
        let current = self.current();
        let parsed = current.end_entity_cert().and_then(ParsedCertificate::try_from);
        parsed.map(drop).map_err(|error| TlsError::NoNames { certificate: self.certificate.clone(), error })
    }

    /// How it fits the name that a client asks for.
    pub(super) fn fit(&self, name: &str) -> Fit {
        let current = self.current();
        let Ok(parsed) = current.end_entity_cert().and_then(ParsedCertificate::try_from) else { return Fit::None };
        let is_for =
            |name: &str| ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok());
        if !is_for(name) {
            return Fit::None;
        }
        // A certificate that is as good for a name that nobody has, beside this one, fits it by a wildcard.
        let beside = name.split_once('.').map(|(_, domain)| format!("asprov-no-such-name.{domain}"));
        if beside.is_some_and(|beside| is_for(&beside)) { Fit::Wildcard } else { Fit::Exact }
    }

    /// Reads the files again if they have changed. Faulty ones leave the old certificate in use.
    pub(super) fn look(&self) {
        let Self { certificate, key, .. } = self;
        let stamps = [stamp(certificate), stamp(key)];
        {
            let mut before = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
            if *before == stamps {
                return;
            }
            *before = stamps;
        }
        match read(certificate, key) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(certificate = %certificate.display(), "the TLS certificate was read again");
            }
            // While both are being replaced they may not fit together for a moment.
            Err(error) => {
                tracing::error!("the TLS files have changed and cannot be used, so the old ones stay: {error}");
            }
        }
    }
}

impl core::fmt::Debug for Pair {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).field("key", &self.key).finish_non_exhaustive()
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
    CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| TlsError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        error,
    })
}

fn stamp(path: &Path) -> Option<(i64, i64, u64, u64)> {
    fs::metadata(path).ok().map(|data| (data.mtime(), data.mtime_nsec(), data.size(), data.ino()))
}
