use proptest::prelude::*;

use super::*;
use crate::policy::any_document;

fn rules(settings: &[(SettingId, &str)]) -> PasswordRules {
    let mut document = PolicyDocument::default();
    document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    for (id, text) in settings {
        document.set(*id, id.setting().parse(text).unwrap()).unwrap();
    }
    PasswordRules::of(&document)
}

fn check(rules: PasswordRules, password: &str) -> Vec<PasswordFault> {
    rules.check(&Secret::new(password.to_owned()), |_, _| false)
}

#[test]
fn without_a_required_password_nothing_is_refused() {
    // [MS-ASPROV] 3.1.5.1.1.1 (R629)
    let mut document = PolicyDocument::default();
    document.set(SettingId::MinDevicePasswordLength, Value::Number(8)).unwrap();
    document.set(SettingId::DevicePasswordExpiration, Value::Number(1)).unwrap();
    document.set(SettingId::MaxDevicePasswordFailedAttempts, Value::Number(4)).unwrap();
    let rules = PasswordRules::of(&document);
    assert_eq!(check(rules, ""), []);
    assert!(!rules.has_expired(Timestamp::UNIX_EPOCH, Timestamp::MAX) && !rules.too_many_attempts(100));
}

#[test]
fn a_required_password_may_be_anything_but_empty() {
    assert_eq!(check(rules(&[]), ""), [PasswordFault::Missing]);
    assert_eq!(check(rules(&[]), "1"), []);
    assert_eq!(check(rules(&[(SettingId::MinDevicePasswordLength, "1")]), "1"), []);
}

#[test]
fn length_is_counted_in_characters() {
    let rules = rules(&[(SettingId::MinDevicePasswordLength, "4")]);
    assert_eq!(check(rules, "äöü"), [PasswordFault::TooShort { least: 4 }]);
    assert_eq!(check(rules, "äöüß"), []);
}

#[test]
fn repeated_and_sequential_characters_are_simple() {
    let rules = rules(&[(SettingId::AllowSimpleDevicePassword, "0")]);
    for simple in ["2222", "abcd", "1234", "4321", "zyx", "a", "~~~~"] {
        assert_eq!(check(rules, simple), [PasswordFault::Simple], "{simple}");
    }
    for other in ["1235", "2223", "abdc", "1357", "aB", "12344321"] {
        assert_eq!(check(rules, other), [], "{other}");
    }
}

#[test]
fn alphanumeric_means_letters_and_digits() {
    let rules = rules(&[(SettingId::AlphanumericDevicePasswordRequired, "1")]);
    for lacking in ["1234", "abcd", "!?!?"] {
        assert_eq!(check(rules, lacking), [PasswordFault::NotAlphanumeric], "{lacking}");
    }
    assert_eq!(check(rules, "a1"), []);
}

#[test]
fn four_kinds_of_characters_are_counted() {
    // [MS-ASPROV] 2.2.2.37 (R284)
    for (password, kinds) in
        [("abc", 1), ("abC", 2), ("abC1", 3), ("abC1!", 4), ("1234", 1), ("12 4", 2), ("漢字", 1), ("漢字a", 2)]
    {
        for least in 1..=4 {
            let text = least.to_string();
            let faults = check(rules(&[(SettingId::MinDevicePasswordComplexCharacters, &text)]), password);
            let expected = if kinds < least { vec![PasswordFault::TooFewKinds { least }] } else { vec![] };
            assert_eq!(faults, expected, "{password} {least}");
        }
    }
}

#[test]
fn the_history_is_asked_only_when_it_counts() {
    // [MS-ASPROV] 2.2.2.27 (R230)
    let candidate = Secret::new("same again".to_owned());
    let remembering = rules(&[(SettingId::DevicePasswordHistory, "3")]);
    let mut asked = None;
    let faults = remembering.check(&candidate, |password, depth| {
        asked = Some(depth);
        password.expose() == "same again"
    });
    assert_eq!((faults.as_slice(), asked), ([PasswordFault::UsedBefore { remembered: 3 }].as_slice(), Some(3)));
    assert_eq!(rules(&[]).check(&candidate, |_, _| panic!("nothing is remembered")), []);
}

#[test]
fn a_password_expires_after_its_days_and_not_before() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let thirty_days = rules(&[(SettingId::DevicePasswordExpiration, "30")]);
    assert!(!thirty_days.has_expired(at(0), at(30 * 86_400 - 1)));
    assert!(thirty_days.has_expired(at(0), at(30 * 86_400)));
    assert!(!thirty_days.has_expired(at(86_400), at(0)), "the clock was set back");
    assert!(!rules(&[(SettingId::DevicePasswordExpiration, "0")]).has_expired(at(0), Timestamp::MAX));
}

#[test]
fn the_last_allowed_attempt_is_too_many() {
    // [MS-ASPROV] 2.2.2.32 (R603)
    let rules = rules(&[(SettingId::MaxDevicePasswordFailedAttempts, "4")]);
    assert!(!rules.too_many_attempts(3) && rules.too_many_attempts(4));
}

#[test]
fn recovery_follows_its_setting() {
    assert!(!rules(&[]).recovery);
    assert!(rules(&[(SettingId::PasswordRecoveryEnabled, "1")]).recovery);
}

#[test]
fn no_fault_shows_the_password() {
    let all = rules(&[
        (SettingId::MinDevicePasswordLength, "16"),
        (SettingId::AllowSimpleDevicePassword, "0"),
        (SettingId::AlphanumericDevicePasswordRequired, "1"),
        (SettingId::MinDevicePasswordComplexCharacters, "4"),
        (SettingId::DevicePasswordHistory, "9"),
    ]);
    let faults = all.check(&Secret::new("uvwxyz".to_owned()), |_, _| true);
    assert_eq!(faults.len(), 5);
    for fault in faults {
        assert!(!format!("{fault} {fault:?}").contains("uvwxyz"));
        assert!(!fault.to_string().contains('\n'));
    }
}

proptest! {
    #[test]
    fn a_longer_password_breaks_no_more_rules_about_its_parts(
        document in any_document(), password in "\\PC{1,20}", more in "\\PC{1,5}",
    ) {
        let rules = PasswordRules::of(&document);
        let about_parts = |password: &str| -> usize {
            check(rules, password).iter().filter(|fault| !matches!(fault, PasswordFault::Simple)).count()
        };
        prop_assert!(about_parts(&(password.clone() + &more)) <= about_parts(&password));
    }

    #[test]
    fn the_faults_come_in_order_and_once(document in any_document(), password in "\\PC{0,20}", used in any::<bool>()) {
        let faults = PasswordRules::of(&document).check(&Secret::new(password), |_, _| used);
        prop_assert!(faults.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", faults);
    }
}
