//! How much a store keeps and how much it hands out at once, each with its reason.

use jiff::SignedDuration;

/// Events kept of one device; beyond it the oldest go. Equal refusals in a row are one, so this is months of history of
/// a busy device, and a device that is refused in two ways by turns cannot fill the disk.
pub const EVENTS_PER_DEVICE: u32 = 1_000;

/// Histories kept of one user's devices that have no row, never acknowledged anything and were never decided about; beyond it
/// the one that was added to least lately goes. A person sets up a handful of phones; whoever comes with more makes up
/// DeviceIds.
pub const HISTORIES_LEFT_BEHIND: usize = 50;

/// Changes kept for nodes to catch up with; beyond it the oldest go. A node reads once a second, so one that is 10,000
/// behind was gone and forgets everything it cached.
pub const CHANGES: u32 = 10_000;

/// Changes handed out by one call.
pub const CHANGES_AT_ONCE: u32 = 1_000;

/// Versions kept of one policy; beyond it the oldest go. Who saves a policy a hundred times more does not go back to
/// what it said before that.
pub const VERSIONS_PER_POLICY: u32 = 100;

/// Groups kept of one user; a directory with nested groups stays below it.
pub const GROUPS_PER_USER: usize = 256;

/// Devices on one page.
pub const DEVICES_AT_ONCE: usize = 1_000;

/// How exact `last_seen_at` is. A device that polls every minute then costs one write in fifteen.
pub const LAST_SEEN_EXACT_TO: SignedDuration = SignedDuration::from_mins(15);
