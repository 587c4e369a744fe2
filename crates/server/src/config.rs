//! What an administrator sets for the wire side.

use std::time::Duration;

use asprov_protocol::server::ServerRules;

use crate::groups::GroupSource;
use crate::limits::Limits;
use crate::network::IpNetwork;

/// How a server behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What decisions depend on, such as how many devices a user may have.
    pub rules: ServerRules,
    /// What requests may cost.
    pub limits: Limits,
    /// Whether passwords may arrive in clear on a listener that is not on loopback. Default no.
    pub insecure_http: bool,
    /// Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, and who may bring passwords that were
    /// encrypted up to them. Default none.
    pub trusted_proxies: Vec<IpNetwork>,
    /// Where the groups of users come from. Default nowhere.
    pub groups: GroupSource,
    /// Over how long a change of policy wakes the held requests, so that a thousand phones do not provision in the same
    /// second. Default 10 minutes. Wipes and blocks are not spread.
    pub policy_spread: Duration,
    /// How long a device that never acknowledged a policy is kept. Default 7 days.
    pub drop_never_acknowledged_after: Duration,
    /// The domain of the addresses that the empty mailbox tells a device, where the user's name is no address already.
    /// Default `asprov.invalid`, which exists nowhere (RFC 2606).
    pub mail_domain: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: ServerRules::default(),
            limits: Limits::default(),
            insecure_http: false,
            trusted_proxies: Vec::new(),
            groups: GroupSource::None,
            policy_spread: Duration::from_secs(600),
            drop_never_acknowledged_after: Duration::from_secs(7 * 24 * 60 * 60),
            mail_domain: "asprov.invalid".to_owned(),
        }
    }
}
