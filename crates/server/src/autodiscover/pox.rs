//! The XML form, v1 (\[MS-ASCMD\] 2.2.1.1): a request that names an address and the schema of the answer it understands, and
//! an answer with the server, or an error. The reader takes element names in any namespace, expands no entities but the
//! five of XML, and reads no DTD.

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;

use super::PublicUrl;

/// The schema of the answers that phones understand.
const MOBILE: &str = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
/// The schema of the document around every answer.
const OUTER: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
/// More nesting than any request has.
const DEEPEST: usize = 16;
/// Longest address, in characters (RFC 5321, 4.5.3.1).
const ADDRESS: usize = 320;

/// An answer.
pub(super) struct Text {
    pub(super) xml: String,
    /// Why it is an error.
    pub(super) refused: Option<String>,
}

/// What stands in a request.
#[derive(Default)]
struct Asked {
    address: Option<String>,
    schema: Option<String>,
}

/// The answer to these bytes, from somebody who signed in under this name.
pub(super) fn answer(bytes: &[u8], user: &str, public_url: &PublicUrl, now: Timestamp) -> Text {
    let asked = match asked(bytes) {
        Ok(asked) => asked,
        Err(why) => return refusal(&why, now),
    };
    let usable = |address: &String| {
        address.contains('@') && address.chars().count() <= ADDRESS && !address.chars().any(char::is_control)
    };
    let Some(address) = asked.address.filter(usable) else {
        return refusal("there is no usable EMailAddress, expected one such as ann@example.com", now);
    };
    match asked.schema.as_deref() {
        Some(MOBILE) => {}
        Some(_) => return error(601, "Provider is not available", "another AcceptableResponseSchema", now),
        None => return refusal("AcceptableResponseSchema is missing", now),
    }
    let (url, address, user) = (public_url.active_sync(), escape(address.as_str()), escape(user));
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{OUTER}\"><Response xmlns=\"{MOBILE}\">\
         <Culture>en:us</Culture><User><DisplayName>{user}</DisplayName><EMailAddress>{address}</EMailAddress></User>\
         <Action><Settings><Server><Type>MobileSync</Type><Url>{url}</Url><Name>{url}</Name></Server></Settings>\
         </Action></Response></Autodiscover>\n"
    );
    Text { xml, refused: None }
}

/// The answer to a request that cannot be understood: ErrorCode 600.
pub(super) fn refusal(why: &str, now: Timestamp) -> Text {
    error(600, "Invalid Request", why, now)
}

/// An error, in the schema that every client of Autodiscover knows. Time and Id are there so that a person can find the
/// request in a log.
fn error(code: u16, message: &str, why: &str, now: Timestamp) -> Text {
    let time = now.strftime("%H:%M:%S%.7f");
    let id = now.as_millisecond().unsigned_abs() % u64::from(u32::MAX);
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{OUTER}\"><Response>\
         <Error Time=\"{time}\" Id=\"{id}\"><ErrorCode>{code}</ErrorCode><Message>{message}</Message><DebugData />\
         </Error></Response></Autodiscover>\n"
    );
    Text { xml, refused: Some(why.to_owned()) }
}

fn asked(bytes: &[u8]) -> Result<Asked, String> {
    let text = str::from_utf8(bytes).map_err(|error| format!("the request is no UTF-8: {error}"))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut asked, mut path, mut text) = (Asked::default(), Vec::<String>::new(), String::new());
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("the request is no XML: {error} at byte {}", reader.error_position()))?;
        match event {
            Event::Start(start) => {
                if path.len() == DEEPEST {
                    return Err(format!("elements are nested more than {DEEPEST} deep"));
                }
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
            }
            Event::Text(piece) => text += &piece,
            Event::CData(piece) => text += &piece,
            Event::GeneralRef(name) => {
                let entity = format!("&{};", &*name);
                text += &unescape(&entity).map_err(|error| format!("the request is no XML: {error}"))?;
            }
            Event::DocType(_) => return Err("the request has a DOCTYPE, which none needs".to_owned()),
            Event::End(_) => {
                let value = std::mem::take(&mut text).trim().to_owned();
                let place: Vec<&str> = path.iter().map(String::as_str).collect();
                let into = match place.as_slice() {
                    ["Autodiscover", "Request", "EMailAddress"] => Some(&mut asked.address),
                    ["Autodiscover", "Request", "AcceptableResponseSchema"] => Some(&mut asked.schema),
                    _ => None,
                };
                if let Some(into) = into
                    && into.replace(value).is_some()
                {
                    return Err("an element is there twice, expected each once".to_owned());
                }
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(asked),
            Event::Eof => return Err("the request ends too early".to_owned()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inner: &str) -> Text {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover \
             xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006\"><Request>{inner}\
             </Request></Autodiscover>"
        );
        said_to(text.as_bytes())
    }

    fn said_to(bytes: &[u8]) -> Text {
        let now: Timestamp = "2026-01-02T03:04:05.123Z".parse().unwrap();
        answer(bytes, "ann<1>", &"https://mail.example.com".parse().unwrap(), now)
    }

    #[test]
    fn the_server_is_told_and_every_text_is_escaped() {
        let told = request(&format!(
            "<EMailAddress> a&amp;b@example.com </EMailAddress><AcceptableResponseSchema>{MOBILE}\
             </AcceptableResponseSchema>"
        ));
        assert!(told.refused.is_none());
        assert!(told.xml.contains("<EMailAddress>a&amp;b@example.com</EMailAddress>"), "{}", told.xml);
        assert!(told.xml.contains("<DisplayName>ann&lt;1&gt;</DisplayName>"), "{}", told.xml);
        assert!(told.xml.contains(
            "<Type>MobileSync</Type><Url>https://mail.example.com/Microsoft-Server-ActiveSync</Url>\
             <Name>https://mail.example.com/Microsoft-Server-ActiveSync</Name>"
        ));
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_of_the_schema() {
        let address = "<EMailAddress>ann@example.com</EMailAddress>";
        let schema = format!("<AcceptableResponseSchema>{MOBILE}</AcceptableResponseSchema>");
        for (inner, code, why) in [
            (schema.clone(), 600, "EMailAddress"),
            (format!("<EMailAddress>ann</EMailAddress>{schema}"), 600, "EMailAddress"),
            (format!("<EMailAddress>{}@b.c</EMailAddress>{schema}", "a".repeat(400)), 600, "EMailAddress"),
            (format!("{address}{address}{schema}"), 600, "twice"),
            (address.to_owned(), 600, "AcceptableResponseSchema"),
            (format!("{address}<AcceptableResponseSchema>outlook</AcceptableResponseSchema>"), 601, "another"),
            ("<a>".repeat(40), 600, "nested"),
        ] {
            let told = request(&inner);
            assert!(told.xml.contains(&format!("<ErrorCode>{code}</ErrorCode>")), "{inner}: {}", told.xml);
            assert!(told.refused.as_deref().is_some_and(|said| said.contains(why)), "{inner}: {:?}", told.refused);
        }
        for bytes in [&b""[..], b"\xff", b"<a>", b"<a></b>", b"{}", b"<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"] {
            let told = said_to(bytes);
            assert!(told.xml.contains("<Error Time=\"03:04:05.1230000\" Id=\""), "{}", told.xml);
            assert!(told.xml.contains("<ErrorCode>600</ErrorCode><Message>Invalid Request</Message>"));
        }
    }
}
