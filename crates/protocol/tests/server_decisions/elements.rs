//! Every element of a Provision exchange: in which message it stands, in which versions, and what it holds
//! ([MS-ASPROV] 2.2.2, 3.2.5.1).

use asprov_protocol::message::{AcknowledgmentStatus, ProvisionRequest, WipeKind, WipeStatus};
use asprov_protocol::server::Outcome;
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};

use super::situation::*;
use Message::*;

/// The messages of the handshake and of both wipes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Message {
    Initial,
    Offer,
    Acknowledgment,
    Acceptance,
    Directive,
    WipeReport,
    AccountDirective,
    AccountWipeReport,
}

const MESSAGES: [Message; 8] =
    [Initial, Offer, Acknowledgment, Acceptance, Directive, WipeReport, AccountDirective, AccountWipeReport];
const ANSWERS: &[Message] = &[Offer, Acceptance, Directive, AccountDirective];

/// An element by the names on the way to it, the messages it stands in, and the first version that has it.
struct Row(&'static str, &'static [Message], ProtocolVersion);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // [MS-ASPROV] 2.2.2.44 (R319, R972, R973, R974, R975, R32001)
    Row("Provision", &MESSAGES, V25),
    // [MS-ASPROV] 2.2.2.53 (R366, R1011, R1012, R1009)
    Row("Provision/DeviceInformation", &[Initial, Offer], V141),
    Row("Provision/DeviceInformation/Set/Model", &[Initial], V141),
    Row("Provision/DeviceInformation/Status", &[Offer], V141),
    // [MS-ASPROV] 2.2.2.54 (R370, R759, R760); 2.2.2.54.2 (R390, R1017, R1018, R1019, R1020, R39302)
    Row("Provision/Status", ANSWERS, V25),
    // [MS-ASPROV] 2.2.2.40 (R303, R304, R953, R954, R955, R956, R30601)
    Row("Provision/Policies", &[Initial, Offer, Acknowledgment, Acceptance], V25),
    // [MS-ASPROV] 2.2.2.41 (R307, R308, R957, R958, R959, R960, R31101)
    Row("Provision/Policies/Policy", &[Initial, Offer, Acknowledgment, Acceptance], V25),
    // [MS-ASPROV] 2.2.2.43 (R317, R967, R968, R969, R970, R31801)
    Row("Provision/Policies/Policy/PolicyType", &[Initial, Offer, Acknowledgment, Acceptance], V25),
    // [MS-ASPROV] 2.2.2.42 (R313, R961, R962, R963, R964, R31601)
    Row("Provision/Policies/Policy/PolicyKey", &[Offer, Acknowledgment, Acceptance], V25),
    // [MS-ASPROV] 2.2.2.54.1 (R374, R1013, R1014, R1015, R1016, R38901)
    Row("Provision/Policies/Policy/Status", &[Offer, Acknowledgment, Acceptance], V25),
    // [MS-ASPROV] 2.2.2.24.1 (R209, R601, R889, R890, R891, R892, R21001)
    Row("Provision/Policies/Policy/Data", &[Offer], V25),
    // [MS-ASPROV] 2.2.2.28 (R232, R233, R905, R906, R907, R908, R23501)
    Row("Provision/Policies/Policy/Data/EASProvisionDoc", &[Offer], V120),
    // [MS-ASPROV] 2.2.2.45 (R321, R976, R977, R978, R979, R32401)
    Row("Provision/RemoteWipe", &[Directive, WipeReport], V25),
    // [MS-ASPROV] 2.2.2.1 (R6901, R6906)
    Row("Provision/AccountOnlyRemoteWipe", &[AccountDirective, AccountWipeReport], V161),
    // [MS-ASPROV] 2.2.2.54.3 (R398, R1021, R1022, R1023, R1024, R40301)
    Row("Provision/RemoteWipe/Status", &[WipeReport], V25),
    Row("Provision/AccountOnlyRemoteWipe/Status", &[AccountWipeReport], V161),
];

