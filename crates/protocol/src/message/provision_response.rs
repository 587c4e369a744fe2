//! A Provision answer (\[MS-ASPROV\] 2.2.2.44, 3.2.5.1): the policy with its temporary key, the permanent key, a wipe
//! directive, or a Status that says why not.
//!
//! Written in the order of the schema. Read in any order, with elements that some servers put on a wrong code page or
//! leave out, and past elements nobody knows.

use asprov_wbxml::code_page::{provision, settings};
use asprov_wbxml::{Element, Tag};

use super::{MessageError, PolicyKeyText, PolicyTypeText, grammar};
use crate::policy::{PolicyDocument, PolicyError, ReceivedPolicy};
use crate::status::Status;
use crate::version::{PolicyType, ProtocolVersion};

/// A Provision answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionResponse {
    /// Status of settings:DeviceInformation, there when the request held one.
    pub device_information_status: Option<Status>,
    /// Status of Provision. Some servers leave it out of an answer that holds a policy; it then reads as 1.
    pub status: Status,
    /// The policies: one in a server's answer, any number in what a client reads.
    pub policies: Vec<PolicyResponse>,
    /// The directive to wipe the device.
    pub remote_wipe: bool,
    /// The directive to wipe the account's data.
    pub account_only_remote_wipe: bool,
}

/// A Policy of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyResponse {
    /// The format, as requested. A client ignores a Policy in another format than its version's.
    pub policy_type: Option<PolicyTypeText>,
    /// Status of Policy.
    pub status: Option<Status>,
    /// The temporary key with a policy, the permanent one after an acknowledgment.
    pub policy_key: Option<PolicyKeyText>,
    /// The policy itself.
    pub data: Option<PolicyData>,
}

/// The content of Data (2.2.2.24).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyData {
    /// A policy to send: EASProvisionDoc, or the WAP document at 2.5.
    Document(PolicyDocument),
    /// A policy as a client read it, with the settings it could not read. Several documents in one Data are read one
    /// after the other, and the later one counts.
    Received(ReceivedPolicy),
    /// A WAP provisioning document as text.
    Wap(String),
}

impl ProvisionResponse {
    /// An answer that is a Status and nothing else.
    pub const fn with_status(status: Status) -> Self {
        Self {
            device_information_status: None,
            status,
            policies: Vec::new(),
            remote_wipe: false,
            account_only_remote_wipe: false,
        }
    }

    /// The element a server sends to a client of this version, in the order of the schema.
    pub fn to_element(&self, version: ProtocolVersion) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.1 (R6901, R6903); 2.2.2.44 (R319, R320, R972, R973, R974, R975, R32001); 2.2.2.45 (R321,
        // R322, R976, R977, R978, R979, R32401); 2.2.2.54 (R370, R759, R760); 2.2.2.54.2 (R390, R391, R393, R1017,
        // R1018, R1019, R1020, R39302)
        let mut root = Element::new(provision::PROVISION);
        if let Some(status) = self.device_information_status {
            root.push(Element::new(settings::DEVICE_INFORMATION).with_child(number(settings::STATUS, status)));
        }
        root.push(number(provision::STATUS, self.status));
        if !self.policies.is_empty() {
            let policies = self.policies.iter().map(|policy| policy.to_element(version));
            root.push(Element::new(provision::POLICIES).with_children(policies));
        }
        // A directive has no content in an answer.
        if self.remote_wipe {
            root.push(Element::new(provision::REMOTE_WIPE));
        }
        if self.account_only_remote_wipe {
            root.push(Element::new(provision::ACCOUNT_ONLY_REMOTE_WIPE));
        }
        root
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// When the root is not Provision, a Status is no number, a text is none, or there is neither a Status nor anything
    /// that could stand without one.
    pub fn from_element(element: &Element<'_>) -> Result<Self, MessageError> {
        if element.tag() != provision::PROVISION {
            return Err(MessageError::another_root(element, "Provision:Provision"));
        }
        let mut status = None;
        let mut response = Self::with_status(Status::SUCCESS);
        for child in element.children() {
            match child.tag() {
                settings::DEVICE_INFORMATION => {
                    let found = child.children().iter().find(|inner| is_status(inner.tag()));
                    response.device_information_status = found.map(grammar::status).transpose()?;
                }
                provision::POLICIES => {
                    for policy in child.children_with(provision::POLICY) {
                        response.policies.push(PolicyResponse::from_element(policy)?);
                    }
                }
                provision::REMOTE_WIPE => response.remote_wipe = true,
                provision::ACCOUNT_ONLY_REMOTE_WIPE => response.account_only_remote_wipe = true,
                tag if is_status(tag) => {
                    status.get_or_insert(grammar::status(child)?);
                }
                _ => {}
            }
        }
        let stands_alone = response.remote_wipe || response.account_only_remote_wipe || !response.policies.is_empty();
        response.status = match status {
            Some(status) => status,
            None if stands_alone => Status::SUCCESS,
            None => return Err(MessageError::missing(element, provision::STATUS, "a Status")),
        };
        Ok(response)
    }
}

impl PolicyResponse {
    /// A Policy that is a Status and nothing else.
    pub fn with_status(policy_type: PolicyTypeText, status: Status) -> Self {
        Self { policy_type: Some(policy_type), status: Some(status), policy_key: None, data: None }
    }

