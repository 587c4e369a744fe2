use jiff::Timestamp;

use super::*;
use crate::client::capability::profile;
use crate::device::{DeviceId, DeviceKey, DeviceType, UserName};
use crate::message::DeviceInformation;
use crate::version::ProtocolVersion;

fn device(user_agent: &str, device_type: &str, version: ProtocolVersion) -> DeviceRecord {
    DeviceRecord {
        device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A").unwrap() },
        device_type: DeviceType::new(device_type).unwrap(),
        user_agent: Some(user_agent.to_owned()),
        protocol_version: version,
        offer: None,
        provisioned: None,
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation::default(),
        first_seen_at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn ios_resets_the_phone_and_gmail_and_outlook_remove_the_account_only() {
    let reach = |user_agent, device_type| {
        forecast_wipe(&device(user_agent, device_type, ProtocolVersion::V16_1)).kinds[0].effect.reach
    };
    assert_eq!(reach("Apple-iPhone15C2/2104.60", "iPhone"), WipeReach::WholeDevice);
    assert_eq!(reach("Mail", "iPad"), WipeReach::WholeDevice, "the DeviceType says it as well");
    assert_eq!(reach("Android-Mail/2025.1", "Android"), WipeReach::AccountOnly);
    assert_eq!(reach("Outlook-iOS-Android/1.0", "Outlook"), WipeReach::AccountOnly);
    assert_eq!(reach("Something/1", "X"), WipeReach::Unknown);
}

#[test]
fn below_16_1_an_account_only_wipe_cannot_be_ordered_and_the_alternatives_are_named() {
    for version in ProtocolVersion::ALL {
        let forecast = forecast_wipe(&device("Apple-iPhone15C2/2104.60", "iPhone", version));
        assert!(forecast.kinds[0].why_not.is_none());
        let why_not = forecast.kinds[1].why_not.as_ref().map(ToString::to_string);
        assert_eq!(why_not.is_none(), version == ProtocolVersion::V16_1, "{version}");
        assert!(why_not.is_none_or(|why| why.ends_with("block the device, or wipe it whole")));
    }
}

#[test]
fn every_row_names_a_family_that_exists_and_a_source_and_everybody_has_a_row() {
    for row in WIPE_EFFECTS {
        assert!(row.family.is_none_or(|name| profile(name).is_some()), "{:?}", row.family);
        assert!(!row.source.is_empty() && row.sentence.ends_with('.'));
    }
    for kind in [WipeKind::Device, WipeKind::AccountOnly] {
        assert!(WIPE_EFFECTS.iter().any(|row| row.family.is_none() && row.kind == kind));
    }
}
