//! What a notice says: a subject and a text with places to fill in. What a device or an administrator wrote stays in one line
//! and is cut, so that it makes no header and no paragraph of its own.

use std::path::Path;

use asprov_protocol::typed_command;

use super::Notice;
use crate::failure::Failure;
use crate::terminal::harmless;

/// Characters of one filled-in value.
const VALUE: usize = 200;
/// Bytes of a file with a text.
const FILE: u64 = 64 * 1024;

/// The text for administrators that counts when no file is named.
const USUAL: &str = "\
asprov: {user}'s phone {what}

The phone {device_id} of {user} {what}.

It says it is: {phone}

{detail}

asprov device why {device}
says where it stands and what can be done.
";

/// The text for users that counts when no file is named. An administrator's words are not in it, nor is a rule.
const USUAL_FOR_USER: &str = "\
Your phone {what}

A phone with your mail account ({user}) {what}.

It says it is: {phone}
Its number in the list of phones: {device_id}

{advice}
";

/// The places that a text may have. `detail` and `administrator` are what administrators wrote for each other: a text for users
/// has them only if somebody put them there.
const PLACES: [&str; 12] = [
    "user",
    "device_id",
    "device",
    "device_type",
    "model",
    "user_agent",
    "phone",
    "what",
    "kind",
    "advice",
    "detail",
    "administrator",
];

/// A subject and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Template(String);

impl Default for Template {
    fn default() -> Self {
        Self(USUAL.to_owned())
    }
}

impl Template {
    /// The text for users that counts when no file is named.
    pub(super) fn for_user() -> Self {
        Self(USUAL_FOR_USER.to_owned())
    }

    /// The text of a file: the subject in its first line, an empty line, and the rest.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let cannot = |fault: std::io::Error| Failure::new(format!("cannot read {}: {fault}", path.display()));
        if std::fs::metadata(path).map_err(cannot)?.len() > FILE {
            return Err(Failure::new(format!("{} has more than {FILE} bytes", path.display())));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(cannot)?)
            .map_err(|fault| Failure::new(format!("{}: {fault}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        if !text
            .split_once('\n')
            .is_some_and(|(subject, rest)| !subject.trim().is_empty() && rest.starts_with(['\n', '\r']))
        {
            return Err("expected the subject in the first line, and an empty line after it".to_owned());
        }
        for place in text.split('{').skip(1) {
            let name = place.split('}').next().unwrap_or_default();
            if !PLACES.contains(&name) {
                let shown: String = name.chars().take(32).collect();
                return Err(format!(
                    "unknown place `{{{}}}`, expected one of {}",
                    shown.escape_debug(),
                    PLACES.join(", ")
                ));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Subject and text of a notice.
    pub(super) fn fill(&self, notice: &Notice) -> (String, String) {
        let value = |name: &str| -> String {
            let (phone, sentence) = (notice.phone(), notice.sentence());
            let text = match name {
                "user" => notice.device.user.as_str(),
                "device_id" => notice.device.device_id.as_str(),
                "device_type" => &notice.device_type,
                "model" => &notice.model,
                "user_agent" => &notice.user_agent,
                "phone" => &phone,
                // Not cut: what is cut names another device.
                "device" => return harmless(&typed_command::device(&notice.device)),
                // Not cut: nobody else wrote it.
                "advice" => return notice.advice().unwrap_or_default().to_owned(),
                // With a command in it; the same holds.
                "detail" if notice.newcomers.is_some() => return harmless(&notice.detail),
                "what" => &sentence,
                "kind" => notice.wipe_kind(),
                "detail" => &notice.detail,
                _ => &notice.administrator,
            };
            harmless(&text.chars().take(VALUE).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>())
        };
        // From left to right, so that what is filled in is never taken for a place.
        let mut pieces = self.0.split('{');
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            match piece.split_once('}') {
                Some((name, rest)) if PLACES.contains(&name) => {
                    filled.push_str(&value(name));
                    filled.push_str(rest);
                }
                _ => {
                    filled.push('{');
                    filled.push_str(piece);
                }
            }
        }
        let (subject, text) = filled.split_once('\n').unwrap_or((&filled, ""));
        (subject.trim().to_owned(), text.trim_start().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, DeviceKey, UserName};

    use super::*;
    use crate::serve::notice::NoticeKind;

    #[test]
    fn what_a_device_says_of_itself_makes_no_header_and_no_place() {
        let notice = Notice {
            kind: NoticeKind::Quarantined,
            wipe: None,
            device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() },
            device_type: "iPhone".to_owned(),
            user_agent: String::new(),
            model: "x\r\nBcc: all@example.com\r\n\r\n<script>{user}</script>\u{1b}[2J".to_owned() + &"y".repeat(500),
            detail: String::new(),
            administrator: String::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
            newcomers: None,
            number: String::new(),
        };
        let template = Template::parse("{model}\n\n{model} of {user}\n").unwrap();
        let (subject, text) = template.fill(&notice);
        assert!(!subject.contains(['\r', '\n', '\u{1b}']), "{subject:?}");
        assert!(subject.contains("{user}"), "what is filled in is no place: {subject}");
        assert!(subject.chars().count() <= VALUE);
        assert!(text.ends_with(" of ann\n") && text.lines().count() == 1, "{text:?}");
    }

    #[test]
    fn a_phone_is_named_as_far_as_it_has_said_what_it_is() {
        let notice = |model: &str, device_type: &str, user_agent: &str| Notice {
            kind: NoticeKind::Quarantined,
            wipe: None,
            device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() },
            device_type: device_type.to_owned(),
            model: model.to_owned(),
            user_agent: user_agent.to_owned(),
            detail: "rule secret-plans: wait".to_owned(),
            administrator: "bob".to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
            newcomers: None,
            number: String::new(),
        };
        assert_eq!(notice("iPhone15C2", "iPhone", "Apple/1").phone(), "iPhone15C2, iPhone, Apple/1");
        assert_eq!(notice("", "iPhone", "iPhone").phone(), "iPhone");
        assert_eq!(notice("", "", "").phone(), "it has not said what it is");
        let (subject, text) = Template::for_user().fill(&notice("iPhone15C2", "iPhone", "Apple/1"));
        assert_eq!(subject, "Your phone waits for an administrator to let it in");
        for part in ["(ann)", "iPhone15C2, iPhone, Apple/1", "A1", "nothing to do on the phone", "change it"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("secret-plans") && !text.contains("bob") && !text.contains("asprov device"), "{text}");
    }

    #[test]
    fn a_text_with_an_unknown_place_or_without_subject_is_refused() {
        for (text, fault) in [
            ("", "subject"),
            ("subject", "subject"),
            ("subject\ntext", "subject"),
            ("\n\ntext", "subject"),
            ("s\n\n{usr}", "unknown place `{usr}`"),
            ("s\n\n{", "unknown place `{}`"),
        ] {
            assert!(Template::parse(text).unwrap_err().contains(fault), "{text:?}");
        }
        assert!(Template::parse(USUAL).is_ok() && Template::parse(USUAL_FOR_USER).is_ok());
    }
}