    fn to_element(&self, version: ProtocolVersion) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.24.1 (R209, R601); 2.2.2.41 (R310, R605); 2.2.2.54.1 (R374, R375, R1013, R1014, R1015,
        // R1016, R38901)
        let text = |tag, text: &str| Element::with_text(tag, text.to_owned());
        Element::new(provision::POLICY)
            .with_children(
                self.policy_type.as_ref().map(|policy_type| text(provision::POLICY_TYPE, policy_type.as_str())),
            )
            .with_children(self.status.map(|status| number(provision::STATUS, status)))
            .with_children(self.policy_key.as_ref().map(|key| text(provision::POLICY_KEY, key.as_str())))
            .with_children(self.data.as_ref().map(|data| data.to_element(version)))
    }

    fn from_element(element: &Element<'_>) -> Result<Self, MessageError> {
        let mut policy = Self { policy_type: None, status: None, policy_key: None, data: None };
        for child in element.children() {
            match child.tag() {
                provision::POLICY_TYPE => {
                    policy.policy_type = Some(PolicyTypeText::new(grammar::text(child, "the name of a policy type")?));
                }
                provision::POLICY_KEY => {
                    policy.policy_key = Some(PolicyKeyText::new(grammar::text(child, "a policy key")?));
                }
                tag if is_status(tag) => policy.status = Some(grammar::status(child)?),
                tag if is_data(tag) || child.child(provision::EAS_PROVISION_DOC).is_some() => {
                    policy.data = PolicyData::from_element(child)?;
                }
                _ => {}
            }
        }
        Ok(policy)
    }
}

impl PolicyData {
    /// What a client has to apply.
    ///
    /// # Errors
    /// When it is a WAP document that cannot be read.
    pub fn received(&self) -> Result<ReceivedPolicy, PolicyError> {
        match self {
            Self::Document(document) => Ok(ReceivedPolicy { document: document.clone(), faults: Vec::new() }),
            Self::Received(received) => Ok(received.clone()),
            Self::Wap(text) => PolicyDocument::from_wap(text),
        }
    }

    fn to_element(&self, version: ProtocolVersion) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.24.1 (R208, R888, R210, R889, R890, R891, R892, R21001); 2.2.2.28 (R232, R233, R234,
        // R905, R906, R907, R908, R23501); 2.2.2.43 (R965, R966)
        let document = match self {
            Self::Wap(text) => return Element::with_text(provision::DATA, text.clone()),
            Self::Document(document) => document,
            Self::Received(received) => &received.document,
        };
        match version.policy_type() {
            PolicyType::Wap => Element::with_text(provision::DATA, document.to_wap()),
            PolicyType::Wbxml => Element::new(provision::DATA).with_child(document.to_element(version)),
        }
    }

    /// An empty Data is no policy.
    fn from_element(data: &Element<'_>) -> Result<Option<Self>, MessageError> {
        let mut documents = data.children_with(provision::EAS_PROVISION_DOC).map(PolicyDocument::from_element);
        let Some(mut received) = documents.next() else {
            let text = grammar::text(data, "EASProvisionDoc, or a WAP document as text")?;
            return Ok(if text.trim().is_empty() { None } else { Some(Self::Wap(text.to_owned())) });
        };
        for later in documents {
            for (setting, value) in later.document.iter() {
                // It was read into a document once, so it can be set in another.
                let _ = received.document.set(setting.id, value.clone());
            }
            received.faults.extend(later.faults);
        }
        Ok(Some(Self::Received(received)))
    }
}

fn number(tag: Tag, status: Status) -> Element<'static> {
    Element::with_text(tag, status.0.to_string())
}

/// Status, on whatever page: Tencent's server writes that of Policy on the AirSync page.
fn is_status(tag: Tag) -> bool {
    tag == provision::STATUS || tag.name() == Some("Status")
}

/// Data, on whatever page.
fn is_data(tag: Tag) -> bool {
    tag == provision::DATA || tag.name() == Some("Data")
}
