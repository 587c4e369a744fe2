//! What a row of the table is made of, and how a setting reads and checks its values.

use asprov_wbxml::{Element, Tag};

use super::error::shown;
use super::table::{SETTINGS, SettingId, by_token};
use super::value::{flag, number};
use super::{PolicyError, Value, limits, wap};
use crate::version::ProtocolVersion;

/// One row of the table: a child of EASProvisionDoc.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its place in the schema, and its name in code.
    pub id: SettingId,
    /// The element's name.
    pub name: &'static str,
    /// The element's page and token.
    pub tag: Tag,
    /// What values it takes.
    pub kind: Kind,
    /// What goes out when it is unset, and restricts nothing.
    pub neutral: Neutral,
    /// The first version whose EASProvisionDoc has it.
    pub since: ProtocolVersion,
    /// The section of \[MS-ASPROV\] that defines it.
    pub section: &'static str,
    /// Where it belongs on a screen.
    pub group: Group,
    /// Whether it is one of the nine of \[MS-ASPROV\] 3.1.5.1.1.1: DevicePasswordEnabled and the eight that mean
    /// nothing while that one is 0.
    pub password_group: bool,
    /// A device of which this is true may ignore the setting, and counts as having applied it: \[MS-ASPROV\] 3.1.5.1.1
    /// (R764).
    pub may_be_ignored_when: Option<&'static str>,
    /// What it does, in a sentence or two, with its unit.
    pub doc: &'static str,
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `boolean`: 0 or 1.
    Flag,
    /// A whole number.
    Number {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
        /// Whether the schema lets the element be empty, which means unset: the five `...OrEmpty` settings.
        empty: bool,
    },
    /// One of the listed numbers, each with the words for it.
    Choice(&'static [(i64, &'static str)]),
    /// A container of `item` elements.
    List {
        /// The element of one entry.
        item: Tag,
    },
}

/// What an unset setting looks like on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neutral {
    /// An empty tag: the five `...OrEmpty` settings and the two lists.
    Empty,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(i64),
}

/// Where a setting belongs on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The password group of \[MS-ASPROV\] 3.1.5.1.1.1.
    Password,
    /// Locking after inactivity.
    Lock,
    /// Encryption of the device and its card.
    Encryption,
    /// Camera, radios and other parts of the device.
    Hardware,
    /// What may run on the device.
    Applications,
    /// What is synchronized, and how.
    Synchronization,
    /// Signed and encrypted mail.
    Smime,
}

