//! The path and query that the upstream gets.
//!
//! A base64 query is written anew from what was read, without the policy key. A plain query goes on byte for byte while
//! it can be read in one way only; otherwise the upstream gets each parameter as asprov read it.

use std::borrow::Cow;

use asprov_protocol::http::{Base64Query, Call, Parameter, QueryForm, parameters};
use asprov_protocol::policy_key::RequestKey;

use http::Uri;

use super::settings::UpstreamUrl;

/// Names that servers look for, as the specification writes them.
const NAMES: [&str; 10] = [
    "Cmd",
    "User",
    "DeviceId",
    "DeviceType",
    "AttachmentName",
    "CollectionId",
    "ItemId",
    "LongId",
    "Occurrence",
    "SaveInSent",
];

/// Why a query is not forwarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryFault {
    /// Whoever reads the first and whoever reads the last would see different requests.
    #[error("the parameter {name} is in the query twice, expected once")]
    Twice {
        /// The parameter, as it came first.
        name: String,
    },
    /// A value that has no form to send on.
    #[error("the query cannot be written for the upstream: {0}")]
    Unwritable(String),
}

/// What a command asks this upstream for: the path and the query alone. The inner error is of what no request line can hold.
pub(super) fn of_command(
    upstream: &UpstreamUrl,
    call: &Call,
    came: &Uri,
) -> Result<Result<Uri, http::Error>, QueryFault> {
    match (query(call, came.query().unwrap_or_default())?, came.path_and_query()) {
        // It was read as such already.
        (Cow::Borrowed(_), Some(unchanged)) if upstream.path() == came.path() => Ok(Ok(Uri::from(unchanged.clone()))),
        (query, _) => Ok(UpstreamUrl::uri([upstream.path(), "?", &query].concat())),
    }
}

/// The query of a command.
pub(super) fn query<'a>(call: &Call, query: &'a str) -> Result<Cow<'a, str>, QueryFault> {
    match call.form {
        QueryForm::Base64 => without_key(query).map(Cow::Owned),
        QueryForm::Plain => plain(query),
    }
}

fn without_key(query: &str) -> Result<String, QueryFault> {
    let unwritable = |error: &dyn core::fmt::Display| QueryFault::Unwritable(error.to_string());
    let mut query = Base64Query::parse(query).map_err(|error| unwritable(&error))?;
    query.policy_key = RequestKey::Absent;
    query.to_text().map_err(|error| unwritable(&error))
}

/// A parameter as it was read: its name, and its value if it has one.
type Pair<'a> = (Cow<'a, str>, Option<Cow<'a, [u8]>>);

fn plain(query: &str) -> Result<Cow<'_, str>, QueryFault> {
    if is_usual(query) { Ok(Cow::Borrowed(query)) } else { read_anew(query) }
}

/// The query as it came if it has one reading, and otherwise as it was read.
fn read_anew(query: &str) -> Result<Cow<'_, str>, QueryFault> {
    let mut pairs: Vec<Pair<'_>> = Vec::with_capacity(8);
    let mut one_reading = true;
    for Parameter { name, value, whole, .. } in parameters(query) {
        // A name without a value, an empty part, a name in another case or percent-encoded: servers differ about them.
        let decoded_name = decoded(name);
        let known = NAMES.into_iter().find(|known| known.as_bytes().eq_ignore_ascii_case(&decoded_name));
        one_reading &= value.is_some()
            && is_simple_name(name)
            && known.is_none_or(|known| known == name)
            && value.is_none_or(is_simple_value);
        if whole.is_empty() {
            continue;
        }
        let name = known.map_or_else(|| text(decoded_name), Cow::Borrowed);
        if pairs.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            return Err(QueryFault::Twice { name: name.chars().take(32).collect() });
        }
        pairs.push((name, value.map(decoded)));
    }
    if one_reading {
        return Ok(Cow::Borrowed(query));
    }
    let mut written = String::with_capacity(query.len());
    for (name, value) in pairs {
        if !written.is_empty() {
            written.push('&');
        }
        encode(name.as_bytes(), &mut written);
        if let Some(value) = value {
            written.push('=');
            encode(&value, &mut written);
        }
    }
    Ok(Cow::Owned(written))
}

