//! What a device says it did with the policy: Status of Policy in a request (\[MS-ASPROV\] 2.2.2.54.1).

use asprov_wbxml::Element;

use super::{MessageError, grammar};

/// The Status of an acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AcknowledgmentStatus {
    // [MS-ASPROV] 2.2.2.54.1 (R386)
    /// 1: all of the policy is applied.
    Applied = 1,
    // [MS-ASPROV] 2.2.2.54.1 (R387)
    /// 2: some of it is.
    AppliedInPart = 2,
    // [MS-ASPROV] 2.2.2.54.1 (R388)
    /// 3: none of it is.
    NotApplied = 3,
    // [MS-ASPROV] 2.2.2.54.1 (R389)
    /// 4: somebody else manages the device.
    ExternallyManaged = 4,
}

impl AcknowledgmentStatus {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Applied, Self::AppliedInPart, Self::NotApplied, Self::ExternallyManaged];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The status with this number; `None` for anything but 1 to 4.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Reads a Status element: one digit from 1 to 4 and nothing else, so that 257 never counts as 1.
    pub(super) fn from_element(element: &Element<'_>) -> Result<Self, MessageError> {
        // [MS-ASPROV] 2.2.2.54.1 (R383, R385)
        const EXPECTED: &str = "1, 2, 3 or 4";
        let text = grammar::text(element, EXPECTED)?;
        Self::ALL
            .into_iter()
            .find(|status| status.code().to_string() == text)
            .ok_or_else(|| MessageError::text(element, text, EXPECTED))
    }
}
