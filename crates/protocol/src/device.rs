//! Who is asking: a device is the pair of the signed-in user and the DeviceId ([MS-ASHTTP] 2.2.1.1.1).

use core::fmt;
use std::sync::Arc;

// The three names of a request go to whatever keeps something about its device: to clone one copies no text.

/// The signed-in user, in the one spelling under which devices, assignments and events are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

/// The identifier a device sends with every request, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Arc<str>);

/// What kind of device it says it is, such as `iPhone` or `PocketPC`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceType(Arc<str>);

/// A group of users, as a directory or the groups file names it, in ASCII lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

/// A device: the same DeviceId under another user is another device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey {
    /// The signed-in user.
    pub user: UserName,
    /// The device's identifier.
    pub device_id: DeviceId,
}

/// Why a user name, DeviceId or DeviceType cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The parameter was not sent.
    #[error("{what} is missing")]
    Missing {
        /// The parameter.
        what: &'static str,
    },
    /// The parameter is empty or too long.
    #[error("{what} has {came} characters, expected 1 to {most}")]
    Length {
        /// The parameter.
        what: &'static str,
        /// How many characters came.
        came: usize,
        /// The most that are accepted.
        most: usize,
    },
    /// The parameter holds a character that is not accepted.
    #[error("{what} holds {came:?} at character {at}, expected {expected}")]
    Character {
        /// The parameter.
        what: &'static str,
        /// The character.
        came: char,
        /// Its place, counted from 1.
        at: usize,
        /// What is accepted.
        expected: &'static str,
    },
}

impl UserName {
    /// Longest accepted user name, in characters: the limit of a mail address (RFC 5321: 64 + 1 + 255).
    pub const MAX: usize = 320;

