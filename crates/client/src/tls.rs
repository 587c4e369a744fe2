//! TLS: rustls on aws-lc-rs, with the certificates the operating system trusts and those an administrator adds.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

/// Root certificates that are trusted besides the system's own: a private authority, or that of a test.
#[derive(Clone, Debug, Default)]
pub struct RootCertificates(Vec<CertificateDer<'static>>);

/// Why a server is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distrust {
    /// Its certificate is out of date.
    Expired,
    /// Its certificate is not valid yet.
    NotValidYet,
    /// Its certificate is for another name.
    OtherName,
    /// Its certificate comes from an authority that is not trusted, or the chain to it is not complete.
    UnknownIssuer,
    /// Its certificate was revoked.
    Revoked,
    /// It does not speak TLS.
    NoTls,
    /// It speaks only versions or algorithms of TLS that are no longer safe.
    NothingInCommon,
    /// Something else.
    Other,
}

impl Distrust {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Expired,
        Self::NotValidYet,
        Self::OtherName,
        Self::UnknownIssuer,
        Self::Revoked,
        Self::NoTls,
        Self::NothingInCommon,
        Self::Other,
    ];

    /// What a failed handshake says.
    pub(crate) fn of(error: &io::Error) -> Self {
        use rustls::{CertificateError, Error};
        let mut cause: Option<&(dyn std::error::Error + 'static)> =
            error.get_ref().map(|inner| -> &(dyn std::error::Error + 'static) { inner });
        while let Some(inner) = cause {
            if let Some(error) = inner.downcast_ref::<Error>() {
                return match error {
                    Error::InvalidCertificate(fault) => match fault {
                        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                            Self::NotValidYet
                        }
                        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                            Self::OtherName
                        }
                        // An authority of the same name with another key is another authority.
                        CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
                        CertificateError::Revoked => Self::Revoked,
                        // What a verifier of an operating system says in words of its own.
                        _ => Self::Other,
                    },
                    Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => Self::NoTls,
                    Error::PeerIncompatible(_) => Self::NothingInCommon,
                    _ => Self::Other,
                };
            }
            cause = inner.source();
        }
        Self::Other
    }

    /// Why, in a sentence.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Expired => "The server's certificate is out of date, or the clock of this machine is wrong.",
            Self::NotValidYet => "The server's certificate is not valid yet, or the clock of this machine is wrong.",
            Self::OtherName => "The server's certificate is for another name than the one in the address.",
            Self::UnknownIssuer => {
                "The server's certificate comes from an authority that is not trusted here, or the server does not send \
                 the certificates between its own and the authority's."
            }
            Self::Revoked => "The authority has revoked the server's certificate.",
            Self::NoTls => "What listens on this port does not speak TLS.",
            Self::NothingInCommon => "The server offers only versions or algorithms of TLS that are no longer safe.",
            Self::Other => {
                "The certificate is out of date, is for another name, or comes from an authority that is not trusted \
                 here; or the port does not speak TLS."
            }
        }
    }

    /// What helps, in a sentence.
    pub const fn resolution(self) -> &'static str {
        match self {
            Self::Expired | Self::NotValidYet => "Set the clock, or have the administrator renew the certificate.",
            Self::OtherName => {
                "Use the name that the certificate is for, or have the administrator install one for this name."
            }
            Self::UnknownIssuer => {
                "Have the administrator install the whole chain of certificates; a private authority is added to the \
                 root certificates that are trusted."
            }
            Self::Revoked => "Have the administrator install a new certificate.",
            Self::NoTls => "Check the port: HTTPS usually is 443, or 8443.",
            Self::NothingInCommon => "Have the administrator switch TLS 1.2 or 1.3 on.",
            Self::Other => {
                "Have the administrator install a certificate for this name with its whole chain; a private authority is \
                 added to the root certificates that are trusted."
            }
        }
    }
}

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
    fn a_handshake_that_failed_says_why_and_what_helps() {
        use rustls::{CertificateError, Error, InvalidMessage};
        for (error, why) in [
            (Error::InvalidCertificate(CertificateError::Expired), Distrust::Expired),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), Distrust::UnknownIssuer),
            (Error::InvalidCertificate(CertificateError::NotValidForName), Distrust::OtherName),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), Distrust::NoTls),
            (Error::DecryptError, Distrust::Other),
        ] {
            assert_eq!(Distrust::of(&io::Error::new(io::ErrorKind::InvalidData, error)), why);
        }
        assert_eq!(Distrust::of(&io::Error::other("the peer went away")), Distrust::Other);
        for why in Distrust::ALL {
            assert!(why.cause().ends_with('.') && why.resolution().ends_with('.'), "{why:?}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        assert!(matches!(RootCertificates::from_pem(b""), Err(TlsError::NoCertificate)));
        assert!(matches!(RootCertificates::from_pem(b"hello"), Err(TlsError::NoCertificate)));
        let damaged = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(RootCertificates::from_pem(damaged), Err(TlsError::Pem { .. })));
    }
}
