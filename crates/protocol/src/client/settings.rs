//! What the application tells the client once: who it is, what it speaks, and how far it may go by itself.

use asprov_wbxml::Element;

use super::capability::{Capabilities, Profile};
use crate::device::{DeviceId, DeviceType};
use crate::http::QueryForm;
use crate::message::{AcknowledgmentStatus, DeviceInformation, PolicyTypeText};
use crate::version::ProtocolVersion;

/// Who the client is and how it behaves.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The user's name as it stands in the query. It proves nothing there; signing in is the transport's work.
    pub user: String,
    /// The device's identifier, the same in every request.
    pub device_id: DeviceId,
    /// The device's type, the same in every request.
    pub device_type: DeviceType,
    /// The User-Agent header; one that cannot stand in a header is left out. It should not change between requests.
    pub user_agent: Option<String>,
    /// The protocol version of every request.
    pub version: ProtocolVersion,
    /// The form of the query. Where the base64 form cannot say what has to be said (2.5, 12.0, a policy key that is no
    /// number), the plain one is used.
    pub query_form: QueryForm,
    /// What the device says about itself in the initial request of 14.1 and later. Without a model, the DeviceType is
    /// sent as the model, since there has to be one: [MS-ASPROV] 2.2.2.53 (R607).
    pub device_information: DeviceInformation,
    /// How a policy is acknowledged.
    pub acknowledgment: AcknowledgmentChoice,
    /// Whether a device that said it is managed by somebody else may let the server's policy replace that, when the
    /// server admits no such device (Provision Status 145).
    pub may_replace_external_management: bool,
    /// What happens when a command is sent before there is a policy key.
    pub first_contact: FirstContact,
    /// The first Provision request of a conversation.
    pub opening: Opening,
    /// How much one conversation may take.
    pub limits: ClientLimits,
    /// A random number, best a new one for each conversation: every wait is lengthened by up to its half, so that a
    /// thousand devices that a server turned away do not come back in the same second. Without one nothing is added.
    pub randomness: Option<u64>,
}

/// What an acknowledgment says.
///
/// An application that is able to enforce something describes itself with [`AcknowledgmentChoice::Capabilities`]: the
/// verdicts on the single settings then make the acknowledgment.
#[derive(Clone, Debug)]
pub enum AcknowledgmentChoice {
    /// 1 when every setting could be read, 2 when one has a value that is out of range, 3 when the document cannot be
    /// read at all.
    Computed,
    /// Always this one: what the application knows about the device.
    Fixed(AcknowledgmentStatus),
    /// What follows from what the application is able to enforce.
    Capabilities(Box<Capabilities>),
    /// What a family of clients would say, as far as that is known; where it is not, what an honest one would say, and
    /// [`Report::family_is_silent`](super::Report::family_is_silent) tells so. A policy with which the family sets up no
    /// account ends the conversation without an acknowledgment, with
    /// [`Failure::NotSetUp`](super::Failure::NotSetUp).
    Profile(&'static Profile),
}

/// What a command does when the client holds no policy key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstContact {
    /// It provisions first: [MS-ASPROV] 3.1.5.1 (R610).
    Provision,
    /// It is sent with the key 0, and provisions when the server asks for it.
    CommandWithKeyZero,
    /// It is sent without a key, as devices do that cannot be provisioned. Once the server insists on a key, there is one.
    CommandWithoutKey,
}

/// The first Provision request of a conversation. Everything but [`Opening::AsSpecified`] is for trying out what a server
/// makes of it; what the server's Status asks for is then sent as specified.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening {
    /// The initial request of section 3.1.5.1.1.
    AsSpecified,
    /// The initial request with this text as its PolicyType.
    PolicyType(PolicyTypeText),
    /// This document.
    Document(Element<'static>),
}

/// Limits on one conversation, from `start_…` to [`Step::Done`](super::Step::Done), each with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Most requests. Default 12: a handshake and the command take three, and every single remedy a few more.
    pub requests: u32,
    /// How often a server may ask for provisioning. Default 3: a policy may change while it is being acknowledged, but
    /// a server that still asks after three handshakes never stops (iOS 7 sent 2,000 requests to one).
    pub challenges: u32,
    /// How often a request is repeated when the server is in trouble or its answer is lost. Default 5: with the default
    /// waits 31 to 46 seconds, as [`ClientLimits::waits`] works out, and as much longer as a server asks for.
    pub retries: u32,
    /// Seconds before the first repetition; doubled for each one after it, unless the server names a time. Default 1.
    pub first_wait: u32,
    /// Seconds before the first repetition when the server says with X-MS-ASThrottle that it slows the device down, and
    /// not for how long. Default 30.
    pub throttled_wait: u32,
    /// How often a conversation may go on at another address. Default 3, as for Autodiscover.
    pub redirects: u32,
    /// Most seconds to wait at once. A server that asks for more ends the conversation. Default 300.
    pub longest_wait: u32,
    /// Most bytes of an answer that is decoded. Default 1 MiB: the largest policy has some 100 KiB.
    pub answer_bytes: usize,
}

impl ClientSettings {
    /// The settings of a device that follows the specification in everything.
    pub fn new(
        user: impl Into<String>,
        device_id: DeviceId,
        device_type: DeviceType,
        version: ProtocolVersion,
    ) -> Self {
        Self {
            user: user.into(),
            device_id,
            device_type,
            user_agent: None,
            version,
            query_form: QueryForm::Plain,
            device_information: DeviceInformation::default(),
            acknowledgment: AcknowledgmentChoice::Computed,
            may_replace_external_management: true,
            first_contact: FirstContact::Provision,
            opening: Opening::AsSpecified,
            limits: ClientLimits::default(),
            randomness: None,
        }
    }
}

impl ClientLimits {
    /// How many seconds a request that never succeeds waits in all before it is given up, at least and at most: the
    /// first wait doubled for each repetition, and each lengthened by up to its half
    /// ([`ClientSettings::randomness`]). A server that names a time, or says that it slows the device down, is not in it.
    ///
    /// ```
    /// use asprov_protocol::client::ClientLimits;
    ///
    /// assert_eq!(ClientLimits::default().waits(), (31, 46));
    /// ```
    pub fn waits(&self) -> (u64, u64) {
        let wait = |repetition: u32| {
            let doubled = self.first_wait.saturating_mul(2_u32.saturating_pow(repetition));
            u64::from(doubled.min(self.longest_wait))
        };
        // From the 32nd on they no longer grow.
        let rest = u64::from(self.retries.saturating_sub(32)) * wait(32);
        let least = (0..self.retries.min(32)).map(wait).sum::<u64>().saturating_add(rest);
        (least, least.saturating_add(least / 2))
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            requests: 12,
            challenges: 3,
            retries: 5,
            first_wait: 1,
            throttled_wait: 30,
            redirects: 3,
            longest_wait: 300,
            answer_bytes: 1024 * 1024,
        }
    }
}
