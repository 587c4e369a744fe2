//! Why a phone is where it is: one explanation for each situation, as the people concerned read it. The situations come
//! about by real decisions, so what is explained is what happens.

use std::fmt::Write as _;

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, Ask, PolicyTypeText, ProvisionRequest, WipeKind, WipeStatus};
use asprov_protocol::policy::{Policy, SettingId, Value};
use asprov_protocol::server::{
    AccessState, Circumstances, Event, EventKind, Loop, Obstacle, PastEvent, RefusedSignIn, ServerConfiguration,
    ServerRules, Why, why,
};
use asprov_protocol::status::{Scope, Status};
use jiff::{SignedDuration, Timestamp};

use super::situation::*;

/// A phone with its history.
pub(crate) struct Told {
    pub(crate) situation: Situation,
    pub(crate) events: Vec<PastEvent>,
    pub(crate) obstacle: Option<Obstacle>,
    pub(crate) seen: bool,
    pub(crate) passed_at: Option<Timestamp>,
    pub(crate) wipe_after_disable: bool,
    pub(crate) only_observes: bool,
    pub(crate) readable: bool,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self {
            situation: Situation::new(V161),
            events: Vec::new(),
            obstacle: None,
            seen: true,
            passed_at: None,
            wipe_after_disable: true,
            readable: true,
            only_observes: false,
        }
    }

    pub(crate) fn provisioned() -> Self {
        Self { situation: Situation::provisioned(V161), ..Self::new() }
    }

    pub(crate) fn happened(&mut self, events: Vec<Event>) {
        let at = self.situation.now;
        self.events.extend(events.into_iter().map(|event| PastEvent { event, first_at: at, last_at: at, count: 1 }));
    }

    pub(crate) fn gate(mut self, command: Command) -> Self {
        let decision = self.situation.gate(command);
        self.happened(decision.events);
        self
    }

    pub(crate) fn ask(mut self, ask: Ask) -> Self {
        let decision = self.situation.decide(&ProvisionRequest { device_information: None, ask });
        self.happened(decision.events);
        self
    }

    pub(crate) fn request(mut self, request: &ProvisionRequest) -> Self {
        let decision = self.situation.decide(request);
        self.happened(decision.events);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Situation)) -> Self {
        change(&mut self.situation);
        self
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        self.happened(vec![event]);
        self
    }

    /// It was let through to its mailbox now.
    pub(crate) fn passed(mut self) -> Self {
        self.passed_at = Some(self.situation.now);
        self
    }

    pub(crate) fn without_wipe_after_disable(self) -> Self {
        Self { wipe_after_disable: false, ..self }
    }

    pub(crate) fn later(mut self, hours: i64) -> Self {
        self.situation.now += SignedDuration::from_hours(hours);
        self
    }

    pub(crate) fn behind(self, obstacle: Obstacle) -> Self {
        Self { obstacle: Some(obstacle), ..self }
    }

    /// The store cannot be read.
    fn unreadable(self) -> Self {
        Self { readable: false, ..self }
    }

    pub(crate) fn acknowledging(mut self, status: AcknowledgmentStatus) -> Self {
        let key = self.situation.initial_key();
        let request = acknowledgment(self.situation.caller.version, &key, status);
        self.request(&request)
    }

    pub(crate) fn observed(self) -> Self {
        Self { only_observes: true, ..self }
    }

    pub(crate) fn why(&self) -> Why {
        self.look(why)
    }

    /// What is made of the circumstances.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Circumstances<'_>) -> T) -> T {
        let seen_at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let newest_first: Vec<PastEvent> = self.events.iter().rev().cloned().collect();
        look(&Circumstances {
            device: &self.situation.caller.device,
            snapshot: Some(&self.situation.snapshot).filter(|_| self.readable),
            events: &newest_first,
            last_seen_at: self.situation.snapshot.device.as_ref().filter(|_| self.seen).map(|_| seen_at),
            last_passed_at: self.passed_at,
            obstacle: self.obstacle.as_ref(),
            configuration: Some(ServerConfiguration {
                rules: self.situation.rules,
                wipe_after_disable: self.wipe_after_disable,
                only_observes: self.only_observes,
            }),
            now: self.situation.now,
        })
    }
}

pub(crate) fn sign_in_refused(who: RefusedSignIn) -> Event {
    Event::sign_in_refused(who).with_status(Scope::Http, Status(401))
}

pub(crate) fn looping(one: Loop) -> Event {
    Event::loop_detected(one)
}

pub(crate) fn refused_with(status: u16) -> Event {
    Event::new(EventKind::CommandRefused, "").with_command(Command::Sync).with_status(Scope::Common, Status(status))
}

pub(crate) fn wipe_cancelled() -> Event {
    Event::new(EventKind::WipeCancelled, "device by ada")
}

fn no_model() -> ProvisionRequest {
    ProvisionRequest { device_information: None, ..initial(V161) }
}

fn demand_encryption(policy: &mut Policy) {
    for (id, value) in [
        (SettingId::AlphanumericDevicePasswordRequired, Value::Flag(true)),
        (SettingId::RequireDeviceEncryption, Value::Flag(true)),
        (SettingId::RequireStorageCardEncryption, Value::Flag(true)),
        (SettingId::AllowCamera, Value::Flag(false)),
    ] {
        policy.document.set(id, value).unwrap();
    }
}

