//! Lints of the status tables, and how they are searched.

use std::collections::BTreeSet;

use super::*;
use crate::provision_command_errors;

#[test]
fn a_code_stands_once_in_its_scope() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert((row.scope, row.code)), "{} {} stands twice", row.scope, row.code);
    }
}

#[test]
fn every_text_is_a_sentence_and_no_cell_is_empty() {
    for row in rows() {
        for text in [row.meaning, row.cause, row.resolution] {
            let at = format!("{} {}: {text:?}", row.scope, row.code);
            assert!(text.len() > 10 && text.ends_with('.') && !text.contains("  "), "{at}");
            assert!(text.starts_with(|first: char| first.is_uppercase() || first.is_numeric()), "{at}");
            assert!(!text.contains(['\n', '|']), "{at}");
        }
        assert!(!row.name.is_empty() && row.name.starts_with(char::is_uppercase), "{}", row.name);
        assert!(row.section.starts_with("[MS-") || row.section.starts_with("RFC "), "{}", row.section);
    }
}

#[test]
fn rows_rise_within_their_scope_and_scopes_come_in_order() {
    let keys: Vec<_> = rows().map(|row| (row.scope, row.code)).collect();
    assert!(keys.is_sorted());
}

#[test]
fn every_assigned_common_code_has_a_row_and_no_other() {
    let codes: Vec<_> = rows().filter(|row| row.scope == Scope::Common).map(|row| row.code).collect();
    let assigned: Vec<u16> = (101..=156).chain(160..=179).chain(183..=184).collect();
    assert_eq!(codes, assigned);
}

#[test]
fn the_conditions_of_provisioning_have_the_http_status_that_older_versions_get() {
    let http = |code| row(Scope::Common, code).and_then(|row| row.http);
    for code in 140..=144 {
        assert_eq!(http(code), Some(449), "{code}");
    }
    for code in [129, 130, 139, 145, 177] {
        assert_eq!(http(code), Some(403), "{code}");
    }
    assert_eq!(http(165), None, "DeviceInformation is not part of Provision before 14.1");
}

#[test]
fn section_3_1_5_2_is_seen_as_it_is_written() {
    for error in &provision_command_errors::ROWS {
        let row = row(error.scope, error.code).unwrap();
        assert_eq!(
            (row.name, row.meaning, row.cause, row.resolution, row.first_version),
            (error.name, error.meaning, error.cause, error.resolution, error.first_version)
        );
    }
    assert_eq!(rows().filter(|row| row.scope <= Scope::Policy).count(), provision_command_errors::ROWS.len());
    assert_eq!(row(Scope::Provision, 141).and_then(|row| row.http), Some(449));
    assert_eq!(row(Scope::Provision, 2).and_then(|row| row.http), None);
}

#[test]
fn names_of_common_codes_agree_with_the_provision_rows() {
    for code in [139, 141, 145] {
        assert_eq!(row(Scope::Provision, code).map(|row| row.name), row(Scope::Common, code).map(|row| row.name));
    }
}

#[test]
fn a_status_is_found_by_number_and_by_name_in_any_case() {
    assert_eq!(find("142").map(|row| row.scope).collect::<Vec<_>>(), [Scope::Common]);
    assert_eq!(find("DEVICENOTPROVISIONED").map(|row| row.code).collect::<Vec<_>>(), [142]);
    assert_eq!(
        find(" 2 ").map(|row| row.scope).collect::<Vec<_>>(),
        [Scope::Provision, Scope::Policy, Scope::Acknowledgment, Scope::Wipe]
    );
    assert_eq!(find("999").count(), 0);
    assert_eq!(find("").count(), 0);
}

#[test]
fn the_named_constants_are_the_rows_of_their_names() {
    assert_eq!(row(Scope::Common, Status::DEVICE_INFORMATION_REQUIRED.0).unwrap().name, "DeviceInformationRequired");
    assert_eq!(row(Scope::Common, Status::MAXIMUM_DEVICES_REACHED.0).unwrap().name, "MaximumDevicesReached");
    assert_eq!(row(Scope::Policy, Status::POLICY_KEY_MISMATCH.0).unwrap().name, "PolicyKeyMismatch");
}

#[test]
fn a_scope_reads_back_from_its_word() {
    for scope in Scope::ALL {
        assert_eq!(scope.as_str().parse(), Ok(scope));
    }
    assert_eq!("device\n".parse::<Scope>().unwrap_err().came, "device\\n");
}
