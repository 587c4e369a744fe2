//! RemoteWipe and AccountOnlyRemoteWipe (\[MS-ASPROV\] 2.2.2.45, 2.2.2.1): empty in an answer, where they are the
//! directive; with one Status in a request, where they are its acknowledgment.

use asprov_wbxml::code_page::provision;
use asprov_wbxml::{Element, Tag};

use super::{MessageError, grammar};

/// What is wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WipeKind {
    /// The whole device.
    Device,
    /// The account's data only; from 16.1.
    AccountOnly,
}

/// What a device says about a wipe it was told to do (2.2.2.54.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WipeStatus {
    // [MS-ASPROV] 2.2.2.54.3 (R402)
    /// 1: it is done, or about to be: a device does not wait for the answer.
    Success = 1,
    // [MS-ASPROV] 2.2.2.54.3 (R403)
    /// 2: it failed.
    Failure = 2,
}

impl WipeKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Device, Self::AccountOnly];

    /// The element.
    pub const fn tag(self) -> Tag {
        match self {
            Self::Device => provision::REMOTE_WIPE,
            Self::AccountOnly => provision::ACCOUNT_ONLY_REMOTE_WIPE,
        }
    }

    /// The word of the admin API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::AccountOnly => "account",
        }
    }

    /// The kind of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl WipeStatus {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Success, Self::Failure];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The status with this number.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Reads the acknowledgment out of RemoteWipe or AccountOnlyRemoteWipe: one Status, 1 or 2.
    pub(super) fn from_wipe_element(wipe: &Element<'_>) -> Result<Self, MessageError> {
        // [MS-ASPROV] 2.2.2.1 (R6905); 2.2.2.45 (R324); 2.2.2.54.3 (R398, R399, R401, R1021, R1022, R1023, R1024,
        // R40301)
        const EXPECTED: &str = "one Status of 1 or 2";
        let mut status = None;
        for child in grammar::children(wipe, EXPECTED)? {
            match child.tag() {
                provision::STATUS => grammar::once(&mut status, wipe, child)?,
                _ => return Err(MessageError::child(wipe, child, EXPECTED)),
            }
        }
        let status = status.ok_or_else(|| MessageError::missing(wipe, provision::STATUS, EXPECTED))?;
        let text = grammar::text(status, EXPECTED)?;
        Self::ALL
            .into_iter()
            .find(|known| known.code().to_string() == text)
            .ok_or_else(|| MessageError::text(status, text, EXPECTED))
    }
}
