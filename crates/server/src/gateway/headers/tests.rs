use super::*;

use http::Method;

fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    lines.sort();
    lines
}

fn request(pairs: &[(&'static str, &str)], trusted: bool, replace: bool) -> HeaderMap {
    let connection = Connection {
        peer: "198.51.100.7:5000".parse().unwrap(),
        local: "192.0.2.1:443".parse().unwrap(),
        encrypted: true,
    };
    let arrival = Arrival {
        connection: Some(connection),
        client: Some(HeaderValue::from_static("198.51.100.7")),
        trusted,
        host: Some(HeaderValue::from_static("eas.example.com")),
        upstream: &HeaderValue::from_static("mail.internal"),
        groups: None,
        call: None,
    };
    Rewriting { arrival, replace }.applied_to(&map(pairs))
}

#[test]
fn what_a_stranger_says_about_itself_is_dropped_and_rewritten() {
    let invented = [
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-user", "admin"),
        ("x-real-ip", "203.0.113.1"),
        ("forwarded", "for=203.0.113.1"),
        ("host", "eas.example.com"),
    ];
    let expected = map(&[
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "eas.example.com"),
        ("forwarded", "for=198.51.100.7;proto=https;host=\"eas.example.com\""),
        ("host", "mail.internal"),
    ]);
    assert_eq!(lines(&request(&invented, false, true)), lines(&expected));
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_added_to() {
    let said = [
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "outside.example"),
        ("x-forwarded-port", "8443"),
        ("forwarded", "for=203.0.113.1"),
    ];
    let expected = map(&[
        ("x-forwarded-for", "203.0.113.1, 198.51.100.7"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "outside.example"),
        ("x-forwarded-port", "8443"),
        ("forwarded", "for=203.0.113.1, for=198.51.100.7;proto=https;host=\"eas.example.com\""),
        ("host", "mail.internal"),
    ]);
    assert_eq!(lines(&request(&said, true, true)), lines(&expected));
}

#[test]
fn headers_of_one_connection_go_in_both_directions() {
    let came = [
        ("connection", "close, X-Own , "),
        ("connection", "x-other"),
        ("x-own", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "Basic x"),
        ("x-kept", "3"),
    ];
    for replace in [true, false] {
        let headers = request(&came, false, replace);
        assert_eq!(headers.get("x-kept").unwrap(), "3");
        for name in HOP_BY_HOP.iter().chain(&["x-own", "x-other"]) {
            assert!(!headers.contains_key(*name), "{name}");
        }
        let mut answer = map(&came);
        rewrite_answer(&mut answer, replace);
        assert_eq!(lines(&answer), lines(&map(&[("x-kept", "3")])));
    }
}

#[test]
fn no_header_makes_the_upstream_read_another_request() {
    let came = [
        ("x_ms_policykey", "1"),
        ("ms_asprotocolversion", "2.5"),
        ("x-original-url", "/owa"),
        ("x-http-method-override", "GET"),
        ("proxy", "http://evil.example"),
        ("x-ms-policykey", "42"),
        ("user-agent", "x"),
    ];
    let headers = request(&came, false, true);
    for (name, _) in &came[..6] {
        assert!(!headers.contains_key(*name), "{name}");
    }
    assert_eq!(headers["user-agent"], "x");
    let observed = request(&came, false, false);
    assert!(came.iter().all(|(name, value)| observed[*name] == *value), "observe changes none of them");
}

#[test]
fn authorization_goes_on_in_its_usual_form() {
    let canonical = |values: &[(&'static str, &str)]| {
        let headers = request(values, false, true);
        let values: Vec<_> = headers.get_all("authorization").iter().cloned().collect();
        assert_eq!(values.len(), 1);
        values[0].to_str().unwrap().to_owned()
    };
    assert_eq!(canonical(&[("authorization", "basic  YW5uOmE6Yg")]), "Basic YW5uOmE6Yg==");
    assert_eq!(canonical(&[("authorization", "Basic YW5uOmE6Yg==")]), "Basic YW5uOmE6Yg==");
    assert_eq!(canonical(&[("authorization", "Bearer x"), ("authorization", "Bearer x")]), "Bearer x");
}

#[test]
fn headers_keep_their_order_and_new_ones_are_behind_them() {
    let headers = request(
        &[("x-a", "1"), ("host", "eas.example.com"), ("x-forwarded-proto", "gopher"), ("x-b", "2")],
        false,
        true,
    );
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["x-a", "host", "x-forwarded-proto", "x-b", "x-forwarded-for", "x-forwarded-host", "forwarded"]);
}

#[test]
fn every_header_of_which_something_becomes_is_one() {
    let rows = || REWRITTEN.iter().filter(|row| matches!(row.how, How::Becomes(_)));
    assert_eq!(rules(Direction::Request, true).becomes.len(), rows().count());
    assert!(rows().all(|row| row.direction == Direction::Request));
}

#[test]
fn no_name_has_two_fates() {
    for (direction, replace) in [Direction::Request, Direction::Answer].map(|way| [(way, false), (way, true)]).concat()
    {
        let named = rules(direction, replace).named.concat();
        for (place, (name, _)) in named.iter().enumerate() {
            assert!(named.iter().skip(place + 1).all(|(other, _)| other != name), "{name}");
        }
    }
}

#[test]
fn the_header_that_names_groups_goes_even_if_the_gateway_writes_one_of_that_name() {
    let (upstream, name) = (HeaderValue::from_static("u"), HeaderName::from_static("x-forwarded-proto"));
    let arrival = |groups| Arrival {
        connection: None,
        client: None,
        trusted: false,
        host: None,
        upstream: &upstream,
        groups,
        call: None,
    };
    for came in [&[("x-forwarded-proto", "a")][..], &[]] {
        for groups in [None, Some(&name)] {
            let rewritten = Rewriting { arrival: arrival(groups), replace: true }.applied_to(&map(came));
            assert_eq!(rewritten.contains_key("x-forwarded-proto"), groups.is_none());
        }
    }
}

#[test]
fn cookies_in_several_lines_become_one() {
    assert_eq!(request(&[("cookie", "a=1"), ("cookie", "b=2")], false, true)["cookie"], "a=1; b=2");
}

#[test]
fn the_version_of_a_base64_query_is_the_only_one() {
    let uri = "/Microsoft-Server-ActiveSync?oQkJBAJBMQACU1A=".parse().unwrap();
    for (header, goes) in [("12.1", None), ("16.1", Some("16.1"))] {
        let headers = map(&[("ms-asprotocolversion", header)]);
        let Ok(asprov_protocol::http::Target::Command(call)) = Call::parse(&Method::POST, &uri, &headers) else {
            panic!("it is a call");
        };
        let upstream = HeaderValue::from_static("u");
        let arrival = Arrival {
            connection: None,
            client: None,
            trusted: false,
            host: None,
            upstream: &upstream,
            groups: None,
            call: Some(&call),
        };
        let headers = Rewriting { arrival, replace: true }.applied_to(&headers);
        assert_eq!(headers.get("ms-asprotocolversion").map(|value| value.to_str().unwrap()), goes);
    }
}

#[test]
fn answers_list_provision_and_known_versions_and_show_no_location() {
    let mut headers = map(&[
        ("ms-asprotocolversions", "2.0,14.1,17.0"),
        ("ms-asprotocolcommands", "Sync,Ping"),
        ("x-ms-location", "https://other.example/"),
        ("ms-server-activesync", "14.3"),
    ]);
    let untouched = headers.clone();
    rewrite_answer(&mut headers, true);
    let expected = map(&[
        ("ms-asprotocolversions", "14.1"),
        ("ms-asprotocolcommands", "Sync,Ping,Provision"),
        ("ms-server-activesync", "14.3"),
    ]);
    assert_eq!(lines(&headers), lines(&expected));
    let mut observed = untouched.clone();
    rewrite_answer(&mut observed, false);
    assert_eq!(observed, untouched);
}

#[test]
fn every_row_is_in_the_guide() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/gateway.md")).unwrap();
    for row in REWRITTEN {
        let line = format!("| {} | {} |", row.name, row.becomes);
        assert!(guide.contains(&line), "the guide lacks: {line}");
    }
}
