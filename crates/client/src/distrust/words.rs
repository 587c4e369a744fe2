//! The sentences of each reason for distrust.

use super::Distrust;

/// The reason in a few words, the cause and what helps.
pub(super) struct Words {
    pub(super) reason: &'static str,
    pub(super) cause: &'static str,
    pub(super) resolution: &'static str,
}

impl Distrust {
    pub(super) const fn words(self) -> Words {
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
            Self::Refused => (
                "the server refused the handshake",
                "The server takes none of the algorithms of TLS that are safe, has no certificate itself, or lets only \
                 devices in that show one of their own.",
                "Have the administrator look at the log of the server: TLS 1.2 or 1.3 has to be on, with a certificate of the \
                 server and none of clients.",
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
}
