//! What happened to a phone, and what of it still counts: a refusal counts until the phone was let through, or until something
//! else became of its requests.

use jiff::{SignedDuration, Timestamp};

use super::{Look, PastEvent};
use crate::server::about::About;
use crate::server::decision::EventKind;
use crate::server::loops::Loop;
use crate::server::refused_sign_in::RefusedSignIn;
use crate::status::{Scope, Status};

/// How long a loop is told after it was noticed last: it is noticed once an hour.
const LOOP_COUNTS: SignedDuration = SignedDuration::from_hours(1);

/// Equal trouble, as often as it came since it began.
pub(super) struct Trouble<'a> {
    /// The newest of it.
    pub(super) newest: &'a PastEvent,
    /// How often.
    pub(super) count: u64,
}

impl Trouble<'_> {
    /// How often, in words.
    pub(super) fn times(&self) -> String {
        if self.count == 1 { "once".to_owned() } else { format!("{} times", self.count) }
    }
}

impl<'a> Look<'a> {
    /// Whether a command was let through at that time or later.
    pub(super) fn was_let_through_since(&self, at: Timestamp) -> bool {
        self.circumstances.last_passed_at.is_some_and(|passed| passed >= at)
    }

    /// Whether it was let through after that. That it was seen later says nothing: a phone is seen when it is refused, too.
    fn is_over(&self, past: &PastEvent) -> bool {
        self.was_let_through_since(past.last_at)
    }

    /// The events for which `is_it` holds, from the newest to the first that ended them: that the phone was let through, or an
    /// event for which `ends` holds.
    pub(super) fn trouble(
        &self,
        is_it: impl Fn(&PastEvent) -> bool,
        ends: impl Fn(EventKind) -> bool,
    ) -> Option<Trouble<'a>> {
        let mut trouble: Option<Trouble<'a>> = None;
        for past in self.events.iter().copied() {
            if is_it(past) {
                if self.is_over(past) {
                    break;
                }
                match &mut trouble {
                    Some(trouble) => trouble.count = trouble.count.saturating_add(past.count),
                    None => trouble = Some(Trouble { newest: past, count: past.count }),
                }
            } else if ends(past.event.kind) {
                break;
            }
        }
        trouble
    }

    /// The refused sign-ins of these; over when a request of the phone was signed in.
    pub(super) fn refused_sign_ins(&self, of: &[RefusedSignIn]) -> Option<Trouble<'a>> {
        self.trouble(
            |past| past.event.refused_sign_in().is_some_and(|who| of.contains(&who)),
            EventKind::is_of_a_signed_in_request,
        )
    }

    /// Whether the phone itself was refused since its last request that was signed in.
    pub(in crate::server) fn is_refused_itself(&self) -> bool {
        self.refused_sign_ins(&[RefusedSignIn::Itself]).is_some()
    }

    /// Whether somebody was refused since then who may have been the phone.
    pub(in crate::server) fn may_be_refused(&self) -> bool {
        self.refused_sign_ins(&[RefusedSignIn::Stranger, RefusedSignIn::Unproven]).is_some()
    }

    /// The refused sign-ins of one of these since that time, whatever became of the phone meanwhile.
    pub(super) fn refused_sign_ins_since(&self, who: RefusedSignIn, since: Timestamp) -> Option<Trouble<'a>> {
        let is_it = |past: &&PastEvent| past.last_at >= since && past.event.refused_sign_in() == Some(who);
        let mut found = self.events.iter().copied().filter(is_it);
        let newest = found.next()?;
        let count = found.fold(newest.count, |count, past| count.saturating_add(past.count));
        Some(Trouble { newest, count })
    }

    /// When the proofs of refused requests were last looked at in vain for the tenth time in an hour, if that was within the
    /// last hour.
    pub(in crate::server) fn locked_at(&self) -> Option<Timestamp> {
        let is_it = |past: &&PastEvent| past.event.refused_sign_in() == Some(RefusedSignIn::LastStranger);
        let at = self.events.iter().copied().find(is_it)?.last_at;
        (at.duration_until(self.circumstances.now) < SignedDuration::from_hours(1)).then_some(at)
    }

    /// The refused commands with the newest one's status.
    pub(super) fn refused_commands(&self) -> Option<Trouble<'a>> {
        let status = self.events.iter().find(|past| past.event.kind == EventKind::CommandRefused)?;
        let status = status.event.status;
        let is_it = |past: &PastEvent| past.event.kind == EventKind::CommandRefused && past.event.status == status;
        self.trouble(is_it, |kind| matches!(kind, EventKind::CommandRefused | EventKind::UpstreamRefused))
    }

    /// The refused commands, if they were refused with this common status.
    pub(super) fn refused_with(&self, status: u16) -> Option<Trouble<'a>> {
        let refused = self.refused_commands()?;
        (refused.newest.event.status == Some((Scope::Common, Status(status)))).then_some(refused)
    }

    /// Every demand to provision since it acknowledged a policy or was let through, with whatever status. Because its policy was
    /// damaged it was told so whatever it sent: that says nothing about the phone.
    pub(super) fn challenges(&self) -> Option<Trouble<'a>> {
        let is_it = |past: &PastEvent| {
            past.event.kind == EventKind::CommandRefused
                && past.event.about != Some(About::DamagedPolicy)
                && past
                    .event
                    .status
                    .is_some_and(|(scope, Status(code))| scope == Scope::Common && (141..=144).contains(&code))
        };
        self.trouble(is_it, |kind| kind == EventKind::PolicyAcknowledged)
    }

    /// Whether its newest demand to provision came of a policy that was damaged, and can be read by now.
    fn damage_is_repaired(&self) -> bool {
        let newest = self.events.iter().find(|past| past.event.kind == EventKind::CommandRefused);
        let readable = self.circumstances.snapshot.and_then(|snapshot| snapshot.policy.readable());
        readable.is_some() && newest.is_some_and(|past| past.event.about == Some(About::DamagedPolicy))
    }

    /// The loop that was noticed within the last hour, and whether it is over: the phone acknowledged something, unless
    /// acknowledging is what it repeats, or was let through, or what it was asked for nobody asks of it any more.
    pub(super) fn loop_of_late(&self) -> Option<(Loop, &'a PastEvent, bool)> {
        let place = self.events.iter().position(|past| past.event.kind == EventKind::LoopDetected)?;
        let past = *self.events.get(place)?;
        let recent = past.last_at.duration_until(self.circumstances.now) < LOOP_COUNTS;
        let one = past.event.detected_loop().filter(|_| recent)?;
        let acknowledged = one != Loop::ProvisionsAgainAndAgain
            && self.events.iter().take(place).any(|later| later.event.kind == EventKind::PolicyAcknowledged);
        let not_asked =
            one == Loop::ChallengesWithoutAcknowledgment && (!self.has_to_provision() || self.damage_is_repaired());
        Some((one, past, acknowledged || not_asked || self.is_over(past)))
    }
}
