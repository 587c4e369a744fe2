//! What the client has to remember from one start of the application to the next: plain data, without a file format.

use crate::message::{AcknowledgmentStatus, PolicyKeyText, WipeKind};
use crate::policy::{Fingerprint, PolicyDocument};
use crate::version::ProtocolVersion;

/// What outlives a conversation. The temporary policy key is not part of it, since it serves one acknowledgment:
/// \[MS-ASPROV\] 3.2.5.1.1 (R650).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientMemory {
    pub(super) policy_key: Option<PolicyKeyText>,
    pub(super) acknowledged: Option<AcknowledgedPolicy>,
    pub(super) without_policy: bool,
    pub(super) wipe: Option<WipeInHand>,
    pub(super) moved: Option<ServerMoved>,
}

/// The server that the application was told about has sent it to another one ([MS-ASHTTP] 2.2.1.2.2.8), and the application
/// went: later requests go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMoved {
    /// The address the application was told. With another one the move means nothing.
    pub from: String,
    /// The address to use instead.
    pub to: String,
}

/// The policy that belongs to the permanent key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgedPolicy {
    /// What the document said.
    pub fingerprint: Fingerprint,
    /// The protocol version it came in.
    pub version: ProtocolVersion,
    /// What the client said about it.
    pub status: AcknowledgmentStatus,
    /// Its settings, as element name and text.
    pub summary: Vec<(String, String)>,
}

/// A wipe that was ordered and is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WipeInHand {
    /// What is to be wiped.
    pub kind: WipeKind,
    /// Whether the application has taken it on: then it has to be finished, even after a restart
    /// (\[MS-ASPROV\] R643, R644).
    pub taken_on: bool,
}

impl ClientMemory {
    /// A device that was never provisioned.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was kept: the permanent key with the policy it belongs to, and a wipe that is not over.
    pub fn restore(
        policy_key: Option<PolicyKeyText>,
        acknowledged: Option<AcknowledgedPolicy>,
        without_policy: bool,
        wipe: Option<WipeInHand>,
    ) -> Self {
        Self { policy_key, acknowledged, without_policy, wipe, moved: None }
    }

    /// The same, with another server to go to.
    #[must_use]
    pub fn with_move(self, moved: Option<ServerMoved>) -> Self {
        Self { moved, ..self }
    }

    /// The permanent policy key. It goes with every request and must never be shown.
    pub const fn policy_key(&self) -> Option<&PolicyKeyText> {
        self.policy_key.as_ref()
    }

    /// The policy that was acknowledged for this key.
    pub const fn acknowledged(&self) -> Option<&AcknowledgedPolicy> {
        self.acknowledged.as_ref()
    }

    /// Whether the server said that there is no policy for this device, so that there is no key to ask for.
    pub const fn without_policy(&self) -> bool {
        self.without_policy
    }

    /// A wipe that was ordered and is not over.
    pub const fn wipe(&self) -> Option<WipeInHand> {
        self.wipe
    }

    /// Another server to go to.
    pub const fn moved(&self) -> Option<&ServerMoved> {
        self.moved.as_ref()
    }

    /// The initial request resets the key ([MS-ASPROV] 3.1.5.1.1, R618).
    pub(super) fn reset_key(&mut self) {
        self.policy_key = None;
        self.acknowledged = None;
        self.without_policy = false;
    }
}

impl AcknowledgedPolicy {
    pub(super) fn of(document: &PolicyDocument, version: ProtocolVersion, status: AcknowledgmentStatus) -> Self {
        let summary = document.iter().map(|(setting, value)| (setting.name.to_owned(), value.to_string())).collect();
        Self { fingerprint: document.fingerprint(version), version, status, summary }
    }
}
