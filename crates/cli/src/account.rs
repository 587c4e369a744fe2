//! The flags of the commands that sign in to a server as a phone does, and what they come to. Who is about to give a
//! password away is told where it goes, before it goes there.

use std::path::PathBuf;

use asprov_client::{Address, AddressError, Credentials, Proxies, RootCertificates, TransportSettings};

use crate::failure::Failure;
use crate::terminal::harmless;
use crate::{input, password};

/// Who signs in, and how the server is reached.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Account {
    /// The user to sign in
    #[arg(long, value_name = "USER")]
    pub(crate) user: String,
    /// Read the password from stdin
    #[arg(long, conflicts_with = "bearer_stdin")]
    password_stdin: bool,
    /// Read an OAuth access token from stdin and sign in with that
    #[arg(long)]
    bearer_stdin: bool,
    /// A file of certificates in PEM to trust besides the system's own
    #[arg(long, value_name = "FILE")]
    root_certificates: Option<PathBuf>,
    /// Send the password over http:// to another machine: everybody on the way can read it
    #[arg(long)]
    insecure_http: bool,
}

impl Account {
    /// The server that a URL names.
    pub(crate) fn address(&self, url: &str) -> Result<Address, Failure> {
        let parsed = if self.insecure_http { Address::parse_allowing_plain_http(url) } else { Address::parse(url) };
        parsed.map_err(|error| {
            let failure = Failure::wrong_use(format!("`{}`: {error}", harmless(url)));
            match error {
                AddressError::Clear { .. } => failure.hint("--insecure-http sends it all the same"),
                _ => failure,
            }
        })
    }

    /// Whether it is a token in place of a password.
    pub(crate) const fn has_token(&self) -> bool {
        self.bearer_stdin
    }

    /// What the user signs in with; `place` is where that goes.
    pub(crate) fn credentials(&self, place: &str) -> Result<Credentials, Failure> {
        let credentials = if self.bearer_stdin {
            Credentials::bearer(password::token_from_stdin()?.expose())
        } else {
            let password = if self.password_stdin {
                password::from_stdin("password")?
            } else {
                password::from_variable_or_prompt(&format!("Password of {} at {place}: ", harmless(&self.user)))?
            };
            Credentials::basic(&self.user, password.expose())
        };
        credentials.map_err(Failure::wrong_use)
    }

    /// How requests are sent: with the certificates of the flag and the proxies of the environment.
    pub(crate) fn transport_settings(&self) -> Result<TransportSettings, Failure> {
        let proxies = Proxies::from_environment().map_err(Failure::new)?;
        let mut settings = TransportSettings { proxies, ..TransportSettings::default() };
        if let Some(file) = &self.root_certificates {
            settings.root_certificates = RootCertificates::from_pem(&input::read(file)?)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        }
        Ok(settings)
    }
}
