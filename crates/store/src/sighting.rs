//! What a node gathered about a device since it last wrote.

use asprov_protocol::device::{DeviceKey, DeviceType};
use asprov_protocol::server::Event;
use asprov_protocol::version::ProtocolVersion;
use jiff::Timestamp;

/// A device was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The device.
    pub device: DeviceKey,
    /// What it says it is.
    pub device_type: DeviceType,
    /// Its User-Agent header.
    pub user_agent: Option<String>,
    /// The protocol version it spoke.
    pub protocol_version: ProtocolVersion,
    /// When.
    pub at: Timestamp,
    /// When a command of it was let through to its mailbox last, if one was.
    pub passed_at: Option<Timestamp>,
    /// What it was refused, if it was.
    pub refusals: Vec<Repeated>,
}

/// An event, and how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// What happened.
    pub event: Event,
    /// How often, at least once.
    pub count: u64,
    /// When it came last.
    pub at: Timestamp,
}

impl Repeated {
    /// An event that came once.
    pub const fn once(event: Event, at: Timestamp) -> Self {
        Self { event, count: 1, at }
    }
}
