//! A Provision request (\[MS-ASPROV\] 2.2.2.44, 3.1.5.1): asking for the policy, acknowledging it, asking whether a wipe is
//! due, and saying that one was done.
//!
//! Elements may come in any order. What the server may not act on is refused as a whole: a message that is half right is
//! no message.

use asprov_wbxml::Element;
use asprov_wbxml::code_page::{provision, settings};

use super::{
    AcknowledgmentStatus, DeviceInformation, MessageError, PolicyKeyText, PolicyTypeText, WipeKind, WipeStatus, grammar,
};
use crate::version::ProtocolVersion;

/// A Provision request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionRequest {
    /// What the device says about itself; below 14.1 it has no place here and is passed over.
    pub device_information: Option<DeviceInformation>,
    /// What the device wants.
    pub ask: Ask,
}

/// What a Provision request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing but Provision: is a wipe due?
    Empty,
    /// Which policy applies to me?
    Initial {
        /// The format wanted.
        policy_type: PolicyTypeText,
    },
    /// I have your policy, and this is what I did with it.
    Acknowledgment {
        /// The format.
        policy_type: PolicyTypeText,
        /// The temporary key that came with the policy.
        policy_key: PolicyKeyText,
        /// What was done with it.
        status: AcknowledgmentStatus,
    },
    /// You told me to wipe, and this is how it went.
    WipeAcknowledgment {
        /// What was to be wiped.
        kind: WipeKind,
        /// How it went.
        status: WipeStatus,
    },
}

const IN_PROVISION: &str = "DeviceInformation, Policies, RemoteWipe or, from 16.1, AccountOnlyRemoteWipe";
const IN_POLICIES: &str = "one Policy";
const IN_POLICY: &str = "PolicyType, PolicyKey and Status";

impl ProvisionRequest {
    /// Reads a request of this version.
    ///
    /// A wipe acknowledgment counts wherever it stands directly under Provision, whatever Policies holds beside it: iOS
    /// adds a Policy with nothing but a Status.
    ///
    /// # Errors
    /// When the element is not the grammar of a Provision request; the answer is Provision Status 2.
    pub fn from_element(element: &Element<'_>, version: ProtocolVersion) -> Result<Self, MessageError> {
        // [MS-ASPROV] 2.2.2.44 (R319, R320, R972, R973, R974, R975, R32001); 2.2.2.53 (R366)
        if element.tag() != provision::PROVISION {
            return Err(MessageError::another_root(element, "Provision:Provision"));
        }
        let (mut information, mut policies, mut wipe) = (None, None, None);
        for child in grammar::children(element, IN_PROVISION)? {
            match child.tag() {
                settings::DEVICE_INFORMATION if !version.has_device_information_in_provision() => {}
                settings::DEVICE_INFORMATION => grammar::once(&mut information, element, child)?,
                provision::POLICIES => grammar::once(&mut policies, element, child)?,
                provision::ACCOUNT_ONLY_REMOTE_WIPE if !version.has_account_only_remote_wipe() => {
                    return Err(MessageError::new(child, format!("version {version}"), "version 16.1"));
                }
                // One wipe a message: two kinds at once cannot both answer a directive.
                provision::REMOTE_WIPE | provision::ACCOUNT_ONLY_REMOTE_WIPE => {
                    grammar::once(&mut wipe, element, child)?;
                }
                _ => return Err(MessageError::child(element, child, IN_PROVISION)),
            }
        }
        let device_information = information.map(DeviceInformation::from_set_element).transpose()?;
        let policy = policies.map(Policy::from_policies).transpose()?;
        let ask = match (wipe, policy) {
            (Some(wipe), _) => {
                let status = WipeStatus::from_wipe_element(wipe)?;
                let device = wipe.tag() == provision::REMOTE_WIPE;
                Ask::WipeAcknowledgment { kind: if device { WipeKind::Device } else { WipeKind::AccountOnly }, status }
            }
            (None, Some(policy)) => policy.ask()?,
            (None, None) => Ask::Empty,
        };
        Ok(Self { device_information, ask })
    }

