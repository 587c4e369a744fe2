//! How many requests were answered how, since the start: for whoever shows metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use asprov_protocol::server::Loop;

/// Different answers that are counted apart; the rest is counted together.
const ANSWERS: usize = 1_000;

/// The counters of a server. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    answers: BTreeMap<Answered, u64>,
    loops: BTreeMap<Loop, u64>,
}

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answered {
    /// The command, `OPTIONS`, or `-` where none was understood.
    pub command: &'static str,
    /// The HTTP status.
    pub http: u16,
    /// The ActiveSync Status, where the answer was made here and has one.
    pub status: Option<u16>,
}

impl Answered {
    /// Whether it tells the device to provision: 141 to 144, or HTTP 449 for 12.1 and older.
    pub fn is_challenge(&self) -> bool {
        self.http == 449 || self.status.is_some_and(|status| (141..=144).contains(&status))
    }
}

impl Counters {
    pub(crate) fn answered(&self, answered: Answered) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = counted.answers.len() < ANSWERS || counted.answers.contains_key(&answered);
        let answered = if room { answered } else { Answered { command: "-", http: 0, status: None } };
        *counted.answers.entry(answered).or_default() += 1;
    }

    pub(crate) fn looped(&self, one: Loop) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).loops.entry(one).or_default() += 1;
    }

    /// Every kind of answer there was, and how often.
    pub fn answers(&self) -> Vec<(Answered, u64)> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.answers.iter().map(|(answered, count)| (*answered, *count)).collect()
    }

    /// How often each loop was noticed.
    pub fn loops(&self) -> Vec<(Loop, u64)> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Loop::ALL.into_iter().map(|one| (one, counted.loops.get(&one).copied().unwrap_or(0))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_command_and_status_and_their_number_is_bounded() {
        let counters = Counters::default();
        let challenge = Answered { command: "FolderSync", http: 200, status: Some(142) };
        counters.answered(challenge);
        counters.answered(challenge);
        assert!(challenge.is_challenge());
        for status in 0..2_000 {
            counters.answered(Answered { command: "Sync", http: 200, status: Some(status) });
        }
        let answers = counters.answers();
        assert_eq!(answers.iter().find(|(answered, _)| *answered == challenge), Some(&(challenge, 2)));
        assert!(answers.len() <= ANSWERS + 1);
        assert_eq!(answers.iter().map(|(_, count)| count).sum::<u64>(), 2_002, "none is lost");
    }
}
