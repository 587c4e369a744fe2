use std::collections::BTreeSet;

use super::*;
use crate::device::DeviceType;
use crate::server::access_rule::{AccessFacts, AccessRules, Standing};
use crate::version::ProtocolVersion;

fn rule(name: &str) -> &'static str {
    let quirk = QUIRKS_OF_DEVICES.iter().find(|quirk| quirk.name == name);
    quirk.and_then(|quirk| quirk.rule).unwrap_or_else(|| panic!("{name}"))
}

fn is_exempt(rule: &str, user_agent: &str, device_type: &str) -> bool {
    let rules = AccessRules::parse(&format!("it: {rule}")).unwrap();
    let device_type = DeviceType::new(device_type).unwrap();
    let decision = rules.judge(&AccessFacts {
        device_type: &device_type,
        user_agent: Some(user_agent),
        version: ProtocolVersion::V14_0,
        information: None,
        personal: None,
    });
    decision.standing == Standing::Exempt
}

#[test]
fn the_rules_that_help_match_the_devices_they_are_for() {
    let outlook = rule("outlook-for-windows");
    assert!(is_exempt(outlook, "Outlook/16.0 (16.0.7167.6539; C2R; x86)", "WindowsOutlook"));
    assert!(is_exempt(outlook, "Outlook/15.0 (15.0.4420.1017; MSI; x86)", "WindowsOutlook15"));
    assert!(!is_exempt(outlook, "Outlook-iOS-Android/1.0", "Outlook"));
    let analyser = rule("connectivity-analyser");
    assert!(is_exempt(analyser, "TestActiveSyncConnectivity", "TestActiveSyncConnectivity"));
    let android = rule("android-eas-1.2");
    assert!(is_exempt(android, "Android/3.0-EAS-1.2", "Android"));
    assert!(!is_exempt(android, "Android/4.0.4-EAS-1.3", "Android"));
    let phone = rule("windows-phone-7");
    assert!(is_exempt(phone, "MSFT-WP/7.10.8107", "WP"));
    assert!(!is_exempt(phone, "MSFT-WP/8.10", "WP"));
}

#[test]
fn every_rule_of_the_table_is_one() {
    let rules: Vec<_> = QUIRKS_OF_DEVICES.iter().filter_map(|quirk| Some((quirk.name, quirk.rule?))).collect();
    let text: String = rules.iter().map(|(name, rule)| format!("{name}: {rule}\n")).collect();
    let parsed = AccessRules::parse(&text).unwrap();
    assert_eq!(parsed.iter().count(), rules.len());
    assert!(parsed.faults().is_empty());
}

#[test]
fn a_quirk_stands_once_and_fits_a_table() {
    let mut names = BTreeSet::new();
    for quirk in QUIRKS_OF_DEVICES {
        assert!(names.insert(quirk.name), "{}", quirk.name);
        for text in [quirk.devices, quirk.behaviour, quirk.evidence, quirk.answer] {
            assert!(!text.is_empty() && !text.contains(['|', '\n']) && !text.ends_with('.'), "{}: {text}", quirk.name);
        }
    }
    let text = markdown();
    assert_eq!(text.lines().count(), QUIRKS_OF_DEVICES.len() + 2);
    assert!(text.lines().all(|line| line.matches('|').count() == 7));
}