    /// The element a client sends, in the order of the schema; PolicyKey MUST come before Status.
    pub fn to_element(&self) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.1 (R6905); 2.2.2.41 (R604, R311); 2.2.2.43 (R317); 2.2.2.45 (R324); 3.1.5.1.1 (R619);
        // 3.1.5.1.2.1 (R436); 3.1.5.1.2.2 (R641); 3.1.5.1.2.3 (R64502)
        let mut root = Element::new(provision::PROVISION);
        if let Some(information) = &self.device_information {
            root.push(information.to_element());
        }
        let policies = |policy| Element::new(provision::POLICIES).with_child(policy);
        let policy = |policy_type: &PolicyTypeText| {
            Element::new(provision::POLICY)
                .with_child(Element::with_text(provision::POLICY_TYPE, policy_type.as_str().to_owned()))
        };
        match &self.ask {
            Ask::Empty => {}
            Ask::Initial { policy_type } => root.push(policies(policy(policy_type))),
            Ask::Acknowledgment { policy_type, policy_key, status } => root.push(policies(
                policy(policy_type)
                    .with_child(Element::with_text(provision::POLICY_KEY, policy_key.as_str().to_owned()))
                    .with_child(Element::with_text(provision::STATUS, status.code().to_string())),
            )),
            Ask::WipeAcknowledgment { kind, status } => root.push(
                Element::new(kind.tag()).with_child(Element::with_text(provision::STATUS, status.code().to_string())),
            ),
        }
        root
    }
}

/// The one Policy of a request, with its children found but not yet judged.
struct Policy<'e, 'a> {
    element: &'e Element<'a>,
    policy_type: Option<&'e Element<'a>>,
    policy_key: Option<&'e Element<'a>>,
    status: Option<&'e Element<'a>>,
}

impl<'e, 'a> Policy<'e, 'a> {
    fn from_policies(policies: &'e Element<'a>) -> Result<Self, MessageError> {
        // [MS-ASPROV] 2.2.2.40 (R303, R304, R306, R953, R954, R955, R956, R30601); 2.2.2.41 (R307, R308, R957, R958,
        // R959, R960, R31101)
        let mut policy = None;
        for child in grammar::children(policies, IN_POLICIES)? {
            match child.tag() {
                provision::POLICY => grammar::once(&mut policy, policies, child)?,
                _ => return Err(MessageError::child(policies, child, IN_POLICIES)),
            }
        }
        let element = policy.ok_or_else(|| MessageError::missing(policies, provision::POLICY, IN_POLICIES))?;
        let mut policy = Self { element, policy_type: None, policy_key: None, status: None };
        for child in grammar::children(element, IN_POLICY)? {
            match child.tag() {
                provision::POLICY_TYPE => grammar::once(&mut policy.policy_type, element, child)?,
                provision::POLICY_KEY => grammar::once(&mut policy.policy_key, element, child)?,
                provision::STATUS => grammar::once(&mut policy.status, element, child)?,
                // A client has no policy to send, and one that does means nothing by it.
                provision::DATA => {}
                _ => return Err(MessageError::child(element, child, IN_POLICY)),
            }
        }
        Ok(policy)
    }

    /// Neither key nor status asks for the policy, both acknowledge it; one without the other is no message, and above
    /// all no acknowledgment.
    fn ask(&self) -> Result<Ask, MessageError> {
        // [MS-ASPROV] 2.2.2.42 (R313, R961, R962, R963, R964, R31601); 2.2.2.43 (R317, R967, R968, R969, R970,
        // R31801)
        // PolicyType is required, and its absence a protocol error ([MS-ASCMD] R4989).
        let policy_type = self
            .policy_type
            .ok_or_else(|| MessageError::missing(self.element, provision::POLICY_TYPE, "a PolicyType"))?;
        let policy_type = PolicyTypeText::new(grammar::text(policy_type, "the name of a policy type")?);
        match (self.policy_key, self.status) {
            (None, None) => Ok(Ask::Initial { policy_type }),
            (Some(key), Some(status)) => Ok(Ask::Acknowledgment {
                policy_type,
                policy_key: PolicyKeyText::new(grammar::text(key, "a policy key")?),
                status: AcknowledgmentStatus::from_element(status)?,
            }),
            (Some(_), None) => {
                Err(MessageError::missing(self.element, provision::STATUS, "PolicyKey and Status, or neither"))
            }
            (None, Some(_)) => {
                Err(MessageError::missing(self.element, provision::POLICY_KEY, "PolicyKey and Status, or neither"))
            }
        }
    }
}
