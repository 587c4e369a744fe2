//! The one reader of the store's table of changes. It tells whoever keeps something what has changed: first the cache of
//! snapshots, which drops it, then the held requests, which are judged again.
//!
//! It is woken by what this node writes, and once a second for what others do.

use std::sync::Arc;
use std::time::Duration;

use asprov_store::limits::CHANGES_AT_ONCE;
use asprov_store::{ChangeKind, Store, StoreError};
use tokio::time::{Instant, sleep};

use crate::hold::Holds;
use crate::seen::loops::Loops;
use crate::snapshots::Snapshots;
use crate::wipe_after_disable::WipeAfterDisable;

/// How often the store is asked for the changes of other nodes, and how soon a judgement is tried again while the store
/// is away. Together with the time a judgement takes this stays below the promised 2 seconds.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// Reads changes, and tells of them.
pub(crate) struct Changes<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) holds: &'a Arc<Holds>,
    pub(crate) snapshots: &'a Snapshots,
    /// Whom it slows is looked at again.
    pub(crate) loops: &'a Loops,
    /// What it knows to be in the store goes with the device.
    pub(crate) wipe_after_disable: &'a WipeAfterDisable,
}

impl Changes<'_> {
    /// For ever.
    pub(crate) async fn watch(self) {
        let mut newest = self.store.newest_change();
        let mut read_up_to = *newest.borrow_and_update();
        let mut by_others = None;
        // What was loaded before is of a time whose changes are not read any more.
        self.snapshots.drop_all();
        loop {
            let began = Instant::now();
            let read = match self.read(&mut read_up_to).await {
                Ok(()) => self.look_past_the_table(&mut by_others).await,
                Err(error) => Err(error),
            };
            match read {
                Ok(()) => self.snapshots.read(read_up_to, began),
                // Nothing passes from the cache meanwhile, and it is tried again like anything else: within a second.
                Err(error) => tracing::error!("changes cannot be read, held requests wait: {error}"),
            }
            // Without a sender `changed` fails at once: then only the clock is left.
            tokio::select! {
                Ok(()) = newest.changed() => {}
                () = sleep(EVERY) => {}
            }
        }
    }

    /// Reads everything after `read_up_to`.
    async fn read(&self, read_up_to: &mut u64) -> Result<(), StoreError> {
        loop {
            let changes = self.store.changes_after(*read_up_to).await?;
            if changes.first().is_some_and(|oldest| oldest.sequence > read_up_to.saturating_add(1)) {
                // Some are gone already: this node was away for long.
                self.snapshots.drop_all();
                self.holds.wake_all();
                self.loops.begin_all_anew();
                self.wipe_after_disable.look_again_at_all();
            }
            for change in &changes {
                self.snapshots.changed(&change.kind);
                self.holds.wake(&change.kind);
                self.loops.changed(&change.kind);
                if let ChangeKind::Device(device) = &change.kind {
                    self.wipe_after_disable.look_again_at(device);
                }
                *read_up_to = change.sequence;
            }
            if changes.len() < usize::try_from(CHANGES_AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    /// Somebody may write rows and tell nobody.
    async fn look_past_the_table(&self, known: &mut Option<u64>) -> Result<(), StoreError> {
        let now = self.store.written_by_others().await?;
        if known.replace(now) != Some(now) {
            self.snapshots.drop_all();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
    use asprov_protocol::policy::PolicyName;
    use asprov_store::{AssignmentTarget, MemoryStore, limits};

    use super::*;
    use crate::limits::Limits;

    #[tokio::test]
    async fn changes_that_are_gone_before_they_were_read_drop_everything() {
        let store = MemoryStore::new();
        let snapshots = Snapshots::new(store.newest_change(), &Limits::default());
        let wipe_after_disable = WipeAfterDisable::new(None, &Limits::default());
        let changes = Changes {
            store: &store,
            holds: &Arc::default(),
            snapshots: &snapshots,
            loops: &Loops::new(Limits::default().storm),
            wipe_after_disable: &wipe_after_disable,
        };
        let device = DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A").unwrap() };
        let mut read_up_to = 0;
        snapshots.keep(snapshots.ticket(), &device, store.load(&device).await.unwrap());
        changes.read(&mut read_up_to).await.unwrap();
        snapshots.read(read_up_to, Instant::now());
        assert!(snapshots.of(&device).is_some());
        // Each is about another user, and there are more of them than the store keeps.
        let default = PolicyName::new("default").unwrap();
        for number in 0..=u64::from(limits::CHANGES) {
            let user = UserName::new(&format!("u{number}")).unwrap();
            store.assign(&AssignmentTarget::User(user), &default).await.unwrap();
        }
        assert!(snapshots.of(&device).is_none(), "this node has announced what it has not read yet");
        changes.read(&mut read_up_to).await.unwrap();
        snapshots.read(read_up_to, Instant::now());
        assert!(snapshots.of(&device).is_none());
    }
}