/// Whether a query holds nothing but the usual parameters, each once and in its one spelling: so do almost all, and
/// [`read_anew`] would leave them as they are.
fn is_usual(query: &str) -> bool {
    let mut seen = [false; NAMES.len()];
    parameters(query).all(|Parameter { name, value, .. }| {
        let place = NAMES.iter().position(|known| *known == name).and_then(|known| seen.get_mut(known));
        place.is_some_and(|seen| !core::mem::replace(seen, true)) && value.is_some_and(is_simple_value)
    })
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn is_simple_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a byte of a value means itself to everybody.
const fn is_simple(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b':' | b'/' | b'!' | b'*' | b'\'')
        || matches!(byte, b'(' | b')' | b',' | b'$' | b'=' | b'\\' | b'?')
}

/// A plus is a blank to many servers, a semicolon a separator to some.
fn is_simple_value(value: &str) -> bool {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let simple = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            byte => is_simple(byte),
        };
        if !simple {
            return false;
        }
    }
    true
}

/// Undoes percent-encoding. What is no escape stays: the call was read before, and refused if it had any.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.as_bytes().contains(&b'%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = digits.and_then(|digits| core::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    Cow::Owned(bytes)
}

fn encode(bytes: &[u8], onto: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            onto.push(char::from(*byte));
        } else {
            onto.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_query_with_one_reading_goes_on_byte_for_byte() {
        for query in [
            "Cmd=Sync&User=ann%40example.com&DeviceId=A1&DeviceType=iPhone",
            "User=EXAMPLE\\ann&DeviceId=A1&DeviceType=SP&Cmd=Ping&X-Vendor=a%20b",
            "Cmd=SmartReply&User=a&DeviceId=A&DeviceType=x&ItemId=5%3A1&SaveInSent=T",
        ] {
            assert_eq!(plain(query).as_deref(), Ok(query));
        }
    }

    #[test]
    fn a_plain_query_with_several_readings_goes_on_as_it_was_read() {
        let cases = [
            ("cmd=Sync&user=a&deviceid=A&devicetype=x", "Cmd=Sync&User=a&DeviceId=A&DeviceType=x"),
            ("Cmd=Sync&User=a+b&DeviceId=A&DeviceType=x", "Cmd=Sync&User=a%2Bb&DeviceId=A&DeviceType=x"),
            ("Cmd=Sync&User=a;Cmd=Ping&DeviceId=A", "Cmd=Sync&User=a%3BCmd%3DPing&DeviceId=A"),
            ("C%6Dd=Sync&&User=a", "Cmd=Sync&User=a"),
            ("Cmd=Sync&flag&User=a", "Cmd=Sync&flag&User=a"),
            ("Cmd=Sync&User=\u{e4}", "Cmd=Sync&User=%C3%A4"),
            ("Cmd=Sync&a[b]=1", "Cmd=Sync&a%5Bb%5D=1"),
        ];
        for (came, goes) in cases {
            assert_eq!(plain(came).as_deref(), Ok(goes), "{came}");
        }
    }

    #[test]
    fn any_parameter_twice_in_any_case_is_refused() {
        for query in ["Cmd=Sync&ItemId=1&itemid=2", "Cmd=Sync&x=1&X=1", "Cmd=Sync&SaveInSent=T&S%61veInSent=F"] {
            assert!(matches!(plain(query), Err(QueryFault::Twice { .. })), "{query}");
        }
    }

    proptest::proptest! {
        /// Parts of queries, put together in any way.
        #[test]
        fn what_is_taken_for_usual_would_be_left_as_it_is(
            parts in proptest::collection::vec("(Cmd|cmd|User|DeviceId|C%6Dd|x|)(=|==|)(Sync|a%40b|a%4|a\\+b|;|)", 0..6),
        ) {
            let query = parts.join("&");
            if is_usual(&query) {
                proptest::prop_assert_eq!(read_anew(&query), Ok(Cow::Borrowed(query.as_str())));
            }
        }
    }

    #[test]
    fn a_base64_query_goes_on_without_its_policy_key() {
        // 16.1, FolderSync, 0x0409, device "A1", key 0x01020304, type "SP", an unknown parameter 0xFF.
        let with_key = "oQkJBAJBMQQEAwIBAlNQ/wF4";
        let read = Base64Query::parse(with_key).unwrap();
        assert!(matches!(read.policy_key, RequestKey::Key(_)));
        let text = without_key(with_key).unwrap();
        assert_eq!(text, "oQkJBAJBMQACU1A=");
        assert_eq!(Base64Query::parse(&text), Ok(Base64Query { policy_key: RequestKey::Absent, ..read }));
    }
}
