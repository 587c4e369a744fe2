//! TLS: rustls on aws-lc-rs, with the certificates the operating system trusts and those an administrator adds.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

/// Root certificates that are trusted besides the system's own: a private authority, or that of a test.
#[derive(Clone, Debug, Default)]
pub struct RootCertificates(Vec<CertificateDer<'static>>);

/// Why TLS cannot be set up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is no PEM.
    #[error("the root certificates cannot be read: {why}")]
    Pem {
        /// What is wrong with it.
        why: String,
    },
    /// The text holds no certificate.
    #[error("the root certificates hold no `BEGIN CERTIFICATE`")]
    NoCertificate,
    /// The system's certificates, or one that was added, cannot be used.
    #[error("the trusted certificates cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

impl RootCertificates {
    /// Reads one or more certificates in PEM. Other sections, such as keys, are skipped.
    ///
    /// # Errors
    /// When the text is no PEM or holds no certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|error| TlsError::Pem { why: error.to_string() })?;
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        Ok(Self(certificates))
    }
}

/// TLS 1.2 and 1.3, HTTP/2 preferred.
pub(crate) fn configuration(roots: &RootCertificates) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots.0.iter().cloned(), Arc::clone(&provider))?;
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // The verifier is the platform's own and checks everything; only its kind is unknown to rustls.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(configuration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        assert!(matches!(RootCertificates::from_pem(b""), Err(TlsError::NoCertificate)));
        assert!(matches!(RootCertificates::from_pem(b"hello"), Err(TlsError::NoCertificate)));
        let damaged = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(RootCertificates::from_pem(damaged), Err(TlsError::Pem { .. })));
    }
}
