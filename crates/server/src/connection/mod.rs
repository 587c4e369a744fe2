//! From a socket to a request: connections are accepted, encrypted, given to a thread, watched for what their bytes may not
//! say, and ended in good order. Who is asking, and for what, is not known here.

mod ending;
pub(crate) mod framing;
pub(crate) mod listen;
pub(crate) mod network;
mod requests;
pub(crate) mod stop;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod workers;
