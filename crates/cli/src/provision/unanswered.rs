//! What ends `asprov provision` without a conversation: nobody answers, or OPTIONS is refused. Each reason with its cause
//! and with what helps, in the words of `asprov probe`; and how often OPTIONS is repeated before that.

use std::io;
use std::time::Duration;

use asprov_client::{Address, ClientError, Negotiated, Transport, TransportError, Wait};
use asprov_protocol::client::resolution::{Action, action};
use asprov_protocol::client::{ClientLimits, IncomingResponse, SeenStatus};
use asprov_protocol::http::Command;
use asprov_protocol::provision_command_errors::Resolution;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use super::report;
use crate::failure::Failure;
use crate::remedy::{Refusal, without_answer};
use crate::terminal::{self, counted, harmless};

/// Asks with OPTIONS, again after a wait when the server is in trouble or hangs up: as often, and as patiently, as the
/// client repeats Provision.
pub(super) async fn negotiate(transport: &Transport, limits: &ClientLimits) -> Result<Negotiated, TransportError> {
    let mut repetitions = 0;
    loop {
        let error = match transport.negotiate(&ProtocolVersion::ALL).await {
            Ok(negotiated) => return Ok(negotiated),
            Err(error) => error,
        };
        let Some(wait) = wait(&error, limits, repetitions) else {
            if repetitions > 0 {
                let times = usize::try_from(repetitions).unwrap_or(usize::MAX);
                terminal::note(&format!("{} did not help", counted(times, "repetition", "repetitions")));
            }
            return Err(error);
        };
        terminal::note(&wait.to_string());
        tokio::time::sleep(wait.time).await;
        repetitions += 1;
    }
}

/// The wait before OPTIONS is asked again; `None` when that is no use.
fn wait(error: &TransportError, limits: &ClientLimits, repetitions: u32) -> Option<Wait> {
    if repetitions >= limits.retries {
        return None;
    }
    let (first, named, status, lost) = match error {
        TransportError::OptionsRefused { status, headers, .. } => {
            let seen = of_options(*status);
            // OPTIONS changes nothing on the server, as little as Provision does when it arrives twice.
            let passes = matches!(
                action(seen, ProtocolVersion::V16_1),
                Action::Resolve(Resolution::Retry) | Action::RetryProvision
            );
            let answer = IncomingResponse::new(*status, headers, b"");
            let first = if answer.throttle.is_some() { limits.throttled_wait } else { limits.first_wait };
            passes.then_some((first, answer.retry_after, Some(seen), None))?
        }
        // A name that leads nowhere and a port where nobody listens are told at once: most likely they are misspelt.
        TransportError::Broken { .. } => (limits.first_wait, None, None, Some(error.to_string())),
        _ => return None,
    };
    let own = first.saturating_mul(2_u32.saturating_pow(repetitions)).min(limits.longest_wait);
    let seconds = named.unwrap_or(own);
    let time = Duration::from_secs(seconds.into());
    (seconds <= limits.longest_wait).then_some(Wait { time, status, is_named: named.is_some(), lost })
}

const fn of_options(status: u16) -> SeenStatus {
    SeenStatus { scope: Scope::Http, code: status, command: Command::Provision }
}

/// What ends the command: the reason, and what can be done about it.
pub(super) fn failed(
    address: &Address,
    has_token: bool,
    error: &ClientError,
    json: bool,
    out: &mut dyn io::Write,
) -> Failure {
    let told = Told::of(address, has_token, error);
    if json {
        let shown = report::json_of_failure(told.detail, told.status, told.notes, out);
        return Failure::shown_to_whoever_reads(shown).err().unwrap_or_else(Failure::told);
    }
    let failure = Failure::new(told.detail);
    let about_status = told.status.map(|seen| format!("{} {}", seen.cause, seen.resolution));
    about_status.iter().chain(&told.notes).fold(failure, Failure::hint)
}

/// Why there was no conversation.
struct Told {
    detail: String,
    /// The refusal of OPTIONS.
    status: Option<report::Seen>,
    /// Cause and resolution, or what there is to say beside the Status.
    notes: Vec<String>,
}

