//! Whether the program is ready to serve, as far as the wire side can say: whoever answers `/readyz` asks here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What stands in the way of serving. Clones share it; a new one says that nothing does.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Reason>>>);

#[derive(Clone, Debug)]
struct Reason {
    text: String,
    until: Option<Instant>,
}

impl Readiness {
    /// Everything that stands in the way, in one line without names, addresses or secrets; `None` when nothing does.
    pub fn fault(&self) -> Option<String> {
        let mut reasons = self.reasons();
        let now = Instant::now();
        reasons.retain(|_, reason| reason.until.is_none_or(|until| until > now));
        let texts: Vec<&str> = reasons.values().map(|reason| reason.text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// What stands in the way of everybody until it is cleared, in one line. What is only reported for a time, because it
    /// met somebody, is not among it.
    pub(crate) fn standing(&self) -> Option<String> {
        let reasons = self.reasons();
        let texts: Vec<&str> =
            reasons.values().filter(|reason| reason.until.is_none()).map(|reason| reason.text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// Something stands in the way, until it is cleared or the time is over.
    pub(crate) fn report(&self, topic: &'static str, text: impl Into<String>, time: Option<Duration>) {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        self.reasons().insert(topic, Reason { text: text.into(), until });
    }

    /// It no longer does.
    pub(crate) fn clear(&self, topic: &'static str) {
        self.reasons().remove(topic);
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<&'static str, Reason>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reason_stands_until_it_is_cleared_or_its_time_is_over() {
        let readiness = Readiness::default();
        assert_eq!(readiness.fault(), None);
        readiness.report("b", "second", Some(Duration::from_secs(60)));
        readiness.report("a", "first", None);
        assert_eq!(readiness.fault().as_deref(), Some("first; second"));
        assert_eq!(readiness.standing().as_deref(), Some("first"));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(readiness.fault().as_deref(), Some("first"));
        readiness.clear("a");
        assert_eq!(readiness.fault(), None);
    }
}
