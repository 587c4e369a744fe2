//! Spreads waits, so that devices that were turned away together do not come back together. The randomness is the
//! caller's: there is no source of it here.

/// A sequence of numbers from one seed (SplitMix64, Steele, Lea and Flood 2014). Nothing secret depends on it.
#[derive(Clone, Debug)]
pub(super) struct Spread(Option<u64>);

impl Spread {
    pub(super) const fn new(seed: Option<u64>) -> Self {
        Self(seed)
    }

    /// What to add to a wait: up to its half.
    pub(super) fn milliseconds(&mut self, seconds: u32) -> u32 {
        let Some(state) = &mut self.0 else { return 0 };
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let most = u64::from(seconds) * 500;
        u32::try_from(mixed % (most + 1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_wait_is_lengthened_by_up_to_its_half_and_by_different_times() {
        let mut spread = Spread::new(Some(7));
        let drawn: BTreeSet<_> = (0..100).map(|_| spread.milliseconds(8)).collect();
        assert!(drawn.len() > 90 && drawn.iter().all(|drawn| *drawn <= 4_000), "{drawn:?}");
        assert!(*drawn.first().unwrap() < 1_000 && *drawn.last().unwrap() > 3_000, "{drawn:?}");
        assert_eq!(spread.milliseconds(0), 0);
        assert_eq!(Spread::new(None).milliseconds(8), 0);
        assert_ne!(Spread::new(Some(1)).milliseconds(300), Spread::new(Some(2)).milliseconds(300));
    }
}
