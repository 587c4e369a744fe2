//! The JSON form: `GET /autodiscover/autodiscover.json/v1.0/ADDRESS?Protocol=ActiveSync`, without credentials.

use super::{Answered, MailAddress, server, shown};

pub(super) fn path(address: &MailAddress) -> String {
    let mut encoded = String::new();
    for byte in address.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'@') {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    format!("/autodiscover/autodiscover.json/v1.0/{encoded}?Protocol=ActiveSync")
}

pub(super) fn read(body: &[u8]) -> Answered {
    let value: serde_json::Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return Answered::Nothing(format!("no JSON: {error}")),
    };
    // Servers write the names in different cases.
    let text = |name: &str| {
        let fields = value.as_object()?;
        fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
    };
    match (text("Protocol"), text("Url")) {
        (Some(protocol), _) if !protocol.eq_ignore_ascii_case("ActiveSync") => {
            Answered::Nothing(format!("its protocol is {}, expected ActiveSync", shown(protocol)))
        }
        (_, Some(url)) => server(url, "the JSON answer"),
        (_, None) => Answered::Nothing(match text("ErrorMessage") {
            Some(message) => format!("it says: {}", shown(message)),
            None => "the JSON has no Url".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_taken_and_everything_else_is_told() {
        let found = read(br#"{"Protocol":"ActiveSync","Url":"https://eas.example.com/Microsoft-Server-ActiveSync"}"#);
        assert!(matches!(found, Answered::Found(address, _) if address.host() == "eas.example.com"));
        for (body, expected) in [
            (&b"<html>"[..], "no JSON"),
            (b"[]", "has no Url"),
            (br#"{"ErrorCode":"X","ErrorMessage":"no such\nuser"}"#, "it says: no such\\nuser"),
            (br#"{"Protocol":"EWS","Url":"https://h/"}"#, "its protocol is EWS"),
            (br#"{"Protocol":"ActiveSync","Url":"http://h.example/"}"#, "password in clear"),
        ] {
            let Answered::Nothing(why) = read(body) else { panic!("{body:?}") };
            assert!(why.contains(expected), "{why}");
        }
        let address = MailAddress::parse("a+b%c@example.com").unwrap();
        assert_eq!(path(&address), "/autodiscover/autodiscover.json/v1.0/a%2Bb%25c@example.com?Protocol=ActiveSync");
    }
}
