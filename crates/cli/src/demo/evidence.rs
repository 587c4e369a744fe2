//! What was shown: `seen` is set by answers that came over the wire, `resolved` by how the client's conversations ended.

use asprov_protocol::client::{Outcome, SeenStatus};
use asprov_protocol::http::Command;
use asprov_protocol::provision_command_errors::{ProvisionCommandError, ROWS, Resolution};
use asprov_protocol::status::{Scope, Status};

use super::screen::Screen;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, BAD, GOOD};

/// What the demo has shown so far.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    scenes: Vec<Scene>,
    /// Whether the last scene is still going on.
    open: bool,
    others: Vec<Check>,
}

/// One row's scene: the statuses of its answers and the ends of its conversations, in their order.
#[derive(Debug)]
struct Scene {
    row: &'static ProvisionCommandError,
    statuses: Vec<SeenStatus>,
    outcomes: Vec<Outcome>,
    /// Settings that the phone named as not enforced.
    unmet: Vec<&'static str>,
}

/// Something besides the rows, such as a version or a wipe.
#[derive(Debug)]
struct Check {
    what: String,
    seen: String,
    ended: String,
    shown: bool,
}

impl Evidence {
    /// A row's scene begins: what is seen from now on belongs to it.
    pub(super) fn begin(&mut self, row: &'static ProvisionCommandError) {
        self.scenes.push(Scene { row, statuses: Vec::new(), outcomes: Vec::new(), unmet: Vec::new() });
        self.open = true;
    }

    /// The scene is over: what comes belongs to no row.
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// Statuses of an answer.
    pub(super) fn saw(&mut self, statuses: &[SeenStatus]) {
        if let Some(scene) = self.current() {
            scene.statuses.extend_from_slice(statuses);
        }
    }

    /// The end of a conversation.
    pub(super) fn ended(&mut self, outcome: &Outcome) {
        if let Some(scene) = self.current() {
            scene.outcomes.push(outcome.clone());
        }
    }

    /// The settings that the phone does not enforce, by its own account.
    pub(super) fn unmet(&mut self, names: &[&'static str]) {
        if let Some(scene) = self.current() {
            scene.unmet.extend_from_slice(names);
        }
    }

    fn current(&mut self) -> Option<&mut Scene> {
        self.scenes.last_mut().filter(|_| self.open)
    }

    /// Something besides the rows.
    pub(super) fn check(&mut self, what: String, seen: String, ended: String, shown: bool) {
        self.others.push(Check { what, seen, ended, shown });
    }

    pub(super) fn is_complete(&self) -> bool {
        let rows = ROWS.iter().all(|row| {
            let scene = self.scene(row);
            scene.is_some_and(|scene| scene.count() > 0 && scene.resolution().is_some())
        });
        rows && !self.others.is_empty() && self.others.iter().all(|check| check.shown)
    }

    fn scene(&self, row: &ProvisionCommandError) -> Option<&Scene> {
        self.scenes.iter().find(|scene| (scene.row.scope, scene.row.code) == (row.scope, row.code))
    }

    /// Writes the table, one line for each row of 3.1.5.2 whether it was shown or not; then what was shown besides.
    pub(super) fn write(&self, screen: &mut Screen<'_>, only: bool) -> Result<(), Failure> {
        if !only {
            screen.heading("What was seen, and how it was resolved")?;
        }
        let mut table = Table::new(["row", "name", "seen", "resolved"]);
        for row in &ROWS {
            let scene = self.scene(row);
            let seen = scene.map(Scene::count).filter(|count| *count > 0);
            let seen = seen.map(|count| format!("{count} {}", if count == 1 { "time" } else { "times" }));
            table.row([
                Cell::styled(ACCENT, format!("{} {}", place(row.scope), row.code)),
                row.name.into(),
                found(seen),
                found(scene.and_then(Scene::resolution)),
            ]);
        }
        for check in &self.others {
            let ended = if check.shown { Some(check.ended.clone()) } else { None };
            table.row([Cell::styled(ACCENT, check.what.clone()), "".into(), check.seen.clone().into(), found(ended)]);
        }
        screen.table(&table)
    }
}

/// The element whose Status it is.
const fn place(scope: Scope) -> &'static str {
    match scope {
        Scope::Policy => "Policy",
        _ => "Provision",
    }
}

fn found(what: Option<String>) -> Cell {
    match what {
        Some(text) => Cell::styled(GOOD, text),
        None => Cell::styled(BAD, "missing"),
    }
}

