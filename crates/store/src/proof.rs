//! What a device whose sign-in is refused can still prove itself by: the credentials that were accepted last, and its
//! permanent policy key. Neither is readable here: of the credentials there is a keyed hash, whose key is not in the
//! store.

use core::fmt;

use asprov_protocol::policy_key::PermanentKey;

/// A keyed hash of credentials that were accepted: 32 bytes that mean nothing without the key. Debug output does not show
/// them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CredentialDigest([u8; 32]);

/// What a device can prove itself by; nothing at all when it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// Whether the device has a row.
    pub known: bool,
    /// The credentials that were accepted last.
    pub credentials: Option<CredentialDigest>,
    /// The policy key it was given last.
    pub permanent_key: Option<PermanentKey>,
}

impl CredentialDigest {
    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialDigest(…)")
    }
}
