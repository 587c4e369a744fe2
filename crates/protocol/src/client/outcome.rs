//! How a conversation ended, and what was seen on the way.

use core::fmt;

use asprov_wbxml::Element;

use super::capability::{SettingVerdict, Verdict};
use crate::http::Command;
use crate::message::{AcknowledgmentStatus, WipeKind};
use crate::policy::ReceivedPolicy;
use crate::provision_command_errors::{self, ProvisionCommandError};
use crate::status::{self, Scope, Status, StatusRow};

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The permanent policy key is held.
    Provisioned,
    /// The server has no policy for this device; every command may be sent.
    NoPolicy,
    /// The server orders a wipe. Nothing has been wiped here: that is the application's work.
    WipeOrdered {
        /// What is to be wiped.
        kind: WipeKind,
        /// What the application made of it.
        answer: WipeAnswer,
        /// Whether the acknowledgment went out. What the server answers to it is not waited for: \[MS-ASPROV\]
        /// 3.1.5.1.2.2 (R645). One that could not be sent is sent again in the next conversation.
        is_sent: bool,
    },
    /// One of the rows of \[MS-ASPROV\] 3.1.5.2 ended it: what its resolution asks for is not in the client's power, or
    /// was done and did not help.
    Refused {
        /// The row, with meaning, cause and resolution.
        row: &'static ProvisionCommandError,
    },
    /// Something else ended it.
    Failed {
        /// What.
        why: Failure,
    },
    /// The command was answered; its own Status is the application's to read. `None` when the answer has no body, which
    /// is how SendMail says that it succeeded and Sync that nothing changed.
    CommandAnswered(Option<Element<'static>>),
    /// The command was answered with something that is no document: an attachment, or a multipart answer to
    /// ItemOperations.
    CommandAnsweredInBytes {
        /// The Content-Type of the answer.
        content_type: Option<String>,
        /// The body as it came.
        bytes: Vec<u8>,
    },
}

/// What the application makes of a wipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WipeAnswer {
    /// It says nothing to the server; the wipe stays due.
    Unanswered,
    /// It takes the wipe on: the acknowledgment goes out and the application erases, without waiting for the answer.
    TakenOn,
    /// It cannot wipe, and an acknowledgment goes out that says so; the wipe stays due.
    Failed,
}

/// A Status as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenStatus {
    /// The table it belongs to.
    pub scope: Scope,
    /// The number, known or not.
    pub code: u16,
    /// The command in whose answer it stood.
    pub command: Command,
}

/// What kind of number a Status is, which is all that can be said of one nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// 1 to 100: a number of the command itself.
    OfTheCommand,
    /// 101 to 199: a condition that every command shares.
    Common,
    /// HTTP 3xx: another address is meant.
    Redirection,
    /// HTTP 4xx: the request, the user or the device.
    Request,
    /// HTTP 5xx: the server.
    Server,
    /// Any other number.
    Unknown,
}

