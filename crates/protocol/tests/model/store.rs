//! The store as the model has it: the primitives of the Store trait and nothing else, and the ways to get them wrong.

use std::sync::Arc;

use asprov_protocol::server::DeviceRecord;

/// The one row of the one device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) record: Arc<DeviceRecord>,
    pub(crate) revision: u32,
}

/// A store. Every method is atomic, and what it has answered is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ModelStore {
    pub(crate) row: Option<Row>,
    /// The highest revision there ever was.
    pub(crate) newest: u32,
    /// What a store that answers before it has written still has to write.
    unwritten: Option<Option<Row>>,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It keeps what it is given, whatever the revision.
    SavesWithoutLooking,
    /// It forgets a device, whatever the revision.
    ForgetsWithoutLooking,
    /// A device that comes back begins with revision 1 again.
    RevisionsComeBack,
    /// It answers before it has written, and a crash takes the last write away.
    AnswersBeforeWriting,
}

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// Nothing.
    None,
    /// After a conflict it looks at the revision and not at the record: it does not decide again.
    KeepsItsDecision,
    /// It takes every wipe for one whose directive went out.
    TakesEveryWipeForSent,
}

impl ModelStore {
    pub(crate) fn revision(&self) -> u32 {
        self.row.as_ref().map_or(0, |row| row.revision)
    }

    pub(crate) fn record(&self) -> Option<Arc<DeviceRecord>> {
        self.row.as_ref().map(|row| Arc::clone(&row.record))
    }

    /// `Store::save`: whether it is kept.
    pub(crate) fn save(&mut self, fault: Fault, revision: u32, record: DeviceRecord) -> bool {
        if self.revision() != revision && fault != Fault::SavesWithoutLooking {
            return false;
        }
        let next = match &self.row {
            None if fault == Fault::RevisionsComeBack => 1,
            _ => self.newest + 1,
        };
        self.replace(fault, Some(Row { record: Arc::new(record), revision: next }));
        true
    }

    /// `Store::forget_revision`: whether it is forgotten.
    pub(crate) fn forget(&mut self, fault: Fault, revision: u32) -> bool {
        if self.row.is_none() || (self.revision() != revision && fault != Fault::ForgetsWithoutLooking) {
            return false;
        }
        self.replace(fault, None);
        true
    }

    /// `Store::drop_never_acknowledged`, when the device's time has come.
    pub(crate) fn drop_never_acknowledged(&mut self, fault: Fault) -> bool {
        let drops = self.row.as_ref().is_some_and(|Row { record, .. }| {
            record.provisioned.is_none()
                && record.acknowledgment.is_none()
                && record.wipe.is_none()
                && record.access.is_none()
        });
        if drops {
            self.replace(fault, None);
        }
        drops
    }

    /// The machine dies and comes back.
    pub(crate) fn crash(&mut self) {
        if let Some(written) = self.unwritten.take() {
            self.row = written;
        }
    }

    fn replace(&mut self, fault: Fault, row: Option<Row>) {
        let before = std::mem::replace(&mut self.row, row);
        self.newest = self.newest.max(self.revision());
        if fault == Fault::AnswersBeforeWriting {
            self.unwritten = Some(before);
        }
    }

    /// The numbers of the revisions replaced by their ranks; `others` are the revisions that nodes have looked at.
    /// Only which are equal, and that a new one is higher, makes a difference.
    pub(crate) fn rank_revisions<'a>(&mut self, others: impl Iterator<Item = &'a mut u32>) {
        let mut others: Vec<&mut u32> = others.collect();
        let mut all: Vec<u32> = others.iter().map(|revision| **revision).chain([0, self.revision()]).collect();
        all.sort_unstable();
        all.dedup();
        let rank = |revision: u32| (0..).zip(&all).find(|(_, one)| **one == revision).map_or(0, |(rank, _)| rank);
        for revision in &mut others {
            **revision = rank(**revision);
        }
        if let Some(row) = &mut self.row {
            row.revision = rank(row.revision);
        }
        self.newest = rank(all.last().copied().unwrap_or(0));
    }
}