/// The message as it travels; `None` where the version has no such message.
fn message(version: ProtocolVersion, message: Message) -> Option<Element<'static>> {
    let mut situation = Situation::new(version);
    let kind =
        if matches!(message, AccountDirective | AccountWipeReport) { WipeKind::AccountOnly } else { WipeKind::Device };
    if kind == WipeKind::AccountOnly && version < V161 {
        return None;
    }
    let request = match message {
        Initial | Offer => initial(version),
        Acknowledgment | Acceptance => {
            let key = situation.initial_key();
            acknowledgment(version, &key, AcknowledgmentStatus::Applied)
        }
        Directive | AccountDirective => {
            situation.provision();
            situation.order_wipe(kind);
            empty()
        }
        WipeReport | AccountWipeReport => wipe_acknowledgment(kind, WipeStatus::Success),
    };
    let element = request.to_element();
    assert_eq!(ProvisionRequest::from_element(&element, version), Ok(request.clone()), "{version} {message:?}");
    let element = match message {
        Initial | Acknowledgment | WipeReport | AccountWipeReport => element,
        Offer | Acceptance | Directive | AccountDirective => match situation.decide(&request).outcome {
            Outcome::Answer(reply) => reply.body.unwrap(),
            Outcome::Pass => panic!("Provision is answered"),
        },
    };
    Some(decode(&encode(&element), &Limits::default(), Unknown::Refuse).unwrap().into_owned())
}

/// Every element on this way from the root.
fn at<'e>(root: &'e Element<'static>, way: &str) -> Vec<&'e Element<'static>> {
    let mut names = way.split('/');
    let mut found = vec![root];
    assert_eq!(root.tag().name(), names.next());
    for name in names {
        let children = found.into_iter().flat_map(Element::children);
        found = children.filter(|child| child.tag().name() == Some(name)).collect();
    }
    found
}

