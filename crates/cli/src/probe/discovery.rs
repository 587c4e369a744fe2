//! Where the server is, and who gets the password: nobody that was not named before.

use asprov_client::{Address, Autodiscover, Credentials, MailAddress, NotFound, Transport};
use asprov_protocol::client::SeenStatus;
use asprov_protocol::http::Command;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use super::finding::{Findings, Verdict};
use super::{Arguments, announce};
use crate::failure::Failure;
use crate::remedy::Refusal;
use crate::terminal::harmless;

/// The way to the server; `None` when it was not found, which is then a finding.
pub(super) async fn transport(arguments: &Arguments, findings: &mut Findings) -> Result<Option<Transport>, Failure> {
    let account = &arguments.account;
    let settings = account.transport_settings()?;
    let (address, credentials) = if arguments.server.contains("://") {
        (account.address(&arguments.server)?, None)
    } else {
        let mail = MailAddress::parse(&arguments.server)
            .map_err(|error| Failure::wrong_use(format!("`{}`: {error}, or a URL", harmless(&arguments.server))))?;
        match discovered(arguments, &mail, findings).await? {
            Some(found) => found,
            None => return Ok(None),
        }
    };
    let credentials = match credentials {
        Some(credentials) => credentials,
        None => account.credentials(&address.to_string())?,
    };
    announce(&address, account);
    Transport::new(address, credentials, &settings).map(Some).map_err(Failure::new)
}

/// Asks without the password first, then with it.
async fn discovered(
    arguments: &Arguments,
    mail: &MailAddress,
    findings: &mut Findings,
) -> Result<Option<(Address, Option<Credentials>)>, Failure> {
    let settings = arguments.account.transport_settings()?;
    let mut without = Autodiscover::new(None, &settings).map_err(Failure::new)?;
    let (found, credentials) = match without.find(mail).await {
        Ok(found) => (Ok(found), None),
        Err(_) => {
            let place = format!("hosts of {} (Autodiscover)", mail.domain());
            let credentials = arguments.account.credentials(&place)?;
            let (account, trusted) = (arguments.account.clone(), arguments.trust_host.clone());
            let mut with = Autodiscover::new(Some(credentials.clone()), &settings).map_err(Failure::new)?.on_host(
                move |host, is_own_domain| {
                    let may = is_own_domain || trusted.iter().any(|name| name.eq_ignore_ascii_case(host.host()));
                    if may {
                        announce(host, &account);
                    }
                    may
                },
            );
            (with.find(mail).await, Some(credentials))
        }
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            not_found(&error, findings);
            return Ok(None);
        }
    };
    let is_trusted =
        found.is_own_domain || arguments.trust_host.iter().any(|name| name.eq_ignore_ascii_case(found.address.host()));
    if !is_trusted {
        findings.explained(
            "autodiscover",
            Verdict::Problem,
            format!("the server is {}, which is not below {}", found.address, mail.domain()),
            "The mailbox is hosted by somebody else, or the answer is not to be trusted.",
            &format!("If that is the host you expect, say --trust-host {}.", found.address.host()),
        );
        return Ok(None);
    }
    findings.plain("autodiscover", Verdict::Ok, format!("{} says {}", harmless(&found.source), found.address));
    Ok(Some((found.address, credentials)))
}

fn not_found(error: &NotFound, findings: &mut Findings) {
    for attempt in &error.attempts {
        let text = format!("{}: {}", harmless(&attempt.url), harmless(&attempt.result));
        findings.plain("autodiscover", Verdict::Note, text);
    }
    match error.status {
        Some(code) => {
            let seen = SeenStatus { scope: Scope::Http, code, command: Command::Provision };
            let refusal = Refusal::naming(seen, error.url.clone());
            findings.status("sign-in", Verdict::Problem, "Autodiscover ends", refusal, ProtocolVersion::V16_1);
        }
        None => findings.explained(
            "autodiscover",
            Verdict::Problem,
            "no server was found for this address".to_owned(),
            "The domain is misspelt, or publishes no Autodiscover, neither at autodiscover.DOMAIN nor at DOMAIN itself nor in a SRV record.",
            "Name the server: asprov probe https://mail.example.com. The administrator may publish Autodiscover.",
        ),
    }
}
