//! What holds for every document: it comes back as it went out, and nothing gets in that no setting accepts.

use asprov_wbxml::{Limits, Tag, Unknown, decode, encode};
use proptest::prelude::*;

use super::*;
use crate::policy::Kind;

/// A value that the setting accepts, chosen by a number.
fn value(setting: &Setting, choice: u64, entries: &[String]) -> Value {
    match setting.kind {
        Kind::Flag => Value::Flag(choice & 1 == 1),
        Kind::Number { min, max, .. } => {
            Value::Number(min + i64::try_from(choice % 1_000_000).unwrap() % (max - min + 1))
        }
        Kind::Choice(choices) => Value::Number(choices[usize::try_from(choice).unwrap() % choices.len()].0),
        Kind::List { .. } => Value::List(entries.to_vec()),
    }
}

prop_compose! {
    pub(crate) fn any_document()(
        choices in prop::collection::vec(prop::option::of(0..u64::MAX / 2), COUNT),
        entries in prop::collection::vec(r"[a-zA-Z0-9._ äß-]{0,30}[a-z]", 0..8),
    ) -> PolicyDocument {
        let mut document = PolicyDocument::default();
        for (setting, choice) in SETTINGS.iter().zip(choices) {
            if let Some(choice) = choice {
                document.set(setting.id, value(setting, choice, &entries)).unwrap();
            }
        }
        document
    }
}

proptest! {
    #[test]
    fn a_value_reads_back_from_its_text(document in any_document()) {
        for (setting, value) in document.iter() {
            let read = setting.parse(&value.text());
            match value {
                Value::List(entries) => {
                    let trimmed: Vec<_> = entries.iter().map(|entry| entry.trim().to_owned()).collect();
                    prop_assert_eq!(read, Ok(Value::List(trimmed)));
                }
                value => prop_assert_eq!(read.as_ref(), Ok(value)),
            }
        }
    }

    #[test]
    fn a_document_comes_back_as_it_went_out(mut document in any_document(), version in 1_usize..7) {
        let version = ProtocolVersion::ALL[version];
        document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
        let wire = encode(&document.to_element(version));
        let element = decode(&wire, &Limits::default(), Unknown::Refuse).unwrap();
        let received = PolicyDocument::from_element(&element);
        prop_assert!(received.is_complete());
        for setting in SETTINGS.iter().filter(|setting| !setting.is_carried_by(version)) {
            document.clear(setting.id);
        }
        prop_assert_eq!(received.document.diff(&document), Vec::<&Setting>::new());
        prop_assert_eq!(received.document.fingerprint(version), document.fingerprint(version));
        // What was received says the same again.
        prop_assert_eq!(received.document.to_element(version), element);
    }

    #[test]
    fn a_difference_is_seen_from_both_sides(one in any_document(), two in any_document()) {
        prop_assert_eq!(one.diff(&two), two.diff(&one));
        prop_assert!(one.diff(&one).is_empty());
        let mut changed = one.clone();
        for setting in one.diff(&two) {
            changed.put(setting.id, two.value(setting.id).cloned());
        }
        prop_assert!(changed.diff(&two).is_empty());
    }

    #[test]
    fn whatever_stands_in_an_element_no_value_out_of_range_gets_in(
        children in prop::collection::vec((0x05_u8..0x40, "\\PC{0,12}|-?[0-9]{1,12}"), 0..60),
    ) {
        let element = Element::new(provision::EAS_PROVISION_DOC)
            .with_children(children.into_iter().map(|(token, text)| Element::with_text(Tag::new(14, token), text)));
        for (setting, value) in PolicyDocument::from_element(&element).document.iter() {
            prop_assert_eq!(setting.check(value), Ok(()));
        }
    }
}
