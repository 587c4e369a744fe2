//! The headers of the protocol (\[MS-ASHTTP\] 2.2.1.1.2 and 2.2.1.2.2), by name. Names are compared without case.

use ::http::header::{CONTENT_TYPE, USER_AGENT};
use ::http::{HeaderMap, HeaderValue};

use super::{CallError, limits};

/// The version a plain query is written in; the base64 query carries it as its first byte.
pub const MS_AS_PROTOCOL_VERSION: &str = "MS-ASProtocolVersion";
/// The versions a server speaks, comma separated.
pub const MS_AS_PROTOCOL_VERSIONS: &str = "MS-ASProtocolVersions";
/// The commands a server knows, comma separated.
pub const MS_AS_PROTOCOL_COMMANDS: &str = "MS-ASProtocolCommands";
/// The version of the server itself.
pub const MS_SERVER_ACTIVE_SYNC: &str = "MS-Server-ActiveSync";
/// `T` when the client takes a multipart answer to ItemOperations.
pub const MS_AS_ACCEPT_MULTIPART: &str = "MS-ASAcceptMultiPart";
/// The policy key in decimal, `0` for none yet.
pub const X_MS_POLICY_KEY: &str = "X-MS-PolicyKey";
/// The URL for all later requests, with HTTP 451.
pub const X_MS_LOCATION: &str = "X-MS-Location";
/// The versions of a server that wants its clients to start over.
pub const X_MS_RP: &str = "X-MS-RP";
/// Why requests are being slowed down.
pub const X_MS_AS_THROTTLE: &str = "X-MS-ASThrottle";
/// Where an expired password can be changed, with HTTP 457.
pub const X_MS_CREDENTIAL_SERVICE_URL: &str = "X-MS-Credential-Service-Url";
/// In how many days the password expires.
pub const X_MS_CREDENTIALS_EXPIRE: &str = "X-MS-Credentials-Expire";

/// The same names as keys of a map of headers. To make a key of a text costs more than to find it.
pub mod key {
    use ::http::HeaderName;

    /// MS-ASProtocolVersion.
    pub const MS_AS_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("ms-asprotocolversion");
    /// MS-ASProtocolVersions.
    pub const MS_AS_PROTOCOL_VERSIONS: HeaderName = HeaderName::from_static("ms-asprotocolversions");
    /// MS-ASProtocolCommands.
    pub const MS_AS_PROTOCOL_COMMANDS: HeaderName = HeaderName::from_static("ms-asprotocolcommands");
    /// MS-ASAcceptMultiPart.
    pub const MS_AS_ACCEPT_MULTIPART: HeaderName = HeaderName::from_static("ms-asacceptmultipart");
    /// X-MS-PolicyKey.
    pub const X_MS_POLICY_KEY: HeaderName = HeaderName::from_static("x-ms-policykey");
    /// X-MS-Location.
    pub const X_MS_LOCATION: HeaderName = HeaderName::from_static("x-ms-location");
}

/// The Content-Type of a WBXML body; an answer MUST carry this one ([MS-ASHTTP] R219).
pub const CONTENT_TYPE_WBXML: &str = "application/vnd.ms-sync.wbxml";
/// The short name for the same content, which a request may carry ([MS-ASHTTP] R143).
pub const CONTENT_TYPE_WBXML_SHORT: &str = "application/vnd.ms-sync";
/// The Content-Type of a multipart answer.
pub const CONTENT_TYPE_MULTIPART: &str = "application/vnd.ms-sync.multipart";

/// Whether the body is said to be WBXML: either name, in any case, with or without parameters after a `;`. A
/// Content-Type that is missing, unreadable or given twice with different values is not.
pub fn content_type_is_wbxml(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(first) = values.next() else { return false };
    if values.any(|value| value != first) {
        return false;
    }
    let media_type = first.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    [CONTENT_TYPE_WBXML, CONTENT_TYPE_WBXML_SHORT].into_iter().any(|name| media_type.eq_ignore_ascii_case(name))
}

/// What the headers of a command say. They are gone through once: to look for each by its name costs more than to look at
/// the dozen there are.
#[derive(Default)]
pub(crate) struct Said<'a> {
    version: Single<'a>,
    policy_key: Single<'a>,
    accept_multipart: Single<'a>,
    user_agent: Option<&'a HeaderValue>,
}

/// The one value of a header, as bytes, without the blanks around it.
#[derive(Default)]
enum Single<'a> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there, once or several times with the same value.
    Value(&'a [u8]),
    /// It is there with different values: whoever reads the first and whoever reads the last would see different requests.
    Differing,
}

