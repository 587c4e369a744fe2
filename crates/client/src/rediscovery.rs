//! Autodiscover again: what a device does when the server it knows may no longer be the right one.
//!
//! \[MS-ASHTTP\] says that a client SHOULD run Autodiscover after 401, 403 and 500, and after a 451 that names no other server.
//! It happens once a conversation. The rules are those of a redirect: the way is no worse than before, and the
//! credentials go to a host in the domain of the mail address or to one that the application agrees to. When nothing else
//! is found the conversation ends with the answer that began it, or with what Autodiscover says of the account.

use std::fmt;

use asprov_protocol::client::{CommandRequest, Failure, Outcome, Report, SeenStatus};
use asprov_protocol::http::Command;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use crate::address::Address;
use crate::autodiscover::{Autodiscover, Discovered, MailAddress, NotFound};
use crate::device::{Conversation, Device, encrypted_as_before};
use crate::error::{ClientError, TransportError};
use crate::transport::{Negotiated, Transport};

/// How the server is found again.
pub(crate) struct Rediscovery {
    address: MailAddress,
    autodiscover: Autodiscover,
}

impl Device {
    /// Looks for the server again when the one that is known answers 401, 403 or 500, or 451 without another address:
    /// once a conversation. It goes on there when the host is in the domain of the address, or [`Device::on_redirect`]
    /// agrees, and that is part of the memory as a redirect is. `autodiscover` has its own rules about which hosts
    /// get the credentials while it looks ([`Autodiscover::on_host`]).
    ///
    /// A command that was answered 500 is not repeated, since the server may have carried it out: its failure is the
    /// outcome, and the next request goes to the new server.
    #[must_use]
    pub fn with_autodiscover(mut self, address: MailAddress, autodiscover: Autodiscover) -> Self {
        self.rediscovery = Some(Rediscovery { address, autodiscover });
        self
    }

    /// The same again at the server that Autodiscover finds, if the conversation ended in a way that asks for that.
    /// `request` is what was asked for, `None` for provisioning.
    pub(crate) async fn again_elsewhere(
        &mut self,
        ended: Conversation,
        request: Option<CommandRequest>,
    ) -> Result<Conversation, ClientError> {
        let Some(status) = may_have_moved(&ended.outcome) else { return Ok(ended) };
        let Some(rediscovery) = &mut self.rediscovery else { return Ok(ended) };
        let there = match rediscovery.autodiscover.find(&rediscovery.address).await {
            Ok(Discovered { address, is_own_domain, .. }) => Some((address, is_own_domain)),
            Err(error) => match of_the_account(error) {
                // The account is what is wrong, not the server.
                Some(why) => return Ok(Conversation { outcome: Outcome::Failed { why }, ..ended }),
                None => None,
            },
        };
        let Some((there, is_own)) = there.filter(|(there, _)| there != self.address()) else { return Ok(ended) };
        let Some(there) = encrypted_as_before(self.address(), &there.to_string()) else { return Ok(ended) };
        if !self.goes_to(there, is_own) {
            return Ok(ended);
        }
        match request {
            None => self.client.start_provision(),
            // Nothing begins anew: the move is kept, and the outcome stays.
            Some(_) if status == 500 => return self.run().await,
            Some(request) => self.client.start_request(request),
        }
        let again = self.run().await?;
        Ok(Conversation { outcome: again.outcome, report: both(ended.report, again.report) })
    }
}

impl Transport {
    /// As [`Transport::negotiate`]; a server that refuses OPTIONS with 401, 403, 451 or 500 is looked for again, once, and
    /// asked there. `confirm` decides whether a host outside the domain of the address may have the credentials.
    ///
    /// # Errors
    /// As [`Transport::negotiate`]; when no other server is found, what the first one said.
    pub async fn negotiate_with_autodiscover(
        &mut self,
        own: &[ProtocolVersion],
        address: &MailAddress,
        autodiscover: &mut Autodiscover,
        mut confirm: impl FnMut(&Address) -> bool + Send,
    ) -> Result<Negotiated, TransportError> {
        let refused = match self.negotiate(own).await {
            Err(error @ TransportError::OptionsRefused { status, .. }) if asks_for_a_search(status) => error,
            other => return other,
        };
        let Ok(Discovered { address: there, is_own_domain, .. }) = autodiscover.find(address).await else {
            return Err(refused);
        };
        let there = Some(there).filter(|there| there != self.address());
        match there.and_then(|there| encrypted_as_before(self.address(), &there.to_string())) {
            Some(there) if is_own_domain || confirm(&there) => {
                self.move_to(there);
                self.negotiate(own).await
            }
            _ => Err(refused),
        }
    }
}

const fn asks_for_a_search(status: u16) -> bool {
    matches!(status, 401 | 403 | 451 | 500)
}

/// The HTTP status of an outcome after which the server may be another one.
fn may_have_moved(outcome: &Outcome) -> Option<u16> {
    let Outcome::Failed { why } = outcome else { return None };
    match why {
        // It was named, and the application did not agree.
        Failure::Moved { location: Some(_) } => None,
        why => why.status().filter(|seen| seen.scope == Scope::Http).map(|seen| seen.code),
    }
    .filter(|code| asks_for_a_search(*code))
}

/// What Autodiscover says of the account, where it says more than the server did.
fn of_the_account(error: NotFound) -> Option<Failure> {
    match error.status? {
        457 => Some(Failure::PasswordExpired { url: error.url }),
        code @ 456 => Some(Failure::Status(SeenStatus { scope: Scope::Http, code, command: Command::Provision })),
        _ => None,
    }
}

/// What was seen at both servers, in its order.
fn both(before: Report, after: Report) -> Report {
    Report {
        requests: before.requests.saturating_add(after.requests),
        statuses: before.statuses.into_iter().chain(after.statuses).collect(),
        ..after
    }
}

impl fmt::Debug for Rediscovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rediscovery").field("autodiscover", &self.autodiscover).finish_non_exhaustive()
    }
}