/// A phone that gets its mail without a policy, and so without a key.
pub(crate) fn keyless() -> Told {
    Told::new().with(|s| s.snapshot.policy = asprov_protocol::server::EffectivePolicy::None).ask(Ask::Empty).passed()
}

fn another_type() -> Ask {
    Ask::Initial { policy_type: PolicyTypeText::from(V25.policy_type()) }
}

/// Every situation by its word.
fn situations() -> Vec<(&'static str, Told)> {
    let wiping = |state: Option<WipeStatus>| {
        let told = Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).later(1);
        match state {
            None => told,
            Some(status) => {
                told.ask(Ask::Empty).ask(Ask::WipeAcknowledgment { kind: WipeKind::Device, status }).later(1)
            }
        }
    };
    let wrong_key = |told: Told| {
        let version = told.situation.caller.version;
        told.request(&acknowledgment(version, "42", AcknowledgmentStatus::Applied))
    };
    vec![
        ("store_away", Told::provisioned().behind(Obstacle::StoreAway).unreadable()),
        ("store_away", Told::provisioned().behind(Obstacle::StoreAway)),
        ("store_away", Told::new().request(&initial(V161)).behind(Obstacle::StoreAway)),
        ("upstream_away", Told::provisioned().behind(Obstacle::Upstream("it refuses connections".to_owned()))),
        ("unknown", Told::new()),
        ("forgotten", Told::new().gate(Command::FolderSync).event(Event::forgotten("ada")).later(3)),
        ("begins_anew", Told::new().event(Event::new(EventKind::PolicyOffered, "")).later(3)),
        ("never_provisioned", Told::new().gate(Command::FolderSync).later(3)),
        ("wipe_pending", wiping(None)),
        ("wipe_pending", wiping(None).gate(Command::Sync).gate(Command::Sync).later(2)),
        ("wipe_sent", wiping(None).ask(Ask::Empty)),
        ("wipe_pending", wiping(None).event(sign_in_refused(RefusedSignIn::Itself)).later(1)),
        (
            "wipe_pending",
            wiping(None).without_wipe_after_disable().event(sign_in_refused(RefusedSignIn::Itself)).later(1),
        ),
        ("wipe_failed", wiping(Some(WipeStatus::Failure))),
        (
            "account_wipe_not_understood",
            Told::provisioned().with(|s| {
                s.order_wipe(WipeKind::AccountOnly);
                s.snapshot.device.as_mut().unwrap().protocol_version = V141;
            }),
        ),
        ("wiped", wiping(Some(WipeStatus::Success))),
        ("password_changed", Told::provisioned().event(sign_in_refused(RefusedSignIn::Itself)).later(2)),
        (
            "password_changed",
            Told::provisioned().without_wipe_after_disable().event(sign_in_refused(RefusedSignIn::Itself)).later(2),
        ),
        (
            "sign_in_refused",
            keyless().without_wipe_after_disable().later(1).event(sign_in_refused(RefusedSignIn::Unproven)).later(2),
        ),
        ("wrong_password", Told::provisioned().event(sign_in_refused(RefusedSignIn::Stranger)).later(2)),
        (
            "wipe_cancelled_too_late",
            wiping(None).ask(Ask::Empty).later(1).with(Situation::cancel_wipe).event(wipe_cancelled()).later(2),
        ),
        ("blocked", Told::provisioned().with(|s| s.set_access(AccessState::Blocked)).gate(Command::Sync)),
        (
            "blocked",
            Told::new()
                .with(|s| s.set_access_rules("old-pockets: block if DeviceType = \"PocketPC\" because \"no updates\""))
                .gate(Command::Sync),
        ),
        (
            "blocked",
            Told::provisioned().with(|s| {
                s.set_access_rules("old-pockets: block if DeviceType = \"PocketPC\" because \"no updates any more\"");
            }),
        ),
        (
            "too_many_devices",
            Told::new()
                .with(|s| s.snapshot.acknowledged_before = 20)
                .acknowledging(AcknowledgmentStatus::Applied)
                .gate(Command::Sync)
                .later(1),
        ),
        (
            "too_many_devices",
            Told::provisioned().with(|s| {
                s.rules = ServerRules { devices_per_user: 1 };
                s.snapshot.acknowledged_before = 1;
            }),
        ),
        (
            "room_again",
            Told::provisioned()
                .with(|s| s.snapshot.acknowledged_before = 20)
                .gate(Command::Sync)
                .with(|s| s.rules = ServerRules { devices_per_user: 30 })
                .later(1),
        ),
        ("room_again", Told::new().event(refused_with(177)).later(1)),
        ("quarantined", Told::provisioned().with(|s| s.set_access(AccessState::Quarantined)).gate(Command::Sync)),
        ("loop", Told::provisioned().event(looping(Loop::ChallengesWithoutAcknowledgment))),
        ("loop", Told::provisioned().event(looping(Loop::NewDeviceIds))),
        ("loop", Told::new().gate(Command::Sync).event(looping(Loop::ChallengesWithoutAcknowledgment))),
        ("policy_not_applied", Told::new().acknowledging(AcknowledgmentStatus::AppliedInPart).later(5)),
        ("externally_managed", Told::new().acknowledging(AcknowledgmentStatus::ExternallyManaged).later(5)),
        ("policy_unreadable", Told::provisioned().with(Situation::damage_policy)),
        ("policy_type_unknown", Told::provisioned().ask(another_type()).later(1)),
        ("policy_key_mismatch", wrong_key(Told::provisioned()).later(1)),
        (
            "protocol_error",
            Told::provisioned().event(
                Event::new(EventKind::ProvisionRefused, "Provision/Policies: 2 of Policy, expected one")
                    .with_command(Command::Provision)
                    .with_status(Scope::Provision, Status::PROTOCOL_ERROR),
            ),
        ),
        ("device_information_missing", Told::provisioned().request(&no_model())),
        (
            "upstream_refused",
            Told::provisioned().event(Event::new(EventKind::UpstreamRefused, "HTTP 403 to FolderSync")),
        ),
        ("no_policy", Told::provisioned().with(|s| s.snapshot.policy = asprov_protocol::server::EffectivePolicy::None)),
        (
            "policy_changed",
            Told::provisioned().with(|s| {
                s.change_policy(|policy| {
                    let value = Value::Number(8);
                    policy.document.set(SettingId::MinDevicePasswordLength, value).unwrap();
                });
            }),
        ),
        (
            "refresh_due",
            Told::provisioned()
                .with(|s| s.rules(|rules| rules.refresh_interval = Some("24h".parse().unwrap())))
                .later(25),
        ),
        ("offered", Told::new().request(&initial(V161)).later(4)),
        (
            "offered",
            Told::new()
                .with(|s| s.change_policy(|policy| *policy = Policy::neutral(policy.name.clone())))
                .request(&initial(V161))
                .later(4),
        ),
        (
            "offered",
            Told::new()
                .with(|s| s.change_policy(demand_encryption))
                .request(&initial(V161))
                .with(|s| s.change_policy(|policy| policy.document.clear(SettingId::AllowCamera)))
                .later(4),
        ),
        (
            "not_provisioned",
            Told::new()
                .request(&initial(V161))
                .with(|s| s.snapshot.device.as_mut().unwrap().offer = None)
                .gate(Command::Sync),
        ),
        (
            "passes_without_key",
            Told::new().with(|s| s.rules(|rules| rules.allow_non_provisionable = true)).ask(Ask::Empty),
        ),
        ("key_not_sent", Told::provisioned().event(refused_with(144)).event(refused_with(142)).later(1)),
        ("silent", Told::provisioned().later(24 * 30)),
        ("fine", Told::provisioned().later(1)),
        (
            "fine",
            Told::provisioned()
                .event(sign_in_refused(RefusedSignIn::Stranger))
                .event(sign_in_refused(RefusedSignIn::LastStranger))
                .passed(),
        ),
    ]
}

