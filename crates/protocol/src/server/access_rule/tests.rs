use proptest::prelude::*;

use super::*;

/// A device in one line: DeviceType, User-Agent, Model, OS (`-` for none of it) and version.
#[derive(Debug)]
struct Device {
    device_type: DeviceType,
    user_agent: Option<String>,
    information: Option<DeviceInformation>,
    version: ProtocolVersion,
    personal: Option<PersonalAccess>,
}

fn device(device_type: &str, user_agent: &str, model: &str, os: &str, version: ProtocolVersion) -> Device {
    let some = |text: &str| Some(text.to_owned()).filter(|text| text != "-");
    let information = DeviceInformation { model: some(model), os: some(os), ..DeviceInformation::default() };
    Device {
        device_type: DeviceType::new(device_type).unwrap(),
        user_agent: some(user_agent),
        information: Some(information).filter(|information| information.fields().next().is_some()),
        version,
        personal: None,
    }
}

impl Device {
    fn facts(&self) -> AccessFacts<'_> {
        AccessFacts {
            device_type: &self.device_type,
            user_agent: self.user_agent.as_deref(),
            version: self.version,
            information: self.information.as_ref(),
            personal: self.personal.as_ref(),
        }
    }

    fn decided(mut self, state: AccessState) -> Self {
        self.personal = Some(PersonalAccess { state, reason: "her old one".to_owned(), decided_by: "ann".to_owned() });
        self
    }
}

fn iphone(os: &str) -> Device {
    device("iPhone", "Apple-iPhone16C2/2301.341", "iPhone16C2", os, ProtocolVersion::V16_1)
}

fn judged(rules: &str, device: &Device) -> (Standing, String) {
    let decision = AccessRules::parse(rules).unwrap().judge(&device.facts());
    let by = match decision.decided_by {
        DecidedBy::Personal(who) => format!("personal {who}"),
        DecidedBy::Rule(name) => name.to_string(),
        DecidedBy::Default => "default".to_owned(),
        DecidedBy::Discovery => "discovery".to_owned(),
    };
    assert!(!decision.reason.is_empty());
    (decision.standing, by)
}

fn standing(rule: &str, device: &Device) -> Standing {
    judged(&format!("default: block\nit: allow if {rule}"), device).0
}

#[test]
fn without_rules_everybody_is_allowed() {
    let decision = AccessRules::default().judge(&iphone("iOS 17").facts());
    assert_eq!((decision.standing, decision.decided_by), (Standing::Allowed, DecidedBy::Default));
}

#[test]
fn every_characteristic_is_compared() {
    let phone = iphone("iOS 16.7.2 20H115");
    for (condition, holds) in [
        ("DeviceType = iPhone", true),
        ("DeviceType = \"iP*\"", true),
        ("devicetype = IPHONE", true),
        ("DeviceType != iPhone", false),
        ("DeviceType != iPad", true),
        ("Model = iPhone1?C2", true),
        ("Model = \"iPhone\"", false),
        ("OS = \"iOS 16*\"", true),
        ("OS < \"iOS 17\"", true),
        ("OS <= \"iOS 16.7.2\"", true),
        ("OS >= \"iOS 16.7.3\"", false),
        ("OS > \"Android 4\"", false),
        ("User-Agent = Apple-*", true),
        ("UserAgent >= \"Apple-iPhone*/2301\"", true),
        ("UserAgent < \"Apple-iPhone*/2301\"", false),
        ("ProtocolVersion = 16.1", true),
        ("ProtocolVersion < 16.1", false),
        ("ProtocolVersion >= 14.1 and DeviceType = iPhone", true),
        ("ProtocolVersion >= 14.1 and DeviceType = iPad", false),
    ] {
        let expected = if holds { Standing::Allowed } else { Standing::Blocked };
        assert_eq!(standing(condition, &phone), expected, "{condition}");
    }
}

#[test]
fn what_a_device_does_not_say_fulfils_nothing() {
    let silent = device("SP", "-", "sdk", "-", ProtocolVersion::V16_1);
    for condition in ["User-Agent = *", "User-Agent != x", "OS = *", "OS != \"iOS 1\"", "OS < \"* 99\""] {
        assert_eq!(standing(condition, &silent), Standing::Blocked, "{condition}");
    }
}

