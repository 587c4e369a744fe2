//! All devices counted, without any of them being named.

use asprov_protocol::device::DeviceType;
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{AccessState, Phase, WipeState};
use asprov_protocol::version::ProtocolVersion;
use jiff::Timestamp;

/// Wipe orders that a census lists; there are never that many.
pub const WIPES: u32 = 100_000;

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Devices by everything that phase and access depend on: few kinds, however many devices.
    pub kinds: Vec<KindCount>,
    /// The newest wipe order of each device that has one, at most [`WIPES`].
    pub wipes: Vec<WipeTimes>,
}

/// How many devices there are that do not differ in this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindCount {
    /// Where they stand.
    pub phase: Phase,
    /// What an administrator decided about each of them.
    pub access: Option<AccessState>,
    /// Their DeviceType.
    pub device_type: DeviceType,
    /// Their User-Agent header.
    pub user_agent: Option<String>,
    /// Their protocol version.
    pub protocol_version: ProtocolVersion,
    /// Their Model.
    pub model: Option<String>,
    /// Their OS.
    pub os: Option<String>,
    /// Whether they have said anything about themselves.
    pub told: bool,
    /// How many.
    pub count: u64,
}

/// How far a wipe has got, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WipeTimes {
    /// Its kind.
    pub kind: WipeKind,
    /// Its state.
    pub state: WipeState,
    /// When it was ordered.
    pub requested_at: Timestamp,
    /// When the device confirmed it.
    pub acknowledged_at: Option<Timestamp>,
}
