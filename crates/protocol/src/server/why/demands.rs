//! What a policy asks of whoever holds the phone, in words: read from the policy's own settings, so that nobody is sent to
//! look for a question that does not come.

use super::Look;
use crate::policy::{Policy, PolicyDocument, Setting, SettingId, Value};
use crate::version::ProtocolVersion;

/// What a policy asks of a device of some version.
pub(super) struct Demands {
    /// What the user has to do, as ends of "you have to ...".
    of_the_user: Vec<String>,
    /// The names of all settings that ask for something.
    settings: Vec<&'static str>,
}

/// What the policy that applies to the phone asks of it.
pub(super) fn of(look: &Look<'_>) -> Demands {
    // A phone that has no row has not said which version it speaks: the newest gets every setting.
    let version = look.record.map_or(ProtocolVersion::V16_1, |record| record.protocol_version);
    let policy = look.circumstances.snapshot.and_then(|snapshot| snapshot.policy.readable());
    policy.map_or_else(
        || Demands { of_the_user: Vec::new(), settings: Vec::new() },
        |policy| Demands::new(policy, version),
    )
}

impl Demands {
    fn new(policy: &Policy, version: ProtocolVersion) -> Self {
        let demanding: Vec<(&Setting, &Value)> = policy.document.demands(version).collect();
        let of_the_user =
            demanding.iter().filter_map(|(setting, _)| of_the_user(setting.id, &policy.document)).collect();
        Self { of_the_user, settings: demanding.iter().map(|(setting, _)| setting.name).collect() }
    }

    /// Whether there is nothing to set and nothing to accept.
    pub(super) fn is_nothing(&self) -> bool {
        self.settings.is_empty()
    }

    /// Whether whoever holds the phone has to set something.
    pub(super) fn asks_the_user(&self) -> bool {
        !self.of_the_user.is_empty()
    }

    /// What the user has to do, in words that follow "to": `set a PIN or password of at least 6 characters`.
    pub(super) fn in_words(&self) -> String {
        match self.of_the_user.as_slice() {
            [] => "accept what your company restricts".to_owned(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} and to {last}", first.join(", to ")),
        }
    }

    /// The names of the settings.
    pub(super) fn settings(&self) -> String {
        self.settings.join(", ")
    }

    /// What the user of a phone that has not provisioned looks for, and does `otherwise`.
    pub(super) fn question(&self, otherwise: &str) -> String {
        if self.is_nothing() {
            format!(
                "There is nothing to accept: the phone should do its part by itself. Open the mail app; if mail does not come, \
                 {otherwise}"
            )
        } else {
            format!(
                "Open the mail app and look for a question about security settings: it wants you to {}. If none comes, \
                 {otherwise}",
                self.in_words()
            )
        }
    }
}

/// What whoever holds the phone has to do because of a setting; most are the phone's own affair.
fn of_the_user(id: SettingId, document: &PolicyDocument) -> Option<String> {
    match id {
        SettingId::DevicePasswordEnabled => {
            let (what, of_what) = if document.is_on(SettingId::AlphanumericDevicePasswordRequired) {
                ("set a password", " with letters and digits")
            } else {
                ("set a PIN or password", "")
            };
            let length = match document.value(SettingId::MinDevicePasswordLength) {
                Some(Value::Number(least)) if *least > 1 => format!(" of at least {least} characters"),
                _ => String::new(),
            };
            let comma = if length.is_empty() || of_what.is_empty() { "" } else { "," };
            Some(format!("{what}{length}{comma}{of_what}"))
        }
        SettingId::RequireDeviceEncryption => Some("encrypt the phone".to_owned()),
        SettingId::RequireStorageCardEncryption => Some("encrypt its storage card".to_owned()),
        _ => None,
    }
}
