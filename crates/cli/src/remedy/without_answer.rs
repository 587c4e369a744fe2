//! Why a server gives no answer: which step on the way to it failed, why, and what helps.

use asprov_client::{Address, Distrust, TransportError};

pub(crate) const WRITE_HTTPS: &str = "Write https:// in place of http://.";
const LOOK_AT_THE_LOG: &str = "Have the administrator look at the log of the server and of the proxy in front of it.";

/// Which step failed, why, and what helps.
pub(crate) fn without_answer(address: &Address, error: &TransportError) -> (&'static str, String, &'static str) {
    let (check, cause, resolution) = match error {
        TransportError::Untrusted { distrust, .. } => {
            let cause = format!("{} Nothing was sent, the password included.", distrust.cause());
            return ("TLS", cause, with_flag(*distrust));
        }
        TransportError::Unresolved { .. } => (
            "name",
            "The name is misspelt, or this network cannot resolve it.",
            "Correct the address, or ask the administrator which one phones are meant to use.",
        ),
        TransportError::Connect { why, .. } if why.starts_with("the proxy ") && why.contains(" 407") => (
            "connection",
            "The proxy on the way wants to know who asks (HTTP 407), and was told nobody or somebody it does not know.",
            "Write who asks into HTTPS_PROXY, as http://USER:PASSWORD@HOST:PORT, or have the proxy let this server through; NO_PROXY names servers that are reached without it.",
        ),
        TransportError::Connect { .. } => (
            "connection",
            "Nothing listens there, what listens says nothing, or a firewall or proxy is between.",
            "Check the port, the firewall and the variables HTTPS_PROXY and NO_PROXY.",
        ),
        TransportError::WantsCertificate { .. } => {
            ("TLS", Distrust::WantsCertificate.cause(), with_flag(Distrust::WantsCertificate))
        }
        TransportError::NoHttp { .. } if !address.is_tls() => (
            "connection",
            "What listens on this port does not speak plain HTTP; most likely it speaks TLS.",
            WRITE_HTTPS,
        ),
        TransportError::NoHttp { .. } => (
            "connection",
            "What listens on this port speaks TLS, but not HTTP inside of it: it is another service, such as IMAP.",
            "Check the port: HTTPS usually is 443, or 8443.",
        ),
        TransportError::Malformed { .. } => (
            "connection",
            "What answers speaks HTTP, and its answer is none that can be read: the server, or a proxy in front of it, \
             makes faulty headers.",
            LOOK_AT_THE_LOG,
        ),
        TransportError::Broken { .. } if !address.is_tls() => (
            "connection",
            "The server hung up without an answer: it speaks TLS or something else than HTTP on this port, or is in trouble.",
            "Write https:// in place of http://; if it speaks plain HTTP, look at its log.",
        ),
        TransportError::Broken { .. } => {
            ("connection", "The server, or something in front of it, hung up without an answer.", LOOK_AT_THE_LOG)
        }
        TransportError::TimedOut { .. } => (
            "connection",
            "Something accepts connections there and says nothing: the server is overloaded, waits for something itself, \
             or speaks something else than HTTP.",
            LOOK_AT_THE_LOG,
        ),
        TransportError::TooLarge { .. } | TransportError::Compressed { .. } | TransportError::Encoded { .. } => (
            "OPTIONS",
            "The answer is none of an ActiveSync server: the address leads to something else, or a proxy changes it.",
            "Correct the address, or have the administrator look at the proxy in front of the server.",
        ),
        _ => ("connection", "The request could not be sent as this machine is set up.", LOOK_AT_THE_LOG),
    };
    (check, cause.to_owned(), resolution)
}

/// What helps against distrust on a command line, where trusted certificates are a flag.
const fn with_flag(distrust: Distrust) -> &'static str {
    match distrust {
        Distrust::UnknownIssuer | Distrust::Other => {
            "Have the administrator install a certificate for this name with its whole chain; a private authority, or a certificate signed by itself, is added with --root-certificates."
        }
        Distrust::NoTls | Distrust::HungUp => {
            "Check the port: HTTPS usually is 443, or 8443. A server without TLS, for a test on this machine, is named with http://."
        }
        _ => distrust.resolution(),
    }
}