/// Why a conversation failed, other than by a row of 3.1.5.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A Status that the client has no remedy for, or whose remedy did not help.
    #[error("{0}")]
    Status(SeenStatus),
    /// The server refuses the credentials.
    #[error("HTTP 401: the server refuses the credentials")]
    Credentials,
    /// The server asks for provisioning again and again, although each handshake succeeds.
    #[error("the server asked for provisioning {times} times; last seen: {status}")]
    Loop {
        /// What it said last.
        status: SeenStatus,
        /// How often it asked.
        times: u32,
    },
    /// Another server is meant ([MS-ASHTTP] 451), and the conversation did not go there.
    #[error("HTTP 451: the mailbox is on another server{}", .location.as_deref().map(|url| format!(": {}", shown(url))).unwrap_or_else(|| ", which is not named; Autodiscover finds it".to_owned()))]
    Moved {
        /// Where, if the server says it.
        location: Option<String>,
    },
    /// The password has expired ([MS-ASHTTP] 457).
    #[error("HTTP 457: the password has expired{}", .url.as_deref().map(|url| format!("; it is changed at {}", shown(url))).unwrap_or_default())]
    PasswordExpired {
        /// Where it can be changed, if the server says it.
        url: Option<String>,
    },
    /// The server stayed in trouble.
    #[error("{times} repetitions did not help; last seen: {status}")]
    Unavailable {
        /// What it said last.
        status: SeenStatus,
        /// How often the request was repeated.
        times: u32,
    },
    /// The server asks for a longer wait than the client is ready for.
    #[error("the server asks to wait {seconds} seconds, expected at most {most}")]
    WaitTooLong {
        /// What it asks for.
        seconds: u32,
        /// [`ClientLimits::longest_wait`](super::ClientLimits::longest_wait).
        most: u32,
    },
    /// The conversation took more requests than allowed.
    #[error("the conversation took {most} requests and is not over")]
    TooManyRequests {
        /// [`ClientLimits::requests`](super::ClientLimits::requests).
        most: u32,
    },
    /// The answer cannot be read.
    #[error("the answer to {command} cannot be read: {why}")]
    Unreadable {
        /// The command.
        command: Command,
        /// What is wrong with it, and where.
        why: String,
    },
    /// The answer says that all is well and does not hold what it should.
    #[error("the answer to the {request} holds no {missing}")]
    Incomplete {
        /// The request.
        request: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// The family of clients that is played ([`AcknowledgmentChoice::Profile`](super::AcknowledgmentChoice::Profile)) sets
    /// up no account with such a policy, so nothing was acknowledged.
    #[error("{family} sets up no account with this policy, so nothing was acknowledged: {sentence}")]
    NotSetUp {
        /// The family, as people call it.
        family: &'static str,
        /// When it refuses, and what its user sees.
        sentence: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// The policy key of the answer cannot be used.
    #[error("the server sent a policy key that is {came}, expected 1 to 64 printable characters other than 0")]
    UnusableKey {
        /// What it is, without showing it.
        came: &'static str,
    },
    /// No answer came.
    #[error("no answer to {command}: {why}")]
    Lost {
        /// The command.
        command: Command,
        /// What the transport said.
        why: String,
    },
    /// The client was asked for something that its phase does not allow.
    #[error("{event} has no place in phase {phase}")]
    OutOfPhase {
        /// What happened.
        event: String,
        /// Where the client stood.
        phase: &'static str,
    },
}

/// What a conversation took and what was seen in it. It never holds a policy key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many requests were sent.
    pub requests: u32,
    /// Every Status of the answers, in their order: those of Provision and Policy, the common ones, and HTTP codes other
    /// than 200.
    pub statuses: Vec<SeenStatus>,
    /// The policy that came last, with the values that could not be read.
    pub policy: Option<ReceivedPolicy>,
    /// Why the policy that came last could not be read at all.
    pub policy_error: Option<String>,
    /// What is made of each setting by which the policy asks for something, in the order of the schema: what the
    /// acknowledgment stands on. What becomes of a setting whose value could not be read is among the policy's faults.
    pub verdicts: Vec<SettingVerdict>,
    /// The acknowledgment follows from the verdicts alone, since the sources about the family of clients that is played
    /// do not say what it acknowledges.
    pub family_is_silent: bool,
    /// What was said about it; `None` when nothing was.
    pub acknowledgment: Option<AcknowledgmentStatus>,
    /// Why the server slowed the device down (X-MS-ASThrottle), as it said last; cut at 200 characters.
    pub throttle: Option<String>,
    /// What the server said about DeviceInformation (2.2.2.53): 1 when it kept it.
    pub device_information_status: Option<Status>,
}

impl Report {
    /// The settings that are not enforced or could not be read: what an administrator has to relax before a server that
    /// insists on the whole policy (139) lets the device in. It names nothing when the acknowledgment was given without
    /// saying what it stands for.
    pub fn unmet(&self) -> Vec<&'static str> {
        let not_enforced = self.verdicts.iter().filter(|verdict| verdict.verdict == Verdict::NotEnforced);
        let unreadable = self.policy.iter().flat_map(|policy| &policy.faults).map(|fault| fault.name);
        let mut names: Vec<_> = not_enforced.map(|verdict| verdict.setting.name).collect();
        for name in unreadable {
            // A list that keeps its usable entries is at fault and asks for something as well.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl SeenStatus {
    /// What there is to say about it; `None` for a number nobody knows. 139, 141 and 145 mean the same in every command,
    /// so the row of 3.1.5.2 speaks for them wherever they were seen.
    pub fn row(&self) -> Option<&'static StatusRow> {
        match self.provision_command_error() {
            Some(row) => status::row(row.scope, row.code),
            None => status::row(self.scope, self.code),
        }
    }

