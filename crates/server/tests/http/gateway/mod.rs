//! The gateway between a device and a server that is played here.

mod bearer;
mod equal;
mod faults;
mod forwarding;
mod held;
mod inventory;
mod live;
mod not_served;
mod observe;
mod pool;
mod rewritten;
mod sign_in;
mod smuggling;
pub(crate) mod upstream;
mod wipe_after_disable;

use std::sync::Arc;

use asprov_server::Config;
use asprov_server::gateway::{Gateway, GatewaySettings};
use asprov_store::Store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{DEADLINE, Running, memory, until};
use upstream::Upstream;

/// A gateway in front of an upstream, and what it was made with.
pub(crate) struct Between {
    pub(crate) server: Running,
    pub(crate) gateway: Gateway,
}

impl core::ops::Deref for Between {
    type Target = Running;
    fn deref(&self) -> &Running {
        &self.server
    }
}

/// A gateway that has seen its upstream refuse wrong credentials.
pub(crate) async fn in_front_of(upstream: &Upstream) -> Between {
    with(settings(upstream), memory()).await
}

pub(crate) fn settings(upstream: &Upstream) -> GatewaySettings {
    GatewaySettings::new(upstream.url())
}

pub(crate) async fn with(settings: GatewaySettings, store: Arc<dyn Store>) -> Between {
    let between = unready(settings, store).await;
    until("the gateway is ready", || async { between.gateway.readiness().fault().is_none() }).await;
    between
}

/// A gateway that may never become ready.
pub(crate) async fn unready(settings: GatewaySettings, store: Arc<dyn Store>) -> Between {
    let gateway = Gateway::new(settings, Arc::clone(&store), None, Config::default()).unwrap();
    Between { server: Running::gateway(gateway.clone(), store).await, gateway }
}

/// Sends these bytes, and reads until the other end closes.
pub(crate) async fn raw(server: &Running, bytes: &[u8]) -> String {
    let exchanged = timeout(DEADLINE, async {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is an end too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    });
    exchanged.await.expect("the connection ends")
}