#[test]
fn block_comes_before_quarantine_before_exempt_before_allow_before_default() {
    const RULES: &str = "default: quarantine\n\
                         a: allow if DeviceType = iPhone\n\
                         b: exempt if DeviceType = iP*e and Model = \"iPhone1*\"\n\
                         c: quarantine if DeviceType = iP*e and OS < \"iOS 18\"\n\
                         d: block if DeviceType = iP*e and OS < \"iOS 17\"\n";
    let other = device("iPhone", "-", "iPhone9C1", "iOS 18", ProtocolVersion::V16_1);
    assert_eq!(judged(RULES, &iphone("iOS 16.1")), (Standing::Blocked, "d".to_owned()));
    assert_eq!(judged(RULES, &iphone("iOS 17.5")), (Standing::Quarantined, "c".to_owned()));
    assert_eq!(judged(RULES, &iphone("iOS 18")), (Standing::Exempt, "b".to_owned()));
    assert_eq!(judged(RULES, &other), (Standing::Allowed, "a".to_owned()));
    let android = device("Android", "-", "sdk", "Android 4.1", ProtocolVersion::V14_1);
    assert_eq!(judged(RULES, &android), (Standing::Quarantined, "default".to_owned()));
}

#[test]
fn among_equals_the_first_by_name_decides() {
    let rules = "b: block if OS = iOS*\na: block if OS < \"iOS 17\"\n";
    assert_eq!(judged(rules, &iphone("iOS 16")), (Standing::Blocked, "a".to_owned()));
    assert_eq!(judged(rules, &iphone("iOS 18")), (Standing::Blocked, "b".to_owned()));
}

#[test]
fn a_personal_decision_comes_before_every_rule() {
    let rules = "default: block\nall: block if DeviceType = iPhone\n";
    let allowed = iphone("iOS 17").decided(AccessState::Allowed);
    assert_eq!(judged(rules, &allowed), (Standing::Allowed, "personal ann".to_owned()));
    let blocked = iphone("iOS 17").decided(AccessState::Blocked);
    let exempt = "it: exempt if DeviceType = iPhone";
    assert_eq!(judged(exempt, &blocked), (Standing::Blocked, "personal ann".to_owned()));
    assert_eq!(AccessRules::default().judge(&blocked.facts()).reason, "her old one");
}

#[test]
fn a_device_that_is_personally_allowed_is_still_exempt_by_rule() {
    let rules = "default: quarantine\nit: exempt if DeviceType = iPhone\n";
    let allowed = iphone("iOS 17").decided(AccessState::Allowed);
    assert_eq!(judged(rules, &allowed), (Standing::Exempt, "it".to_owned()));
}

#[test]
fn a_reason_comes_back_and_without_one_the_rule_itself() {
    let rules = AccessRules::parse("it: block if OS < \"iOS 17\"").unwrap();
    let decision = rules.judge(&iphone("iOS 16").facts());
    assert_eq!(decision.reason, "rule it: block if OS < \"iOS 17\"");
}

#[test]
fn from_14_1_on_a_device_is_not_judged_before_it_said_what_it_is() {
    let silent = |version| device("iPhone", "-", "-", "-", version);
    let new = silent(ProtocolVersion::V14_1);
    let old = silent(ProtocolVersion::V14_0);
    let discovery = (Standing::Discovery, "discovery".to_owned());
    // The default level.
    assert_eq!(judged("default: quarantine", &new), discovery);
    assert_eq!(judged("default: quarantine", &old), (Standing::Quarantined, "default".to_owned()));
    assert_eq!(judged("default: allow", &new), (Standing::Allowed, "default".to_owned()));
    // A rule on OS, with and without something looser that holds already.
    let rule = "old: block if OS < \"iOS 17\"\n";
    assert_eq!(judged(rule, &new), discovery);
    assert_eq!(judged(rule, &old), (Standing::Allowed, "default".to_owned()));
    assert_eq!(judged(&format!("{rule}phones: allow if DeviceType = iPhone"), &new), discovery);
    // A rule that could only let it in keeps nobody waiting, and neither does one that cannot hold any more.
    assert_eq!(judged("new: allow if OS > \"iOS 17\"", &new), (Standing::Allowed, "default".to_owned()));
    let impossible = "it: block if OS < \"iOS 17\" and DeviceType = iPad";
    assert_eq!(judged(impossible, &new), (Standing::Allowed, "default".to_owned()));
    // What holds already and is as strict decides at once.
    let strict = "a: block if OS < \"iOS 17\"\nb: block if DeviceType = iPhone\n";
    assert_eq!(judged(strict, &new), (Standing::Blocked, "b".to_owned()));
    assert_eq!(judged(&format!("default: quarantine\n{rule}"), &iphone("iOS 18")).1, "default");
}

