//! Every setting, set by the program, by the API and by a file, arrives on the wire in every version that carries it, and
//! only there.

use asprov_protocol::policy::{Kind, PolicyDocument, SETTINGS, Setting, SettingId, Value};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::provision;
use serde_json::{Value as Json, json};

use super::running::Running;

/// A value that asks for something, as the command line takes it.
fn value_of(setting: &Setting) -> (String, Value) {
    let candidates = ["900", "6", "0", "1", "2", "game.exe,radio.exe"];
    let candidates = candidates.iter().filter_map(|text| Some(((*text).to_owned(), setting.parse(text).ok()?)));
    let mut asking = candidates.filter(|(_, value)| !setting.is_neutral(Some(value)));
    // `900` would be a list of one entry.
    let chosen = if matches!(setting.kind, Kind::List { .. }) { asking.next_back() } else { asking.next() };
    chosen.unwrap_or_else(|| panic!("no value for {}", setting.name))
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Flag(on) => json!(on),
        Value::Number(number) => json!(number),
        Value::List(entries) => json!(entries),
    }
}

/// The settings about the password go out only with a password.
fn needs_password(setting: &Setting) -> bool {
    setting.password_group && setting.id != SettingId::DevicePasswordEnabled
}

type Way = fn(&Running, &Setting, &str, &Value);

const WAYS: [(&str, Way); 3] = [
    ("the program", |server, setting, text, _| {
        let change = format!("{}={text}", setting.name);
        let mut arguments = vec!["policy", "set", "default", "--preset", "open", &change];
        if needs_password(setting) {
            arguments.push("DevicePasswordEnabled=true");
        }
        server.out(&arguments);
    }),
    ("the API", |server, setting, _, value| {
        let mut settings = json!({setting.name: json_of(value)});
        if needs_password(setting) {
            settings["DevicePasswordEnabled"] = json!(true);
        }
        server.put("/api/v1/policies/default", &json!({"settings": settings, "allow_non_provisionable": true}));
    }),
    ("a file", |server, setting, _, value| {
        let password = if needs_password(setting) { "DevicePasswordEnabled = true\n" } else { "" };
        let file = format!("[policy.default.settings]\n{}= {}\n{password}", setting.name, json_of(value));
        server.write("policy.toml", &file);
        server.out(&["policy", "apply", "policy.toml"]);
    }),
];

/// What the wire carries: of 2.5 the text of its WAP document, of all others EASProvisionDoc.
enum OnTheWire {
    Wap(String),
    Document(Element<'static>),
}

fn on_the_wire(answer: &Element<'static>) -> OnTheWire {
    let policy = answer.child(provision::POLICIES).and_then(|policies| policies.child(provision::POLICY)).unwrap();
    let data = policy.child(provision::DATA).unwrap();
    match data.child(provision::EAS_PROVISION_DOC) {
        Some(document) => OnTheWire::Document(document.clone()),
        None => OnTheWire::Wap(data.text().unwrap().to_owned()),
    }
}

/// The text of a value, in the element or, of a list, in each of its children.
fn texts(element: &Element<'_>) -> Vec<String> {
    match element.children() {
        [] => element.text().filter(|text| !text.is_empty()).map(str::to_owned).into_iter().collect(),
        children => children.iter().map(|child| child.text().unwrap().to_owned()).collect(),
    }
}

fn check(wire: &OnTheWire, version: ProtocolVersion, setting: &Setting, value: &Value, context: &str) {
    let document = match wire {
        OnTheWire::Wap(text) => {
            let received = PolicyDocument::from_wap(text).unwrap();
            assert!(received.faults.is_empty(), "{context}: {:?}", received.faults);
            received.document
        }
        OnTheWire::Document(element) => {
            let expected = match value {
                Value::Flag(on) => vec![if *on { "1" } else { "0" }.to_owned()],
                Value::Number(number) => vec![number.to_string()],
                Value::List(entries) => entries.clone(),
            };
            let elements: Vec<_> = element.children_with(setting.tag).map(texts).collect();
            let carried = if setting.since <= version { vec![expected] } else { vec![] };
            assert_eq!(elements, carried, "{context}");
            PolicyDocument::from_element(element).document
        }
    };
    let asked: Vec<_> = document.iter().filter(|(setting, value)| !setting.is_neutral(Some(value))).collect();
    let mut expected = Vec::new();
    if needs_password(setting) {
        expected.push((SettingId::DevicePasswordEnabled, Value::Flag(true)));
    }
    if setting.is_carried_by(version) {
        expected.push((setting.id, value.clone()));
    }
    let asked: Vec<_> = asked.into_iter().map(|(setting, value)| (setting.id, value.clone())).collect();
    assert_eq!(asked, expected, "{context}: nothing else is asked for");
}

#[test]
fn every_setting_arrives_in_every_version_that_carries_it_whichever_way_it_is_set() {
    let server = Running::start("", &["--store", "memory:", "--log", "warn,asprov=info"]);
    let mut checked = 0;
    for (number, (way, set)) in WAYS.into_iter().enumerate() {
        for (place, setting) in SETTINGS.iter().enumerate() {
            let (text, value) = value_of(setting);
            set(&server, setting, &text, &value);
            for version in ProtocolVersion::ALL {
                let context = format!("{} by {way} at {version}", setting.name);
                // A device that asks more often than 60 times a minute would have to wait.
                let device_id = format!("{number}-{version}-{}", place / 30);
                check(&on_the_wire(&server.offered(&device_id, version)), version, setting, &value, &context);
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 3 * 42 * 7);
}