    /// The row of 3.1.5.2, when it is one of the eleven.
    pub fn provision_command_error(&self) -> Option<&'static ProvisionCommandError> {
        let scope = if self.scope == Scope::Common { Scope::Provision } else { self.scope };
        // Below 100 a Common code would be a number of another command.
        provision_command_errors::row(scope, self.code).filter(|row| self.scope != Scope::Common || row.code > 100)
    }

    /// What kind of number it is.
    pub fn class(&self) -> StatusClass {
        match (self.scope, self.code) {
            (Scope::Http, 300..=399) => StatusClass::Redirection,
            (Scope::Http, 400..=499) => StatusClass::Request,
            (Scope::Http, 500..=599) => StatusClass::Server,
            (Scope::Http, _) => StatusClass::Unknown,
            (_, 1..=100) => StatusClass::OfTheCommand,
            (_, 101..=199) => StatusClass::Common,
            _ => StatusClass::Unknown,
        }
    }
}

impl Failure {
    /// The Status that is behind it, if there is one: [`resolution::advice`](super::resolution::advice) then says whom to
    /// tell what.
    pub const fn status(&self) -> Option<SeenStatus> {
        match self {
            Self::Status(seen) | Self::Loop { status: seen, .. } | Self::Unavailable { status: seen, .. } => {
                Some(*seen)
            }
            Self::Credentials => http_status(401),
            Self::Moved { .. } => http_status(451),
            Self::PasswordExpired { .. } => http_status(457),
            Self::WaitTooLong { .. }
            | Self::TooManyRequests { .. }
            | Self::Unreadable { .. }
            | Self::Incomplete { .. }
            | Self::NotSetUp { .. }
            | Self::UnusableKey { .. }
            | Self::Lost { .. }
            | Self::OutOfPhase { .. } => None,
        }
    }
}

const fn http_status(code: u16) -> Option<SeenStatus> {
    Some(SeenStatus { scope: Scope::Http, code, command: Command::Provision })
}

/// Text of a server as it may be shown: escaped, and cut at 200 characters.
fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

impl StatusClass {
    /// The class in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OfTheCommand => "a status of the command itself",
            Self::Common => "a condition common to all commands",
            Self::Redirection => "another address is meant",
            Self::Request => "the server refuses the request, the user or the device",
            Self::Server => "the server is in trouble",
            Self::Unknown => "a number that belongs to no known class",
        }
    }
}

impl fmt::Display for SeenStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.scope {
            Scope::Http => "HTTP".to_owned(),
            Scope::Policy => "Policy Status".to_owned(),
            _ => format!("{} Status", self.command),
        };
        match self.row() {
            Some(row) => write!(f, "{place} {} ({}): {}", self.code, row.name, row.meaning),
            None => write!(f, "{place} {}: unknown, {}", self.code, self.class().as_str()),
        }
    }
}

impl Outcome {
    /// The word of `asprov provision --json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::NoPolicy => "no_policy",
            Self::WipeOrdered { .. } => "wipe_ordered",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
            Self::CommandAnswered(_) | Self::CommandAnsweredInBytes { .. } => "command_answered",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provisioned => f.write_str("provisioned"),
            Self::NoPolicy => f.write_str("the server has no policy for this device"),
            Self::WipeOrdered { kind, answer, is_sent } => {
                let what = match kind {
                    WipeKind::Device => "the whole device",
                    WipeKind::AccountOnly => "the account's data",
                };
                let told = match (answer, is_sent) {
                    (WipeAnswer::Unanswered, _) => "nothing was wiped and the server was told nothing",
                    (WipeAnswer::TakenOn, true) => "it was taken on, and its acknowledgment was sent",
                    (WipeAnswer::TakenOn, false) => {
                        "it was taken on; its acknowledgment could not be sent and goes out again next time"
                    }
                    (WipeAnswer::Failed, true) => "it could not be done, and an acknowledgment was sent that says so",
                    (WipeAnswer::Failed, false) => "it could not be done, and the server could not be told so",
                };
                write!(f, "the server orders a wipe of {what}; {told}")
            }
            Self::Refused { row } => {
                let place = if row.scope == Scope::Policy { "Policy" } else { "Provision" };
                write!(f, "refused with {place} Status {} ({}): {}", row.code, row.name, row.resolution)
            }
            Self::Failed { why } => write!(f, "failed: {why}"),
            Self::CommandAnswered(_) | Self::CommandAnsweredInBytes { .. } => f.write_str("the command was answered"),
        }
    }
}
