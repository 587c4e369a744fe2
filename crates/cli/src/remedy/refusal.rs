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
    pub(crate) seen: SeenStatus,
    /// The URL that came with it: another server, or where the password is changed.
    pub(crate) url: Option<String>,
    /// What else is worth knowing, in words that follow the meaning.
    said: Vec<String>,
    /// The schemes of WWW-Authenticate.
    schemes: Vec<String>,
    /// Cause and resolution where more is known than the Status says.
    known: Option<(&'static str, &'static str)>,
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
        let schemes = if http(401, 401) {
            let schemes: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().map(text).collect();
            schemes.iter().filter_map(|scheme| scheme.split(' ').next()).map(shown).collect()
        } else {
            Vec::new()
        };
        if http(429, 599)
            && let Some(seconds) = header(RETRY_AFTER.as_str()).and_then(|after| after.parse::<u32>().ok())
        {
            let plural = if seconds == 1 { "" } else { "s" };
            said.push(format!("It asks to wait {seconds} second{plural}."));
        }
        if let Some(reason) = header(headers::X_MS_AS_THROTTLE) {
            said.push(format!("It slows this device down: {}.", shown(&reason)));
        }
        Self { said, schemes, ..Self::naming(seen, url) }
    }

    /// A Status that ended a conversation of the client.
    pub(crate) fn of_failure(seen: SeenStatus, why: &Failure) -> Self {
        let url = match why {
            Failure::Moved { location } => location.clone(),
            Failure::PasswordExpired { url } => url.clone(),
            _ => None,
        };
        Self::naming(seen, url)
    }

    /// A Status, and the URL beside it.
    pub(crate) const fn naming(seen: SeenStatus, url: Option<String>) -> Self {
        Self { seen, url, said: Vec::new(), schemes: Vec::new(), known: None }
    }

    /// With a cause and a resolution that are more exact than those of the Status.
    #[must_use]
    pub(crate) const fn because(mut self, known: (&'static str, &'static str)) -> Self {
        self.known = Some(known);
        self
    }

    /// Whether it is about the credentials: wrong, locked or expired.
    pub(crate) const fn is_of_sign_in(&self) -> bool {
        matches!((self.seen.scope, self.seen.code), (Scope::Http, 401 | 456 | 457))
    }

    /// Whether the server names schemes, and the one that was used is not among them. Otherwise it is the password that is
    /// wrong, or the token.
    fn is_other_scheme(&self, has_token: bool) -> bool {
        let used = if has_token { "Bearer" } else { "Basic" };
        !self.schemes.is_empty() && !self.schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case(used))
    }

    /// Why a sign-in failed (HTTP 401), and what helps.
    fn sign_in(&self, has_token: bool) -> Option<(&'static str, &'static str)> {
        if self.seen.scope != Scope::Http || self.seen.code != 401 {
            return None;
        }
        match (has_token, self.is_other_scheme(has_token)) {
            (true, true) => Some((
                "The server takes no OAuth token (Bearer).",
                "Sign in with a password in place of --bearer-stdin, if it takes Basic.",
            )),
            (true, false) => Some((
                "The token is out of date, is meant for another server or purpose, or is not one of this user.",
                "Get a new token for this server and this user, and try it again.",
            )),
            (false, true) => Some((
                "The server lets nobody in with a password (Basic).",
                "Try an OAuth token with --bearer-stdin, if it takes Bearer; or have the administrator allow Basic.",
            )),
            (false, false) => None,
        }
    }

    /// What happened, and what came with it.
    pub(crate) fn text(&self, what: &str, has_token: bool) -> String {
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
        if self.is_other_scheme(has_token) {
            add(&format!("It takes {}.", self.schemes.join(", ")));
        }
        self.said.iter().for_each(|said| add(said));
        text
    }

    pub(crate) fn cause(&self, has_token: bool) -> &'static str {
        if let Some((cause, _)) = self.known.or_else(|| self.sign_in(has_token)) {
            return cause;
        }
        let [_, (_, cause), _] = self.words();
        cause
    }

    pub(crate) fn resolution(&self, has_token: bool) -> String {
        if let Some((_, resolution)) = self.known.or_else(|| self.sign_in(has_token)) {
            return resolution.to_owned();
        }
        let [.., (_, resolution)] = self.words();
        match (self.seen.scope, self.seen.code, &self.url) {
            (Scope::Http, 451, Some(url)) => match Address::parse(url) {
                Ok(address) => format!(
                    "If that is a server you expect, look at it next: `asprov probe {address}`. Phones that do not go there \
                     by themselves need it as their server."
                ),
                Err(error) => {
                    format!("Have the administrator correct X-MS-Location, which few phones can follow: {error}.")
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
