//! The XML form ([MS-ASCMD] 2.2.1.1): a request that names the address, an answer with Redirect, Settings or Error. The
//! reader takes element names in any namespace, expands no entities but the five of XML, and reads no DTD.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;

use super::{Answered, MailAddress, server, shown};

/// More nesting than any answer has.
const DEEPEST: usize = 16;

pub(super) fn request(address: &MailAddress) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006\">\
         <Request><EMailAddress>{}</EMailAddress>\
         <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006\
         </AcceptableResponseSchema></Request></Autodiscover>\n",
        escape(address.as_str())
    )
}

/// What stands in the answer, by the names of the elements around it.
#[derive(Default)]
struct Said {
    redirect: Option<String>,
    /// Type and Url of each Server.
    servers: Vec<(String, String)>,
    error: Option<String>,
    error_code: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Answered {
    let said = match said(body) {
        Ok(said) => said,
        Err(why) => return Answered::Nothing(format!("no XML that can be read: {why}")),
    };
    if let Some(redirect) = said.redirect {
        return match MailAddress::parse(&redirect) {
            Ok(other) => Answered::OtherAddress(other),
            Err(_) => Answered::Nothing(format!("it redirects to {}, which is no address", shown(&redirect))),
        };
    }
    let mobile = said.servers.iter().find(|(kind, url)| kind.eq_ignore_ascii_case("MobileSync") && !url.is_empty());
    if let Some((_, url)) = mobile {
        return server(url, "the XML answer");
    }
    Answered::Nothing(match (said.error, said.error_code) {
        (Some(message), _) => format!("it says: {}", shown(&message)),
        (None, Some(code)) => format!("it says error {}", shown(&code)),
        (None, None) => "the XML names no MobileSync server".to_owned(),
    })
}

fn said(body: &[u8]) -> Result<Said, String> {
    let body = str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(body);
    let (mut said, mut path, mut text) = (Said::default(), Vec::<String>::new(), String::new());
    loop {
        let event = reader.read_event().map_err(|error| format!("{error} at byte {}", reader.error_position()))?;
        match event {
            Event::Start(start) => {
                if path.len() == DEEPEST {
                    return Err(format!("elements nested more than {DEEPEST} deep"));
                }
                let name = start.local_name().as_ref().to_owned();
                if name == "Server" {
                    said.servers.push(Default::default());
                }
                path.push(name);
                text.clear();
            }
            Event::Text(piece) => text += &piece,
            Event::CData(piece) => text += &piece,
            Event::GeneralRef(name) => {
                let entity = format!("&{};", &*name);
                text += &unescape(&entity).map_err(|error| error.to_string())?;
            }
            Event::DocType(_) => return Err("a DOCTYPE, which no answer needs".to_owned()),
            Event::End(_) => {
                let value = std::mem::take(&mut text).trim().to_owned();
                said.take(&path, value);
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(said),
            Event::Eof => return Err("it ends too early".to_owned()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

impl Said {
    fn take(&mut self, path: &[String], value: String) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [.., "Action", "Redirect"] => self.redirect = Some(value),
            [.., "Server", "Type"] => {
                if let Some((kind, _)) = self.servers.last_mut() {
                    *kind = value;
                }
            }
            [.., "Server", "Url"] => {
                if let Some((_, url)) = self.servers.last_mut() {
                    *url = value;
                }
            }
            [.., "Error", "Message"] => self.error = Some(value),
            [.., "Error", "Status" | "ErrorCode"] => self.error_code = Some(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(inner: &str) -> Answered {
        let start = "<?xml version=\"1.0\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006\">";
        read(format!("{start}{inner}</Response></Autodiscover>").as_bytes())
    }

    #[test]
    fn the_mobile_sync_server_is_taken_among_others() {
        let found = answer(
            "<Culture>en:us</Culture><User><DisplayName>A &amp; B</DisplayName></User><Action><Settings>\
             <Server><Type>CertEnroll</Type><Url>https://cert.example.com/</Url></Server>\
             <Server><Type>MobileSync</Type><Url> https://eas.example.com/microsoft-server-activesync </Url></Server>\
             </Settings></Action>",
        );
        assert!(matches!(found, Answered::Found(address, _) if address.to_string() == "https://eas.example.com"));
    }

    #[test]
    fn a_redirect_names_another_address_and_an_error_says_why() {
        let other = answer("<Action><Redirect>ann@other.example</Redirect></Action>");
        assert!(matches!(other, Answered::OtherAddress(other) if other.domain() == "other.example"));
        for (inner, expected) in [
            (
                "<Action><Error><Status>1</Status><Message>The directory &lt;x&gt; is down</Message></Error></Action>",
                "The directory <x> is down",
            ),
            ("<Error><ErrorCode>600</ErrorCode></Error>", "error 600"),
            ("<Action><Redirect>nobody</Redirect></Action>", "which is no address"),
            ("<Action/>", "names no MobileSync server"),
            (
                "<Action><Settings><Server><Type>MobileSync</Type><Url>http://h.example/</Url></Server></Settings></Action>",
                "in clear",
            ),
        ] {
            let Answered::Nothing(why) = answer(inner) else { panic!("{inner}") };
            assert!(why.contains(expected), "{why}");
        }
    }

    #[test]
    fn what_is_no_xml_or_is_meant_to_harm_is_refused() {
        for body in ["", "<a>", "{}", "<a></b>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a>&nothing;</a>"] {
            assert!(matches!(read(body.as_bytes()), Answered::Nothing(_)), "{body}");
        }
        let deep = "<a>".repeat(100);
        assert!(matches!(read(deep.as_bytes()), Answered::Nothing(why) if why.contains("nested")));
    }

    #[test]
    fn the_request_names_the_address_and_what_it_understands() {
        let request = request(&MailAddress::parse("a&b@example.com").unwrap());
        assert!(request.contains("<EMailAddress>a&amp;b@example.com</EMailAddress>"), "{request}");
        assert!(request.contains("mobilesync/requestschema/2006"), "{request}");
    }
}