impl Setting {
    /// The setting of this name, compared without case.
    ///
    /// # Errors
    /// [`PolicyError::UnknownSetting`] when no setting has the name.
    pub fn by_name(name: &str) -> Result<&'static Self, PolicyError> {
        SETTINGS
            .iter()
            .find(|setting| setting.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| PolicyError::UnknownSetting { came: shown(name) })
    }

    /// The setting of this element; `None` for every other element.
    pub fn by_tag(tag: Tag) -> Option<&'static Self> {
        by_token(tag.token()).filter(|setting| setting.tag == tag)
    }

    /// Reads a value from text as it comes from the command line, a form or a file: a number, a flag, the words of a
    /// choice, or list entries with commas or line breaks between them.
    ///
    /// # Errors
    /// [`PolicyError::InvalidValue`] when the setting does not accept it; empty text too, which is no value (see
    /// [`Setting::read`]).
    pub fn parse(&self, text: &str) -> Result<Value, PolicyError> {
        let value = match self.kind {
            Kind::Flag => flag(text).map(Value::Flag),
            Kind::Number { .. } => number(text).map(Value::Number),
            Kind::Choice(choices) => choices
                .iter()
                .find(|(_, words)| words.eq_ignore_ascii_case(text.trim()))
                .map(|(number, _)| *number)
                .or_else(|| number(text))
                .map(Value::Number),
            Kind::List { .. } => {
                let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
                // One more than allowed is enough to be refused for.
                Some(Value::List(entries.take(limits::LIST_ENTRIES + 1).map(Into::into).collect()))
                    .filter(|_| !text.trim().is_empty())
            }
        };
        let value = value.ok_or_else(|| self.refusal(text))?;
        self.check(&value)?;
        Ok(value)
    }

    /// As [`Setting::parse`], where empty text means "unset" for the settings that may be empty.
    ///
    /// # Errors
    /// [`PolicyError::InvalidValue`] when the setting does not accept it.
    pub fn read(&self, text: &str) -> Result<Option<Value>, PolicyError> {
        if self.may_be_empty() && text.trim().is_empty() { Ok(None) } else { self.parse(text).map(Some) }
    }

    /// Whether the value is one that this setting takes.
    ///
    /// # Errors
    /// [`PolicyError::InvalidValue`] with what was given and what is accepted.
    pub fn check(&self, value: &Value) -> Result<(), PolicyError> {
        let accepted = match (self.kind, value) {
            (Kind::Flag, Value::Flag(_)) => true,
            (Kind::Number { .. } | Kind::Choice(_), Value::Number(number)) => self.accepts(*number),
            (Kind::List { .. }, Value::List(entries)) => {
                if entries.len() > limits::LIST_ENTRIES {
                    return Err(self.refusal(&format!("{} or more entries", limits::LIST_ENTRIES + 1)));
                }
                match entries.iter().find(|entry| !usable_entry(entry)) {
                    Some(entry) => return Err(self.refusal(entry)),
                    None => true,
                }
            }
            _ => false,
        };
        if accepted { Ok(()) } else { Err(self.refusal(&value.text())) }
    }

    /// Reads the setting's element into an empty place. An empty element leaves it so: it means "unset", whatever the
    /// setting is.
    ///
    /// What cannot be read goes into `refusal`; of a list, the entries that can be used are kept nevertheless.
    pub(super) fn read_element(
        &self,
        element: &Element<'_>,
        place: &mut Option<Value>,
        refusal: &mut Option<PolicyError>,
    ) {
        let text = element.text();
        if text == Some("") && element.children().is_empty() {
            // [MS-ASPROV] 3.2.5.1.1 (R652, R492); docs/decisions/0001-empty-boolean.md.
            return;
        }
        match (self.kind, text) {
            (Kind::List { item }, _) => return self.read_entries(element, item, place, refusal),
            (Kind::Flag, Some(text)) => {
                if let Some(flag) = flag(text) {
                    *place = Some(Value::Flag(flag));
                    return;
                }
            }
            (_, Some(text)) => {
                if let Some(number) = number(text).filter(|number| self.accepts(*number)) {
                    *place = Some(Value::Number(number));
                    return;
                }
            }
            (_, None) => {}
        }
        let no_text = if element.children().is_empty() { "bytes that are no text" } else { "child elements" };
        *refusal = Some(self.refusal(text.unwrap_or(no_text)));
    }

    fn read_entries(
        &self,
        element: &Element<'_>,
        item: Tag,
        place: &mut Option<Value>,
        refusal: &mut Option<PolicyError>,
    ) {
        let mut entries = Vec::with_capacity(element.children().len().min(limits::LIST_ENTRIES));
        // The first thing that is wrong is enough.
        let mut refuse = |came: &str| *refusal = refusal.take().or_else(|| Some(self.refusal(came)));
        if element.has_text() {
            refuse("text");
        }
        for entry in element.children_with(item) {
            match entry.text() {
                Some(text) if !usable_entry(text) => refuse(text),
                Some(text) if entries.len() < limits::LIST_ENTRIES => entries.push(text.to_owned()),
                Some(_) => {
                    refuse(&format!("{} or more entries", limits::LIST_ENTRIES + 1));
                    break;
                }
                None => refuse("an entry that is no text"),
            }
        }
        if !entries.is_empty() {
            *place = Some(Value::List(entries));
        }
    }

    /// The setting's element with this value, or as it goes out unset.
    pub(super) fn element(&self, value: Option<&Value>) -> Element<'static> {
        match (value, self.kind, self.neutral) {
            (Some(Value::List(entries)), Kind::List { item }, _) => Element::new(self.tag)
                .with_children(entries.iter().map(|entry| Element::with_text(item, entry.clone()))),
            (Some(value), ..) => Element::with_text(self.tag, value.text()),
            (None, _, Neutral::Empty) => Element::new(self.tag),
            (None, _, Neutral::Flag(flag)) => Element::with_text(self.tag, Value::Flag(flag).text()),
            (None, _, Neutral::Number(number)) => Element::with_text(self.tag, Value::Number(number).text()),
        }
    }

    /// What the setting accepts, in words: for errors, help, forms and the reference.
    pub fn expects(&self) -> String {
        match self.kind {
            Kind::Flag => "0 or 1".to_owned(),
            Kind::Number { min, max, empty } => {
                let range = format!("{min} to {max}");
                if empty { range + ", or empty" } else { range }
            }
            Kind::Choice(choices) => {
                choices.iter().map(|(number, words)| format!("{number} ({words})")).collect::<Vec<_>>().join(", ")
            }
            Kind::List { .. } => format!(
                "at most {} entries of 1 to {} characters without control characters, with commas between them",
                limits::LIST_ENTRIES,
                limits::LIST_ENTRY_CHARACTERS
            ),
        }
    }

    /// What goes out when the setting is unset; `None` where that is an empty tag.
    pub const fn neutral_value(&self) -> Option<Value> {
        match self.neutral {
            Neutral::Empty => None,
            Neutral::Flag(flag) => Some(Value::Flag(flag)),
            Neutral::Number(number) => Some(Value::Number(number)),
        }
    }

    /// Whether a value, or none, is what goes out when the setting is unset.
    pub fn is_neutral(&self, value: Option<&Value>) -> bool {
        match (value, self.neutral) {
            (None, _) => true,
            (Some(Value::Flag(flag)), Neutral::Flag(neutral)) => *flag == neutral,
            (Some(Value::Number(number)), Neutral::Number(neutral)) => *number == neutral,
            (Some(Value::List(entries)), _) => entries.is_empty(),
            _ => false,
        }
    }

    /// Whether an empty element is legal, and means unset.
    pub const fn may_be_empty(&self) -> bool {
        matches!(self.neutral, Neutral::Empty)
    }

    /// Whether its value is a list.
    pub const fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List { .. })
    }

    /// Whether a document of this version has a place for the setting: EASProvisionDoc from 12.0 on, the WAP
    /// document at 2.5.
    pub fn is_carried_by(&self, version: ProtocolVersion) -> bool {
        if version == ProtocolVersion::V2_5 { wap::CARRIED.contains(&self.id) } else { self.since <= version }
    }

    fn accepts(&self, number: i64) -> bool {
        match self.kind {
            Kind::Number { min, max, .. } => (min..=max).contains(&number),
            Kind::Choice(choices) => choices.iter().any(|(choice, _)| *choice == number),
            Kind::Flag | Kind::List { .. } => false,
        }
    }

    pub(super) fn refusal(&self, given: &str) -> PolicyError {
        PolicyError::InvalidValue { setting: self.name, given: shown(given), expected: self.expects() }
    }
}

/// The greatest number of the schema's unsignedInt ([MS-ASPROV] 2.2.3.3).
pub(super) const UNSIGNED: i64 = u32::MAX as i64;

/// Control characters have no place in a file name or a hash, and the fingerprint relies on there being none.
fn usable_entry(entry: &str) -> bool {
    let printable = |byte: u8| matches!(byte, b' '..=b'~');
    let short = entry.len() <= limits::LIST_ENTRY_CHARACTERS || entry.chars().count() <= limits::LIST_ENTRY_CHARACTERS;
    // Nearly every entry is plain ASCII. Looking at all its bytes, many at a time, beats stopping at the first other.
    let plain = || entry.bytes().fold(true, |plain, byte| plain & printable(byte));
    !entry.is_empty() && short && (plain() || !entry.chars().any(char::is_control))
}

impl Group {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "Password",
            Self::Lock => "Lock",
            Self::Encryption => "Encryption",
            Self::Hardware => "Hardware",
            Self::Applications => "Applications",
            Self::Synchronization => "Synchronization",
            Self::Smime => "S/MIME",
        }
    }
}
