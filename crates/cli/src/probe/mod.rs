//! `asprov probe`: what stands between a phone and this server, one finding after the other, each with cause and resolution.
//!
//! It behaves as a phone that has never been there, under a DeviceId of its own. It reports a wipe that the server orders
//! and says nothing to the server about it; it wipes nothing.

mod conversation;
mod discovery;
mod enforcement;
mod finding;
mod folder_sync;
mod report;
mod unreachable;

use std::io;

use asprov_client::{Address, Answer, Transport};
use asprov_protocol::client::{ClientSettings, SeenStatus};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::{Command, Options, headers};
use asprov_protocol::message::DeviceInformation;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;
use http::HeaderValue;

use crate::account::Account;
use crate::failure::Failure;
use crate::remedy::Refusal;
use crate::terminal::{HINT, harmless, listed, painted};
use finding::{Findings, Verdict};

/// Try a server as a phone would, and say what a phone will run into
///
/// Finds the server of a mail address, signs in, provisions as a new device, and tries what the server does without a
/// policy key, with the key 0, with a wrong one, with the temporary and with the permanent one. It needs a user of the
/// server. Which host gets the password is said before it is sent. The server will list a device `asprov-probe`
/// afterwards. A wipe is reported, never acknowledged and never done.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The server, such as https://mail.example.com, or the mail address of the user
    #[arg(value_name = "URL|ADDRESS")]
    server: String,
    #[command(flatten)]
    account: Account,
    /// A host outside the address's own domain that may have the password, if Autodiscover leads there
    #[arg(long, value_name = "HOST")]
    trust_host: Vec<String>,
    /// The protocol version, 2.5 to 16.1 [default: the highest that the server speaks]
    #[arg(long, value_name = "VERSION")]
    protocol_version: Option<ProtocolVersion>,
    /// The DeviceId to appear as; that of a real phone takes the phone's policy key away, and it has to provision again
    #[arg(long, value_name = "ID", default_value = "asprov-probe")]
    device_id: String,
    /// The DeviceType
    #[arg(long, value_name = "TYPE", default_value = "asprov")]
    device_type: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let device_id =
        DeviceId::new(&arguments.device_id).map_err(|error| Failure::wrong_use(format!("--device-id: {error}")))?;
    let device_type = DeviceType::new(&arguments.device_type)
        .map_err(|error| Failure::wrong_use(format!("--device-type: {error}")))?;
    let mut findings = Findings {
        user: arguments.account.user.clone(),
        has_token: arguments.account.has_token(),
        ..Findings::default()
    };
    if let Some(transport) = discovery::transport(&arguments, &mut findings).await? {
        findings.server = Some(transport.address().to_string());
        if let Some(version) = first_contact(&arguments, &transport, &mut findings).await {
            findings.version = Some(version);
            let mut settings = ClientSettings::new(&arguments.account.user, device_id, device_type, version);
            settings.user_agent = Some(concat!("asprov/", env!("CARGO_PKG_VERSION")).to_owned());
            settings.device_information = DeviceInformation {
                model: Some("asprov".to_owned()),
                friendly_name: Some("asprov probe".to_owned()),
                os: Some(std::env::consts::OS.to_owned()),
                ..DeviceInformation::default()
            };
            enforcement::look(&transport, &settings, &mut findings).await;
        }
    }
    let shown = if arguments.json {
        report::json(&findings, &arguments.account.user, out)
    } else {
        report::text(&findings, out)
    };
    let ended = if findings.has_problem() { Err(Failure::told()) } else { Ok(()) };
    Failure::shown_to_whoever_reads(shown).and(ended)
}

/// Says which host is about to get the password.
fn announce(address: &Address, account: &Account) {
    let what = if account.has_token() { "token" } else { "password" };
    let text = format!("the {what} of {} goes to {address}", harmless(&account.user));
    anstream::eprintln!("{} {text}", painted(HINT, "note:"));
}