fn names(element: &Element<'_>) -> Vec<&'static str> {
    element.children().iter().map(|child| child.tag().name().unwrap()).collect()
}

#[test]
fn every_element_stands_once_in_its_messages_and_versions_and_nowhere_else() {
    for version in ProtocolVersion::ALL {
        for which in MESSAGES {
            let Some(root) = message(version, which) else { continue };
            for Row(way, messages, since) in ROWS {
                let expected = usize::from(messages.contains(&which) && version >= *since);
                assert_eq!(at(&root, way).len(), expected, "{version} {which:?} {way}");
            }
        }
    }
    for version in ProtocolVersion::ALL {
        assert_eq!(message(version, AccountDirective).is_some(), version >= V161, "{version}");
    }
}

#[test]
fn provision_and_policy_hold_these_elements_in_this_order() {
    // [MS-ASPROV] 2.2.2.40 (R306); 2.2.2.41 (R604, R310, R311, R605); 2.2.2.44 (R320); 2.2.2.53 (R366); 3.1.1 (R417,
    // R419); 3.1.5.1.1 (R619); 3.1.5.1.2.1 (R436); 3.1.5.1.2.2 (R641); 3.1.5.1.2.3 (R64502); 3.2.5.1.1 (R534);
    // 3.2.5.1.2.1 (R661)
    for version in ProtocolVersion::ALL {
        let has_information = version >= V141;
        for (which, provision, policy) in [
            (Initial, &["DeviceInformation", "Policies"][..], &["PolicyType"][..]),
            (Offer, &["DeviceInformation", "Status", "Policies"], &["PolicyType", "Status", "PolicyKey", "Data"]),
            (Acknowledgment, &["Policies"], &["PolicyType", "PolicyKey", "Status"]),
            (Acceptance, &["Status", "Policies"], &["PolicyType", "Status", "PolicyKey"]),
            (Directive, &["Status", "RemoteWipe"], &[]),
            (WipeReport, &["RemoteWipe"], &[]),
            (AccountDirective, &["Status", "AccountOnlyRemoteWipe"], &[]),
            (AccountWipeReport, &["AccountOnlyRemoteWipe"], &[]),
        ] {
            let Some(root) = message(version, which) else { continue };
            let expected = provision.iter().copied().filter(|name| has_information || *name != "DeviceInformation");
            assert_eq!(names(&root), expected.collect::<Vec<_>>(), "{version} {which:?}");
            let found: Vec<_> = at(&root, "Provision/Policies/Policy").into_iter().map(names).collect();
            let expected: Vec<Vec<_>> = if policy.is_empty() { vec![] } else { vec![policy.to_vec()] };
            assert_eq!(found, expected, "{version} {which:?}");
        }
    }
}

#[test]
fn data_holds_the_document_as_elements_from_12_0_on_and_as_text_at_2_5() {
    // [MS-ASPROV] 2.2.2.24.1 (R208, R888, R210); 2.2.2.28 (R234); 2.2.2.43 (R965, R966, R971)
    for version in ProtocolVersion::ALL {
        let root = message(version, Offer).unwrap();
        let data = at(&root, "Provision/Policies/Policy/Data")[0];
        let policy_type = at(&root, "Provision/Policies/Policy/PolicyType")[0].text().unwrap();
        if version == V25 {
            assert_eq!((policy_type, data.children().len()), ("MS-WAP-Provisioning-XML", 0));
            assert!(data.text().unwrap().starts_with("<wap-provisioningdoc>"));
        } else {
            assert_eq!((policy_type, names(data)), ("MS-EAS-Provisioning-WBXML", vec!["EASProvisionDoc"]), "{version}");
            assert!(!data.has_text() && !data.children()[0].children().is_empty(), "{version}");
        }
    }
}

#[test]
fn a_directive_is_empty_and_its_acknowledgment_holds_one_status() {
    // [MS-ASPROV] 2.2.2.1 (R6903, R6905); 2.2.2.45 (R322, R324); 2.2.2.54.3 (R398, R399, R401)
    for version in ProtocolVersion::ALL {
        for (which, way) in [(Directive, "Provision/RemoteWipe"), (AccountDirective, "Provision/AccountOnlyRemoteWipe")]
        {
            let Some(root) = message(version, which) else { continue };
            assert!(at(&root, way)[0].is_empty(), "{version} {way}");
        }
        for (which, way) in
            [(WipeReport, "Provision/RemoteWipe"), (AccountWipeReport, "Provision/AccountOnlyRemoteWipe")]
        {
            let Some(root) = message(version, which) else { continue };
            assert_eq!(names(at(&root, way)[0]), ["Status"], "{version} {way}");
            let mut without = Element::new(root.tag()).with_child(Element::new(at(&root, way)[0].tag()));
            assert!(ProvisionRequest::from_element(&without, version).is_err(), "{version}: no Status");
            let status = || Element::with_text(asprov_wbxml::code_page::provision::STATUS, "1");
            let stranger = Element::with_text(asprov_wbxml::code_page::provision::POLICY_KEY, "1");
            for more in [status(), stranger] {
                let wipe = Element::new(at(&root, way)[0].tag()).with_child(status()).with_child(more);
                let twice = Element::new(root.tag()).with_child(wipe);
                assert!(ProvisionRequest::from_element(&twice, version).is_err(), "{version}: more than one Status");
            }
            for text in ["0", "3", "256", "257", "-1", "one"] {
                let status = Element::with_text(asprov_wbxml::code_page::provision::STATUS, text);
                without = Element::new(root.tag()).with_child(Element::new(at(&root, way)[0].tag()).with_child(status));
                assert!(ProvisionRequest::from_element(&without, version).is_err(), "{version}: {text}");
            }
        }
    }
}

#[test]
fn every_status_of_an_answer_is_a_number_of_one_byte() {
    // [MS-ASPROV] 2.2.2.54.1 (R375, R377); 2.2.2.54.2 (R391, R393)
    for version in ProtocolVersion::ALL {
        let mut answers: Vec<_> = ANSWERS.iter().filter_map(|which| message(version, *which)).collect();
        let mut refused = Situation::new(version);
        let temporary = refused.initial_key();
        for (key, status) in [("17", AcknowledgmentStatus::Applied), (&temporary, AcknowledgmentStatus::AppliedInPart)]
        {
            let Outcome::Answer(reply) = refused.decide(&acknowledgment(version, key, status)).outcome else {
                panic!()
            };
            answers.extend(reply.body);
        }
        for answer in answers {
            let own = at(&answer, "Provision/Status");
            assert_eq!(own.len(), 1, "{version}");
            let number: u8 = own[0].text().unwrap().parse().unwrap();
            assert!(matches!(number, 1..=3) || (101..=177).contains(&number), "{version} {number}");
            for policy in at(&answer, "Provision/Policies/Policy") {
                let status = policy.children().iter().find(|child| child.tag().name() == Some("Status")).unwrap();
                assert!(matches!(status.text().unwrap().parse::<u8>().unwrap(), 1..=5), "{version}");
            }
        }
    }
}

#[test]
fn the_answer_to_device_information_says_that_it_is_kept() {
    // [MS-ASPROV] 3.2.5.1.1 (R488)
    for version in ProtocolVersion::ALL.into_iter().filter(|version| *version >= V141) {
        let root = message(version, Offer).unwrap();
        let status = at(&root, "Provision/DeviceInformation/Status")[0].text().unwrap();
        assert_eq!(status, Status::SUCCESS.0.to_string(), "{version}");
    }
}
