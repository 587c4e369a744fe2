//! A Settings request (\[MS-ASCMD\] 2.2.1.18), as far as provisioning reaches: DeviceInformation, the recovery password,
//! and who the user is. The other properties are named, so that each gets the answer it waits for.

use asprov_wbxml::code_page::settings;
use asprov_wbxml::{Element, Tag};

use super::{DeviceInformation, MessageError, grammar};
use crate::secret::Secret;

/// A Settings request: its properties, to be handled and answered in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsRequest {
    /// Each of the five properties at most once.
    pub properties: Vec<SettingsProperty>,
}

/// A property of a Settings request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsProperty {
    /// Set: what the device says about itself.
    DeviceInformation(DeviceInformation),
    /// Set: the recovery password.
    DevicePassword(RecoveryPassword),
    /// Get: the addresses of the user.
    UserInformation,
    /// Oof, which asprov does not keep.
    Oof,
    /// RightsManagementInformation, which asprov does not keep.
    RightsManagementInformation,
}

/// What a device does with its recovery password: a one-time password that unlocks it, kept for its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryPassword {
    /// Keep this one.
    Keep(Secret<String>),
    /// Forget the one that is kept.
    Clear,
    /// The password is longer than [`RecoveryPassword::MAX`] characters; the answer is Status 5.
    TooLong,
}

impl RecoveryPassword {
    /// Longest recovery password, in characters (\[MS-ASCMD\] 2.2.3.132.3).
    pub const MAX: usize = 255;

    /// What this text asks for: empty clears, and one that is too long cannot be kept.
    pub fn new(text: &str) -> Self {
        match text.chars().nth(Self::MAX) {
            Some(_) => Self::TooLong,
            None if text.is_empty() => Self::Clear,
            None => Self::Keep(Secret::new(text.to_owned())),
        }
    }
}

const PROPERTIES: &str =
    "each of RightsManagementInformation, Oof, DevicePassword, DeviceInformation and UserInformation at most once";

impl SettingsRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// When it is not the grammar of a Settings request; the answer is Settings Status 2.
    pub fn from_element(element: &Element<'_>) -> Result<Self, MessageError> {
        if element.tag() != settings::SETTINGS {
            return Err(MessageError::another_root(element, "Settings:Settings"));
        }
        let children = grammar::children(element, PROPERTIES)?;
        let mut seen: Vec<Tag> = Vec::new();
        let mut properties = Vec::new();
        for child in children {
            if seen.contains(&child.tag()) {
                return Err(MessageError::twice(element, child));
            }
            seen.push(child.tag());
            properties.push(match child.tag() {
                settings::DEVICE_INFORMATION => {
                    SettingsProperty::DeviceInformation(DeviceInformation::from_set_element(child)?)
                }
                settings::DEVICE_PASSWORD => {
                    let set = only_child(child, settings::SET, "one Set")?;
                    let password = only_child(set, settings::PASSWORD, "one Password")?;
                    SettingsProperty::DevicePassword(RecoveryPassword::new(grammar::text(password, "a password")?))
                }
                settings::USER_INFORMATION => {
                    only_child(child, settings::GET, "one Get")?;
                    SettingsProperty::UserInformation
                }
                settings::OOF => SettingsProperty::Oof,
                settings::RIGHTS_MANAGEMENT_INFORMATION => SettingsProperty::RightsManagementInformation,
                _ => return Err(MessageError::child(element, child, PROPERTIES)),
            });
        }
        Ok(Self { properties })
    }

    /// The element a client sends. Oof and RightsManagementInformation are written as their empty Get.
    pub fn to_element(&self) -> Element<'static> {
        let properties = self.properties.iter().map(|property| match property {
            SettingsProperty::DeviceInformation(information) => information.to_element(),
            SettingsProperty::DevicePassword(password) => {
                let text = match password {
                    RecoveryPassword::Keep(password) => password.expose().clone(),
                    // An empty Password clears the one that is kept, and there is no other way ([MS-ASCMD] 2.2.3.132.3).
                    RecoveryPassword::Clear | RecoveryPassword::TooLong => String::new(),
                };
                let set = Element::new(settings::SET).with_child(Element::with_text(settings::PASSWORD, text));
                Element::new(settings::DEVICE_PASSWORD).with_child(set)
            }
            SettingsProperty::UserInformation => get(settings::USER_INFORMATION),
            SettingsProperty::Oof => get(settings::OOF),
            SettingsProperty::RightsManagementInformation => get(settings::RIGHTS_MANAGEMENT_INFORMATION),
        });
        Element::new(settings::SETTINGS).with_children(properties)
    }
}

fn get(property: Tag) -> Element<'static> {
    Element::new(property).with_child(Element::new(settings::GET))
}

/// The only child of an element that holds exactly this one.
fn only_child<'e, 'a>(
    element: &'e Element<'a>,
    tag: Tag,
    expected: &'static str,
) -> Result<&'e Element<'a>, MessageError> {
    match grammar::children(element, expected)? {
        [] => Err(MessageError::missing(element, tag, expected)),
        [child] if child.tag() == tag => Ok(child),
        [child] => Err(MessageError::child(element, child, expected)),
        [_, again, ..] => Err(MessageError::child(element, again, expected)),
    }
}
