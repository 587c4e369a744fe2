//! From a socket to a request: connections are accepted, encrypted, given to a thread, watched for what their bytes may not
//! say, and ended in good order. Who is asking, and for what, is not known here.

pub(crate) mod framing;
pub(crate) mod listen;
pub(crate) mod network;
pub(crate) mod stop;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod workers;
