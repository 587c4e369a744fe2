//! The base64 query (\[MS-ASHTTP\] 2.2.1.1.1.1): one base64 value that holds, in this order,
//!
//! ```text
//! version 1 | command 1 | locale 2 | n 1 | device id n | k 1 | policy key k = 0 or 4 | t 1 | device type t | parameters
//! parameter: tag 1 | n 1 | value n
//! ```
//!
//! Numbers are little endian. The base64 may be padded or not, URL-safe or not, and percent-encoded or not.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::query::{QueryParts, percent_decode};
use super::{CallError, Command, CommandParameters};
use crate::policy_key::RequestKey;
use crate::version::ProtocolVersion;

/// A base64 query, field by field. DeviceId and DeviceType are bytes here; whether they can be used is judged later,
/// when it is known who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64Query {
    /// The version.
    pub version: ProtocolVersion,
    /// The command.
    pub command: Command,
    /// The language of the answer, as a Windows LCID (0x0409 is English of the United States).
    pub locale: u16,
    /// The device: text, or the 16 bytes of a GUID.
    pub device_id: Vec<u8>,
    /// The policy key.
    pub policy_key: RequestKey,
    /// The type of the device.
    pub device_type: Vec<u8>,
    /// The parameters of the command.
    pub parameters: CommandParameters,
    /// The user's name for the log.
    pub user: Option<String>,
    /// Option 0x01.
    pub save_in_sent: bool,
    /// Option 0x02.
    pub accept_multipart: bool,
}

/// Why a base64 query cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64Fault {
    /// The text is no base64.
    #[error("character {at} of {length} is no base64, expected A-Z a-z 0-9 + / or - _")]
    Character {
        /// Its place, counted from 1, after percent-decoding.
        at: usize,
        /// The length of the text.
        length: usize,
    },
    /// The text has a length that no base64 has, padding in the wrong place, or bits left over at its end.
    #[error("{length} characters are no complete base64 value")]
    Incomplete {
        /// The length of the text.
        length: usize,
    },
    /// A field is shorter than it has to be.
    #[error("cut at byte {at}: {field} needs {needs} bytes and {left} are left")]
    Cut {
        /// The field.
        field: &'static str,
        /// Where it begins, counted from 0.
        at: usize,
        /// How many bytes it has to have.
        needs: usize,
        /// How many there are.
        left: usize,
    },
    /// The policy key has a length that no key has.
    #[error("policy key of {came} bytes at byte {at}, expected 0 or 4")]
    PolicyKeyLength {
        /// The length byte.
        came: u8,
        /// Where it is, counted from 0.
        at: usize,
    },
}

/// Why a request has no base64 form; it is then written in the plain form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBase64Form {
    /// 2.5 and 12.0 have no version byte.
    #[error("version {0} has no byte in a base64 query, use the plain query")]
    Version(ProtocolVersion),
    /// The command has no code.
    #[error("command {0} has no code in a base64 query, use the plain query")]
    Command(Command),
    /// A field is longer than its length byte can say.
    #[error("{field} has {came} bytes, expected 255 at most in a base64 query")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length.
        came: usize,
    },
    /// The policy key is no 32-bit number.
    #[error("the policy key is no 32-bit number and cannot be in a base64 query")]
    PolicyKey,
}

/// Parameter tags.
mod tag {
    pub(super) const ATTACHMENT_NAME: u8 = 0;
    pub(super) const COLLECTION_ID: u8 = 1;
    pub(super) const ITEM_ID: u8 = 3;
    pub(super) const LONG_ID: u8 = 4;
    pub(super) const OCCURRENCE: u8 = 6;
    pub(super) const OPTIONS: u8 = 7;
    pub(super) const USER: u8 = 8;
}

const SAVE_IN_SENT: u8 = 0x01;
const ACCEPT_MULTIPART: u8 = 0x02;

/// Padding is neither demanded nor refused.
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const READER: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);

