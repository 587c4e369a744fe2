//! What a request, a connection and the server as a whole may cost, each with its reason.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The limits of a server. The password hashes have their own: [`SignInLimits`](crate::sign_in::SignInLimits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body that asprov reads itself. Default 1 MiB: a Provision request is below 1 KiB, and 1 MiB is what
    /// the WBXML reader takes. What is passed on is streamed and has no limit here.
    pub body: usize,
    /// How long such a body may take to arrive. Default 30 seconds: it is small even on a slow mobile network.
    pub body_time: Duration,
    /// How often a decision is made again because somebody was faster. Default 8: two requests of one device at the
    /// same time are common, eight are not.
    pub store_conflicts: u32,
    /// How long one call of the store may take before it counts as away. Default 10 seconds: the device's own
    /// patience ends at about 30.
    pub store_time: Duration,
    /// Retry-After of HTTP 503, in seconds. Default 30.
    pub retry_after: u32,
    /// Connections at the same time; more wait to be accepted. Default 8,192: each held Ping keeps one.
    pub connections: usize,
    /// Threads that serve the connections and do nothing else. Default 0: they are served on the runtime that the server
    /// runs on. As many as there are cores make a gateway faster.
    pub threads: usize,
    /// How long a client may take for the headers of a request, which is also how long it may idle between two.
    /// Default 60 seconds.
    pub header_time: Duration,
    /// Bytes of request line and headers. Default 64 KiB: some mail servers' cookies are long.
    pub header_bytes: usize,
    /// Headers of a request. Default 100; phones send a dozen.
    pub headers: usize,
    /// How long a TLS handshake may take. Default 10 seconds.
    pub handshake_time: Duration,
    /// Requests of one HTTP/2 connection at the same time. Default 32; a phone has a handful.
    pub streams: u32,
    /// How long requests under way may take after the server was told to stop. Default 10 seconds, the patience of
    /// most service managers being longer than that.
    pub stop_time: Duration,
    /// Devices whose sightings wait to be written. Default 10,000: they are written every second.
    pub sightings: usize,
    /// Refusals of one device that are kept between two writes. Default 16: a device in a loop sends more, and they
    /// are all the same.
    pub refusals: usize,
    /// Devices that were told to provision lately and are counted. Default 10,000: one that falls out is counted anew.
    pub challenged: u64,
    /// Refused requests and Provision requests of one device in a minute; beyond it the device is answered HTTP 503 with
    /// Retry-After until the minute is over, or until an administrator decides about its wipe or its access. Default 60: a
    /// whole handshake is four, and a client that is told to provision does that once for each account.
    pub storm: u32,
    /// Devices that were written as seen a short while ago and need not be again. Default 100,000.
    pub recently_seen: usize,
    /// Bytes of snapshots that are kept for the next request. Default 64 MiB: one takes about 1 KiB, so that is a good
    /// 60,000 devices, fewer if they fill the fields of their DeviceInformation. The cache has four parts for each core, and
    /// keeps no user whose devices take more than one part.
    pub snapshot_bytes: u64,
    /// Snapshots kept of one user. Default 64: a person has a handful of devices; whoever has more starts over.
    pub snapshots_of_one_user: usize,
    /// Seconds that a Ping, or a Sync with HeartbeatInterval, may be held; outside them the device is told the nearer
    /// end. Default 60 to 3540: the values of Exchange ([MS-ASCMD] 2.2.3.85).
    pub heartbeat: RangeInclusive<u32>,
    /// Folders of one Ping, or collections of one Sync. Default 300: the mailbox has nine.
    pub folders: usize,
    /// Devices whose last Ping and Sync are remembered, so that an empty one repeats it. Default 10,000; a device that
    /// is not among them is told to send it whole.
    pub remembered: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            body_time: Duration::from_secs(30),
            store_conflicts: 8,
            store_time: Duration::from_secs(10),
            retry_after: 30,
            connections: 8192,
            threads: 0,
            header_time: Duration::from_secs(60),
            header_bytes: 64 * 1024,
            headers: 100,
            handshake_time: Duration::from_secs(10),
            streams: 32,
            stop_time: Duration::from_secs(10),
            sightings: 10_000,
            refusals: 16,
            challenged: 10_000,
            storm: 60,
            recently_seen: 100_000,
            snapshot_bytes: 64 * 1024 * 1024,
            snapshots_of_one_user: 64,
            heartbeat: 60..=3540,
            folders: 300,
            remembered: 10_000,
        }
    }
}
