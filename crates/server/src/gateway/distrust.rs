//! Why there is no TLS with the upstream, in words for the log: rustls and webpki name their errors after what they are in
//! the program. asprov-client says the same to people at more length; the two crates do not know each other.

use std::error::Error as StdError;
use std::io;

use rustls::{CertificateError, Error as TlsError, OtherError};
use webpki::Error as ChainError;

/// Most characters of a text of somebody else.
const MOST: usize = 200;

pub(super) fn in_words(error: &io::Error) -> String {
    if let Some(error) = tls_error(error) {
        return of_tls(error);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it ended the connection during the handshake; does this port speak TLS?".to_owned()
        }
        _ => error.to_string(),
    }
}

fn of_tls(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(fault) => of_certificate(fault),
        TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. } | TlsError::PeerSentOversizedRecord => {
            "what answers does not speak TLS".to_owned()
        }
        TlsError::PeerIncompatible(_) | TlsError::NoApplicationProtocol => {
            "there is no version or algorithm of TLS that both sides accept".to_owned()
        }
        TlsError::AlertReceived(alert) => format!("it refused the handshake with the TLS alert {}", u8::from(*alert)),
        TlsError::NoCertificatesPresented => "it shows no certificate".to_owned(),
        TlsError::General(why) => shown(why),
        _ => "the handshake failed".to_owned(),
    }
}

fn of_certificate(fault: &CertificateError) -> String {
    let words = match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate is out of date",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is the clock right?"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name than the one in the URL of the upstream"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate comes from an authority that is not trusted, or without the chain to it; a private authority, or \
             a certificate signed by itself, is added to the root certificates for the upstream"
        }
        CertificateError::Revoked => "its certificate was revoked",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that is not accepted, such as with SHA-1"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not for a server"
        }
        CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<ChainError>() {
            Some(ChainError::CaUsedAsEndEntity) => {
                "its certificate is one of an authority (CA:TRUE), not of a server; make it anew with \
                 basicConstraints=critical,CA:FALSE"
            }
            Some(
                ChainError::EndEntityUsedAsCa
                | ChainError::NameConstraintViolation
                | ChainError::PathLenConstraintViolated,
            ) => "an authority in its chain of certificates may not issue it",
            Some(_) => MALFORMED,
            // The words of an operating system's own verifier.
            None => return shown(&inner.to_string()),
        },
        _ => MALFORMED,
    };
    words.to_owned()
}

const MALFORMED: &str = "its certificate cannot be used: it is damaged, or not as X.509 version 3 asks for";

fn shown(text: &str) -> String {
    text.chars().take(MOST).flat_map(char::escape_debug).collect()
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    let mut cause: Option<&(dyn StdError + 'static)> =
        error.get_ref().map(|inner| -> &(dyn StdError + 'static) { inner });
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<TlsError>() {
            return Some(error);
        }
        cause = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // `source` would skip what it holds itself.
            Some(held) => Some(held),
            None => inner.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{AlertDescription, InvalidMessage, PeerMisbehaved};

    use super::*;

    #[test]
    fn no_error_is_told_in_the_name_of_a_type() {
        let other = |fault: ChainError| CertificateError::Other(OtherError(Arc::new(fault)));
        for (error, words) in [
            (TlsError::InvalidCertificate(other(ChainError::CaUsedAsEndEntity)), "(CA:TRUE)"),
            (TlsError::InvalidCertificate(other(ChainError::NameConstraintViolation)), "may not issue it"),
            (TlsError::InvalidCertificate(other(ChainError::UnsupportedCertVersion)), "X.509 version 3"),
            (TlsError::InvalidCertificate(CertificateError::Expired), "out of date"),
            (TlsError::InvalidCertificate(CertificateError::UnknownIssuer), "not trusted"),
            (TlsError::InvalidCertificate(CertificateError::BadEncoding), "damaged"),
            (TlsError::InvalidMessage(InvalidMessage::InvalidContentType), "does not speak TLS"),
            (TlsError::AlertReceived(AlertDescription::HandshakeFailure), "alert 40"),
            (TlsError::PeerMisbehaved(PeerMisbehaved::BadCertChainExtensions), "the handshake failed"),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, io::Error::other(error));
            let told = in_words(&error);
            assert!(told.contains(words), "{told}");
        }
        assert!(in_words(&io::ErrorKind::UnexpectedEof.into()).contains("does this port speak TLS"));
    }
}