impl Base64Query {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// When it is no base64, is cut, has a policy key of another length than 0 or 4, or `User` twice; then, in this
    /// order, when the command or the version is unknown.
    pub fn parse(query: &str) -> Result<Self, CallError> {
        let bytes = decode(query)?;
        let mut fields = Fields { bytes: &bytes, at: 0 };
        let version = fields.byte("protocol version")?;
        let command = fields.byte("command code")?;
        let locale = fields.take("locale", 2)?;
        let locale = u16::from_le_bytes([byte_at(locale, 0), byte_at(locale, 1)]);
        let device_id = fields.counted("device id")?.to_vec();
        let policy_key = fields.policy_key()?;
        let device_type = fields.counted("device type")?.to_vec();

        let mut query = Self {
            version: ProtocolVersion::V12_1,
            command: Command::Sync,
            locale,
            device_id,
            policy_key,
            device_type,
            parameters: CommandParameters::default(),
            user: None,
            save_in_sent: false,
            accept_multipart: false,
        };
        let mut user_twice = false;
        while !fields.is_at_end() {
            let tag = fields.byte("parameter tag")?;
            let value = fields.counted("parameter")?;
            user_twice |= tag == tag::USER && query.user.is_some();
            query.take_parameter(tag, value);
        }

        // The faults that have an answer of their own come last, in the order in which servers look for them.
        query.command = Command::by_code(command).ok_or_else(|| CallError::UnknownCommand {
            came: command.to_string(),
            place: "byte 1 of the base64 query",
        })?;
        query.version = ProtocolVersion::from_base64_byte(version).ok_or_else(|| CallError::UnknownVersion {
            came: version.to_string(),
            place: "byte 0 of the base64 query",
        })?;
        if user_twice {
            return Err(CallError::Duplicate { parameter: "User" });
        }
        Ok(query)
    }

    /// Takes one parameter. Unknown tags are skipped: 2 and 5 stood in an older list, Windows Mail sends 0xFF.
    fn take_parameter(&mut self, tag: u8, value: &[u8]) {
        let parameters = &mut self.parameters;
        let place = match tag {
            tag::ATTACHMENT_NAME => &mut parameters.attachment_name,
            tag::COLLECTION_ID => &mut parameters.collection_id,
            tag::ITEM_ID => &mut parameters.item_id,
            tag::LONG_ID => &mut parameters.long_id,
            tag::OCCURRENCE => &mut parameters.occurrence,
            tag::USER => &mut self.user,
            tag::OPTIONS => {
                let options = value.first().copied().unwrap_or_default();
                self.save_in_sent |= options & SAVE_IN_SENT != 0;
                self.accept_multipart |= options & ACCEPT_MULTIPART != 0;
                return;
            }
            _ => return,
        };
        place.get_or_insert_with(|| String::from_utf8_lossy(value).into_owned());
    }

    /// The query's text: padded base64 of the standard alphabet, as the specification's example is.
    ///
    /// # Errors
    /// When the version, the command or the policy key has no form here, or a field is longer than 255 bytes.
    pub fn to_text(&self) -> Result<String, NoBase64Form> {
        let mut bytes = vec![
            self.version.base64_byte().ok_or(NoBase64Form::Version(self.version))?,
            self.command.code().ok_or(NoBase64Form::Command(self.command))?,
        ];
        bytes.extend(self.locale.to_le_bytes());
        put_counted(&mut bytes, "device id", &self.device_id)?;
        let key = match self.policy_key {
            RequestKey::Absent => None,
            RequestKey::Zero => Some(0),
            RequestKey::Key(key) => Some(key.value()),
            RequestKey::Unusable => return Err(NoBase64Form::PolicyKey),
        };
        let key = key.map(u32::to_le_bytes);
        put_counted(&mut bytes, "policy key", key.as_ref().map_or(&[], |key| key.as_slice()))?;
        put_counted(&mut bytes, "device type", &self.device_type)?;

        let own = &self.parameters;
        let texts = [
            (tag::ATTACHMENT_NAME, "AttachmentName", &own.attachment_name),
            (tag::COLLECTION_ID, "CollectionId", &own.collection_id),
            (tag::ITEM_ID, "ItemId", &own.item_id),
            (tag::LONG_ID, "LongId", &own.long_id),
            (tag::OCCURRENCE, "Occurrence", &own.occurrence),
        ];
        for (tag, field, text) in texts {
            if let Some(text) = text {
                bytes.push(tag);
                put_counted(&mut bytes, field, text.as_bytes())?;
            }
        }
        let options = u8::from(self.save_in_sent) * SAVE_IN_SENT + u8::from(self.accept_multipart) * ACCEPT_MULTIPART;
        if options != 0 {
            bytes.extend([tag::OPTIONS, 1, options]);
        }
        if let Some(user) = &self.user {
            bytes.push(tag::USER);
            put_counted(&mut bytes, "User", user.as_bytes())?;
        }
        Ok(STANDARD.encode(bytes))
    }
}