impl<'a> Said<'a> {
    pub(crate) fn by(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            if *name == key::MS_AS_PROTOCOL_VERSION {
                said.version.take(value);
            } else if *name == key::X_MS_POLICY_KEY {
                said.policy_key.take(value);
            } else if *name == key::MS_AS_ACCEPT_MULTIPART {
                said.accept_multipart.take(value);
            } else if *name == USER_AGENT {
                said.user_agent.get_or_insert(value);
            }
        }
        said
    }

    /// MS-ASProtocolVersion, if it is there.
    ///
    /// # Errors
    /// When it is there with different values, as of the next two.
    pub(crate) const fn version(&self) -> Result<Option<&'a [u8]>, CallError> {
        self.version.of(MS_AS_PROTOCOL_VERSION)
    }

    /// X-MS-PolicyKey, if it is there.
    pub(crate) const fn policy_key(&self) -> Result<Option<&'a [u8]>, CallError> {
        self.policy_key.of(X_MS_POLICY_KEY)
    }

    /// MS-ASAcceptMultiPart, if it is there.
    pub(crate) const fn accept_multipart(&self) -> Result<Option<&'a [u8]>, CallError> {
        self.accept_multipart.of(MS_AS_ACCEPT_MULTIPART)
    }

    /// The User-Agent, cut at [`limits::USER_AGENT`] characters; bytes that are no UTF-8 become U+FFFD. It is data for an
    /// administrator to look at, so nothing is refused for it.
    pub(crate) fn user_agent(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.user_agent?.as_bytes());
        if text.len() <= limits::USER_AGENT {
            return Some(text.into_owned());
        }
        Some(text.chars().take(limits::USER_AGENT).collect())
    }
}

impl<'a> Single<'a> {
    fn take(&mut self, value: &'a HeaderValue) {
        let value = value.as_bytes().trim_ascii();
        *self = match *self {
            Self::Absent => Self::Value(value),
            Self::Value(first) if first == value => Self::Value(first),
            Self::Value(_) | Self::Differing => Self::Differing,
        };
    }

    const fn of(&self, name: &'static str) -> Result<Option<&'a [u8]>, CallError> {
        match self {
            Self::Absent => Ok(None),
            Self::Value(value) => Ok(Some(value)),
            Self::Differing => Err(CallError::HeaderTwice { name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_key_is_its_name_in_lower_case() {
        for (key, name) in [
            (key::MS_AS_PROTOCOL_VERSION, MS_AS_PROTOCOL_VERSION),
            (key::MS_AS_PROTOCOL_VERSIONS, MS_AS_PROTOCOL_VERSIONS),
            (key::MS_AS_PROTOCOL_COMMANDS, MS_AS_PROTOCOL_COMMANDS),
            (key::MS_AS_ACCEPT_MULTIPART, MS_AS_ACCEPT_MULTIPART),
            (key::X_MS_POLICY_KEY, X_MS_POLICY_KEY),
            (key::X_MS_LOCATION, X_MS_LOCATION),
        ] {
            assert_eq!(key.as_str(), name.to_ascii_lowercase());
        }
    }

    #[test]
    fn both_names_of_wbxml_are_accepted_in_any_case_and_with_parameters() {
        for value in [
            "application/vnd.ms-sync.wbxml",
            "application/vnd.ms-sync",
            "Application/VND.MS-Sync.WBXML",
            "application/vnd.ms-sync.wbxml; charset=utf-8",
            "application/vnd.ms-sync ;x=y",
        ] {
            assert!(content_type_is_wbxml(&with(value)), "{value}");
        }
    }

    #[test]
    fn another_content_type_or_none_is_not_wbxml() {
        for value in
            ["text/plain", "text/xml", "", "application/vnd.ms-sync.wbxml2", "application/vnd.ms-sync.multipart"]
        {
            assert!(!content_type_is_wbxml(&with(value)), "{value}");
        }
        assert!(!content_type_is_wbxml(&HeaderMap::new()));
        let mut two = with("text/xml");
        two.append(CONTENT_TYPE, CONTENT_TYPE_WBXML.parse().unwrap());
        assert!(!content_type_is_wbxml(&two));
    }

    #[test]
    fn a_user_agent_of_8000_characters_is_cut_and_not_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", format!("<script>{}", "x".repeat(8000)).parse().unwrap());
        assert_eq!(Said::by(&headers).user_agent().map(|text| text.chars().count()), Some(limits::USER_AGENT));
    }
}
