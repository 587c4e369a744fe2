//! MS-ASProtocolVersions and MS-ASProtocolCommands in the answers of an upstream (\[MS-ASHTTP\] 2.2.1.2.2): in the answer
//! to OPTIONS, and in those to POST that carry them too.

use asprov_protocol::http::Command;
use asprov_protocol::http::headers::key;
use asprov_protocol::version::ProtocolVersion;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Leaves the versions that asprov knows, in the upstream's order. A device would otherwise choose one (2.0 and 2.1 are
/// old, 17.0 may come) in which nobody here could answer it.
pub(super) fn cut_versions(headers: &mut HeaderMap) {
    rewrite(headers, &key::MS_AS_PROTOCOL_VERSIONS, |items| {
        items.retain(|item| item.parse::<ProtocolVersion>().is_ok());
    });
}

/// Adds Provision at the end. SOGo does not list it, and a device that does not find it never provisions.
pub(super) fn list_provision(headers: &mut HeaderMap) {
    rewrite(headers, &key::MS_AS_PROTOCOL_COMMANDS, |items| {
        if !items.iter().any(|item| item == Command::Provision.name()) {
            items.push(Command::Provision.name().to_owned());
        }
    });
}

/// Rewrites a list that is there; one that needs no change stays as it is, byte for byte.
fn rewrite(headers: &mut HeaderMap, name: &HeaderName, change: impl Fn(&mut Vec<String>)) {
    if !headers.contains_key(name) {
        return;
    }
    let lines: Vec<String> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    let before: Vec<String> = lines
        .iter()
        .flat_map(|line| line.split(','))
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect();
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return;
    }
    if let Ok(value) = HeaderValue::try_from(after.join(",")) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(name: &'static str, lines: &[&str], apply: fn(&mut HeaderMap)) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        apply(&mut headers);
        headers.get_all(name).iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn versions_nobody_knows_here_are_left_out() {
        let cut = |lines: &[&str]| rewritten("MS-ASProtocolVersions", lines, cut_versions);
        assert_eq!(cut(&["2.0,2.1,2.5,12.0,12.1,14.0,14.1,16.0,16.1"]), ["2.5,12.0,12.1,14.0,14.1,16.0,16.1"]);
        assert_eq!(cut(&["2.5, 17.0", "16.1"]), ["2.5,16.1"]);
        assert_eq!(cut(&["2.5, 16.1"]), ["2.5, 16.1"], "what needs no change stays as it is");
        assert_eq!(cut(&[]), Vec::<String>::new());
        assert_eq!(cut(&["99"]), [""]);
    }

    #[test]
    fn provision_is_listed_once() {
        let list = |lines: &[&str]| rewritten("MS-ASProtocolCommands", lines, list_provision);
        assert_eq!(list(&["Sync,SendMail"]), ["Sync,SendMail,Provision"]);
        assert_eq!(list(&["Sync,Provision,Ping"]), ["Sync,Provision,Ping"]);
        assert_eq!(list(&["Sync", "Ping"]), ["Sync,Ping,Provision"]);
        assert_eq!(list(&[]), Vec::<String>::new(), "a list that is not there is not invented");
    }
}