impl Scene {
    /// How often an answer of this scene carried the row.
    fn count(&self) -> usize {
        let is_row = |seen: &&SeenStatus| {
            seen.provision_command_error().is_some_and(|row| (row.scope, row.code) == (self.row.scope, self.row.code))
        };
        self.statuses.iter().filter(is_row).count()
    }

    /// How the client resolved the row, if it did what the row's resolution asks for.
    fn resolution(&self) -> Option<String> {
        let last = self.outcomes.last()?;
        let first = self.outcomes.first()?;
        let provisioned = *last == Outcome::Provisioned;
        let answered = folder_sync_succeeded(last);
        let stopped =
            matches!(first, Outcome::Refused { row } if (row.scope, row.code) == (self.row.scope, self.row.code));
        // 139 is about settings, so the administrator has to hear which.
        let told = if self.row.code == 139 { self.unmet.first().copied() } else { Some("") };
        let text = match self.row.action {
            Resolution::Proceed => provisioned.then_some("provisioned"),
            Resolution::CorrectRequest => provisioned.then_some("corrected the request, provisioned"),
            Resolution::Retry => provisioned.then_some("repeated the request, provisioned"),
            Resolution::Administrator => {
                let resolved = stopped && self.outcomes.len() > 1 && provisioned;
                return told.filter(|_| resolved).map(|name| match name {
                    "" => "stopped; the administrator acted; provisioned".to_owned(),
                    name => format!("stopped, named {name}; the administrator acted; provisioned"),
                });
            }
            Resolution::SendPolicyKey => answered.then_some("provisioned, sent the key, FolderSync answered"),
            Resolution::ProvisionAgain => provisioned.then_some("provisioned again"),
            Resolution::GoOnWithoutPolicy => answered.then_some("went on without a policy, FolderSync answered"),
            Resolution::UseOtherPolicyType => provisioned.then_some("asked with the right type, provisioned"),
        };
        text.map(str::to_owned)
    }
}

/// Whether a conversation ended with FolderSync answered, and its own Status is success.
pub(super) fn folder_sync_succeeded(outcome: &Outcome) -> bool {
    let Outcome::CommandAnswered(Some(answer)) = outcome else { return false };
    Command::FolderSync.status_of(answer) == Some(Status::SUCCESS)
}

/// Whether a status is the common one, wherever it was seen.
pub(super) fn is_common(seen: &SeenStatus, code: u16) -> bool {
    seen.scope == Scope::Common && seen.code == code
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_protocol::provision_command_errors::row;

    fn evidence(scope: Scope, code: u16, statuses: &[(Scope, u16)], outcomes: &[Outcome]) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.begin(row(scope, code).unwrap());
        for (scope, code) in statuses {
            evidence.saw(&[SeenStatus { scope: *scope, code: *code, command: Command::Provision }]);
        }
        for outcome in outcomes {
            evidence.ended(outcome);
        }
        evidence
    }

    #[test]
    fn a_row_that_did_not_come_over_the_wire_is_missing_however_the_client_ended() {
        let evidence = evidence(Scope::Policy, 5, &[(Scope::Policy, 1)], &[Outcome::Provisioned]);
        assert_eq!(evidence.scenes[0].count(), 0);
        assert!(!evidence.is_complete());
    }

    #[test]
    fn a_row_that_was_seen_and_not_resolved_is_missing() {
        let refused = Outcome::Refused { row: row(Scope::Policy, 4).unwrap() };
        let stopped = evidence(Scope::Policy, 4, &[(Scope::Policy, 4)], std::slice::from_ref(&refused));
        assert_eq!((stopped.scenes[0].count(), stopped.scenes[0].resolution()), (1, None));
        let repaired = evidence(Scope::Policy, 4, &[(Scope::Policy, 4)], &[refused, Outcome::Provisioned]);
        assert!(repaired.scenes[0].resolution().is_some());
    }

    #[test]
    fn a_folder_sync_that_was_refused_resolves_nothing() {
        let refusal =
            Command::FolderSync.response_with_status(asprov_protocol::version::ProtocolVersion::V16_1, Status(141));
        let ended = [Outcome::CommandAnswered(refusal)];
        let evidence = evidence(Scope::Provision, 141, &[(Scope::Common, 141)], &ended);
        assert_eq!((evidence.scenes[0].count(), evidence.scenes[0].resolution()), (1, None));
    }
}
