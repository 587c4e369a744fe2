//! A Settings answer (\[MS-ASCMD\] 2.2.1.18): one Status for all of it, then one for each property, in the request's order.

use asprov_wbxml::code_page::settings;
use asprov_wbxml::{Element, Tag};

use super::{MessageError, grammar};
use crate::status::Status;
use crate::version::ProtocolVersion;

/// A Settings answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsResponse {
    /// Status of Settings. Properties follow only when it is 1.
    pub status: Status,
    /// The answers to the properties, in the order of the request.
    pub properties: Vec<SettingsAnswer>,
}

/// The answer to one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsAnswer {
    /// The device's information was taken, or why not.
    DeviceInformation(Status),
    /// The recovery password was taken, or why not: 5 too long, 7 switched off by the policy.
    DevicePassword(Status),
    /// The user's addresses, the primary one first; none with a Status other than 1.
    UserInformation {
        /// Status of UserInformation.
        status: Status,
        /// The addresses.
        addresses: Vec<String>,
    },
    /// The answer to Oof: a Status alone.
    Oof(Status),
    /// The answer to RightsManagementInformation: a Status alone.
    RightsManagementInformation(Status),
}

impl SettingsResponse {
    /// Recovery passwords are not kept for this device (\[MS-ASCMD\] 2.2.3.177.15).
    pub const DENIED_BY_POLICY: Status = Status(7);
    /// The recovery password is too long, or arguments are invalid.
    pub const INVALID_ARGUMENTS: Status = Status(5);
    /// The request is not the grammar of Settings.
    pub const PROTOCOL_ERROR: Status = Status(2);
    /// The server cannot answer now.
    pub const SERVER_UNAVAILABLE: Status = Status(4);

    /// An answer that is a Status and nothing else.
    pub const fn with_status(status: Status) -> Self {
        Self { status, properties: Vec::new() }
    }

    /// The element a server sends to a client of this version.
    pub fn to_element(&self, version: ProtocolVersion) -> Element<'static> {
        let root = Element::new(settings::SETTINGS).with_child(status_element(self.status));
        if self.status != Status::SUCCESS {
            return root;
        }
        root.with_children(self.properties.iter().map(|answer| answer.to_element(version)))
    }

    /// Reads an answer. Properties and elements that asprov does not ask for are skipped.
    ///
    /// # Errors
    /// When the root is not Settings, or a Status is missing or no number.
    pub fn from_element(element: &Element<'_>) -> Result<Self, MessageError> {
        if element.tag() != settings::SETTINGS {
            return Err(MessageError::another_root(element, "Settings:Settings"));
        }
        let mut response = Self::with_status(status_in(element)?);
        for child in element.children() {
            response.properties.push(match child.tag() {
                settings::DEVICE_INFORMATION => SettingsAnswer::DeviceInformation(status_in(child)?),
                settings::DEVICE_PASSWORD => SettingsAnswer::DevicePassword(status_in(child)?),
                settings::USER_INFORMATION => {
                    let mut addresses = Vec::new();
                    collect_addresses(child, &mut addresses)?;
                    SettingsAnswer::UserInformation { status: status_in(child)?, addresses }
                }
                settings::OOF => SettingsAnswer::Oof(status_in(child)?),
                settings::RIGHTS_MANAGEMENT_INFORMATION => {
                    SettingsAnswer::RightsManagementInformation(status_in(child)?)
                }
                _ => continue,
            });
        }
        Ok(response)
    }
}

impl SettingsAnswer {
    fn to_element(&self, version: ProtocolVersion) -> Element<'static> {
        let (tag, status) = match self {
            Self::DeviceInformation(status) => (settings::DEVICE_INFORMATION, status),
            Self::DevicePassword(status) => (settings::DEVICE_PASSWORD, status),
            Self::UserInformation { status, .. } => (settings::USER_INFORMATION, status),
            Self::Oof(status) => (settings::OOF, status),
            Self::RightsManagementInformation(status) => (settings::RIGHTS_MANAGEMENT_INFORMATION, status),
        };
        let answer = Element::new(tag).with_child(status_element(*status));
        match self {
            Self::UserInformation { addresses, .. } if !addresses.is_empty() => {
                answer.with_child(Element::new(settings::GET).with_child(addresses_element(addresses, version)))
            }
            _ => answer,
        }
    }
}

/// The addresses: right under Get before 14.1, inside an account from 14.1 on, where the primary one is named once more.
fn addresses_element(addresses: &[String], version: ProtocolVersion) -> Element<'static> {
    let texts = addresses.iter().map(|address| Element::with_text(settings::SMTP_ADDRESS, address.clone()));
    let listed = Element::new(settings::EMAIL_ADDRESSES).with_children(texts);
    if version < ProtocolVersion::V14_1 {
        return listed;
    }
    let primary = addresses.first().map(|address| Element::with_text(settings::PRIMARY_SMTP_ADDRESS, address.clone()));
    let account = Element::new(settings::ACCOUNT).with_child(listed.with_children(primary));
    Element::new(settings::ACCOUNTS).with_child(account)
}

/// Every SMTPAddress below an element, however deep the version puts it; the tree's own depth is limited.
fn collect_addresses(element: &Element<'_>, onto: &mut Vec<String>) -> Result<(), MessageError> {
    for child in element.children() {
        if child.tag() == settings::SMTP_ADDRESS {
            onto.push(grammar::text(child, "an address")?.to_owned());
        } else {
            collect_addresses(child, onto)?;
        }
    }
    Ok(())
}

fn status_element(status: Status) -> Element<'static> {
    Element::with_text(settings::STATUS, status.0.to_string())
}

fn status_in(element: &Element<'_>) -> Result<Status, MessageError> {
    const STATUS: Tag = settings::STATUS;
    grammar::status(element.child(STATUS).ok_or_else(|| MessageError::missing(element, STATUS, "a Status"))?)
}
