//! The plain query (\[MS-ASHTTP\] 2.2.1.1.1.2): `Cmd=...&User=...&DeviceId=...&DeviceType=...`, in any order.
//!
//! Names are compared without case, as web servers do; values are percent-decoded, and a `+` stays a plus.

use std::borrow::Cow;

use super::base64_query::looks_like_base64_query;
use super::{CallError, Command, limits};
use crate::device::{DeviceId, DeviceType};

/// The parameters that belong to single commands. asprov only carries them along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandParameters {
    /// GetAttachment: the file.
    pub attachment_name: Option<String>,
    /// SmartForward, SmartReply: the folder.
    pub collection_id: Option<String>,
    /// SmartForward, SmartReply: the item.
    pub item_id: Option<String>,
    /// SmartForward, SmartReply: the item, as a Search answer named it.
    pub long_id: Option<String>,
    /// SmartForward, SmartReply: one occurrence of a recurring meeting.
    pub occurrence: Option<String>,
}

/// What a client says in a query, in either form.
#[derive(Clone, Debug)]
pub struct QueryParts<'a> {
    /// The command.
    pub command: Command,
    /// The user's name as an administrator would look for it; not checked by any server. Empty in a base64 query: none.
    pub user: &'a str,
    /// The device.
    pub device_id: &'a DeviceId,
    /// Its type.
    pub device_type: &'a DeviceType,
    /// The parameters of the command.
    pub parameters: CommandParameters,
    /// Whether a sent mail is kept in Sent Items.
    pub save_in_sent: bool,
    /// Whether the answer to ItemOperations may be multipart. In the plain form that is a header, not a parameter.
    pub accept_multipart: bool,
}

impl<'a> QueryParts<'a> {
    /// A query without parameters of its own, which is all that provisioning needs.
    pub fn new(command: Command, user: &'a str, device_id: &'a DeviceId, device_type: &'a DeviceType) -> Self {
        let parameters = CommandParameters::default();
        Self { command, user, device_id, device_type, parameters, save_in_sent: false, accept_multipart: false }
    }
}

/// A plain query as it came, before anything in it is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PlainQuery<'a> {
    pub(super) command: Option<Cow<'a, str>>,
    pub(super) user: Option<Cow<'a, str>>,
    pub(super) device_id: Option<Cow<'a, str>>,
    pub(super) device_type: Option<Cow<'a, str>>,
    pub(super) parameters: CommandParameters,
    pub(super) save_in_sent: bool,
    /// The first of Cmd, User, DeviceId and DeviceType that came twice.
    pub(super) duplicate: Option<&'static str>,
}

/// The four parameters every plain query has, and of which each may be there once.
const REQUIRED: [&str; 4] = ["Cmd", "User", "DeviceId", "DeviceType"];

/// Whether a query is in the plain form. `Cmd=` decides; the other three count too, so that a query without a command is
/// told that and not something about base64.
pub(super) fn is_plain(query: &str) -> bool {
    parameters(query).any(|Parameter { name, value, .. }| {
        value.is_some() && REQUIRED.into_iter().any(|required| required.eq_ignore_ascii_case(name))
    })
}

/// A parameter of a plain query as it came, with nothing decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// What stands before the first `=`, or all of it.
    pub name: &'a str,
    /// What stands behind it, if there is one.
    pub value: Option<&'a str>,
    /// The whole, from one `&` to the next.
    pub whole: &'a str,
    /// Where it begins in the query, counted from 1.
    pub at: usize,
}

/// The parameters of a plain query, in their order; empty ones too.
///
/// ```
/// let names = asprov_protocol::http::parameters("Cmd=Sync&&x").map(|parameter| (parameter.name, parameter.value));
/// assert_eq!(names.collect::<Vec<_>>(), [("Cmd", Some("Sync")), ("", None), ("x", None)]);
/// ```
pub fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    let mut rest = Some(query);
    core::iter::from_fn(move || {
        let left = rest?;
        // A loop: what is looked through is too short for anything cleverer.
        let (mut equals, mut ends) = (None, None);
        for (place, byte) in left.bytes().enumerate() {
            match byte {
                b'&' => {
                    ends = Some(place);
                    break;
                }
                b'=' if equals.is_none() => equals = Some(place),
                _ => {}
            }
        }
        let (whole, after) = split_around(left, ends);
        rest = after;
        let (name, value) = split_around(whole, equals);
        Some(Parameter { name, value, whole, at: query.len() - left.len() + 1 })
    })
}

/// What stands before the byte at this place, and behind it.
fn split_around(text: &str, place: Option<usize>) -> (&str, Option<&str>) {
    match place.and_then(|place| text.split_at_checked(place)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
    }
}

