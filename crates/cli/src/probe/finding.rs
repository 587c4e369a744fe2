//! What a probe found.

use asprov_protocol::client::SeenStatus;
use asprov_protocol::client::resolution::{Audience, advice};
use asprov_protocol::policy::ReceivedPolicy;
use asprov_protocol::version::ProtocolVersion;

use crate::remedy::Refusal;
use crate::terminal::harmless;

/// Everything that was found, in the order in which it was.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Who signs in, and whether with a token in place of a password.
    pub(super) user: String,
    pub(super) has_token: bool,
    pub(super) server: Option<String>,
    pub(super) version: Option<ProtocolVersion>,
    pub(super) found: Vec<Finding>,
    /// Whether the server lists Provision among its commands.
    pub(super) lists_provision: bool,
    /// The policy the server offers.
    pub(super) policy: Option<ReceivedPolicy>,
}

#[derive(Debug)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) text: String,
    /// Why it is so and what can be done, where all is not well.
    pub(super) cause: Option<String>,
    pub(super) resolution: Option<String>,
    /// Who can do it.
    pub(super) audience: Option<Audience>,
    pub(super) status: Option<SeenStatus>,
    /// The URL that the server named beside it.
    pub(super) url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; phones get along with it.
    Note,
    /// A phone ends here, or is not held to the policy.
    Problem,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

impl Findings {
    pub(super) fn has_problem(&self) -> bool {
        self.found.iter().any(|finding| finding.verdict == Verdict::Problem)
    }

    pub(super) fn plain(&mut self, check: &'static str, verdict: Verdict, text: String) {
        let (cause, resolution) = (None, None);
        self.found.push(Finding { check, verdict, text, cause, resolution, audience: None, status: None, url: None });
    }

    pub(super) fn explained(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        text: String,
        cause: &str,
        resolution: &str,
    ) {
        let (cause, resolution) = (Some(cause.to_owned()), Some(resolution.to_owned()));
        self.found.push(Finding { check, verdict, text, cause, resolution, audience: None, status: None, url: None });
    }

    /// A Status, in the words of its row; a number nobody knows in those of its class.
    pub(super) fn status(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        what: &str,
        refusal: impl Into<Refusal>,
        version: ProtocolVersion,
    ) {
        let refusal = refusal.into();
        self.found.push(Finding {
            check,
            verdict,
            text: harmless(&refusal.text(what, self.has_token)),
            cause: Some(refusal.cause(self.has_token).to_owned()),
            resolution: Some(harmless(&refusal.resolution(self.has_token))),
            audience: advice(refusal.seen, version).map(|advice| advice.audience),
            status: Some(refusal.seen),
            url: refusal.url,
        });
    }
}