#[test]
fn a_rule_is_read_and_written() {
    for text in [
        "block if OS < \"iOS 17\"",
        "allow if DeviceType = \"iPhone\" and Model != \"x\\\\y \\\"z\\\"\" because \"they are \\\"ours\\\"\"",
        "exempt if User-Agent >= \"Outlook/16.0\" and ProtocolVersion = 14.0",
        "quarantine if ProtocolVersion <= 12.1",
    ] {
        assert_eq!(text.parse::<AccessRule>().unwrap().to_string(), text);
    }
    let loose = "  BLOCK  if devicetype=iPhone and\tos<\"iOS 17\"  because old ";
    let rule: AccessRule = loose.parse().unwrap();
    assert_eq!(rule.to_string(), "block if DeviceType = \"iPhone\" and OS < \"iOS 17\" because \"old\"");
    assert_eq!((rule.action(), rule.reason(), rule.conditions().len()), (RuleAction::Block, "old", 2));
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    for (text, message) in [
        ("", "character 1: the end, expected block, quarantine, exempt or allow"),
        ("deny if OS = x", "character 1: `deny if OS = x`, expected block, quarantine, exempt or allow"),
        ("block OS = x", "character 7: `OS = x`, expected if"),
        ("block if", "character 9: the end, expected DeviceType, Model, OS, User-Agent or ProtocolVersion"),
        (
            "block if IMEI = 1",
            "character 10: `IMEI = 1`, expected DeviceType, Model, OS, User-Agent or ProtocolVersion",
        ),
        ("block if OS ~ x", "character 13: `~ x`, expected =, !=, <, <=, > or >="),
        ("block if OS =", "character 14: the end, expected a value"),
        (
            "block if OS < iOS",
            "character 15: `iOS`, expected a product and its version, such as \"iOS 17\" or \"Outlook/16.0\"",
        ),
        (
            "block if Model < \"a 1\"",
            "character 16: `< \\\"a 1\\\"`, expected = or !=, since DeviceType and Model have no versions",
        ),
        (
            "block if ProtocolVersion = 13",
            "character 28: `13`, expected a protocol version: 2.5, 12.0, 12.1, 14.0, 14.1, 16.0 or 16.1",
        ),
        ("block if OS = \"x", "character 15: `\\\"x`, expected a string with its closing quote"),
        ("block if OS = \"ä\\n\"", "character 17: `\\\\n\\\"`, expected \\\" or \\\\"),
        ("block if OS = x or OS = y", "character 17: `or OS = y`, expected and, because, or the end of the rule"),
        (
            "block if OS = \"\"",
            "character 15: `\\\"\\\"`, expected 1 to 128 characters without control characters, with * and ? as wildcards",
        ),
        (
            "block if OS = x because \"\"",
            "character 25: `\\\"\\\"`, expected 1 to 256 characters without control characters",
        ),
    ] {
        assert_eq!(text.parse::<AccessRule>().unwrap_err().to_string(), message, "{text}");
    }
    let many = format!("block if {}", ["OS = *"; MOST_CONDITIONS + 1].join(" and "));
    assert!(many.parse::<AccessRule>().unwrap_err().to_string().ends_with("expected at most 8 conditions"));
}

