//! Why a server is not trusted, in sentences. The libraries below name their errors after what they are in the program;
//! somebody who has to get a certificate mended needs to read what is wrong with the certificate.

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
    /// It serves no such name.
    UnknownName,
    /// It wants a certificate of the device.
    WantsCertificate,
    /// Something else.
    Other,
}

/// The reason in a few words, the cause and what helps.
struct Words {
    reason: &'static str,
    cause: &'static str,
    resolution: &'static str,
}

impl Distrust {
    /// Every reason.
    pub const ALL: [Self; 17] = [
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
        Self::UnknownName,
        Self::WantsCertificate,
        Self::Other,
    ];

    /// What a failed handshake says.
    pub(crate) fn of(error: &io::Error) -> Self {
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
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
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

    const fn words(self) -> Words {
        let (reason, cause, resolution) = match self {
            Self::Expired => (
                "the certificate is out of date",
                "The server's certificate is out of date, or the clock of this machine is wrong.",
                "Set the clock, or have the administrator renew the certificate.",
            ),
            Self::NotValidYet => (
                "the certificate is not valid yet",
                "The server's certificate is not valid yet, or the clock of this machine is wrong.",
                "Set the clock, or have the administrator renew the certificate.",
            ),
            Self::OtherName => (
                "the certificate is for another name",
                "The server's certificate is for another name than the one in the address.",
                "Use the name that the certificate is for, or have the administrator install one for this name.",
            ),
            Self::UnknownIssuer => (
                "the certificate comes from an authority that is not trusted",
                "The server's certificate comes from an authority that is not trusted here, is signed by itself, or comes \
                 without the certificates between its own and the authority's.",
                "Have the administrator install the whole chain of certificates; a private authority, or a certificate \
                 signed by itself, is added to the root certificates that are trusted.",
            ),
            Self::AuthorityItself => (
                "the certificate is one of an authority (CA:TRUE), not of a server",
                "The server's certificate says that it belongs to an authority, as one that `openssl req -x509` makes does. \
                 Such a certificate signs others; as a server's own it is refused, even when it is trusted.",
                "Have the administrator install a certificate from an authority, or make the server's own anew with \
                 `-addext basicConstraints=critical,CA:FALSE`.",
            ),
            Self::OtherPurpose => (
                "the certificate is not for a server",
                "The server's certificate may be used for other things only: its extended key usage lacks serverAuth.",
                "Have the administrator install a certificate for TLS servers.",
            ),
            Self::Algorithm => (
                "the certificate is signed in a way that is not accepted",
                "The server's certificate, or one in its chain, is signed with an algorithm that is no longer safe, such as \
                 SHA-1, or with a kind of key that is not known here.",
                "Have the administrator install a certificate signed with SHA-256 or better, with an RSA key of 2048 bits \
                 or more, or one on P-256 or P-384.",
            ),
            Self::NotAllowed => (
                "the chain of certificates is not allowed",
                "An authority between the server's certificate and the trusted one may not issue it: it is no authority, or \
                 not for this name, or the chain is too long.",
                "Have the administrator install a certificate and a chain that its authority may issue.",
            ),
            Self::Malformed => (
                "the certificate cannot be used",
                "The server's certificate is not as X.509 version 3 asks for: it is of an older version, damaged, or has an \
                 extension that is wrong or not known here.",
                "Have the administrator make it anew, as version 3 with a subjectAltName for this name.",
            ),
            Self::Revoked => (
                "the certificate was revoked",
                "The authority has revoked the server's certificate, or is itself no longer trusted.",
                "Have the administrator install a new certificate.",
            ),
            Self::RevocationUnknown => (
                "nobody can say whether the certificate was revoked",
                "The list of revoked certificates, or what the server says about it, is missing or out of date.",
                "Try again; if it stays so, have the administrator look at OCSP stapling and the authority's list.",
            ),
            Self::NoTls => (
                "what answers does not speak TLS",
                "What listens on this port does not speak TLS.",
                "Check the port: HTTPS usually is 443, or 8443.",
            ),
            Self::HungUp => (
                "the server ended the connection during the TLS handshake",
                "What listens on this port does not speak TLS, is not ready, or a firewall is between.",
                "Check the port, which for HTTPS usually is 443 or 8443, and have the administrator look at the log of the \
                 server.",
            ),
            Self::NothingInCommon => (
                "there is no version or algorithm of TLS that both sides accept",
                "The server offers only versions or algorithms of TLS that are no longer safe, or has no certificate.",
                "Have the administrator switch TLS 1.2 or 1.3 on, with a certificate.",
            ),
            Self::UnknownName => (
                "the server serves no such name",
                "The server says that it has no certificate for the name in the address.",
                "Correct the name, or have the administrator install a certificate for it.",
            ),
            Self::WantsCertificate => (
                "the server wants a certificate of the device",
                "The server, or the proxy in front of it, lets only devices in that show a certificate of their own.",
                "asprov has no certificates for clients: ask the administrator for a way in with a password.",
            ),
            Self::Other => (
                "TLS failed",
                "The certificate is out of date, is for another name, or comes from an authority that is not trusted \
                 here; or the port does not speak TLS.",
                "Have the administrator install a certificate for this name with its whole chain; a private authority is \
                 added to the root certificates that are trusted.",
            ),
        };
        Words { reason, cause, resolution }
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

/// A failed handshake in words: the reason, and what of it only this certificate or connection shows.
pub(crate) fn in_words(error: &io::Error) -> String {
    match tls_error(error) {
        Some(error) => tls_in_words(error),
        None if hung_up(error) => Distrust::HungUp.words().reason.to_owned(),
        // The operating system's words.
        None => error.to_string(),
    }
}

/// The same for what was found somewhere in an error, if it is one of TLS.
pub(crate) fn found_in(error: &(dyn StdError + 'static)) -> Option<String> {
    let inner = match error.downcast_ref::<io::Error>() {
        Some(error) => tls_error(error),
        None => error.downcast_ref::<TlsError>(),
    };
    inner.map(tls_in_words)
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
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            Some(format!("{names}{more}; not {}", shown(&expected.to_str())))
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
