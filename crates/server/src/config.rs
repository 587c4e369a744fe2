//! What an administrator sets for the wire side.

use std::time::Duration;

use asprov_protocol::quirk::answer_449::Answer449;
use asprov_protocol::server::ServerRules;

use crate::autodiscover::PublicUrl;
use crate::connection::network::IpNetwork;
use crate::groups::GroupSource;
use crate::limits::Limits;
use crate::wipe_after_disable::secret_key::SecretKey;

/// How a server behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What decisions depend on, such as how many devices a user may have.
    pub rules: ServerRules,
    /// Devices that get HTTP 449 with each challenge in the body, besides those that are found out. Default none.
    pub answer_449: Answer449,
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
    /// How long a device that never acknowledged a policy is kept after it was seen last. Default 7 days.
    pub drop_never_acknowledged_after: Duration,
    /// The domain of the addresses that the empty mailbox tells a device, where the user's name is no address already.
    /// Default `asprov.invalid`, which exists nowhere (RFC 2606).
    pub mail_domain: String,
    /// Where phones reach this server, for Autodiscover. Without it Autodiscover is answered HTTP 404. Default none.
    pub public_url: Option<PublicUrl>,
    /// The key under which the credentials that were accepted last are kept, so that a wipe still arrives after the
    /// account was disabled or its password changed. Default none: it does not, and no credentials are kept. That a device
    /// was refused is noted in its history all the same, where its policy key shows that it is the device.
    pub wipe_after_disable: Option<SecretKey>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: ServerRules::default(),
            answer_449: Answer449::default(),
            limits: Limits::default(),
            insecure_http: false,
            trusted_proxies: Vec::new(),
            groups: GroupSource::None,
            policy_spread: Duration::from_secs(600),
            drop_never_acknowledged_after: Duration::from_secs(7 * 24 * 60 * 60),
            mail_domain: "asprov.invalid".to_owned(),
            public_url: None,
            wipe_after_disable: None,
        }
    }
}