impl Told {
    fn of(address: &Address, has_token: bool, error: &ClientError) -> Self {
        let detail = harmless(&error.to_string());
        let ClientError::Transport(error) = error else {
            return Self { detail, status: None, notes: Vec::new() };
        };
        if let TransportError::OptionsRefused { status, headers, .. } = error {
            let seen = of_options(*status);
            let refusal = Refusal::of(seen, headers);
            let detail = harmless(&refusal.text(&format!("{address} refuses OPTIONS"), has_token));
            let mut told = report::seen(seen, refusal.url.as_deref());
            if *status == 401 {
                (told.cause, told.resolution) = (refusal.cause(has_token), refusal.resolution(has_token));
            }
            // Web servers answer plain HTTP on a port of TLS like that.
            let is_plain = *status == 400 && !address.is_tls();
            let plain = is_plain.then(|| "If that port speaks TLS, write https:// in place of http://.".to_owned());
            return Self { detail, status: Some(told), notes: plain.into_iter().collect() };
        }
        let (cause, resolution) = why(address, error);
        Self { detail, status: None, notes: vec![cause, resolution] }
    }
}

/// Cause and resolution of an error that is no answer.
fn why(address: &Address, error: &TransportError) -> (String, String) {
    let (cause, resolution) = match error {
        TransportError::Options { .. } => (
            "The address leads to something else, such as the web pages of the mail server.",
            "Correct the address, or have the administrator publish /Microsoft-Server-ActiveSync.",
        ),
        TransportError::NoCommonVersion { .. } => (
            "The server lists no version that is known here: it is older or newer than those, or a proxy changes the list.",
            "Try one of them with --protocol-version.",
        ),
        // What they say is all there is to say about this machine.
        TransportError::Setup(_) | TransportError::Proxy(_) | TransportError::Request { .. } => (
            "The request could not be sent as this machine is set up.",
            "Correct what the error names: the certificates to trust, the variables HTTPS_PROXY and NO_PROXY, or the address.",
        ),
        error => {
            let (_, cause, resolution) = without_answer(address, error);
            return (cause, resolution.to_owned());
        }
    };
    (cause.to_owned(), resolution.to_owned())
}

/// Cause and resolution of an answer that did not come, as the client keeps it: in the words of the error alone. `None` for
/// a connection that broke, since the server may have answered before on the same port.
pub(super) fn of_lost(address: &Address, said: &str) -> Option<(String, String)> {
    let (name, no_words) = (|| address.to_string(), String::new);
    let kinds = [
        TransportError::Connect { address: name(), why: no_words() },
        TransportError::Unresolved { address: name(), why: no_words() },
    ];
    kinds.iter().find(|kind| said.starts_with(&kind.to_string())).map(|kind| why(address, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn refused(status: u16, headers: &[(&'static str, &str)]) -> TransportError {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        TransportError::OptionsRefused { address: "https://x".to_owned(), status, headers: Box::new(headers) }
    }

    #[test]
    fn a_server_in_trouble_is_asked_again_after_the_wait_it_names_or_a_growing_one() {
        let limits = ClientLimits::default();
        let seconds = |error: &TransportError, repetitions| {
            wait(error, &limits, repetitions).map(|wait| (wait.time.as_secs(), wait.is_named))
        };
        let away = refused(503, &[]);
        let waits: Vec<_> = (0..6).map(|times| seconds(&away, times)).collect();
        let grows = [1, 2, 4, 8, 16].map(|seconds| Some((seconds, false)));
        assert_eq!((&waits[..5], waits[5]), (&grows[..], None));
        assert_eq!(seconds(&refused(503, &[("retry-after", "7")]), 2), Some((7, true)));
        assert_eq!(seconds(&refused(503, &[("retry-after", "301")]), 0), None, "longer than the client waits");
        assert_eq!(seconds(&refused(503, &[("x-ms-asthrottle", "CommandFrequency")]), 0), Some((30, false)));
        assert_eq!(seconds(&refused(500, &[]), 0), Some((1, false)));
        let broken = TransportError::Broken { address: "https://x".to_owned(), why: "gone".to_owned() };
        assert_eq!(wait(&broken, &limits, 0).unwrap().lost.unwrap(), broken.to_string());
        for status in [302, 400, 401, 403, 404, 451, 457, 501, 505] {
            assert_eq!(seconds(&refused(status, &[]), 0), None, "{status}");
        }
        let nobody = TransportError::Connect { address: "https://x".to_owned(), why: "refused".to_owned() };
        assert_eq!(wait(&nobody, &limits, 0), None);
    }

    #[test]
    fn an_answer_that_did_not_come_has_the_cause_of_its_error() {
        let address = Address::parse("https://mail.example.com").unwrap();
        let nobody = TransportError::Connect { address: address.to_string(), why: "refused".to_owned() };
        let (cause, resolution) = of_lost(&address, &nobody.to_string()).unwrap();
        assert!(cause.starts_with("Nothing listens there") && resolution.starts_with("Check the port"), "{cause}");
        let broken = TransportError::Broken { address: address.to_string(), why: "gone".to_owned() };
        assert_eq!(of_lost(&address, &broken.to_string()), None);
    }
}
