//! Paths outside the protocol: 404, unless an administrator wants them forwarded. They have no policy in front of them.

use core::fmt;
use core::str::FromStr;

use asprov_protocol::http::PATH;

/// A path whose requests are forwarded, with everything below it; compared without case, as Autodiscover clients
/// write theirs in every way there is.
///
/// ```
/// use asprov_server::gateway::ForwardPath;
///
/// let path: ForwardPath = "/autodiscover".parse()?;
/// assert!(path.warning().is_none());
/// let ews: ForwardPath = "/EWS".parse()?;
/// assert!(ews.warning().unwrap().contains("no policy"));
/// # Ok::<(), asprov_server::gateway::ForwardPathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardPath(String);

/// The text is no path that can be forwarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be forwarded: {fault}, expected a path such as /autodiscover", .came.escape_debug())]
pub struct ForwardPathError {
    /// What came, cut.
    pub came: String,
    /// What is wrong with it.
    pub fault: &'static str,
}

/// Other ways into a mailbox, and what goes over them.
const WITHOUT_POLICY: [(&str, &str); 7] = [
    ("ews", "Exchange Web Services"),
    ("mapi", "MAPI over HTTP"),
    ("rpc", "Outlook Anywhere"),
    ("owa", "Outlook on the web"),
    ("ecp", "the Exchange control panel"),
    ("oab", "the offline address book"),
    ("powershell", "remote PowerShell"),
];

impl ForwardPath {
    /// Whether a request's path is this one or below it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let path = path.to_ascii_lowercase();
        let rest = path.strip_prefix(self.0.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.0 == "/")
    }

    /// What an administrator should be told at start-up, when mail can be read over this path past every policy.
    pub fn warning(&self) -> Option<String> {
        if self.0 == "/" {
            return Some(
                "forward_paths holds `/`: every web service of the upstream can be reached, and none of them has a \
                 policy"
                    .to_owned(),
            );
        }
        let first = self.0.trim_start_matches('/').split('/').next().unwrap_or_default();
        let (_, service) = WITHOUT_POLICY.iter().find(|(name, _)| *name == first)?;
        Some(format!("forward_paths holds `{self}`: {service} reads mail too, and there is no policy in front of it"))
    }
}

impl FromStr for ForwardPath {
    type Err = ForwardPathError;

    fn from_str(text: &str) -> Result<Self, ForwardPathError> {
        let error = |fault| ForwardPathError { came: text.chars().take(128).collect(), fault };
        if !text.starts_with('/') {
            return Err(error("it does not begin with /"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte)) {
            return Err(error("it holds something else than letters, digits and / - _ . ~"));
        }
        let path = text.trim_end_matches('/').to_ascii_lowercase();
        let path = if path.is_empty() { "/".to_owned() } else { path };
        if is_disguised(&path) || path.contains("//") || path.split('/').any(|part| part == "." || part == "..") {
            return Err(error("it is the protocol's own path, or no path in its simple form"));
        }
        Ok(Self(path))
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a server behind could take this for the protocol's path, though it is not written that way: percent-encoded,
/// in another case, with slashes repeated or turned round, with dots, below another folder.
pub(crate) fn is_disguised(path: &str) -> bool {
    let simple = simplified(path);
    simple.contains(PATH.to_ascii_lowercase().as_str())
}

/// Whether a path has one reading only. What has several is not forwarded.
pub(crate) fn has_one_reading(path: &str) -> bool {
    !path.contains("//")
        && !path.contains('\\')
        && !path.contains(';')
        && !path.contains('%')
        && path.split('/').all(|part| part != "." && part != "..")
}

/// A path as the most forgiving of servers would read it.
fn simplified(path: &str) -> String {
    let mut text = path.to_ascii_lowercase();
    // Decoded as often as it is encoded: some servers in a row decode twice.
    for _ in 0..4 {
        let decoded = decoded(&text);
        if decoded == text {
            break;
        }
        text = decoded.to_ascii_lowercase();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split(['/', '\\']) {
        // What follows a semicolon is a parameter to some servers.
        match part.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.iter().flat_map(|part| ["/", part]).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| core::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(decoded) if *byte == b'%' => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_path_is_known_in_every_disguise() {
        for path in [
            "/Microsoft-Server-ActiveSync",
            "/microsoft-server-activesync",
            "//Microsoft-Server-ActiveSync",
            "/Microsoft-Server-ActiveSync/",
            "/Microsoft-Server-ActiveSync/default.eas",
            "/Microsoft%2DServer-ActiveSync",
            "/Microsoft%252dServer-ActiveSync",
            "/x/../Microsoft-Server-ActiveSync",
            "/x/%2e%2e/Microsoft-Server-ActiveSync",
            "/./Microsoft-Server-ActiveSync",
            "/;a=b/Microsoft-Server-ActiveSync;c",
            "/\\Microsoft-Server-ActiveSync",
            "/%5CMicrosoft-Server-ActiveSync",
            "/SOGo/Microsoft-Server-ActiveSync",
        ] {
            assert!(is_disguised(path), "{path}");
        }
        for path in ["/", "/autodiscover/autodiscover.xml", "/Microsoft-Server", "/%4", "/%zz", "/EWS/é"] {
            assert!(!is_disguised(path), "{path}");
        }
    }

    #[test]
    fn a_forwarded_path_covers_what_is_below_it_and_nothing_beside_it() {
        let path: ForwardPath = "/Autodiscover/".parse().unwrap();
        for covered in ["/autodiscover", "/AutoDiscover/autodiscover.xml", "/autodiscover/"] {
            assert!(path.covers(covered), "{covered}");
        }
        for other in ["/", "/autodiscover2", "/x/autodiscover", ""] {
            assert!(!path.covers(other), "{other}");
        }
        assert!("/".parse::<ForwardPath>().unwrap().covers("/anything"));
    }

    #[test]
    fn other_ways_to_the_mail_are_warned_of() {
        let warning = |text: &str| text.parse::<ForwardPath>().unwrap().warning();
        for text in ["/ews", "/EWS/Exchange.asmx", "/mapi", "/owa", "/rpc", "/"] {
            assert!(warning(text).is_some_and(|warning| warning.contains("policy")), "{text}");
        }
        assert_eq!(warning("/autodiscover"), None);
        assert_eq!(warning("/mapiless"), None);
    }

    #[test]
    fn what_cannot_be_forwarded_is_refused() {
        for text in [
            "",
            "ews",
            "/a b",
            "/a%20b",
            "/a/../b",
            "/a//b",
            "/microsoft-server-activesync",
            "/x/Microsoft-Server-ActiveSync",
        ] {
            assert!(text.parse::<ForwardPath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_path_with_several_readings_is_told_apart() {
        assert!(has_one_reading("/autodiscover/autodiscover.xml"));
        for path in ["/a/../b", "/a//b", "/a%2fb", "/a;b", "/a\\b", "/./a"] {
            assert!(!has_one_reading(path), "{path}");
        }
    }
}