#[test]
fn a_file_of_rules_is_read_and_refused_with_its_line() {
    let rules = AccessRules::parse("# who may come\n\n default : Block \r\n a-1: allow if OS = iOS* \n").unwrap();
    assert_eq!(rules.default_level(), AccessState::Blocked);
    assert_eq!(rules.to_string(), "default: block\na-1: allow if OS = \"iOS*\"\n");
    for (text, message) in [
        ("hello", "line 1, character 1: `hello`, expected a name and a colon"),
        ("\ndefault: perhaps", "line 2, character 10: `perhaps`, expected allow, quarantine or block"),
        (
            "default: allow\ndefault: block",
            "line 2, character 1: `default: block`, expected one line for the default level",
        ),
        (
            "a b: block if OS = x",
            "line 1, character 1: `a b: block if OS = x`, expected a name of 1 to 64 of A-Z, a-z, 0-9, -, _ and .",
        ),
        (
            "a: block if OS = x\n a: allow if OS = y",
            "line 2, character 2: `a: allow if OS = y`, expected each name once",
        ),
        ("a: block if OS", "line 1, character 15: the end, expected =, !=, <, <=, > or >="),
        ("a: block if OS = x y", "line 1, character 20: `y`, expected and, because, or the end of the rule"),
        (
            "a: block if OS = x\nb: block if ProtocolVersion > 16.1",
            "line 2, character 1: rule b, expected another rule: no protocol version fulfils ProtocolVersion > 16.1",
        ),
    ] {
        assert_eq!(AccessRules::parse(text).unwrap_err().to_string(), message);
    }
}

fn fault(text: &str) -> Option<(RuleFaultKind, String)> {
    let rules = text.lines().map(|line| {
        let (name, rule) = line.split_once(": ").unwrap();
        (RuleName::new(name).unwrap(), rule.parse().unwrap())
    });
    let by_action = rules.map(|(name, rule): (RuleName, AccessRule)| ((rule.action, name), rule)).collect();
    let rules = AccessRules { default: AccessState::Allowed, rules: by_action };
    rules.faults().into_iter().next().map(|fault| (fault.kind, fault.rule.to_string()))
}

#[test]
fn conditions_that_exclude_each_other_never_match() {
    for conditions in [
        "DeviceType = iPhone and DeviceType = iPad",
        "DeviceType = iPhone and DeviceType != iP*",
        "DeviceType = a* and DeviceType = b*",
        "Model != *",
        "OS < \"iOS 17\" and OS > \"iOS 17\"",
        "OS < \"iOS 17\" and OS >= \"iOS 17.0\"",
        "OS <= \"iOS 9\" and OS >= \"iOS 10\"",
        "OS < \"iOS 17\" and OS < \"Android 10\"",
        "OS = \"Android 4\" and OS < \"iOS 17\"",
        "ProtocolVersion < 2.5",
        "ProtocolVersion > 12.0 and ProtocolVersion < 12.1",
        "ProtocolVersion >= 14.0 and ProtocolVersion != 14.0 and ProtocolVersion < 14.1",
    ] {
        let found = fault(&format!("it: block if {conditions}"));
        assert_eq!(found, Some((RuleFaultKind::NeverMatches, "it".to_owned())), "{conditions}");
    }
    for conditions in [
        "DeviceType = iP* and DeviceType = *Pad",
        "DeviceType = iP* and DeviceType != iPhone",
        "OS >= \"iOS 17\" and OS <= \"iOS 17\"",
        "OS > \"iOS 17\" and OS < \"iOS 17.0.1\"",
        "OS < \"* 17\" and OS >= \"iOS 5\"",
        "ProtocolVersion >= 12.0 and ProtocolVersion <= 12.0",
    ] {
        assert_eq!(fault(&format!("it: block if {conditions}")), None, "{conditions}");
    }
}

#[test]
fn a_rule_that_another_one_decides_for_is_a_contradiction() {
    for rules in [
        "a: allow if OS = iOS*\nb: block if OS = iOS*",
        "a: allow if DeviceType = iPhone and OS < \"iOS 17\"\nb: block if OS < \"iOS 18\"",
        "a: exempt if ProtocolVersion = 12.1\nb: quarantine if ProtocolVersion < 14.0",
        "a: allow if DeviceType = iPhone\nb: exempt if DeviceType = i*",
        "a: allow if OS > \"iOS 17\" and OS <= \"iOS 18\"\nb: block if OS = *",
        "a: allow if DeviceType != *\u{e4}*\nb: block if DeviceType != \u{e4}",
        "a: allow if DeviceType = iPad\nb: block if DeviceType != iPhone",
        "a: allow if ProtocolVersion > 2.5 and ProtocolVersion < 12.1\nb: block if ProtocolVersion = 12.0",
    ] {
        assert_eq!(fault(rules), Some((RuleFaultKind::Contradicted, "a".to_owned())), "{rules}");
        assert!(AccessRules::parse(rules).unwrap_err().to_string().contains("is tried first"), "{rules}");
    }
    for rules in [
        "a: allow if OS = iOS*\nb: block if OS < \"iOS 17\"",
        "a: allow if DeviceType = iPhone\nb: block if DeviceType = iPhone and OS < \"iOS 17\"",
        "a: allow if ProtocolVersion < 14.1\nb: block if ProtocolVersion < 14.0",
        "a: allow if OS < \"* 17\"\nb: block if OS < \"iOS 17\"",
    ] {
        assert_eq!(fault(rules), None, "{rules}");
    }
}