impl<'a> PlainQuery<'a> {
    /// Reads a plain query. Parameters nobody knows are skipped.
    pub(super) fn parse(query: &'a str) -> Result<Self, CallError> {
        let mut plain = Self::default();
        // Almost nothing has anything to decode.
        let encoded = query.contains('%');
        for (count, parameter) in parameters(query).enumerate() {
            if count == limits::PARAMETERS {
                return Err(CallError::TooManyParameters { most: limits::PARAMETERS });
            }
            plain.take(parameter, encoded)?;
        }
        Ok(plain)
    }

    /// Takes a parameter. `encoded`: whether anything in the query is percent-encoded.
    fn take(&mut self, parameter: Parameter<'a>, encoded: bool) -> Result<(), CallError> {
        let Parameter { name, value, whole, at } = parameter;
        let value_at = at + name.len() + 1;
        let decoded = |text, at| if encoded { decode_text(text, at) } else { Ok(Cow::Borrowed(text)) };
        let (name, value) = (decoded(name, at)?, decoded(value.unwrap_or_default(), value_at)?);
        let required = REQUIRED.into_iter().find(|required| required.eq_ignore_ascii_case(&name));
        if let Some(required) = required {
            let place = match required {
                "Cmd" => &mut self.command,
                "User" => &mut self.user,
                "DeviceId" => &mut self.device_id,
                _ => &mut self.device_type,
            };
            if place.is_some() {
                self.duplicate.get_or_insert(required);
            } else {
                *place = Some(value);
            }
            return Ok(());
        }
        let parameters = &mut self.parameters;
        let place = match name.to_ascii_lowercase().as_str() {
            "attachmentname" => &mut parameters.attachment_name,
            "collectionid" => &mut parameters.collection_id,
            "itemid" => &mut parameters.item_id,
            "longid" => &mut parameters.long_id,
            "occurrence" => &mut parameters.occurrence,
            "saveinsent" => {
                self.save_in_sent = value.eq_ignore_ascii_case("T");
                return Ok(());
            }
            _ if looks_like_base64_query(whole) => return Err(CallError::Mixed { at }),
            _ => return Ok(()),
        };
        place.get_or_insert_with(|| value.into_owned());
        Ok(())
    }
}

/// Undoes percent-encoding, strictly: a `%` without two hexadecimal digits is refused, `+` is a plus. `at` is the place
/// of `text` in the query, counted from 1.
pub(super) fn percent_decode(text: &str, at: usize) -> Result<Vec<u8>, CallError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = after.split_at_checked(2).and_then(|(digits, after)| match digits {
            [high, low] => Some((hex(*high)? * 16 + hex(*low)?, after)),
            _ => None,
        });
        let Some((byte, after)) = digits else {
            let before = text.len() - rest.len() - 1;
            let came = text.get(before..).unwrap_or_default().chars().take(3).collect::<String>();
            return Err(CallError::Escape { came: limits::shown(&came), at: at + before });
        };
        decoded.push(byte);
        rest = after;
    }
    Ok(decoded)
}

fn decode_text(text: &str, at: usize) -> Result<Cow<'_, str>, CallError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    String::from_utf8(percent_decode(text, at)?).map(Cow::Owned).map_err(|_| CallError::NotUtf8 { at })
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The plain query of a request, in the order of the specification's grammar: Cmd, User, DeviceId, DeviceType, then the
/// parameters of the command. The version and the policy key travel as headers.
pub fn plain_query(parts: &QueryParts<'_>) -> String {
    let own = &parts.parameters;
    let saved = parts.save_in_sent.then_some("T");
    let pairs = [
        ("Cmd", Some(parts.command.name())),
        ("User", Some(parts.user)),
        ("DeviceId", Some(parts.device_id.as_str())),
        ("DeviceType", Some(parts.device_type.as_str())),
        ("AttachmentName", own.attachment_name.as_deref()),
        ("CollectionId", own.collection_id.as_deref()),
        ("ItemId", own.item_id.as_deref()),
        ("LongId", own.long_id.as_deref()),
        ("Occurrence", own.occurrence.as_deref()),
        ("SaveInSent", saved),
    ];
    let mut query = String::new();
    for (name, value) in pairs {
        let Some(value) = value else { continue };
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        percent_encode(value, &mut query);
    }
    query
}

/// Appends `text` with everything but the unreserved characters of RFC 3986 percent-encoded.
fn percent_encode(text: &str, onto: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            onto.push(char::from(byte));
        } else {
            onto.push_str(&format!("%{byte:02X}"));
        }
    }
}
