//! Every key of the server's configuration, once: a row is a flag, an `ASPROV_*` variable and a key of asprov.toml.
//!
//! A field `admin_listen` is the flag `--admin-listen`, the variable `ASPROV_ADMIN_LISTEN` and the key `admin_listen`; its
//! comment is the help text. Nothing is set unless somebody says so: the defaults are in `configuration.rs`.

use std::net::SocketAddr;
use std::path::PathBuf;

use asprov_server::gateway::UpstreamUrl;
use asprov_server::{IpNetwork, PublicUrl};
use asprov_store::StoreUrl;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::configuration::{TIMES, duration};
use super::gateway::{GatewayKeys, understood_mode};
use super::notice::NoticeKeys;

/// Values as one source has them: the file, or the flags and variables.
#[derive(clap::Args, Clone, Debug, Default, Serialize, Deserialize)]
#[command(mut_args(with_variable))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// Where phones connect [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", help_heading = "Listeners")]
    pub(super) listen: Option<SocketAddr>,

    /// Where administrators connect [default: 127.0.0.1:8081]; other addresses than loopback need TLS or
    /// --admin-behind-proxy
    #[arg(long, value_name = "ADDRESS", help_heading = "Listeners")]
    pub(super) admin_listen: Option<SocketAddr>,

    /// A name by which administrators reach their listener, besides its addresses; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Listeners")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) admin_host: Vec<String>,

    /// A reverse proxy in front of the admin listener does TLS
    #[arg(long, value_name = "BOOL", help_heading = "Listeners", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) admin_behind_proxy: Option<bool>,

    /// Accept passwords that arrive in clear on addresses other than loopback
    #[arg(long, value_name = "BOOL", help_heading = "Listeners", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) insecure_http: Option<bool>,

    /// A network whose proxies are believed about their clients, such as 10.0.0.0/8; may be given several times
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', value_parser = usable::<IpNetwork>, help_heading = "Listeners")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) trusted_proxies: Vec<String>,

    /// Where phones reach this server from outside, such as https://mail.example.com: what Autodiscover tells them; without
    /// it Autodiscover is not answered
    #[arg(long, value_name = "URL", value_parser = usable::<PublicUrl>, help_heading = "Listeners")]
    pub(super) public_url: Option<String>,

    /// Certificate chain in PEM, the server's own certificate first; both listeners then speak TLS. May be given several
    /// times, each with its key: a client gets the one for the name it asks for, otherwise the first
    #[arg(long, value_name = "FILE", value_delimiter = ',', help_heading = "TLS")]
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(super) tls_certificate: Vec<PathBuf>,

    /// The certificate's private key in PEM; as many as there are certificates, in their order
    #[arg(long, value_name = "FILE", value_delimiter = ',', help_heading = "TLS")]
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(super) tls_key: Vec<PathBuf>,

    /// Where policies, devices and events are kept: sqlite:PATH or memory: [default: sqlite:asprov.db]
    #[arg(long, value_name = "URL", value_parser = usable::<StoreUrl>, help_heading = "State")]
    pub(super) store: Option<String>,

    /// The key under which accepted credentials are kept, in a file of its own [default: asprov.key beside the store];
    /// it is made when it is missing, and all nodes of one store share it
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub(super) secret_key_file: Option<PathBuf>,

    #[command(flatten)]
    #[serde(skip_serializing_if = "is_unset")]
    pub(super) wipe: WipeKeys,

    /// Who may sign in: a file as htpasswd writes it, with argon2 or bcrypt; `asprov user add` makes it
    #[arg(long, value_name = "FILE", help_heading = "Sign-in")]
    pub(super) users: Option<PathBuf>,

    /// Which groups users are in: a file of lines such as `sales: ann bob`, as Apache's AuthGroupFile has them
    #[arg(long, value_name = "FILE", help_heading = "Sign-in")]
    pub(super) groups: Option<PathBuf>,

    /// The header by which trusted proxies say which groups a user is in, with commas between them, such as Remote-Groups
    #[arg(long, value_name = "NAME", help_heading = "Sign-in")]
    pub(super) groups_header: Option<String>,

    #[command(flatten)]
    #[serde(skip_serializing_if = "is_unset")]
    pub(super) sign_in: SignInKeys,

    /// How many devices one user may provision [default: 20]
    #[arg(long, value_name = "NUMBER", help_heading = "Sign-in")]
    pub(super) devices_per_user: Option<u32>,

    /// Devices that read only HTTP 449 and get it with every challenge, as a condition such as
    /// 'DeviceType = "LG-D802"'; may be given several times. Others are found out after five challenges
    #[arg(long = "answer-449", value_name = "CONDITION", help_heading = "Sign-in")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) answer_449: Vec<String>,

    /// The domain of the mail addresses that the empty mailbox tells phones [default: asprov.invalid]
    #[arg(long, value_name = "DOMAIN", help_heading = "Sign-in")]
    pub(super) mail_domain: Option<String>,

    #[command(flatten)]
    #[serde(skip_serializing_if = "is_unset")]
    pub(super) policy: PolicyKeys,

    /// The ActiveSync server behind this one, such as https://mail.example.com; without it phones get an empty mailbox
    #[arg(long, value_name = "URL", value_parser = usable::<UpstreamUrl>, help_heading = "Gateway")]
    pub(super) upstream: Option<String>,

    /// What the gateway does: replace (its policy, in place of the other server's) or observe (only watch) [default: replace]
    #[arg(long, value_name = "MODE", value_parser = usable_mode, help_heading = "Gateway")]
    pub(super) mode: Option<String>,

    #[command(flatten)]
    #[serde(skip_serializing_if = "is_unset")]
    pub(super) gateway: GatewayKeys,

    #[command(flatten)]
    #[serde(skip_serializing_if = "is_unset")]
    pub(super) notice: NoticeKeys,

    /// How log lines are written to stderr: text or json [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Log")]
    pub(super) log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, trace, or directives such as asprov_server=debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = usable::<EnvFilter>, help_heading = "Log")]
    pub(super) log: Option<String>,
}

