use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::{SETTINGS, any_document};

const TEXT: &str = r#"; Policies of a small company.
# Another kind of comment.

[default]
devpwenabled = 1
alphanumpwreq = "0"
mindevpwlenngth = 4   ; four characters
maxattsize = ""
docbrowseenabled = 1
allowcam = off

[field]
devpwenabled = true
maxinacttimedevlock = '300'
allowbluetooth = 1
unapprovedinromapplist[] = "game.exe"
unapprovedinromapplist[] = "ra\"dio, the.exe"
approvedapplist = "aa, bb"
timetravel = 1
"#;

#[test]
fn every_setting_has_its_key_once() {
    assert_eq!(KEYS.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>().len(), SETTINGS.len());
    assert_eq!(KEYS.iter().map(|(key, _)| *key).collect::<BTreeSet<_>>().len(), SETTINGS.len());
}

#[test]
fn sections_become_policies() {
    let policies = import(TEXT).unwrap();
    let settings = |at: usize| -> Vec<String> {
        policies[at].document.iter().map(|(setting, value)| format!("{}={value}", setting.name)).collect()
    };
    assert_eq!(policies[0].name.as_ref().unwrap().as_str(), "default");
    assert_eq!(
        settings(0),
        [
            "DevicePasswordEnabled=1",
            "AlphanumericDevicePasswordRequired=0",
            "MinDevicePasswordLength=4",
            "AllowCamera=0"
        ]
    );
    assert_eq!(
        settings(1),
        [
            "DevicePasswordEnabled=1",
            "MaxInactivityTimeDeviceLock=300",
            "AllowBluetooth=1",
            "UnapprovedInROMApplicationList=game.exe,ra\"dio, the.exe",
            "ApprovedApplicationList=aa,bb",
        ]
    );
    let unapproved = policies[1].document.value(SettingId::UnapprovedInROMApplicationList);
    assert_eq!(unapproved, Some(&Value::List(vec!["game.exe".to_owned(), "ra\"dio, the.exe".to_owned()])));
    assert!(policies[0].rules.allow_partial && !policies[0].rules.allow_non_provisionable);
}

#[test]
fn what_is_not_carried_is_reported_by_line() {
    let policies = import(TEXT).unwrap();
    let remarks = |at: usize| -> Vec<_> {
        policies[at].remarks.iter().map(|remark| (remark.line, remark.what.as_str())).collect()
    };
    assert_eq!(remarks(0), [(Some(4), "allow_non_provisionable"), (Some(9), "docbrowseenabled"), (Some(4), "default")]);
    assert_eq!(remarks(1), [(Some(12), "allow_non_provisionable"), (Some(19), "timetravel"), (Some(12), "field")]);
    assert_eq!(policies[0].remarks[2].why, "37 settings have no key in this section and stay unset here");
}

#[test]
fn garbage_refuses_the_whole_file_with_its_line() {
    for (text, message) in [
        ("", "file: nothing, expected a section such as [default]"),
        ("; only a comment", "file: nothing, expected a section such as [default]"),
        ("devpwenabled = 1", "line 1: line: `devpwenabled`, expected a section such as [default]"),
        ("[default]\nallowcam = 1\nhello", "line 3: line: `hello`, expected key = value"),
        ("[default\n", "line 1: line: `[default`, expected a section as [name]"),
        ("[]\n", "line 1: line: `[]`, expected a section as [name]"),
        ("[a]\nallowcam = 2\n", "line 2: allowcam: `2`, expected 0 or 1"),
        ("[a]\nmindevpwlenngth = 17\n", "line 2: mindevpwlenngth: `17`, expected 1 to 16, or empty"),
        ("[a]\nallowcam[] = 1\n", "line 2: allowcam: `1`, expected 0 or 1"),
        (
            "[a]\nallowcam = 1\nallowcam = 0\n",
            "line 3: allowcam: the same key again, expected each key once in a section",
        ),
        ("[a]\n[b]\n[a]\n", "line 3: section: `a`, expected each section once"),
        ("[a]\nallowcam = \"1\n", "line 2: line: `\\\"1`, expected a closing quote, and nothing after it"),
        ("[a]\nallow cam = 1\n", "line 2: line: `allow cam = 1`, expected a key of letters and digits before the ="),
    ] {
        assert_eq!(import(text).unwrap_err().to_string(), message);
    }
    assert!(import(&"\n".repeat(MOST_BYTES + 1)).unwrap_err().to_string().starts_with("file: 1048577 bytes"));
    let sections: String = (0..=MOST_SECTIONS).map(|at| format!("[s{at}]\n")).collect();
    assert_eq!(
        import(&sections).unwrap_err().to_string(),
        "line 1001: s1000: section number 1001, expected at most 1000"
    );
}

#[test]
fn an_empty_value_is_unset_whatever_the_setting_is() {
    let policies = import("[a]\nallowcam =\ndevpwhistory = \"\"\nmaxattsize = null\n").unwrap();
    assert_eq!(policies[0].document.iter().count(), 0);
}

#[test]
fn a_list_beyond_its_limit_is_refused_and_does_not_grow() {
    let mut text = "[a]\n".to_owned();
    for at in 0..=limits::LIST_ENTRIES {
        text += &format!("unapprovedinromapplist[] = {at}.exe\n");
    }
    assert_eq!(import(&text).unwrap_err().line, Some(limits::LIST_ENTRIES + 2));
}

proptest! {
    #[test]
    fn an_exported_file_comes_back_the_same(one in any_document(), two in any_document()) {
        let policy = |name: &str, document: &PolicyDocument| Policy {
            document: document.clone(),
            ..Policy::neutral(PolicyName::new(name).unwrap())
        };
        let text = export([&policy("one", &one), &policy("two.2", &two)]);
        let back = import(&text).unwrap();
        prop_assert_eq!(back.len(), 2);
        for (back, (name, document)) in back.iter().zip([("one", &one), ("two.2", &two)]) {
            prop_assert_eq!(back.name.as_ref().map(PolicyName::as_str), Some(name));
            prop_assert!(back.document.diff(document).is_empty(), "{}", text);
        }
    }

    #[test]
    fn any_list_entry_survives_its_quotes(entry in r#"[ -~äß]{1,30}"#) {
        let line = format!("key[] = {}", ini::quoted(&entry));
        let read = ini::line(&line).unwrap();
        prop_assert_eq!(read, Line::Entry { key: "key", appends: true, value: entry.into() });
    }

    #[test]
    fn whatever_comes_is_read_or_refused(text in "(\\[[a-z]{0,3}\\]?|[a-z]{0,8} ?=? ?\\PC{0,6}|\\PC{0,12}|\n){0,20}") {
        let _ = import(&text);
    }
}
