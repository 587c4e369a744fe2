//! `asprov provision`: a phone's part against any server, once, with nothing kept and nothing erased.

mod notes;
mod report;
mod unanswered;
mod verdicts;

use std::io;
use std::str::FromStr;

use asprov_client::{ClientError, Conversation, Device, NoMemory, Transport};
use asprov_protocol::client::capability::{self, PROFILES, Profile};
use asprov_protocol::client::{AcknowledgmentChoice, ClientSettings, Outcome};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation};
use asprov_protocol::version::ProtocolVersion;

use crate::account::Account;
use crate::failure::{Failure, nearest};
use crate::terminal;

/// Provision as a phone does, and say what the server answered
///
/// The password comes from stdin, from ASPROV_PASSWORD or from the keyboard. Nothing is kept afterwards. A wipe that the
/// server orders is reported and left unanswered: nothing is erased, and the server is not told that it was.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The server, such as https://mail.example.com
    #[arg(value_name = "URL")]
    url: String,
    #[command(flatten)]
    account: Account,
    /// The protocol version, 2.5 to 16.1 [default: the highest that the server speaks]
    #[arg(long, value_name = "VERSION")]
    protocol_version: Option<ProtocolVersion>,
    /// The DeviceId; each is a device of its own to the server. With that of a real phone the phone's own policy key stops
    /// counting, and it has to provision again
    #[arg(long, value_name = "ID", default_value = "asprov-provision")]
    device_id: String,
    /// The DeviceType
    #[arg(long, value_name = "TYPE", default_value = "asprov")]
    device_type: String,
    /// What the acknowledgment says: computed (whether the policy could be read), 1 applied, 2 in part, 3 not, 4 managed
    /// by somebody else
    #[arg(long, value_name = "STATUS", default_value = "computed")]
    acknowledgment: Choice,
    /// Acknowledge what this client family would, as far as that is known
    #[arg(long, value_name = "NAME", conflicts_with = "acknowledgment", help = profile_help())]
    profile: Option<Family>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--acknowledgment` says.
#[derive(Clone, Debug)]
struct Choice(AcknowledgmentChoice);

/// What `--profile` says.
#[derive(Clone, Copy, Debug)]
struct Family(&'static Profile);

/// The help of `--profile`, with every family there is.
fn profile_help() -> String {
    let names: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
    format!("Acknowledge what this client family would, as far as that is known: {}", names.join(", "))
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || PROFILES.iter().map(|profile| profile.name);
        capability::profile(text).map(Self).ok_or_else(|| {
            let all = names().collect::<Vec<_>>().join(", ");
            match nearest(text, names()) {
                Some(near) => format!("no such family; did you mean {near}? There are {all}"),
                None => format!("no such family, expected one of {all}"),
            }
        })
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "computed" {
            return Ok(Self(AcknowledgmentChoice::Computed));
        }
        let status = text.parse().ok().and_then(AcknowledgmentStatus::from_code);
        status
            .map(|status| Self(AcknowledgmentChoice::Fixed(status)))
            .ok_or_else(|| "expected computed, 1, 2, 3 or 4".to_owned())
    }
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let address = arguments.account.address(&arguments.url)?;
    let settings = settings(&arguments)?;
    let acknowledgment = settings.acknowledgment.clone();
    let credentials = arguments.account.credentials(&address.to_string())?;
    let transport =
        Transport::new(address.clone(), credentials, &arguments.account.transport_settings()?).map_err(Failure::new)?;
    let (conversation, version) = match converse(transport, settings, arguments.protocol_version).await {
        Ok(ended) => ended,
        Err(error) => {
            let has_token = arguments.account.has_token();
            return Err(unanswered::failed(&address, has_token, &error, arguments.json, out));
        }
    };
    let notes = notes::notes(&address, &acknowledgment, version, &conversation);
    for note in &notes {
        terminal::note(note);
    }
    let shown = if arguments.json {
        report::json(&conversation, version, notes, out)
    } else {
        report::text(&conversation, version, out)
    };
    let ended = match conversation.outcome {
        Outcome::Provisioned | Outcome::NoPolicy => Ok(()),
        _ => Err(Failure::told()),
    };
    Failure::shown_to_whoever_reads(shown).and(ended)
}

async fn converse(
    transport: Transport,
    settings: ClientSettings,
    version: Option<ProtocolVersion>,
) -> Result<(Conversation, ProtocolVersion), ClientError> {
    let version = match version {
        Some(version) => version,
        None => {
            let negotiated = unanswered::negotiate(&transport, &settings.limits).await?;
            if !negotiated.options.commands.iter().any(|command| command == Command::Provision.name()) {
                terminal::note("the server does not list Provision among its commands");
            }
            negotiated.version
        }
    };
    let settings = ClientSettings { version, ..settings };
    let device = Device::open(transport, settings, NoMemory).await?;
    // A minute of silence looks like a program that hangs.
    let mut device = device.on_wait(|wait| terminal::note(&wait.to_string()));
    Ok((device.provision().await?, version))
}

fn settings(arguments: &Arguments) -> Result<ClientSettings, Failure> {
    let device_id =
        DeviceId::new(&arguments.device_id).map_err(|error| Failure::wrong_use(format!("--device-id: {error}")))?;
    let device_type = DeviceType::new(&arguments.device_type)
        .map_err(|error| Failure::wrong_use(format!("--device-type: {error}")))?;
    // The version is known once the server was asked.
    let mut settings = ClientSettings::new(&arguments.account.user, device_id, device_type, ProtocolVersion::V16_1);
    settings.user_agent = Some(concat!("asprov/", env!("CARGO_PKG_VERSION")).to_owned());
    settings.device_information = DeviceInformation {
        model: Some(arguments.device_type.clone()),
        friendly_name: Some("asprov provision".to_owned()),
        os: Some(std::env::consts::OS.to_owned()),
        ..DeviceInformation::default()
    };
    settings.acknowledgment = match arguments.profile {
        Some(Family(profile)) => AcknowledgmentChoice::Profile(profile),
        None => arguments.acknowledgment.0.clone(),
    };
    settings.randomness = randomness();
    Ok(settings)
}

/// What spreads the waits of this process: the hash keys that the standard library draws from the system.
pub(crate) fn randomness() -> Option<u64> {
    use std::hash::BuildHasher as _;
    Some(std::hash::RandomState::new().hash_one("wait"))
}