    /// The user of a sign-in name: ASCII lower case; a leading `DOMAIN\` or trailing `@domain` is removed when the
    /// domain is listed in `domains` (compared without case). Everything else stays distinct.
    ///
    /// # Errors
    /// When the name is empty, longer than [`UserName::MAX`] or holds a control character.
    pub fn from_sign_in<'a>(name: &str, domains: impl IntoIterator<Item = &'a str>) -> Result<Self, DeviceError> {
        let mut user = name;
        for domain in domains {
            let prefix = user.split_once('\\').filter(|(before, _)| before.eq_ignore_ascii_case(domain));
            let suffix = user.rsplit_once('@').filter(|(_, after)| after.eq_ignore_ascii_case(domain));
            if let Some(rest) = prefix.map(|(_, after)| after).or(suffix.map(|(before, _)| before)) {
                user = rest;
                break;
            }
        }
        Self::new(user)
    }

    /// A user name as it is, in ASCII lower case.
    ///
    /// # Errors
    /// When the name is empty, longer than [`UserName::MAX`] or holds a control character.
    pub fn new(name: &str) -> Result<Self, DeviceError> {
        check("User", name, Self::MAX, "no control character", |c| !c.is_control())?;
        Ok(Self(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_ascii_lowercase().into()
        } else {
            name.into()
        }))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GroupName {
    /// Longest group name, in characters: directories end at 64 to 256, and it has to fit a line.
    pub const MAX: usize = 128;

    /// A group's name, in ASCII lower case and without blanks around it.
    ///
    /// # Errors
    /// When it is empty, longer than [`GroupName::MAX`], or holds what ends a name in a groups file or a header: a
    /// control character, a comma or a colon.
    pub fn new(name: &str) -> Result<Self, DeviceError> {
        let name = name.trim();
        let usable = |c: char| !c.is_control() && !matches!(c, ',' | ':');
        check("the name of a group", name, Self::MAX, "no control character, comma or colon", usable)?;
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DeviceId {
    /// Longest DeviceId, in characters ([MS-ASHTTP] 2.2.1.1.1.2.4).
    pub const MAX: usize = 32;

    /// A DeviceId from text.
    ///
    /// # Errors
    /// When it is empty, longer than 32 characters or holds anything but letters, digits, `-`, `_` and `.`.
    pub fn new(text: &str) -> Result<Self, DeviceError> {
        check("DeviceId", text, Self::MAX, "A-Z, a-z, 0-9, -, _ or .", usable_in_device_id)?;
        Ok(Self(text.into()))
    }

    /// A DeviceId from the bytes of a base64 query: text where it is usable text, upper-case hex otherwise (Windows
    /// Mobile sends the 16 bytes of a GUID).
    ///
    /// # Errors
    /// When the text, or the hex, is empty or longer than 32 characters.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DeviceError> {
        if let Ok(text) = core::str::from_utf8(bytes)
            && text.chars().all(usable_in_device_id)
        {
            return Self::new(text);
        }
        Self::new(&bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the word that Android sends while it checks an account; it must never become a device.
    pub fn is_pairing_probe(&self) -> bool {
        &*self.0 == "validate"
    }
}

impl DeviceType {
    /// Longest DeviceType, in characters.
    pub const MAX: usize = 64;

    /// A DeviceType from text.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters or holds a control character.
    pub fn new(text: &str) -> Result<Self, DeviceError> {
        check("DeviceType", text, Self::MAX, "printable characters", |c| !c.is_control())?;
        Ok(Self(text.into()))
    }

    /// The type.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.device_id)
    }
}

/// Whether a terminal or a page obeys this character instead of showing it: control characters, and those that change the
/// direction of writing or have no width. Names from devices may hold them, since some languages need them; whoever shows
/// such a name writes them as escapes.
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

fn usable_in_device_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn check(
    what: &'static str,
    text: &str,
    most: usize,
    expected: &'static str,
    usable: impl Fn(char) -> bool,
) -> Result<(), DeviceError> {
    let came = text.chars().count();
    if came == 0 || came > most {
        return Err(DeviceError::Length { what, came, most });
    }
    match text.chars().enumerate().find(|(_, c)| !usable(*c)) {
        Some((at, came)) => Err(DeviceError::Character { what, came, at: at + 1, expected }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_spelling_and_holds_nothing_that_ends_a_name() {
        assert_eq!(GroupName::new(" Domain Users ").unwrap().as_str(), "domain users");
        for name in ["", " ", "a,b", "a:b", "a\nb", &"x".repeat(129)] {
            assert!(GroupName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_listed_domain_is_removed_and_any_other_stays() {
        let user = |name: &str| UserName::from_sign_in(name, ["EXAMPLE", "example.com"]).unwrap().as_str().to_owned();
        assert_eq!(user("Example\\Ann"), "ann");
        assert_eq!(user("Ann@Example.COM"), "ann");
        assert_eq!(user("ann@example.org"), "ann@example.org");
        assert_eq!(user("other\\ann"), "other\\ann");
    }

    #[test]
    fn a_device_id_is_compared_exactly_and_limited() {
        assert_ne!(DeviceId::new("abc"), DeviceId::new("ABC"));
        assert!(DeviceId::new(&"A".repeat(32)).is_ok());
        assert_eq!(DeviceId::new(&"A".repeat(33)), Err(DeviceError::Length { what: "DeviceId", came: 33, most: 32 }));
        assert!(matches!(DeviceId::new("../../etc"), Err(DeviceError::Character { came: '/', at: 3, .. })));
        assert!(DeviceId::new("").is_err());
    }

    #[test]
    fn sixteen_raw_bytes_become_upper_case_hex() {
        let bytes: Vec<u8> = (0xF0..=0xFF).collect();
        assert_eq!(DeviceId::from_bytes(&bytes).unwrap().as_str(), "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF");
        assert_eq!(DeviceId::from_bytes(b"v140Device").unwrap().as_str(), "v140Device");
        assert!(DeviceId::from_bytes(&[0; 17]).is_err());
    }

    #[test]
    fn a_device_type_may_hold_a_blank_but_no_line_break() {
        assert!(DeviceType::new("Sample Application").is_ok());
        assert!(matches!(DeviceType::new("SP\r\n"), Err(DeviceError::Character { came: '\r', at: 3, .. })));
    }
}
