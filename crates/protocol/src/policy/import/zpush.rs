//! `policies.ini` of Z-Push: one section a policy, one key a setting. The values are those of the protocol.
//!
//! ```
//! use asprov_protocol::policy::import::zpush;
//! use asprov_protocol::policy::{SettingId, Value};
//!
//! let text = "[default]\ndevpwenabled = 1\nmindevpwlenngth = 6 ; characters\n";
//! let policies = zpush::import(text)?;
//! assert_eq!(policies[0].document.value(SettingId::MinDevicePasswordLength), Some(&Value::Number(6)));
//!
//! let error = zpush::import("[default]\ndevpwenabled = 2\n").unwrap_err();
//! assert_eq!(error.to_string(), "line 2: devpwenabled: `2`, expected 0 or 1");
//! # Ok::<(), asprov_protocol::policy::import::ImportError>(())
//! ```

mod ini;

use core::fmt::Write as _;
use std::collections::BTreeMap;

use self::ini::Line;
use super::{ImportError, Imported, MOST_BYTES, MOST_SECTIONS, Remark};
use crate::policy::{Policy, PolicyDocument, PolicyName, PolicyRules, Setting, SettingId, Value, limits};

/// The key of each setting. Their spelling is Z-Push's, the doubled letter of `mindevpwlenngth` included.
#[rustfmt::skip]
const KEYS: &[(&str, SettingId)] = &[
    ("devpwenabled", SettingId::DevicePasswordEnabled),
    ("alphanumpwreq", SettingId::AlphanumericDevicePasswordRequired),
    ("pwrecoveryenabled", SettingId::PasswordRecoveryEnabled),
    ("devencenabled", SettingId::RequireStorageCardEncryption),
    ("attenabled", SettingId::AttachmentsEnabled),
    ("mindevpwlenngth", SettingId::MinDevicePasswordLength),
    ("maxinacttimedevlock", SettingId::MaxInactivityTimeDeviceLock),
    ("maxdevpwfailedattempts", SettingId::MaxDevicePasswordFailedAttempts),
    ("maxattsize", SettingId::MaxAttachmentSize),
    ("allowsimpledevpw", SettingId::AllowSimpleDevicePassword),
    ("devpwexpiration", SettingId::DevicePasswordExpiration),
    ("devpwhistory", SettingId::DevicePasswordHistory),
    ("allowstoragecard", SettingId::AllowStorageCard),
    ("allowcam", SettingId::AllowCamera),
    ("reqdevenc", SettingId::RequireDeviceEncryption),
    ("allowunsignedapps", SettingId::AllowUnsignedApplications),
    ("allowunsigninstallpacks", SettingId::AllowUnsignedInstallationPackages),
    ("mindevcomplexchars", SettingId::MinDevicePasswordComplexCharacters),
    ("allowwifi", SettingId::AllowWiFi),
    ("allowtextmessaging", SettingId::AllowTextMessaging),
    ("allowpopimapemail", SettingId::AllowPOPIMAPEmail),
    ("allowbluetooth", SettingId::AllowBluetooth),
    ("allowirda", SettingId::AllowIrDA),
    ("reqmansyncroam", SettingId::RequireManualSyncWhenRoaming),
    ("allowdesktopsync", SettingId::AllowDesktopSync),
    ("maxcalagefilter", SettingId::MaxCalendarAgeFilter),
    ("allowhtmlemail", SettingId::AllowHTMLEmail),
    ("maxemailagefilter", SettingId::MaxEmailAgeFilter),
    ("maxemailbodytruncsize", SettingId::MaxEmailBodyTruncationSize),
    ("maxemailhtmlbodytruncsize", SettingId::MaxEmailHTMLBodyTruncationSize),
    ("reqsignedsmimemessages", SettingId::RequireSignedSMIMEMessages),
    ("reqencsmimemessages", SettingId::RequireEncryptedSMIMEMessages),
    ("reqsignedsmimealgorithm", SettingId::RequireSignedSMIMEAlgorithm),
    ("reqencsmimealgorithm", SettingId::RequireEncryptionSMIMEAlgorithm),
    ("allowsmimeencalgneg", SettingId::AllowSMIMEEncryptionAlgorithmNegotiation),
    ("allowsmimesoftcerts", SettingId::AllowSMIMESoftCerts),
    ("allowbrowser", SettingId::AllowBrowser),
    ("allowconsumeremail", SettingId::AllowConsumerEmail),
    ("allowremotedesk", SettingId::AllowRemoteDesktop),
    ("allowinternetsharing", SettingId::AllowInternetSharing),
    ("unapprovedinromapplist", SettingId::UnapprovedInROMApplicationList),
    ("approvedapplist", SettingId::ApprovedApplicationList),
];

/// A key of 12.0 that the protocol has no longer (token 0x12).
const DOCUMENT_BROWSING: &str = "docbrowseenabled";

/// A section while it is read.
struct Section {
    policy: Imported,
    line: usize,
    name: String,
    /// The keys so far; a list's may come again.
    keys: BTreeMap<String, bool>,
}

