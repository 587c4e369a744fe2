//! A policy document: one place for each row of the table, and its way to and from EASProvisionDoc
//! (\[MS-ASPROV\] 2.2.2.28).

use core::fmt;

use asprov_wbxml::{Element, code_page::provision};

use super::fingerprint::Fingerprints;
use super::table::COUNT;
use super::{PolicyError, ReceivedPolicy, SETTINGS, Setting, SettingFault, SettingId, Value};
use crate::version::ProtocolVersion;

/// The settings of one policy. A setting is set to a value it accepts, or unset.
#[derive(Clone)]
pub struct PolicyDocument {
    // On the heap: a document is moved through many hands, and is a kilobyte.
    values: Box<[Option<Value>; COUNT]>,
    // The gate asks for one at every request, and a policy changes once in a while. Every change empties them.
    pub(super) fingerprints: Fingerprints,
}

impl PolicyDocument {
    /// The value of a setting; `None` when it is unset.
    pub fn value(&self, id: SettingId) -> Option<&Value> {
        self.values.get(id as usize)?.as_ref()
    }

    /// Whether a flag is on: its value, or its neutral value when it is unset. `false` for everything but flags.
    pub fn is_on(&self, id: SettingId) -> bool {
        let neutral = id.setting().neutral_value();
        self.value(id).or(neutral.as_ref()) == Some(&Value::Flag(true))
    }

    /// Sets a setting. An empty list unsets it, since it restricts nothing.
    ///
    /// # Errors
    /// [`PolicyError::InvalidValue`] when the setting does not accept the value; the document is as before.
    pub fn set(&mut self, id: SettingId, value: Value) -> Result<(), PolicyError> {
        id.setting().check(&value)?;
        self.put(id, Some(value).filter(|value| *value != Value::List(Vec::new())));
        Ok(())
    }

    /// Unsets a setting.
    pub fn clear(&mut self, id: SettingId) {
        self.put(id, None);
    }

    /// The settings that are set, in the order of the schema.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, &Value)> {
        SETTINGS.iter().zip(self.values.iter()).filter_map(|(setting, value)| Some((setting, value.as_ref()?)))
    }

    /// Whether no setting restricts anything.
    pub fn is_neutral(&self) -> bool {
        SETTINGS.iter().all(|setting| setting.is_neutral(self.value(setting.id)))
    }

    /// The settings in which two documents ask for different things. Unset and set to the neutral value are the same.
    pub fn diff(&self, other: &Self) -> Vec<&'static Setting> {
        SETTINGS
            .iter()
            .filter(|setting| {
                let (one, two) = (self.value(setting.id), other.value(setting.id));
                one != two && !(setting.is_neutral(one) && setting.is_neutral(two))
            })
            .collect()
    }

    /// The document as EASProvisionDoc: every setting that the version has, always, in the order of the schema. An
    /// unset one goes out as its neutral value, or, where the schema allows it, as an empty tag; a boolean is never
    /// empty. For 2.5 there is no EASProvisionDoc and the element has no children; see [`PolicyDocument::to_wap`].
    pub fn to_element(&self, version: ProtocolVersion) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.28 (R235)
        let carried = SETTINGS.iter().filter(|setting| setting.since <= version);
        // [MS-ASPROV] 3.2.5.1.1 (R652)
        Element::new(provision::EAS_PROVISION_DOC)
            .with_children(carried.map(|setting| setting.element(self.effective(setting))))
    }

    /// Reads an EASProvisionDoc as a device should: children in any order, unknown ones passed over, an empty one
    /// taken as unset, a value out of range noted as a fault.
    pub fn from_element(element: &Element<'_>) -> ReceivedPolicy {
        let mut received = ReceivedPolicy::default();
        let mut seen = 0_u64;
        let mut refusal = None;
        for child in element.children() {
            let Some(setting) = Setting::by_tag(child.tag()) else { continue };
            let bit = 1_u64 << (setting.id as u64);
            let is_first = seen & bit == 0;
            seen |= bit;
            // A value is read straight into its place: to hand it back and move it there costs more than to read it.
            let mut second = None;
            let place = received.document.values.get_mut(setting.id as usize).filter(|_| is_first);
            setting.read_element(child, place.unwrap_or(&mut second), &mut refusal);
            if let Some(refusal) = refusal.take() {
                received.add_refusal(refusal);
            }
            if !is_first && received.document.value(setting.id) != second.as_ref() {
                // The schema allows each child once. Two that differ leave no way to tell which is meant.
                let given = "a second, different element".to_owned();
                received.add_fault(SettingFault { name: setting.name, given, expected: "at most one".to_owned() });
            }
        }
        received
    }

    /// The settings by which a device of this version is asked for something, in the order of the schema: those that it
    /// gets and whose value restricts anything. Without a device password, the eight settings about it are not among
    /// them.
    pub fn demands(&self, version: ProtocolVersion) -> impl Iterator<Item = (&'static Setting, &Value)> {
        let carried = SETTINGS.iter().filter(move |setting| setting.is_carried_by(version));
        carried.filter_map(|setting| {
            let value = self.effective(setting).filter(|value| !setting.restricts_nothing(Some(value)))?;
            Some((setting, value))
        })
    }

    /// The value that goes out, `None` for neutral: without a device password, the eight settings about it say
    /// nothing, whatever they are set to.
    pub(super) fn effective(&self, setting: &Setting) -> Option<&Value> {
        // [MS-ASPROV] 3.1.5.1.1.1
        let idle = setting.password_group
            && setting.id != SettingId::DevicePasswordEnabled
            && !self.is_on(SettingId::DevicePasswordEnabled);
        if idle { None } else { self.value(setting.id) }
    }

    pub(super) fn put(&mut self, id: SettingId, value: Option<Value>) {
        self.fingerprints = Fingerprints::default();
        if let Some(place) = self.values.get_mut(id as usize) {
            *place = value;
        }
    }
}

impl Default for PolicyDocument {
    /// Nothing set: everything neutral.
    fn default() -> Self {
        Self { values: Box::new([const { None }; COUNT]), fingerprints: Fingerprints::default() }
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for PolicyDocument {}

impl fmt::Debug for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(setting, value)| (setting.name, value))).finish()
    }
}

#[cfg(test)]
pub(crate) mod properties;
#[cfg(test)]
mod tests;