#[test]
fn a_rule_that_says_nothing_new_is_no_error() {
    let rules = "a: block if OS = iOS*\nb: block if OS = \"iOS 16*\"";
    assert_eq!(fault(rules), Some((RuleFaultKind::Superfluous, "b".to_owned())));
    assert_eq!(AccessRules::parse(rules).unwrap().faults().len(), 1);
    // By name the narrower one is tried first, and gives its own reason.
    assert_eq!(fault("b: block if OS = iOS*\na: block if OS = \"iOS 16*\""), None);
}

#[test]
fn the_number_of_rules_is_limited_and_names_are_names() {
    let many: String = (0..=MOST_RULES).map(|at| format!("r{at}: block if OS = \"x{at}\"\n")).collect();
    assert!(AccessRules::parse(&many).unwrap_err().to_string().contains("more than 200 rules"));
    for name in ["", "default", "Default", ".", "..", "a/b", "a b", &"x".repeat(65)] {
        assert!(RuleName::new(name).is_none(), "{name:?}");
    }
}

const TYPES: &[&str] = &["iPhone", "iPad", "Android", "WindowsOutlook", "SP"];
const SYSTEMS: &[&str] = &["-", "iOS 9.0.2", "iOS 16.7.2 20H115", "iOS 17", "iPadOS 17.1", "Android 4.4.2", "Windows"];

fn any_condition() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..2_usize, prop::sample::select(&["iPhone", "iP*", "*", "?P*", "Android", "*Outlook*", "SP"][..]))
            .prop_map(|(not, pattern)| format!("DeviceType {} \"{pattern}\"", ["=", "!="][not])),
        (0..2_usize, prop::sample::select(&["iOS*", "iOS 17", "*", "*OS 1?*", "Android*"][..]))
            .prop_map(|(not, pattern)| format!("OS {} \"{pattern}\"", ["=", "!="][not])),
        (0..4_usize, prop::sample::select(&["iOS 9.0.2", "iOS 16", "iOS 17", "*OS 17", "* 5", "Android 10"][..]))
            .prop_map(|(operator, release)| format!("OS {} \"{release}\"", ["<", "<=", ">", ">="][operator])),
        (0..6_usize, 0..7_usize).prop_map(|(operator, version)| {
            let sign = ["=", "!=", "<", "<=", ">", ">="][operator];
            format!("ProtocolVersion {sign} {}", ProtocolVersion::ALL[version])
        }),
    ]
}

fn any_rule() -> impl Strategy<Value = AccessRule> {
    (0..4_usize, prop::collection::vec(any_condition(), 1..4), "[ -~ä]{0,12}").prop_map(
        |(action, conditions, reason)| {
            let rule = format!("{} if {}", RuleAction::ALL[action].as_str(), conditions.join(" and "));
            let rule: AccessRule = rule.parse().unwrap();
            AccessRule { reason, ..rule }
        },
    )
}

/// Rules that nobody has looked at.
fn any_rules() -> impl Strategy<Value = AccessRules> {
    (0..3_usize, prop::collection::vec(any_rule(), 0..7)).prop_map(|(default, rules)| AccessRules {
        default: AccessState::ALL[default],
        rules: rules
            .into_iter()
            .enumerate()
            .map(|(at, rule)| ((rule.action, RuleName::new(&format!("r{at}")).unwrap()), rule))
            .collect(),
    })
}