#[test]
fn every_situation_is_told_apart() {
    for (word, told) in situations() {
        let why = told.why();
        assert_eq!(why.situation, word, "{why:?}");
        assert_eq!(why.status.is_some(), why.row().is_some(), "{word}: a status has its row");
    }
}

#[test]
fn every_explanation_reads_as_help() {
    insta::assert_snapshot!("why", explained(situations()));
}

/// The explanations as people read them.
pub(crate) fn explained(situations: Vec<(&'static str, Told)>) -> String {
    let mut text = String::new();
    for (_, told) in situations {
        let why = told.why();
        assert!(why.summary.ends_with('.') || why.summary.ends_with(')'), "{}", why.summary);
        assert!(!why.for_administrator.is_empty() && !why.for_user.is_empty());
        let status = why.row().map_or_else(String::new, |row| format!(", {} {} {}", row.scope, row.code, row.name));
        let syncs = if why.syncs { "gets its mail" } else { "gets no mail" };
        writeln!(text, "{} ({syncs}{status})\n  {}\n  To its user: {}", why.situation, why.summary, why.for_user)
            .unwrap();
        for step in &why.for_administrator {
            writeln!(text, "  - {step}").unwrap();
        }
        for note in &why.notes {
            writeln!(text, "  Note: {note}").unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn a_refusal_before_the_last_time_it_was_let_through_is_over() {
    let mut told = Told::provisioned().event(sign_in_refused(RefusedSignIn::Itself));
    told.events[0].last_at -= SignedDuration::from_hours(1);
    assert_eq!(told.why().situation, "password_changed", "that it was seen since says nothing");
    assert_eq!(told.passed().why().situation, "fine");
}

#[test]
fn what_a_device_or_an_administrator_wrote_cannot_break_a_line() {
    let told = Told::provisioned().event(Event::new(EventKind::UpstreamRefused, "a\r\nb\u{1b}[0m".repeat(200)));
    let summary = told.why().summary;
    assert!(!summary.chars().any(char::is_control), "{summary:?}");
    assert!(summary.len() < 600);
}
