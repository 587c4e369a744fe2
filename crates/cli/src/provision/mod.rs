//! `asprov provision`: a phone's part against any server, once, with nothing kept and nothing erased.

mod report;

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use asprov_client::{
    Address, ClientError, Conversation, Credentials, Device, NoMemory, RootCertificates, Transport, TransportError,
    TransportSettings,
};
use asprov_protocol::client::{AcknowledgmentChoice, ClientSettings, Outcome, SeenStatus};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation};
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use crate::failure::Failure;
use crate::terminal::{HINT, harmless, painted};
use crate::{input, password};

/// Provision as a phone does, and say what the server answered
///
/// The password comes from stdin, from ASPROV_PASSWORD or from the keyboard. Nothing is kept afterwards. A wipe that the
/// server orders is reported and left unanswered: nothing is erased, and the server is not told that it was.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The server, such as https://mail.example.com
    #[arg(value_name = "URL")]
    url: String,
    /// The user to sign in
    #[arg(long, value_name = "USER")]
    user: String,
    /// Read the password from stdin
    #[arg(long, conflicts_with = "bearer_stdin")]
    password_stdin: bool,
    /// Read an OAuth access token from stdin and sign in with that
    #[arg(long)]
    bearer_stdin: bool,
    /// The protocol version, 2.5 to 16.1 [default: the highest that the server speaks]
    #[arg(long, value_name = "VERSION")]
    protocol_version: Option<ProtocolVersion>,
    /// The DeviceId; each is a device of its own to the server
    #[arg(long, value_name = "ID", default_value = "asprov-provision")]
    device_id: String,
    /// The DeviceType
    #[arg(long, value_name = "TYPE", default_value = "asprov")]
    device_type: String,
    /// What the acknowledgment says: computed (whether the policy could be read), 1 applied, 2 in part, 3 not, 4 managed
    /// by somebody else
    #[arg(long, value_name = "STATUS", default_value = "computed")]
    acknowledgment: Choice,
    /// The client family to behave like; not built in yet
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A file of certificates in PEM to trust besides the system's own
    #[arg(long, value_name = "FILE")]
    root_certificates: Option<PathBuf>,
    /// Send the password over http:// to another machine: everybody on the way can read it
    #[arg(long)]
    insecure_http: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--acknowledgment` says.
#[derive(Clone, Copy, Debug)]
struct Choice(AcknowledgmentChoice);

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
    if arguments.profile.is_some() {
        return Err(Failure::new("--profile: profiles of client families are not built in yet")
            .hint("--acknowledgment says what the device answers"));
    }
    let address = address(&arguments)?;
    let settings = settings(&arguments)?;
    let transport = transport(&arguments, address)?;
    let (conversation, version) = match converse(transport, settings, arguments.protocol_version).await {
        Ok(ended) => ended,
        Err(error) => return Err(failed(&error, arguments.json, out)),
    };
    if arguments.json {
        report::json(&conversation, version, out)?;
    } else {
        report::text(&conversation, version, out)?;
    }
    match conversation.outcome {
        Outcome::Provisioned | Outcome::NoPolicy => Ok(()),
        _ => Err(Failure::told()),
    }
}

async fn converse(
    transport: Transport,
    settings: ClientSettings,
    version: Option<ProtocolVersion>,
) -> Result<(Conversation, ProtocolVersion), ClientError> {
    let version = match version {
        Some(version) => version,
        None => {
            let negotiated = transport.negotiate(&ProtocolVersion::ALL).await?;
            if !negotiated.options.commands.iter().any(|command| command == Command::Provision.name()) {
                anstream::eprintln!("{} the server does not list Provision among its commands", painted(HINT, "note:"));
            }
            negotiated.version
        }
    };
    let settings = ClientSettings { version, ..settings };
    let mut device = Device::open(transport, settings, NoMemory).await?;
    Ok((device.provision().await?, version))
}

/// What ends the command when there was no conversation: the reason, and what can be done about it.
fn failed(error: &ClientError, json: bool, out: &mut dyn io::Write) -> Failure {
    let status = match error {
        ClientError::Transport(TransportError::OptionsRefused { status, .. }) => {
            Some(SeenStatus { scope: Scope::Http, code: *status, command: Command::Provision })
        }
        _ => None,
    };
    let detail = harmless(&error.to_string());
    if json {
        return match report::json_of_failure(detail, status.as_slice(), out) {
            Ok(()) => Failure::told(),
            Err(failure) => failure,
        };
    }
    match status.and_then(|status| status.row()) {
        Some(row) => Failure::new(detail).hint(format!("{} {}", row.meaning, row.resolution)),
        None => Failure::new(detail),
    }
}

fn address(arguments: &Arguments) -> Result<Address, Failure> {
    let parsed = if arguments.insecure_http {
        Address::parse_allowing_plain_http(&arguments.url)
    } else {
        Address::parse(&arguments.url)
    };
    parsed.map_err(|error| {
        let failure = Failure::wrong_use(format!("`{}`: {error}", harmless(&arguments.url)));
        match error {
            asprov_client::AddressError::Clear { .. } => failure.hint("--insecure-http sends it all the same"),
            _ => failure,
        }
    })
}

fn settings(arguments: &Arguments) -> Result<ClientSettings, Failure> {
    let device_id =
        DeviceId::new(&arguments.device_id).map_err(|error| Failure::wrong_use(format!("--device-id: {error}")))?;
    let device_type = DeviceType::new(&arguments.device_type)
        .map_err(|error| Failure::wrong_use(format!("--device-type: {error}")))?;
    // The version is known once the server was asked.
    let mut settings = ClientSettings::new(&arguments.user, device_id, device_type, ProtocolVersion::V16_1);
    settings.user_agent = Some(concat!("asprov/", env!("CARGO_PKG_VERSION")).to_owned());
    settings.device_information = DeviceInformation {
        model: Some(arguments.device_type.clone()),
        friendly_name: Some("asprov provision".to_owned()),
        os: Some(std::env::consts::OS.to_owned()),
        ..DeviceInformation::default()
    };
    settings.acknowledgment = arguments.acknowledgment.0;
    Ok(settings)
}

fn transport(arguments: &Arguments, address: Address) -> Result<Transport, Failure> {
    let credentials = if arguments.bearer_stdin {
        Credentials::bearer(password::from_stdin("token")?.expose())
    } else {
        let password = if arguments.password_stdin {
            password::from_stdin("password")?
        } else {
            // Who is about to type a password should know where it goes.
            password::from_variable_or_prompt(&format!("Password of {} at {address}: ", harmless(&arguments.user)))?
        };
        Credentials::basic(&arguments.user, password.expose())
    };
    let mut settings = TransportSettings::default();
    if let Some(file) = &arguments.root_certificates {
        settings.root_certificates = RootCertificates::from_pem(&input::read(file)?)
            .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    }
    let credentials = credentials.map_err(Failure::wrong_use)?;
    Transport::new(address, credentials, &settings).map_err(Failure::new)
}