fn any_device() -> impl Strategy<Value = Device> {
    (0..TYPES.len(), 0..SYSTEMS.len(), 0..7_usize, prop::option::weighted(0.3, 0..3_usize)).prop_map(
        |(device_type, os, version, personal)| {
            let device = device(TYPES[device_type], "-", "-", SYSTEMS[os], ProtocolVersion::ALL[version]);
            match personal {
                Some(state) => device.decided(AccessState::ALL[state]),
                None => device,
            }
        },
    )
}

#[test]
fn the_default_level_says_what_it_is_by_its_word() {
    for state in [AccessState::Allowed, AccessState::Blocked, AccessState::Quarantined] {
        let reason = AccessDecision::by_default(state).reason;
        assert_eq!(reason, format!("the default level: no rule is about this device, and it is {}", state.as_str()));
    }
}

proptest! {
    #[test]
    fn a_rule_comes_back_from_its_text(rule in any_rule()) {
        prop_assert_eq!(rule.to_string().parse(), Ok(rule));
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(text in "\\PC{0,40}|(block|allow) if (OS|Model) (=|<) \\PC{0,12}( and| because)?") {
        if let Ok(rule) = text.parse::<AccessRule>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        let _ = AccessRules::parse(&text);
    }

    /// The order of decision once more, in other words: of all that hold, the strictest.
    #[test]
    fn what_decides_is_the_strictest_that_holds(rules in any_rules(), device in any_device()) {
        let facts = device.facts();
        let decision = rules.judge(&facts);
        let holding = |action| {
            rules.iter().find(|(_, rule)| rule.action == action && rule.holds(&facts) == Holds::Yes)
        };
        match &device.personal {
            Some(personal) if personal.state != AccessState::Allowed => {
                prop_assert_eq!(decision.standing, Standing::of(personal.state));
            }
            Some(_) => {
                let exempt = holding(RuleAction::Exempt).is_some();
                prop_assert_eq!(decision.standing, if exempt { Standing::Exempt } else { Standing::Allowed });
            }
            None if decision.standing == Standing::Discovery => {
                // Only a device that will still say what it is.
                prop_assert!(device.information.is_none() && device.version >= ProtocolVersion::V14_1);
            }
            None => match RuleAction::ALL.into_iter().find_map(holding) {
                Some((name, rule)) => {
                    prop_assert_eq!(decision.standing, rule.action.standing());
                    prop_assert_eq!(decision.decided_by, DecidedBy::Rule(name.clone()));
                }
                None => {
                    prop_assert_eq!(decision.standing, Standing::of(rules.default));
                    prop_assert_eq!(decision.decided_by, DecidedBy::Default);
                }
            },
        }
    }

    /// What a device says later never makes it stricter than what it was let in with.
    #[test]
    fn nobody_gets_in_before_it_is_known_that_nothing_keeps_it_out(
        rules in any_rules(), device_type in 0..TYPES.len(), os in 1..SYSTEMS.len(), version in 4..7_usize,
    ) {
        let version = ProtocolVersion::ALL[version];
        let before = rules.judge(&device(TYPES[device_type], "-", "-", "-", version).facts()).standing;
        let after = rules.judge(&device(TYPES[device_type], "-", "-", SYSTEMS[os], version).facts()).standing;
        let gets_in = |standing| matches!(standing, Standing::Allowed | Standing::Exempt);
        prop_assert!(!gets_in(before) || gets_in(after), "{}: {:?} then {:?}", rules, before, after);
    }

    #[test]
    fn a_rule_with_a_fault_never_decides(rules in any_rules(), devices in prop::collection::vec(any_device(), 40)) {
        let faulty: Vec<_> = rules.faults().into_iter().map(|fault| (fault.rule, fault.kind)).collect();
        for device in devices.iter().filter(|device| device.personal.is_none()) {
            if let DecidedBy::Rule(name) = rules.judge(&device.facts()).decided_by {
                prop_assert!(faulty.iter().all(|(rule, _)| *rule != name), "{}: {} decides", rules, name);
            }
        }
    }

    #[test]
    fn rules_come_back_from_their_text(rules in any_rules()) {
        match AccessRules::parse(&rules.to_string()) {
            Ok(back) => prop_assert_eq!(back, rules),
            Err(_) => prop_assert!(!rules.faults().is_empty()),
        }
    }
}
