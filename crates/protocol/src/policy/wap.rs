//! The policy of 2.5: a WAP provisioning document, MS-WAP-Provisioning-XML (\[MS-ASPROV\] 2.2.2.24.2).
//!
//! Five settings have a place in it. The document goes out in the shape of Exchange, one `characteristic` a `parm`
//! except for the two about inactivity; it is read in any shape, by the names of its parms.
//!
//! | parm | value | setting |
//! | --- | --- | --- |
//! | 4131 | 0 = a password is required, 1 = it is not | DevicePasswordEnabled, the other way round |
//! | AEFrequencyType | 0 = never locks, 1 = AEFrequencyValue counts | MaxInactivityTimeDeviceLock |
//! | AEFrequencyValue | whole minutes | MaxInactivityTimeDeviceLock, in seconds |
//! | DeviceWipeThreshold | failed attempts; -1 = no limit | MaxDevicePasswordFailedAttempts |
//! | CodewordFrequency | attempts between code words; -1 = never | half of the above; not read |
//! | MinimumPasswordLength | characters | MinDevicePasswordLength |
//! | PasswordComplexity | 0 = letters and digits, 1 = digits, 2 = either | AlphanumericDevicePasswordRequired |

mod reader;

use self::reader::Reader;
use super::value::number;
use super::{PolicyDocument, PolicyError, ReceivedPolicy, SettingFault, SettingId, Value};

/// The settings that the document has a place for.
pub(super) const CARRIED: [SettingId; 5] = [
    SettingId::DevicePasswordEnabled,
    SettingId::AlphanumericDevicePasswordRequired,
    SettingId::MinDevicePasswordLength,
    SettingId::MaxInactivityTimeDeviceLock,
    SettingId::MaxDevicePasswordFailedAttempts,
];

const INACTIVITY: &str = r"HKLM\Comm\Security\Policy\LASSD\AE\{50C13377-C66D-400C-889E-C316FC4AB374}";
const LOCK: &str = r"HKLM\Comm\Security\Policy\LASSD";
const PASSWORD: &str = r"HKLM\Comm\Security\Policy\LASSD\LAP\lap_pw";

/// From here on, seconds of inactivity mean "never": [MS-ASPROV] 2.2.2.36 (R278).
const UNLIMITED_SECONDS: i64 = 9_999;
/// The bounds of MaxDevicePasswordFailedAttempts: [MS-ASPROV] 2.2.2.32 (R253).
const FEWEST_ATTEMPTS: i64 = 4;
const MOST_ATTEMPTS: i64 = 16;

