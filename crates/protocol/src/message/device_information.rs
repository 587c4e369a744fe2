//! DeviceInformation (\[MS-ASCMD\] 2.2.3.45, \[MS-ASPROV\] 2.2.2.53): what a device says about itself, in the initial
//! Provision request from 14.1 on and in the Settings command before.
//!
//! All of it is data to look at: nothing here is checked against anything, and control characters stay as they came.

use asprov_wbxml::code_page::settings;
use asprov_wbxml::{Element, Tag};

use super::{MessageError, grammar};

/// What a device says about itself. A field that came as an empty element is `Some("")`, which clears what was known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceInformation {
    /// The model; required in a Provision request: \[MS-ASPROV\] 2.2.2.53 (R607).
    pub model: Option<String>,
    /// The IMEI, which devices fill as they like.
    pub imei: Option<String>,
    /// The name its user gave it.
    pub friendly_name: Option<String>,
    /// The operating system, as product and version.
    pub os: Option<String>,
    /// The language of the operating system.
    pub os_language: Option<String>,
    /// The telephone number.
    pub phone_number: Option<String>,
    /// The User-Agent header once more.
    pub user_agent: Option<String>,
    /// The mobile operator.
    pub mobile_operator: Option<String>,
    /// Whether text messages may be sent through the account.
    pub enable_outbound_sms: Option<bool>,
}

/// One child of Set.
struct Field {
    name: &'static str,
    tag: Tag,
    read: fn(&DeviceInformation) -> Option<&str>,
    write: fn(&mut DeviceInformation, Option<&str>),
}

/// A field that holds text, cut at [`DeviceInformation::MAX`] characters.
macro_rules! text_field {
    ($name:literal, $tag:ident, $field:ident) => {
        Field {
            name: $name,
            tag: settings::$tag,
            read: |information| information.$field.as_deref(),
            write: |information, text| information.$field = text.map(|text| grammar::cut(text, DeviceInformation::MAX)),
        }
    };
}

/// Every field, in the order in which they are written: that of the tokens, as devices send them.
static FIELDS: [Field; 9] = [
    text_field!("Model", MODEL, model),
    text_field!("IMEI", IMEI, imei),
    text_field!("FriendlyName", FRIENDLY_NAME, friendly_name),
    text_field!("OS", OS, os),
    text_field!("OSLanguage", OS_LANGUAGE, os_language),
    text_field!("PhoneNumber", PHONE_NUMBER, phone_number),
    text_field!("UserAgent", USER_AGENT, user_agent),
    Field {
        name: "EnableOutboundSMS",
        tag: settings::ENABLE_OUTBOUND_SMS,
        read: |information| information.enable_outbound_sms.map(|on| if on { "1" } else { "0" }),
        // Anything but 0 and 1 says nothing, and the rest of the information is still worth keeping.
        write: |information, text| {
            information.enable_outbound_sms = match text {
                Some("1") => Some(true),
                Some("0") => Some(false),
                _ => None,
            };
        },
    },
    text_field!("MobileOperator", MOBILE_OPERATOR, mobile_operator),
];

impl DeviceInformation {
    /// Most characters of a field; the rest is cut (\[MS-ASCMD\] 2.2.3: at most 1024 each).
    pub const MAX: usize = 1024;

    /// Bytes of all its fields.
    pub fn bytes(&self) -> usize {
        FIELDS.iter().filter_map(|field| (field.read)(self)).map(str::len).sum()
    }

    /// Reads settings:DeviceInformation with its Set, in a request. Children of Set that are no field are skipped; of a
    /// field that came twice the first counts.
    ///
    /// # Errors
    /// When the element holds anything but one Set, or a field holds elements or opaque data that is no text.
    pub fn from_set_element(element: &Element<'_>) -> Result<Self, MessageError> {
        const EXPECTED: &str = "one settings:Set";
        let mut set = None;
        for child in grammar::children(element, EXPECTED)? {
            match child.tag() {
                settings::SET => grammar::once(&mut set, element, child)?,
                _ => return Err(MessageError::child(element, child, EXPECTED)),
            }
        }
        let set = set.ok_or_else(|| MessageError::missing(element, settings::SET, EXPECTED))?;
        let mut information = Self::default();
        for child in grammar::children(set, "the fields of DeviceInformation")? {
            let Some(field) = FIELDS.iter().find(|field| field.tag == child.tag()) else { continue };
            let text = grammar::text(child, "text")?;
            if (field.read)(&information).is_none() {
                (field.write)(&mut information, Some(text));
            }
        }
        Ok(information)
    }

    /// settings:DeviceInformation with its Set, as a client sends it.
    pub fn to_element(&self) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.53 (R366, R1008, R607)
        let fields = FIELDS
            .iter()
            .filter_map(|field| (field.read)(self).map(|text| Element::with_text(field.tag, text.to_owned())));
        Element::new(settings::DEVICE_INFORMATION).with_child(Element::new(settings::SET).with_children(fields))
    }

    /// The fields that say something, as element name and text, in the order of the table.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        FIELDS.iter().filter_map(|field| {
            let text = (field.read)(self).filter(|text| !text.is_empty())?;
            Some((field.name, text.to_owned()))
        })
    }

    /// Sets the field of this element name, as [`DeviceInformation::fields`] gave it; `false` when there is none.
    pub fn set_field(&mut self, name: &str, text: &str) -> bool {
        let Some(field) = FIELDS.iter().find(|field| field.name == name) else { return false };
        (field.write)(self, Some(text));
        true
    }

    /// Whether it holds the Model that a Provision request needs from 14.1 on; without one the answer is Status 165.
    pub fn has_model(&self) -> bool {
        self.model.as_deref().is_some_and(|model| !model.is_empty())
    }

    /// Takes over every field that `newer` holds; one that came empty is cleared.
    pub fn merge(&mut self, newer: &Self) {
        for field in &FIELDS {
            match (field.read)(newer) {
                None => {}
                Some("") => (field.write)(self, None),
                text => (field.write)(self, text),
            }
        }
    }
}
