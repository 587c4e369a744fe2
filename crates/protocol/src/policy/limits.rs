//! How much a policy may hold. The specification names no limits for the lists; a device and a server need some.

/// Entries in one list. Far more than any administrator writes; 1,000 hashes still fit one answer of 64 KiB.
pub const LIST_ENTRIES: usize = 1_000;

/// Characters in one list entry: the longest file name of the systems these lists are about. A hash has 40.
pub const LIST_ENTRY_CHARACTERS: usize = 256;

/// Faults noted for one received document; what is beyond says nothing new.
pub const FAULTS: usize = 64;

/// Characters of a refused value that are repeated in an error.
pub const SHOWN_CHARACTERS: usize = 64;

/// Bytes of a WAP provisioning document. The largest seen in the field has about 1,000.
pub const WAP_BYTES: usize = 64 * 1024;

/// Nesting of a WAP provisioning document, the top element included. Four levels are in use.
pub const WAP_DEPTH: usize = 16;

/// Characters of a policy's name; it is part of a path of the admin API.
pub const NAME_CHARACTERS: usize = 64;

/// Characters of a policy's description, for those who take one in.
pub const DESCRIPTION_CHARACTERS: usize = 1_000;

/// Seconds of the longest refresh interval: ten years. Longer means never, which is written by leaving it out.
pub const REFRESH_INTERVAL_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;