/// The way to the server, OPTIONS and the sign-in. `None` when there is no use in going on.
async fn first_contact(
    arguments: &Arguments,
    transport: &Transport,
    findings: &mut Findings,
) -> Option<ProtocolVersion> {
    let answer = match transport.ask_options().await {
        Ok(answer) => answer,
        Err(error) => {
            findings.unreachable(transport.address(), &error);
            return None;
        }
    };
    if findings.is_for_tls(transport.address(), &answer) {
        return None;
    }
    findings.reached(transport.address());
    let http = SeenStatus { scope: Scope::Http, code: answer.status, command: Command::Provision };
    if answer.status != 200 {
        let check = if matches!(answer.status, 401 | 403 | 456 | 457) { "sign-in" } else { "OPTIONS" };
        let refusal = Refusal::of(http, &answer.headers);
        findings.status(check, Verdict::Problem, "OPTIONS is refused", refusal, ProtocolVersion::V16_1);
        return None;
    }
    let options = match Options::parse(&answer.headers) {
        Ok(options) => options,
        Err(error) => {
            findings.explained(
                "OPTIONS",
                Verdict::Problem,
                format!("this is no ActiveSync server: {error}"),
                "The address leads to something else, such as the web pages of the mail server.",
                "Correct the address, or have the administrator publish /Microsoft-Server-ActiveSync.",
            );
            if arguments.protocol_version.is_none() {
                findings.signed_in(false);
            }
            return arguments.protocol_version;
        }
    };
    findings.versions(&options, &answer);
    let offers = options.commands.iter().any(|command| command == Command::Provision.name());
    findings.lists_provision = offers;
    if offers {
        findings.plain("Provision", Verdict::Ok, "the server lists Provision among its commands".to_owned());
    } else {
        findings.explained(
            "Provision",
            Verdict::Note,
            "the server does not list Provision among its commands".to_owned(),
            "It knows no policies, or provisioning is switched off. Many phones then never ask for one.",
            "Put a policy gateway in front of it (`asprov serve --upstream`), or switch provisioning on.",
        );
    }
    let version = arguments.protocol_version.or_else(|| options.highest_common_version(&ProtocolVersion::ALL));
    if version.is_none() {
        findings.signed_in(false);
    }
    version
}

impl Findings {
    /// The versions that the server lists, or what stands in their place.
    fn versions(&mut self, options: &Options, answer: &Answer) {
        if options.versions.is_empty() {
            let came = answer.headers.get(headers::MS_AS_PROTOCOL_VERSIONS).map(HeaderValue::as_bytes);
            let came = listed(&String::from_utf8_lossy(came.unwrap_or_default()));
            self.explained(
                "OPTIONS",
                Verdict::Problem,
                format!(
                    "there is no protocol version that both sides speak: {} is `{came}`",
                    headers::MS_AS_PROTOCOL_VERSIONS
                ),
                "The server lists none of 2.5 to 16.1.",
                "Try one of them with --protocol-version.",
            );
            return;
        }
        let versions: Vec<_> = options.versions.iter().map(|version| version.as_str()).collect();
        self.plain("OPTIONS", Verdict::Ok, format!("versions {}", versions.join(", ")));
    }

    /// What a command's answer says of the sign-in; OPTIONS is answered to anybody by some servers.
    fn signed_in(&mut self, is_known: bool) {
        if is_known {
            self.plain("sign-in", Verdict::Ok, format!("{} is signed in", harmless(&self.user)));
        } else {
            let what = if self.has_token { "token" } else { "password" };
            let text = format!("OPTIONS is answered; whether the {what} was looked at is not known");
            self.plain("sign-in", Verdict::Note, text);
        }
    }

    fn reached(&mut self, address: &Address) {
        self.plain("name", Verdict::Ok, format!("{} is found", address.host()));
        if address.is_tls() {
            self.plain("TLS", Verdict::Ok, "the certificate is trusted and for this name".to_owned());
        } else {
            self.explained(
                "TLS",
                Verdict::Note,
                "the connection is not encrypted".to_owned(),
                "The address begins with http://.",
                "Phones need https; asprov takes http for tests on one machine.",
            );
        }
    }
}
