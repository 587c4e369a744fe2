//! A node between its look at the store and its answer, step by step.

use std::sync::Arc;

use asprov_protocol::server::DeviceRecord;
use asprov_wbxml::encode;

use super::request::{Answer, Request, Sent};

/// A node at work on a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AtWork {
    pub(crate) number: usize,
    pub(crate) sent: Arc<Sent>,
    pub(crate) stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// It has looked at the store.
    Looked { record: Option<Arc<DeviceRecord>>, revision: u32, policy: u8 },
    /// It has decided.
    Decided {
        revision: u32,
        policy: u8,
        request: Request,
        change: Option<Arc<DeviceRecord>>,
        given: Answer,
        reply: Bytes,
    },
    /// It has saved, or there was nothing to save.
    Saved { reply: Bytes },
}

/// An answer as it travels: the HTTP status and the body.
pub(crate) type Bytes = Arc<(u16, Vec<u8>)>;

/// An answer as bytes.
pub(crate) fn bytes(reply: &asprov_protocol::http::Reply) -> Bytes {
    Arc::new((reply.status, reply.body.as_ref().map(encode).unwrap_or_default()))
}
