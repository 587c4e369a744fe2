//! Which wipe orders a listing of devices asks for.

use asprov_protocol::server::{WipeOrder, WipeState};

/// Which wipe orders are asked for; of a device the newest order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WipeFilter {
    /// Those in whatever state.
    Any,
    /// Those in this one.
    State(WipeState),
}

impl WipeFilter {
    /// The word for [`WipeFilter::Any`]; the others have the words of their states.
    pub const ANY: &str = "any";

    /// The filter of this word.
    pub fn parse(word: &str) -> Option<Self> {
        let state = || WipeState::ALL.into_iter().find(|state| state.as_str() == word).map(Self::State);
        if word == Self::ANY { Some(Self::Any) } else { state() }
    }

    /// Every word.
    pub fn words() -> [&'static str; 6] {
        let [pending, sent, failed, acknowledged, cancelled] = WipeState::ALL.map(WipeState::as_str);
        [Self::ANY, pending, sent, failed, acknowledged, cancelled]
    }

    /// Whether this order is asked for.
    pub fn holds(self, wipe: &WipeOrder) -> bool {
        match self {
            Self::Any => true,
            Self::State(state) => wipe.state == state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_filter_and_no_other_is() {
        let filters = WipeFilter::words().map(|word| WipeFilter::parse(word).unwrap()).to_vec();
        let states = WipeState::ALL.map(WipeFilter::State);
        assert_eq!(filters, [&[WipeFilter::Any], &states[..]].concat());
        assert_eq!(WipeFilter::parse("due"), None);
    }
}