impl PolicyDocument {
    /// The document of 2.5. It always says whether a password is required; the rest follows where it is, or where the
    /// device has to lock.
    pub fn to_wap(&self) -> String {
        let required = self.is_on(SettingId::DevicePasswordEnabled);
        let minutes =
            self.number(SettingId::MaxInactivityTimeDeviceLock).filter(|seconds| *seconds < UNLIMITED_SECONDS);
        // Whole minutes, rounded down so as not to loosen; less than one would read as a second or as never.
        let minutes = minutes.map(|seconds| (seconds / 60).max(1));

        let mut registry = String::new();
        if required || minutes.is_some() {
            let mut parms = vec![("AEFrequencyType", i64::from(minutes.is_some()))];
            parms.extend(minutes.map(|minutes| ("AEFrequencyValue", minutes)));
            registry += &characteristic(INACTIVITY, &parms);
        }
        if required {
            let attempts = self.number(SettingId::MaxDevicePasswordFailedAttempts);
            let length = self.number(SettingId::MinDevicePasswordLength).unwrap_or(1);
            let complexity = if self.is_on(SettingId::AlphanumericDevicePasswordRequired) { 0 } else { 2 };
            registry += &characteristic(LOCK, &[("DeviceWipeThreshold", attempts.unwrap_or(-1))]);
            registry += &characteristic(LOCK, &[("CodewordFrequency", attempts.map_or(-1, |attempts| attempts / 2))]);
            registry += &characteristic(PASSWORD, &[("MinimumPasswordLength", length)]);
            registry += &characteristic(PASSWORD, &[("PasswordComplexity", complexity)]);
        }

        let security = characteristic("SecurityPolicy", &[("4131", i64::from(!required))]);
        let registry = match registry.as_str() {
            "" => String::new(),
            parms => format!(r#"<characteristic type="Registry">{parms}</characteristic>"#),
        };
        format!("<wap-provisioningdoc>{security}{registry}</wap-provisioningdoc>")
    }

    /// Reads a document of 2.5. Parms that have no setting are passed over; a value that cannot be used is a fault.
    ///
    /// More attempts than EASProvisionDoc can say are read as the most it can, which is stricter.
    ///
    /// # Errors
    /// [`PolicyError::Wap`] when it is no WAP provisioning document, or exceeds a limit.
    pub fn from_wap(text: &str) -> Result<ReceivedPolicy, PolicyError> {
        let mut reader = Reader::new(text)?;
        let mut parms = Parms::default();
        while let Some(parm) = reader.parm()? {
            parms.take(&parm.name, &parm.value);
        }
        Ok(parms.into_policy())
    }

    fn number(&self, id: SettingId) -> Option<i64> {
        match self.value(id) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

fn characteristic(kind: &str, parms: &[(&str, i64)]) -> String {
    let parms: String = parms.iter().map(|(name, value)| format!(r#"<parm name="{name}" value="{value}"/>"#)).collect();
    format!(r#"<characteristic type="{kind}">{parms}</characteristic>"#)
}

/// The parms that say something about a setting, as they came.
#[derive(Default)]
struct Parms {
    received: ReceivedPolicy,
    frequency_type: Option<String>,
    frequency_value: Option<String>,
}

impl Parms {
    fn take(&mut self, name: &str, text: &str) {
        let value = number(text);
        match name {
            "4131" => match value {
                Some(0) => self.put(SettingId::DevicePasswordEnabled, Value::Flag(true)),
                Some(1) => self.put(SettingId::DevicePasswordEnabled, Value::Flag(false)),
                _ => self.fault("4131", text, "0 or 1"),
            },
            "AEFrequencyType" => self.frequency_type = Some(text.to_owned()),
            "AEFrequencyValue" => self.frequency_value = Some(text.to_owned()),
            "DeviceWipeThreshold" => match value {
                Some(-1) => {}
                Some(attempts) if attempts >= FEWEST_ATTEMPTS => {
                    let attempts = Value::Number(attempts.min(MOST_ATTEMPTS));
                    self.put(SettingId::MaxDevicePasswordFailedAttempts, attempts);
                }
                _ => self.fault("DeviceWipeThreshold", text, "4 or more, or -1"),
            },
            "MinimumPasswordLength" => match value {
                Some(0 | 1) => {}
                Some(length @ 2..=16) => self.put(SettingId::MinDevicePasswordLength, Value::Number(length)),
                _ => self.fault("MinimumPasswordLength", text, "0 to 16"),
            },
            "PasswordComplexity" => match value {
                Some(complexity @ 0..=2) => {
                    self.put(SettingId::AlphanumericDevicePasswordRequired, Value::Flag(complexity == 0));
                }
                _ => self.fault("PasswordComplexity", text, "0, 1 or 2"),
            },
            _ => {}
        }
    }

    fn into_policy(mut self) -> ReceivedPolicy {
        let frequency_type = self.frequency_type.take();
        let minutes = self.frequency_value.take();
        match frequency_type.as_deref().map(number) {
            Some(Some(0)) => {}
            // Without a type, a value that is there counts: leaving it out would loosen.
            Some(Some(1)) | None => match minutes.as_deref() {
                None if frequency_type.is_none() => {}
                minutes => {
                    let given = minutes.unwrap_or("");
                    // Up to the greatest number of seconds that the setting can hold.
                    match number(given) {
                        Some(minutes @ 0..=71_582_788) => {
                            self.put(SettingId::MaxInactivityTimeDeviceLock, Value::Number(minutes * 60));
                        }
                        _ => self.fault("AEFrequencyValue", given, "minutes, 0 to 71582788"),
                    }
                }
            },
            Some(_) => self.fault("AEFrequencyType", frequency_type.as_deref().unwrap_or(""), "0 or 1"),
        }
        self.received
    }

    /// A later parm of the same name does not undo an earlier one; two that differ are a fault.
    fn put(&mut self, id: SettingId, value: Value) {
        match self.received.document.value(id) {
            Some(earlier) if *earlier != value => {
                self.fault(id.setting().name, "a second, different parm", "at most one");
            }
            _ => self.received.document.put(id, Some(value)),
        }
    }

    fn fault(&mut self, name: &'static str, given: &str, expected: &str) {
        let given = super::error::shown(given);
        self.received.add_fault(SettingFault { name, given, expected: expected.to_owned() });
    }
}

#[cfg(test)]
mod tests;
