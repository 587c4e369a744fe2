//! Ready policies to begin with: `open`, `basic-pin` and `strict`. Each is a whole policy, document and rules, written
//! down as data; [`lint`](super::lint) runs over them in a test.

use super::{Policy, PolicyDocument, SettingId, Value};
use super::{PolicyName, PolicyRules, RefreshInterval};

/// A ready policy.
#[derive(Debug)]
pub struct Preset {
    /// Its name, which the policy made from it has too.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    settings: &'static [(SettingId, PresetValue)],
    rules: PolicyRules,
    /// Seconds after which an acknowledgment has to be repeated.
    refresh_seconds: Option<u64>,
}

/// A value of a preset; none of them sets a list.
#[derive(Clone, Copy, Debug)]
enum PresetValue {
    On,
    Off,
    Number(i64),
}

use PresetValue::{Number, Off, On};

/// Every preset, from the loosest to the strictest.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "open",
        description: "Asks for nothing and admits everybody: devices provision silently, inventory and wipes work.",
        settings: &[],
        rules: PolicyRules {
            allow_non_provisionable: true,
            allow_partial: true,
            allow_externally_managed: true,
            require_device_information: true,
            refresh_interval: None,
            report_only: false,
        },
        refresh_seconds: None,
    },
    Preset {
        name: "basic-pin",
        description: "Asks for a PIN of six that locks after five minutes, as most clients can do it; admits devices that \
                      apply it in part.",
        settings: &[
            (SettingId::DevicePasswordEnabled, On),
            (SettingId::MinDevicePasswordLength, Number(6)),
            (SettingId::MaxInactivityTimeDeviceLock, Number(300)),
            (SettingId::MaxDevicePasswordFailedAttempts, Number(10)),
        ],
        rules: PolicyRules {
            allow_non_provisionable: false,
            allow_partial: true,
            allow_externally_managed: true,
            require_device_information: true,
            refresh_interval: None,
            report_only: false,
        },
        refresh_seconds: None,
    },
    Preset {
        name: "strict",
        description: "Asks for a strong password, a short lock and encryption, has it confirmed every day, and admits only \
                      devices that apply all of it.",
        settings: &[
            (SettingId::DevicePasswordEnabled, On),
            (SettingId::AlphanumericDevicePasswordRequired, On),
            (SettingId::RequireStorageCardEncryption, On),
            (SettingId::MinDevicePasswordLength, Number(8)),
            (SettingId::MaxInactivityTimeDeviceLock, Number(120)),
            (SettingId::MaxDevicePasswordFailedAttempts, Number(8)),
            (SettingId::AllowSimpleDevicePassword, Off),
            (SettingId::DevicePasswordHistory, Number(5)),
            (SettingId::RequireDeviceEncryption, On),
            (SettingId::MinDevicePasswordComplexCharacters, Number(3)),
        ],
        rules: PolicyRules {
            allow_non_provisionable: false,
            allow_partial: false,
            allow_externally_managed: false,
            require_device_information: true,
            refresh_interval: None,
            report_only: false,
        },
        refresh_seconds: Some(24 * 60 * 60),
    },
];

/// The preset of this name; `None` when there is none.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl Preset {
    /// The policy, under a name of the administrator's choice.
    pub fn policy(&self, name: PolicyName) -> Policy {
        let mut document = PolicyDocument::default();
        for (id, value) in self.settings {
            let value = match value {
                On => Value::Flag(true),
                Off => Value::Flag(false),
                Number(number) => Value::Number(*number),
            };
            // A test holds that every setting accepts the value it has here.
            document.put(*id, Some(value));
        }
        let refresh_interval = self.refresh_seconds.and_then(|seconds| RefreshInterval::from_seconds(seconds).ok());
        Policy {
            name,
            description: self.description.to_owned(),
            document,
            rules: PolicyRules { refresh_interval, ..self.rules },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::strictest;

    fn policy(name: &str) -> Policy {
        preset(name).unwrap().policy(PolicyName::new(name).unwrap())
    }

    #[test]
    fn a_preset_is_a_policy_that_its_settings_accept() {
        for preset in PRESETS {
            let policy = policy(preset.name);
            assert_eq!(policy.document.iter().count(), preset.settings.len(), "{}", preset.name);
            for (setting, value) in policy.document.iter() {
                assert_eq!(setting.check(value), Ok(()), "{}", preset.name);
            }
            assert_eq!(policy.rules.refresh_interval.map(RefreshInterval::seconds), preset.refresh_seconds);
            assert!(preset.description.ends_with('.') && preset.description.len() < 200);
        }
    }

    #[test]
    fn each_preset_is_stricter_than_the_one_before() {
        for pair in PRESETS.windows(2) {
            let (looser, stricter) = (policy(pair[0].name), policy(pair[1].name));
            assert_eq!(strictest(&looser.document, &stricter.document), stricter.document);
        }
    }

    #[test]
    fn open_is_the_policy_of_a_new_store() {
        let neutral = Policy::neutral(PolicyName::new("open").unwrap());
        let open = policy("open");
        assert_eq!((open.document, open.rules), (neutral.document, neutral.rules));
        assert!(preset("Open").is_none());
    }
}