/// The base64 query of a request. The headers for version, policy key and multipart are then left out
/// ([MS-ASHTTP] R408).
///
/// # Errors
/// As [`Base64Query::to_text`]: such a request is written in the plain form.
pub fn base64_query(
    parts: &QueryParts<'_>,
    version: ProtocolVersion,
    locale: u16,
    policy_key: RequestKey,
) -> Result<String, NoBase64Form> {
    Base64Query {
        version,
        command: parts.command,
        locale,
        device_id: parts.device_id.as_str().as_bytes().to_vec(),
        policy_key,
        device_type: parts.device_type.as_str().as_bytes().to_vec(),
        parameters: parts.parameters.clone(),
        user: Some(parts.user).filter(|user| !user.is_empty()).map(str::to_owned),
        save_in_sent: parts.save_in_sent,
        accept_multipart: parts.accept_multipart,
    }
    .to_text()
}

/// Whether a part of a plain query is a base64 query of its own: it decodes, and begins with a version and a command.
pub(super) fn looks_like_base64_query(part: &str) -> bool {
    let bytes = decode(part).unwrap_or_default();
    match bytes.as_slice() {
        [version, command, ..] => {
            ProtocolVersion::from_base64_byte(*version).is_some() && Command::by_code(*command).is_some()
        }
        _ => false,
    }
}

fn decode(query: &str) -> Result<Vec<u8>, CallError> {
    let text: Vec<u8> = percent_decode(query, 1)?
        .into_iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        })
        .collect();
    let length = text.len();
    READER.decode(&text).map_err(|error| {
        CallError::Base64(match error {
            base64::DecodeError::InvalidByte(at, _) => Base64Fault::Character { at: at + 1, length },
            _ => Base64Fault::Incomplete { length },
        })
    })
}

/// The bytes of a query, read from the front.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, field: &'static str, needs: usize) -> Result<&'a [u8], Base64Fault> {
        let Some((taken, rest)) = self.bytes.split_at_checked(needs) else {
            return Err(Base64Fault::Cut { field, at: self.at, needs, left: self.bytes.len() });
        };
        self.bytes = rest;
        self.at += needs;
        Ok(taken)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, Base64Fault> {
        Ok(byte_at(self.take(field, 1)?, 0))
    }

    /// A field whose length stands before it in one byte.
    fn counted(&mut self, field: &'static str) -> Result<&'a [u8], Base64Fault> {
        let length = self.byte(field)?;
        self.take(field, usize::from(length))
    }

    fn policy_key(&mut self) -> Result<RequestKey, Base64Fault> {
        let at = self.at;
        match self.byte("policy key")? {
            0 => Ok(RequestKey::Absent),
            4 => {
                let key = self.take("policy key", 4)?;
                let number = u32::from_le_bytes([byte_at(key, 0), byte_at(key, 1), byte_at(key, 2), byte_at(key, 3)]);
                Ok(RequestKey::from_number(Some(number)))
            }
            came => Err(Base64Fault::PolicyKeyLength { came, at }),
        }
    }
}

/// A byte that the caller has already counted.
fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

fn put_counted(onto: &mut Vec<u8>, field: &'static str, value: &[u8]) -> Result<(), NoBase64Form> {
    let length = u8::try_from(value.len()).map_err(|_| NoBase64Form::TooLong { field, came: value.len() })?;
    onto.push(length);
    onto.extend_from_slice(value);
    Ok(())
}
