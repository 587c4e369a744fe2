//! A Status that refuses something, with what the server says beside it: where else to go, where the password is changed,
//! how long to wait. All of it is text of somebody else and is escaped where it is shown.

use asprov_client::Address;
use asprov_protocol::client::{Failure, SeenStatus};
use asprov_protocol::http::headers;
use asprov_protocol::status::Scope;
use http::HeaderMap;
use http::header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::meaning::Meaning;

/// Most characters of a header that are shown.
const MOST: usize = 200;

pub(crate) struct Refusal {
    pub(super) seen: SeenStatus,
    /// The URL that came with it: another server, or where the password is changed.
    pub(crate) url: Option<String>,
    /// What else is worth knowing, in words that follow the meaning.
    said: Vec<String>,
}

impl Refusal {
    /// A Status of an answer that has these headers.
    pub(crate) fn of(seen: SeenStatus, headers: &HeaderMap) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
        let header = |name: &str| headers.get(name).map(text).filter(|value| !value.is_empty());
        let http = |from, to| seen.scope == Scope::Http && (from..=to).contains(&seen.code);
        let url = match seen.code {
            451 if http(451, 451) => header(headers::X_MS_LOCATION),
            457 if http(457, 457) => header(headers::X_MS_CREDENTIAL_SERVICE_URL),
            _ if http(300, 399) => header(LOCATION.as_str()),
            _ => None,
        };
        let mut said = Vec::new();
        if http(401, 401) {
            let schemes: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().map(text).collect();
            let schemes: Vec<_> = schemes.iter().filter_map(|scheme| scheme.split(' ').next()).map(shown).collect();
            // Where a password is among them, it is the password that is wrong.
            if !schemes.is_empty() && !schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("Basic")) {
                said.push(format!("It takes {}.", schemes.join(", ")));
            }
        }
        if http(429, 599)
            && let Some(seconds) = header(RETRY_AFTER.as_str()).and_then(|after| after.parse::<u32>().ok())
        {
            let plural = if seconds == 1 { "" } else { "s" };
            said.push(format!("It asks to wait {seconds} second{plural}."));
        }
        if let Some(reason) = header(headers::X_MS_AS_THROTTLE) {
            said.push(format!("It slows this device down: {}.", shown(&reason)));
        }
        Self { seen, url, said }
    }

    /// A Status that ended a conversation of the client.
    pub(super) fn of_failure(seen: SeenStatus, why: &Failure) -> Self {
        let url = match why {
            Failure::Moved { location } => location.clone(),
            Failure::PasswordExpired { url } => url.clone(),
            _ => None,
        };
        Self::naming(seen, url)
    }

    /// A Status, and the URL beside it.
    pub(crate) const fn naming(seen: SeenStatus, url: Option<String>) -> Self {
        Self { seen, url, said: Vec::new() }
    }

    /// What happened, and what came with it.
    pub(crate) fn text(&self, what: &str) -> String {
        let mut text = format!("{what}: {}", self.seen);
        let mut add = |sentence: &str| {
            if !text.ends_with('.') {
                text.push('.');
            }
            text.push(' ');
            text.push_str(sentence);
        };
        if let Some(url) = &self.url {
            add(&format!("The server names {}", shown(url)));
        }
        self.said.iter().for_each(|said| add(said));
        text
    }

    pub(crate) fn cause(&self) -> &'static str {
        let [_, (_, cause), _] = self.words();
        cause
    }

    pub(crate) fn resolution(&self) -> String {
        let [.., (_, resolution)] = self.words();
        match (self.seen.scope, self.seen.code, &self.url) {
            (Scope::Http, 451, Some(url)) => match Address::parse(url) {
                Ok(address) => format!(
                    "If that is a server you expect, look at it next: `asprov probe {address}`. Phones that do not go there \
                     by themselves need it as their server."
                ),
                Err(error) => {
                    format!("Have the administrator correct X-MS-Location, which no phone can follow: {error}.")
                }
            },
            (Scope::Http, 451, None) => {
                "The server names no other one (X-MS-Location): look for it by the user's mail \
                                         address, `asprov probe USER@DOMAIN`, or ask the administrator."
                    .to_owned()
            }
            (Scope::Http, 457, Some(url)) => format!("The user chooses a new password at {}.", shown(url)),
            (Scope::Http, 457, None) => "The server does not say where the password is changed \
                                         (X-MS-Credential-Service-Url): ask the administrator."
                .to_owned(),
            _ => resolution.to_owned(),
        }
    }

    fn words(&self) -> [(&'static str, &'static str); 3] {
        match self.seen.row() {
            Some(row) => Meaning::Row(row).words(),
            None => Meaning::Unknown { scope: self.seen.scope, code: self.seen.code }.words(),
        }
    }
}

impl From<SeenStatus> for Refusal {
    fn from(seen: SeenStatus) -> Self {
        Self::naming(seen, None)
    }
}

fn shown(text: impl AsRef<str>) -> String {
    text.as_ref().chars().take(MOST).flat_map(char::escape_debug).collect()
}
