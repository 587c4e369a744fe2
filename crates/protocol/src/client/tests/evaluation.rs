//! What a conversation reports about the settings of a policy, for every way of acknowledging it.

use super::*;
use crate::client::capability::{Capabilities, SettingVerdict, Verdict, profile};
use crate::policy::SettingId;

/// An offer with these settings.
fn offer_of(settings: &[(asprov_wbxml::Tag, &'static str)]) -> Answer {
    let settings = settings.iter().map(|(tag, value)| text(*tag, value));
    ok(&policies([policy(TYPE, "1", "111").with_child(document(settings))]))
}

fn password_and_camera() -> Answer {
    offer_of(&[
        (provision::DEVICE_PASSWORD_ENABLED, "1"),
        (provision::MIN_DEVICE_PASSWORD_LENGTH, "8"),
        (provision::ALLOW_CAMERA, "0"),
    ])
}

fn converse(choice: AcknowledgmentChoice, script: &[Answer]) -> (Outcome, Report) {
    let mut own = settings(V::V16_1);
    own.acknowledgment = choice;
    let mut client = Client::new(own, ClientMemory::new());
    client.start_provision();
    let (outcome, _) = run(&mut client, script);
    (outcome, client.report().clone())
}

fn words(verdicts: &[SettingVerdict]) -> Vec<(&'static str, Verdict)> {
    verdicts.iter().map(|verdict| (verdict.setting.name, verdict.verdict)).collect()
}

#[test]
fn every_setting_that_asks_for_something_has_a_verdict_however_the_policy_is_acknowledged() {
    use AcknowledgmentStatus::{Applied, AppliedInPart, ExternallyManaged, NotApplied};
    use Verdict::{Enforced, Ignored, NotEnforced, Unknown};
    let able = Capabilities::new().enforcing(SettingId::DevicePasswordEnabled).lacking(SettingId::AllowCamera);
    let refused = ok(&Element::new(provision::PROVISION).with_child(text(provision::STATUS, "139")));
    for (choice, status, expected) in [
        (AcknowledgmentChoice::Computed, Applied, [Enforced; 3]),
        (AcknowledgmentChoice::Fixed(Applied), Applied, [Enforced; 3]),
        (AcknowledgmentChoice::Fixed(AppliedInPart), AppliedInPart, [Unknown; 3]),
        (AcknowledgmentChoice::Fixed(NotApplied), NotApplied, [NotEnforced; 3]),
        (AcknowledgmentChoice::Fixed(ExternallyManaged), ExternallyManaged, [Unknown; 3]),
        (AcknowledgmentChoice::Capabilities(Box::new(able)), AppliedInPart, [Enforced, NotEnforced, Ignored]),
        (AcknowledgmentChoice::Profile(profile("ios-mail").unwrap()), AppliedInPart, [Enforced, Enforced, Unknown]),
    ] {
        let (_, report) = converse(choice.clone(), &[password_and_camera(), refused.clone()]);
        assert_eq!(report.acknowledgment, Some(status), "{choice:?}");
        // The order of the schema.
        let names = ["DevicePasswordEnabled", "MinDevicePasswordLength", "AllowCamera"];
        let expected: Vec<_> = names.into_iter().zip(expected).collect();
        assert_eq!(words(&report.verdicts), expected, "{choice:?}");
        let unmet: Vec<_> =
            expected.iter().filter(|(_, verdict)| *verdict == NotEnforced).map(|(name, _)| *name).collect();
        assert_eq!(report.unmet(), unmet, "{choice:?}");
    }
}

#[test]
fn a_setting_that_cannot_be_read_is_among_the_unmet_ones() {
    let script = [offer_of(&[(provision::DEVICE_PASSWORD_ENABLED, "1"), (provision::ALLOW_CAMERA, "7")]), accepted()];
    let (outcome, report) = converse(AcknowledgmentChoice::Computed, &script);
    assert_eq!((outcome, report.acknowledgment), (Outcome::Provisioned, Some(AcknowledgmentStatus::AppliedInPart)));
    assert_eq!(report.unmet(), ["AllowCamera"]);
}

#[test]
fn a_document_that_cannot_be_read_at_all_is_not_applied_and_says_why() {
    let mut client = Client::new(settings(V::V2_5), ClientMemory::new());
    client.start_provision();
    let wap = policy("MS-WAP-Provisioning-XML", "1", "111").with_child(text(provision::DATA, "<wap-provisioningdoc>"));
    let (_, requests) = run(&mut client, &[ok(&policies([wap])), http(403)]);
    let report = client.report();
    assert_eq!((requests.len(), report.acknowledgment), (2, Some(AcknowledgmentStatus::NotApplied)));
    assert!(report.policy.is_none() && report.verdicts.is_empty());
    assert!(report.policy_error.as_ref().is_some_and(|why| !why.is_empty()), "{report:?}");
}

#[test]
fn a_family_that_sets_up_no_account_acknowledges_nothing() {
    let gmail = profile("gmail").unwrap();
    let script = [offer_of(&[(provision::DEVICE_PASSWORD_ENABLED, "1")]), accepted()];
    let (outcome, report) = converse(AcknowledgmentChoice::Profile(gmail), &script);
    let Outcome::Failed { why: Failure::NotSetUp { family, sentence, advice } } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(*family, gmail.title);
    assert!(sentence.contains("DevicePasswordEnabled alone") && !advice.is_empty());
    // The initial request was the only one, so no policy key can be held.
    assert_eq!((report.requests, report.acknowledgment), (1, None));
    assert_eq!(words(&report.verdicts), [("DevicePasswordEnabled", Verdict::Enforced)]);
    assert!(!report.family_is_silent, "it is known what it does");
}

#[test]
fn it_is_told_when_no_source_says_what_a_family_acknowledges() {
    for (name, setting, is_silent, status) in [
        // Nothing is written about it, so it is counted as little as what is not enforced.
        ("nine", provision::ALLOW_CAMERA, true, AcknowledgmentStatus::NotApplied),
        ("ios-mail", provision::DEVICE_PASSWORD_ENABLED, true, AcknowledgmentStatus::Applied),
        // Its source has it.
        ("aosp", provision::ALLOW_BLUETOOTH, false, AcknowledgmentStatus::AppliedInPart),
        ("aosp", provision::DEVICE_PASSWORD_ENABLED, false, AcknowledgmentStatus::Applied),
    ] {
        let value = if setting == provision::DEVICE_PASSWORD_ENABLED { "1" } else { "0" };
        let choice = AcknowledgmentChoice::Profile(profile(name).unwrap());
        let (_, report) = converse(choice, &[offer_of(&[(setting, value)]), accepted()]);
        assert_eq!((report.family_is_silent, report.acknowledgment), (is_silent, Some(status)), "{name}");
    }
}
