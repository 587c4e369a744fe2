//! Every protocol version: FolderSync with the key 0 is challenged, the client provisions, FolderSync is answered.

use asprov_protocol::client::FirstContact;
use asprov_protocol::provision_command_errors;
use asprov_protocol::status::Scope;
use asprov_protocol::version::{PolicyType, ProtocolVersion};

use super::device::{Device, Task};
use super::evidence::{folder_sync_succeeded, is_common};
use super::play::Play;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, BAD, GOOD};

pub(super) async fn play(play: &mut Play<'_, '_>) -> Result<(), Failure> {
    play.screen.heading("Every protocol version")?;
    play.screen.text(
        "Each phone sends FolderSync with the policy key 0. It is told to provision (142, or HTTP 449 up to 12.1), does \
         so, and sends FolderSync again with its permanent key.",
    )?;
    play.screen.blank()?;
    let mut table = Table::new(["version", "first answer", "then", "policy", "FolderSync"]);
    for version in ProtocolVersion::ALL {
        let device_id = format!("demo-version-{}", version.as_str());
        let mut phone = Device::new(play.stage, &device_id, version, |settings| {
            settings.first_contact = FirstContact::CommandWithKeyZero;
        })?;
        play.screen.mute(true);
        let ended = play.converse(&mut phone, Task::FolderSync).await;
        play.screen.mute(false);
        let ended = ended?;
        let challenged = if version.has_common_status() {
            ended.statuses.first().filter(|status| is_common(status, 142)).map(|_| "142".to_owned())
        } else {
            ended.http.first().filter(|http| **http == 449).map(|_| "HTTP 449".to_owned())
        };
        let provisioned = ended
            .statuses
            .iter()
            .filter(|status| (status.scope, status.code) == (Scope::Policy, 1))
            .count()
            // Offered, and acknowledged.
            == 2
            && phone.client.memory().policy_key().is_some();
        let answered = folder_sync_succeeded(&ended.outcome);
        let shown = challenged.is_some() && provisioned && answered;
        let policy = match version.policy_type() {
            PolicyType::Wap => "WAP document",
            PolicyType::Wbxml => "EASProvisionDoc",
        };
        let first =
            challenged.unwrap_or_else(|| ended.statuses.first().map_or_else(|| "-".to_owned(), ToString::to_string));
        let success = provision_command_errors::row(Scope::Policy, 1).map_or("", |row| row.name);
        table.row([
            Cell::styled(ACCENT, version.as_str()),
            first.clone().into(),
            if provisioned { Cell::styled(GOOD, success) } else { Cell::styled(BAD, "missing") },
            policy.into(),
            if answered { Cell::styled(GOOD, "answered") } else { Cell::styled(BAD, ended.outcome.to_string()) },
        ]);
        play.evidence.check(format!("version {version}"), first, "provisioned, FolderSync answered".to_owned(), shown);
    }
    if play.screen.is_quiet() { Ok(()) } else { play.screen.table(&table) }
}
