use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(settings: &Json) -> Result<PolicyDocument, Problem> {
    serde_json::from_value::<GivenSettings>(settings.clone()).unwrap().document()
}

fn write(document: &PolicyDocument) -> Json {
    serde_json::to_value(PolicySettings::from(document.clone())).unwrap()
}

/// Any value that the setting accepts.
fn value(setting: &'static Setting) -> BoxedStrategy<Value> {
    match setting.kind {
        Kind::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        Kind::Number { min, max, .. } => (min..=max).prop_map(Value::Number).boxed(),
        Kind::Choice(choices) => {
            proptest::sample::select(choices).prop_map(|(number, _)| Value::Number(number)).boxed()
        }
        Kind::List { .. } => proptest::collection::vec("[^\\p{Cc}]{1,40}", 1..20).prop_map(Value::List).boxed(),
    }
}

fn document() -> impl Strategy<Value = PolicyDocument> {
    let rows: Vec<_> = SETTINGS.iter().map(|setting| proptest::option::of(value(setting))).collect();
    rows.prop_map(|values| {
        let mut document = PolicyDocument::default();
        for (setting, value) in SETTINGS.iter().zip(values) {
            if let Some(value) = value {
                document.set(setting.id, value).unwrap();
            }
        }
        document
    })
}

proptest! {
    #[test]
    fn every_document_reads_back_from_its_json(document in document()) {
        let json = write(&document);
        prop_assert_eq!(read(&json).unwrap(), document);
        // And from the text that travels.
        let text = json.to_string();
        let given: GivenSettings = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(write(&given.document().unwrap()), json);
    }

    #[test]
    fn any_json_is_a_document_or_a_problem(setting in (0..SETTINGS.len()).prop_map(|row| &SETTINGS[row]), json in any_json()) {
        match read(&json!({setting.name: json})) {
            Ok(document) => prop_assert!(document.iter().count() <= 1),
            Err(problem) => {
                prop_assert_eq!(problem.kind(), ProblemKind::InvalidValue);
                prop_assert!(problem.detail().contains(setting.name));
                prop_assert!(problem.detail().ends_with(&accepts(setting)));
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-2_i64..20).prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Json::from))
}

#[test]
fn null_and_an_empty_list_unset_a_setting() {
    for setting in SETTINGS {
        assert_eq!(read(&json!({setting.name: null})), Ok(PolicyDocument::default()), "{}", setting.name);
    }
    assert_eq!(read(&json!({"ApprovedApplicationList": []})), Ok(PolicyDocument::default()));
}

#[test]
fn a_choice_is_accepted_by_number_and_by_words_and_written_as_number() {
    let mut choices = 0;
    for setting in SETTINGS {
        let Kind::Choice(rows) = setting.kind else { continue };
        for (number, words) in rows {
            let by_number = read(&json!({setting.name: number})).unwrap();
            assert_eq!(read(&json!({setting.name: words})), Ok(by_number.clone()));
            assert_eq!(read(&json!({setting.name: words.to_uppercase()})), Ok(by_number.clone()));
            assert_eq!(write(&by_number), json!({setting.name: number}));
            choices += 1;
        }
    }
    assert!(choices > 10);
    let refused = read(&json!({"AllowBluetooth": "sometimes"})).unwrap_err();
    assert_eq!(
        refused.detail(),
        format!(
            "settings: AllowBluetooth does not accept `\"sometimes\"`, expected {}",
            accepts(by_name("AllowBluetooth"))
        )
    );
}

fn by_name(name: &str) -> &'static Setting {
    Setting::by_name(name).unwrap()
}

#[test]
fn a_value_of_another_type_is_refused_and_never_converted() {
    for (name, wrong) in [
        ("DevicePasswordEnabled", json!(1)),
        ("DevicePasswordEnabled", json!("true")),
        ("MinDevicePasswordLength", json!("6")),
        ("MinDevicePasswordLength", json!(6.0)),
        ("MinDevicePasswordLength", json!(true)),
        ("MinDevicePasswordLength", json!("")),
        ("MinDevicePasswordLength", json!(17)),
        ("MaxInactivityTimeDeviceLock", json!(4_294_967_296_u64)),
        ("MaxInactivityTimeDeviceLock", json!(u64::MAX)),
        ("AllowBluetooth", json!(3)),
        ("ApprovedApplicationList", json!("a.exe")),
        ("ApprovedApplicationList", json!(["a.exe", 1])),
        ("ApprovedApplicationList", json!([""])),
        ("ApprovedApplicationList", json!(["a\nb"])),
        ("ApprovedApplicationList", json!(vec!["a"; 1001])),
        ("ApprovedApplicationList", json!({"Hash": "a"})),
    ] {
        let problem = read(&json!({name: wrong})).unwrap_err();
        assert_eq!(problem.kind(), ProblemKind::InvalidValue, "{name}");
        assert!(problem.detail().starts_with(&format!("settings: {name} does not accept `")), "{problem:?}");
        assert!(problem.detail().chars().count() < 400, "{problem:?}");
    }
}

#[test]
fn a_name_has_to_be_exact_and_the_nearest_is_named() {
    for (name, nearest) in [
        ("allowcamera", Some("AllowCamera")),
        ("AlowWifi", Some("AllowWiFi")),
        ("MinDevicePasswordLenght", Some("MinDevicePasswordLength")),
        ("PasswordEnabled", Some("DevicePasswordEnabled")),
        ("x", None),
        ("", None),
        (&"AllowCamera".repeat(10_000), None),
    ] {
        let problem = read(&json!({name: true})).unwrap_err();
        let hint = nearest.map(|nearest| format!("did you mean {nearest}?"));
        let expected =
            Problem::new(ProblemKind::UnknownSetting, format!("settings: there is no setting {}", quoted(name)))
                .with_hint(hint.unwrap_or_else(|| "setting names are the element names of EASProvisionDoc".to_owned()));
        assert_eq!(problem, expected);
    }
}

#[test]
fn the_schema_describes_every_setting() {
    let schema = serde_json::to_value(PolicySettings::schema()).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.len(), SETTINGS.len());
    assert_eq!(schema["additionalProperties"], false);
    for setting in SETTINGS {
        let description = properties[setting.name]["description"].as_str().unwrap();
        assert!(description.contains(&accepts(setting)) && description.contains(setting.doc), "{description}");
    }
    let length = &properties["MinDevicePasswordLength"];
    assert_eq!(
        (&length["type"], &length["minimum"], &length["maximum"]),
        (&json!(["integer", "null"]), &json!(1), &json!(16))
    );
}