/// Reads every section of the file, in its order.
///
/// Z-Push takes any acknowledgment, so `allow_partial` and `allow_externally_managed` are on. Whether devices that never
/// provision get in does not stand in this file; they do not, unless the rule is changed.
///
/// # Errors
/// When a line is neither section, key nor comment, a value is out of range, a section or key comes twice, or there is no
/// section at all. The line is said.
pub fn import(text: &str) -> Result<Vec<Imported>, ImportError> {
    if text.len() > MOST_BYTES {
        let came = format!("{} bytes", text.len());
        return Err(ImportError::described(None, "file", came, format!("at most {MOST_BYTES}")));
    }
    let mut sections: Vec<Section> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        match ini::line(line).map_err(|fault| ImportError::new(Some(number), "line", fault.came, fault.expected))? {
            Line::Nothing => {}
            Line::Section(name) => {
                if sections.iter().any(|section| section.name == name) {
                    return Err(ImportError::new(Some(number), "section", name, "each section once"));
                }
                if sections.len() == MOST_SECTIONS {
                    let came = format!("section number {}", MOST_SECTIONS + 1);
                    return Err(ImportError::described(Some(number), name, came, format!("at most {MOST_SECTIONS}")));
                }
                sections.push(Section::begin(number, name));
            }
            Line::Entry { key, appends, value } => {
                let section = sections
                    .last_mut()
                    .ok_or_else(|| ImportError::new(Some(number), "line", key, "a section such as [default]"))?;
                section.take(number, key, appends, &value)?;
            }
        }
    }
    if sections.is_empty() {
        return Err(ImportError::new(None, "file", "", "a section such as [default]"));
    }
    Ok(sections.into_iter().map(Section::end).collect())
}

impl Section {
    fn begin(line: usize, name: &str) -> Self {
        let mut policy = Imported {
            name: PolicyName::new(name).ok(),
            document: PolicyDocument::default(),
            rules: PolicyRules { allow_partial: true, allow_externally_managed: true, ..PolicyRules::default() },
            remarks: Vec::new(),
        };
        if policy.name.is_none() {
            policy.remarks.push(Remark::new(Some(line), name, "cannot name a policy here; choose another name"));
        }
        let why = "whether devices that never provision get in is set elsewhere in Z-Push; here they do not";
        policy.remarks.push(Remark::new(Some(line), "allow_non_provisionable", why));
        Self { policy, line, name: name.to_owned(), keys: BTreeMap::new() }
    }

    fn take(&mut self, line: usize, key: &str, appends: bool, value: &str) -> Result<(), ImportError> {
        if self.keys.get(key).is_some_and(|appended| !(appends && *appended)) {
            return Err(ImportError::described(Some(line), key, "the same key again", "each key once in a section"));
        }
        self.keys.insert(key.to_owned(), appends);
        if key == DOCUMENT_BROWSING {
            self.policy.remarks.push(Remark::new(
                Some(line),
                key,
                "the protocol has no such setting any more; not carried",
            ));
            return Ok(());
        }
        let Some((_, id)) = KEYS.iter().find(|(known, _)| *known == key) else {
            self.policy.remarks.push(Remark::new(Some(line), key, "not known as a key; not carried"));
            return Ok(());
        };
        let setting = id.setting();
        let refuse = || ImportError::new(Some(line), key, value, setting.expects());
        let read = if appends {
            self.appended(setting, value)
        } else if value.trim().is_empty() {
            // [MS-ASPROV] 3.2.5.1.1 (R492): empty is unset, whatever the setting is.
            return Ok(());
        } else {
            setting.parse(value).ok()
        };
        let read = read.ok_or_else(refuse)?;
        self.policy.document.set(*id, read).map_err(|_| refuse())
    }

    /// The list with one more entry; `None` when the setting is no list.
    fn appended(&self, setting: &Setting, entry: &str) -> Option<Value> {
        setting.is_list().then(|| {
            let mut entries = match self.policy.document.value(setting.id) {
                Some(Value::List(entries)) => entries.clone(),
                _ => Vec::new(),
            };
            if entries.len() <= limits::LIST_ENTRIES {
                entries.push(entry.to_owned());
            }
            Value::List(entries)
        })
    }

    fn end(mut self) -> Imported {
        let missing = KEYS.iter().filter(|(key, _)| !self.keys.contains_key(*key)).count();
        if missing > 0 {
            let why = format!("{missing} settings have no key in this section and stay unset here");
            self.policy.remarks.push(Remark::new(Some(self.line), &self.name, why));
        }
        self.policy
    }
}

/// Writes policies as `policies.ini`, one section each, every setting with its key. What a policy's rules say has no
/// place there.
pub fn export<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> String {
    let mut text = String::new();
    for policy in policies {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "[{}]", policy.name);
        for (key, id) in KEYS {
            match policy.document.value(*id).cloned().or_else(|| id.setting().neutral_value()) {
                Some(Value::List(entries)) => {
                    for entry in entries {
                        let _ = writeln!(text, "{key}[] = {}", ini::quoted(&entry));
                    }
                }
                Some(value) => {
                    let _ = writeln!(text, "{key} = {value}");
                }
                None => {
                    let _ = writeln!(text, "{key} = \"\"");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
