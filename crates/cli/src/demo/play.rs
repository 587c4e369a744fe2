//! A conversation of the demo: run to its end, shown, and written down as evidence.

use asprov_protocol::client::{Outcome, SeenStatus, WipeAnswer};

use super::device::{Device, Moment, Task};
use super::evidence::Evidence;
use super::screen::Screen;
use super::stage::Stage;
use crate::failure::Failure;

/// Everything a scene works with.
pub(super) struct Play<'a, 'o> {
    pub(super) stage: &'a Stage,
    pub(super) screen: &'a mut Screen<'o>,
    pub(super) evidence: &'a mut Evidence,
}

/// When a scene may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// Before the request of this number, counted from 1 in each conversation.
    BeforeRequest(u32),
    /// The client is about to wait for the first time.
    FirstWait,
    /// Never.
    Never,
}

/// What a conversation came to.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) statuses: Vec<SeenStatus>,
    pub(super) http: Vec<u16>,
}

impl<'a> Play<'a, '_> {
    /// What a newcomer reads first.
    pub(super) fn opening(&mut self) -> Result<(), Failure> {
        self.screen.text(
            "A phone asks its mail server for a policy with the Provision command, acknowledges that it complies, and \
             carries the policy key it got in every later request. That is [MS-ASPROV]. Its table 3.1.5.2 lists what can \
             come back: eleven rows, each with a meaning, a cause and a resolution. Here is every one of them.",
        )?;
        self.screen.blank()?;
        let (server, administrator) = (self.stage.url(), self.stage.admin_url());
        self.screen.pairs(&[
            ("server", &format!("{server}, with its store in a SQLite file")),
            ("phone", "the client of asprov, over HTTP"),
            ("administrator", &format!("through the admin API at {administrator}")),
        ])
    }

    /// Runs a conversation that nobody interferes with.
    pub(super) async fn converse(&mut self, device: &mut Device<'a>, task: Task) -> Result<Ended, Failure> {
        self.converse_with(device, task, Cue::Never, async |_: &mut Screen<'_>| Ok(())).await
    }

    /// Runs a conversation in which somebody acts at `cue`.
    pub(super) async fn converse_with(
        &mut self,
        device: &mut Device<'a>,
        task: Task,
        cue: Cue,
        act: impl AsyncFnOnce(&mut Screen<'_>) -> Result<(), Failure>,
    ) -> Result<Ended, Failure> {
        let mut act = Some(act);
        let mut request = 0;
        let mut ended = Ended { outcome: Outcome::NoPolicy, statuses: Vec::new(), http: Vec::new() };
        device.begin(task);
        loop {
            let moment = device.advance().await?;
            let now = match &moment {
                Moment::BeforeRequest => {
                    request += 1;
                    Cue::BeforeRequest(request)
                }
                Moment::Waits { .. } => Cue::FirstWait,
                _ => Cue::Never,
            };
            if let Moment::Waits { seconds } = &moment {
                let unit = if *seconds == 1 { "second" } else { "seconds" };
                self.screen.act("the phone", &format!("waits {seconds} {unit}"))?;
            }
            if now == cue
                && now != Cue::Never
                && let Some(act) = act.take()
            {
                act(self.screen).await?;
            }
            match moment {
                Moment::BeforeRequest | Moment::Waits { .. } => {}
                Moment::Answered(exchange) => {
                    self.screen.exchange(&exchange)?;
                    self.evidence.saw(&exchange.statuses);
                    ended.statuses.extend_from_slice(&exchange.statuses);
                    ended.http.push(exchange.http);
                }
                Moment::WipeAsked => {
                    self.screen.act("the phone", "confirms the wipe at once. Nothing is erased: it only says so")?;
                    device.client.answer_wipe(WipeAnswer::TakenOn);
                }
                Moment::Ended(outcome) => {
                    self.evidence.ended(&outcome);
                    self.evidence.unmet(&device.client.report().unmet());
                    ended.outcome = outcome;
                    return Ok(ended);
                }
            }
        }
    }
}
