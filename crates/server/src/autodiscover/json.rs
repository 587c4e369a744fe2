//! The JSON form, v2: `GET /autodiscover/autodiscover.json/v1.0/ADDRESS?Protocol=ActiveSync`, or the address as `Email` in
//! the query. Names of parameters, and protocols, are compared without case, as Exchange does.

use super::PublicUrl;

/// The one protocol there is to ask for.
const PROTOCOL: &str = "ActiveSync";
/// Longest query that is looked at, in bytes.
const QUERY: usize = 2048;

/// HTTP status and text of the answer.
pub(super) fn answer(address: &str, query: &str, public_url: &PublicUrl) -> (u16, String) {
    let refused =
        |code: &str, message: &str| (400, format!("{{\"ErrorCode\":\"{code}\",\"ErrorMessage\":\"{message}\"}}"));
    if query.len() > QUERY {
        return refused("InvalidRequest", "the query is too long");
    }
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).filter(|value| !value.is_empty())
    };
    if address.is_empty() && parameter("Email").is_none() {
        return refused("MandatoryParameterMissing", "an address is missing, expected one in the path or as Email");
    }
    match parameter("Protocol") {
        None => refused("MandatoryParameterMissing", "Protocol is missing, expected ActiveSync"),
        Some(protocol) if protocol.eq_ignore_ascii_case(PROTOCOL) => {
            // Nothing in a public URL needs to be escaped: it was read as a URL.
            (200, format!("{{\"Protocol\":\"{PROTOCOL}\",\"Url\":\"{}\"}}", public_url.active_sync()))
        }
        Some(_) => refused("InvalidProtocol", "another Protocol, expected ActiveSync"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_is_told_for_active_sync_and_nothing_else() {
        let url: PublicUrl = "https://mail.example.com".parse().unwrap();
        let found = r#"{"Protocol":"ActiveSync","Url":"https://mail.example.com/Microsoft-Server-ActiveSync"}"#;
        for (address, query) in [
            ("ann@example.com", "Protocol=ActiveSync"),
            ("", "email=ann%40example.com&RedirectCount=1&protocol=activesync"),
        ] {
            assert_eq!(answer(address, query, &url), (200, found.to_owned()), "{query}");
        }
        let long = format!("Protocol=ActiveSync&x={}", "y".repeat(QUERY));
        for (address, query, code) in [
            ("ann@example.com", "", "MandatoryParameterMissing"),
            ("ann@example.com", "Protocol=", "MandatoryParameterMissing"),
            ("", "Protocol=ActiveSync", "MandatoryParameterMissing"),
            ("ann@example.com", "Protocol=\"EWS", "InvalidProtocol"),
            ("ann@example.com", &long, "InvalidRequest"),
        ] {
            let (status, text) = answer(address, query, &url);
            assert!(status == 400 && text.contains(code) && !text.contains("EWS"), "{text}");
        }
    }
}
