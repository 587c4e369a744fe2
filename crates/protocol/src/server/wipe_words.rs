//! What each kind of wipe is called, wherever one is spoken of to people: [MS-ASPROV] 2.2.2.45 (RemoteWipe) and 2.2.2.1
//! (AccountOnlyRemoteWipe). Who is to lose an account is never told of the loss of a phone.

use crate::message::WipeKind;

/// One row: a kind of wipe and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WipeWords {
    /// The kind.
    pub kind: WipeKind,
    /// The order, inside a sentence.
    pub order: &'static str,
    /// The order, where a sentence begins.
    pub sentence: &'static str,
    /// What a phone that got the order may be doing, as in "it may be ...".
    pub doing: &'static str,
}

/// The table.
pub static WIPE_WORDS: [WipeWords; 2] = [DEVICE, ACCOUNT_ONLY];

const DEVICE: WipeWords = WipeWords {
    kind: WipeKind::Device,
    order: "a wipe of the device",
    sentence: "A wipe of the device",
    doing: "erasing itself",
};
const ACCOUNT_ONLY: WipeWords = WipeWords {
    kind: WipeKind::AccountOnly,
    order: "an account-only wipe",
    sentence: "An account-only wipe",
    doing: "removing this account",
};

impl WipeWords {
    /// The words for a kind.
    pub const fn of(kind: WipeKind) -> &'static Self {
        const OF_DEVICE: &WipeWords = &DEVICE;
        const OF_ACCOUNT_ONLY: &WipeWords = &ACCOUNT_ONLY;
        match kind {
            WipeKind::Device => OF_DEVICE,
            WipeKind::AccountOnly => OF_ACCOUNT_ONLY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_words_of_its_own() {
        for (row, kind) in WIPE_WORDS.iter().zip(WipeKind::ALL) {
            assert_eq!((row.kind, WipeWords::of(kind)), (kind, row));
            assert_eq!(row.sentence.to_lowercase(), row.order);
        }
        assert_ne!(DEVICE.order, ACCOUNT_ONLY.order);
        assert_ne!(DEVICE.doing, ACCOUNT_ONLY.doing);
    }
}
