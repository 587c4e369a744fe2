//! Why a server is not trusted, in sentences. The libraries below name their errors after what they are in the program;
//! somebody who has to get a certificate mended needs to read what is wrong with the certificate.

mod words;

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, OtherError};
use webpki::Error as ChainError;

/// Most names of a certificate that are listed, and most characters of each.
const MOST_NAMES: usize = 8;
const MOST_OF_A_NAME: usize = 100;

const DAY: u64 = 24 * 60 * 60;

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
    /// Its certificate is one of an authority.
    AuthorityItself,
    /// Its certificate is for something else than a server.
    OtherPurpose,
    /// Its certificate, or one above it, is signed in a way that is no longer safe, or is not known here.
    Algorithm,
    /// An authority in the chain may not issue such a certificate.
    NotAllowed,
    /// Its certificate cannot be read.
    Malformed,
    /// Its certificate was revoked.
    Revoked,
    /// Whether its certificate was revoked cannot be found out.
    RevocationUnknown,
    /// It does not speak TLS.
    NoTls,
    /// It ended the connection before there was TLS.
    HungUp,
    /// It speaks only versions or algorithms of TLS that are no longer safe.
    NothingInCommon,
    /// It refused the handshake, and TLS has no word for why.
    Refused,
    /// It serves no such name.
    UnknownName,
    /// It wants a certificate of the device.
    WantsCertificate,
    /// Something else.
    Other,
}

impl Distrust {
    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::Expired,
        Self::NotValidYet,
        Self::OtherName,
        Self::UnknownIssuer,
        Self::AuthorityItself,
        Self::OtherPurpose,
        Self::Algorithm,
        Self::NotAllowed,
        Self::Malformed,
        Self::Revoked,
        Self::RevocationUnknown,
        Self::NoTls,
        Self::HungUp,
        Self::NothingInCommon,
        Self::Refused,
        Self::UnknownName,
        Self::WantsCertificate,
        Self::Other,
    ];

    /// What a failed handshake says, for those who make handshakes of their own with rustls.
    pub fn of(error: &io::Error) -> Self {
        match tls_error(error) {
            Some(error) => Self::of_tls(error),
            None if hung_up(error) => Self::HungUp,
            None => Self::Other,
        }
    }

    fn of_tls(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidCertificate(fault) => Self::of_certificate(fault),
            TlsError::InvalidCertRevocationList(_) => Self::RevocationUnknown,
            TlsError::NoCertificatesPresented => Self::NothingInCommon,
            TlsError::InvalidMessage(_)
            | TlsError::InappropriateMessage { .. }
            | TlsError::PeerSentOversizedRecord
            | TlsError::DecryptError => Self::NoTls,
            TlsError::PeerIncompatible(_) | TlsError::NoApplicationProtocol => Self::NothingInCommon,
            TlsError::AlertReceived(alert) => Self::of_alert(*alert),
            _ => Self::Other,
        }
    }

    fn of_certificate(fault: &CertificateError) -> Self {
        match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotValidYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
            // An authority of the same name with another key is another authority.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. }
            | CertificateError::InvalidOcspResponse => Self::RevocationUnknown,
            CertificateError::BadEncoding | CertificateError::UnhandledCriticalExtension => Self::Malformed,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::Algorithm,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::OtherPurpose,
            CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<ChainError>() {
                Some(fault) => Self::of_chain(fault),
                // The verifier's own word for a purpose that does not fit; its type is private to it.
                None if inner.to_string() == "certificate had invalid extensions" => Self::OtherPurpose,
                None => Self::Other,
            },
            #[expect(deprecated, reason = "rustls still gives it where webpki does")]
            CertificateError::UnsupportedSignatureAlgorithm => Self::Algorithm,
            _ => Self::Other,
        }
    }

    /// What rustls has no word of its own for.
    fn of_chain(fault: &ChainError) -> Self {
        match fault {
            ChainError::CaUsedAsEndEntity => Self::AuthorityItself,
            ChainError::EndEntityUsedAsCa
            | ChainError::NameConstraintViolation
            | ChainError::PathLenConstraintViolated
            | ChainError::MaximumPathDepthExceeded
            | ChainError::MaximumPathBuildCallsExceeded
            | ChainError::MaximumSignatureChecksExceeded
            | ChainError::MaximumNameConstraintComparisonsExceeded => Self::NotAllowed,
            ChainError::CertDistrusted => Self::Revoked,
            ChainError::EmptyEkuExtension => Self::OtherPurpose,
            ChainError::SignatureAlgorithmMismatch
            | ChainError::ExtensionValueInvalid
            | ChainError::InvalidCertValidity
            | ChainError::InvalidNetworkMaskConstraint
            | ChainError::InvalidSerialNumber
            | ChainError::MalformedDnsIdentifier
            | ChainError::MalformedExtensions
            | ChainError::MalformedNameConstraint
            | ChainError::UnsupportedCertVersion
            | ChainError::UnsupportedCriticalExtension
            | ChainError::UnsupportedNameType => Self::Malformed,
            _ => Self::Other,
        }
    }

    /// What the server says before it hangs up (RFC 8446 section 6.2).
    const fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            // No algorithm in common, no certificate, or none of the device up to TLS 1.2: all of that is number 40.
            AlertDescription::HandshakeFailure => Self::Refused,
            AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity
            | AlertDescription::NoApplicationProtocol => Self::NothingInCommon,
            AlertDescription::UnrecognisedName => Self::UnknownName,
            AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate => Self::WantsCertificate,
            _ => Self::HungUp,
        }
    }

    /// A failed handshake in words that follow a colon: the reason, and what of it only this certificate or connection
    /// shows. Text of the server in it is escaped and cut.
    pub fn in_words(error: &io::Error) -> String {
        match tls_error(error) {
            Some(error) => tls_in_words(error),
            None if hung_up(error) => Self::HungUp.words().reason.to_owned(),
            // The operating system's words.
            None => error.to_string(),
        }
    }

    /// Why, in a sentence.
    pub const fn cause(self) -> &'static str {
        self.words().cause
    }

    /// What helps, in a sentence.
    pub const fn resolution(self) -> &'static str {
        self.words().resolution
    }
}