/// The section `[sign_in]`.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Sign-in")]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SignInKeys {
    /// A domain whose DOMAIN\ or @domain is left out of user names; may be given several times
    #[arg(long = "sign-in-domains", value_name = "DOMAIN", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) domains: Vec<String>,

    /// Who issues the bearer tokens that the gateway takes, as in their iss claim; its keys are looked up there
    #[arg(long = "sign-in-issuer", value_name = "URL")]
    pub(super) issuer: Option<String>,

    /// What the aud claim of a token has to hold
    #[arg(long = "sign-in-audience", value_name = "TEXT")]
    pub(super) audience: Option<String>,

    /// The claim of a token that is the user's name, such as preferred_username or email
    #[arg(long = "sign-in-claim", value_name = "NAME")]
    pub(super) claim: Option<String>,
}

/// The section `[policy]`.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "State")]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicyKeys {
    /// Over how long a change of policy wakes waiting phones: a number of s, m or h [default: 10m]
    #[arg(long = "policy-spread", value_name = "TIME", value_parser = usable_time)]
    pub(super) spread: Option<String>,
}

/// A key has a variable, named after its flag. What it holds may be a secret, so help does not show it. Only keys stand
/// under a heading.
fn with_variable(argument: clap::Arg) -> clap::Arg {
    match (argument.get_help_heading(), argument.get_long()) {
        (Some(_), Some(flag)) => {
            let variable = format!("ASPROV_{}", flag.replace('-', "_").to_uppercase());
            argument.env(variable).hide_env_values(true)
        }
        _ => argument,
    }
}

/// Whether nobody said anything in this section.
pub(super) fn is_unset<Section: Default + PartialEq>(section: &Section) -> bool {
    *section == Section::default()
}

/// Looks whether a flag's or a variable's value is usable, so that a wrong one is wrong use. What it means is understood
/// later, together with what the file says.
pub(super) fn usable<T>(text: &str) -> Result<String, String>
where
    T: core::str::FromStr,
    T::Err: core::fmt::Display,
{
    text.parse::<T>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn usable_time(text: &str) -> Result<String, String> {
    duration(text).map(|_| text.to_owned()).ok_or_else(|| format!("expected {TIMES}"))
}

fn usable_mode(text: &str) -> Result<String, String> {
    understood_mode(text).map(|_| text.to_owned()).map_err(|failure| failure.to_string())
}

/// One path, or a list of them.
fn one_or_several<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;
    impl<'de> serde::de::Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("a path or a list of paths")
        }

        fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Self::Value, E> {
            Ok(vec![path.into()])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = list.next_element::<PathBuf>()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    from.deserialize_any(Paths)
}

/// The section `[wipe]`.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "State")]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WipeKeys {
    /// Let a wipe still arrive after the account was disabled or its password changed [default: true]
    #[arg(long = "wipe-after-disable", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) after_disable: Option<bool>,
}

/// How log lines are written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
