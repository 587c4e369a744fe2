//! A command of the application: everything that is not provisioning.

use asprov_wbxml::{Element, encode};

use crate::http::{Command, CommandParameters, headers};

/// A command with all that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRequest {
    /// The command.
    pub command: Command,
    /// What it carries.
    pub body: CommandBody,
    /// The parameters of its query.
    pub parameters: CommandParameters,
    /// SendMail, SmartForward, SmartReply: whether the mail is kept in Sent Items.
    pub save_in_sent: bool,
    /// ItemOperations: whether the answer may be multipart. It then ends as
    /// [`Outcome::CommandAnsweredInBytes`](super::Outcome::CommandAnsweredInBytes).
    pub accept_multipart: bool,
}

/// The body of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandBody {
    /// None, as in GetAttachment, and in a Sync or Ping that repeats the one before.
    None,
    /// A document.
    Document(Element<'static>),
    /// A mail as it is: SendMail, SmartForward and SmartReply up to 12.1.
    Mail(Vec<u8>),
}

impl CommandRequest {
    /// A command without parameters.
    pub fn new(command: Command, body: Option<Element<'static>>) -> Self {
        Self {
            command,
            body: body.map_or(CommandBody::None, CommandBody::Document),
            parameters: CommandParameters::default(),
            save_in_sent: false,
            accept_multipart: false,
        }
    }
}

impl CommandBody {
    /// The bytes with their Content-Type ([MS-ASHTTP] 2.2.1.1.2.2).
    pub(super) fn bytes(&self) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::None => None,
            Self::Document(document) => Some((headers::CONTENT_TYPE_WBXML, encode(document))),
            Self::Mail(mail) => Some(("message/rfc822", mail.clone())),
        }
    }
}