/// Reason and words for what was found somewhere in an error, if it is one of TLS.
pub(crate) fn found_in(error: &(dyn StdError + 'static)) -> Option<(Distrust, String)> {
    let inner = match error.downcast_ref::<io::Error>() {
        Some(error) => tls_error(error),
        None => error.downcast_ref::<TlsError>(),
    };
    inner.map(|error| (Distrust::of_tls(error), tls_in_words(error)))
}

fn tls_in_words(error: &TlsError) -> String {
    let reason = Distrust::of_tls(error).words().reason;
    match details(error) {
        Some(details) => format!("{reason}: {details}"),
        None => reason.to_owned(),
    }
}

fn details(error: &TlsError) -> Option<String> {
    let days = |from: u64, to: u64| match to.saturating_sub(from) / DAY {
        0 => "less than a day".to_owned(),
        1 => "one day".to_owned(),
        days => format!("{days} days"),
    };
    match error {
        TlsError::InvalidCertificate(CertificateError::ExpiredContext { time, not_after }) => {
            Some(format!("for {}", days(not_after.as_secs(), time.as_secs())))
        }
        TlsError::InvalidCertificate(CertificateError::NotValidYetContext { time, not_before }) => {
            Some(format!("it begins in {}", days(time.as_secs(), not_before.as_secs())))
        }
        TlsError::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }) => {
            let names: Vec<_> = presented.iter().take(MOST_NAMES).map(|name| bare(name)).collect();
            let more = if presented.len() > MOST_NAMES { " and others" } else { "" };
            if names.is_empty() {
                return Some("it has no subjectAltName, where the names of hosts stand".to_owned());
            }
            Some(format!("{}{more}; not {}", names.join(", "), shown(&expected.to_str())))
        }
        // The words of an operating system's own verifier.
        TlsError::InvalidCertificate(CertificateError::Other(OtherError(inner)))
            if Distrust::of_tls(error) == Distrust::Other && !inner.is::<ChainError>() =>
        {
            Some(shown(&inner.to_string()))
        }
        TlsError::AlertReceived(alert) => Some(format!("it sent the TLS alert {}", u8::from(*alert))),
        TlsError::General(why) => Some(shown(why)),
        _ => None,
    }
}

/// A name as a certificate has it: webpki writes `DnsName("mail.example.com")` and `IpAddress(192.0.2.1)`.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    shown(inner.trim_matches('"'))
}

/// Text of somebody else as it may stand in a line.
fn shown(text: &str) -> String {
    text.chars().take(MOST_OF_A_NAME).flat_map(char::escape_debug).collect()
}

/// The error of rustls behind one of input and output, which wraps it once or more.
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

fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

#[cfg(test)]
mod tests;
