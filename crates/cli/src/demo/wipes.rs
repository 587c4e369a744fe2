//! Both wipes, to the acknowledgment: the whole device at 14.1, the account's data alone at 16.1. Nothing is erased.

use asprov_protocol::client::{Outcome, WipeAnswer};
use asprov_protocol::message::WipeKind;
use asprov_protocol::version::ProtocolVersion;

use super::device::{Device, Task};
use super::evidence::is_common;
use super::play::Play;
use crate::failure::Failure;

pub(super) async fn play(play: &mut Play<'_, '_>) -> Result<(), Failure> {
    wipe(play, WipeKind::Device, ProtocolVersion::V14_1, "A device wipe").await?;
    wipe(play, WipeKind::AccountOnly, ProtocolVersion::V16_1, "An account-only wipe").await
}

async fn wipe(play: &mut Play<'_, '_>, kind: WipeKind, version: ProtocolVersion, title: &str) -> Result<(), Failure> {
    play.screen.heading(&format!("{title}, version {version}"))?;
    play.screen.text(
        "The next command is refused with 140, the phone asks what is wanted of it, gets the directive, and confirms.",
    )?;
    play.screen.blank()?;
    let mut phone = Device::new(play.stage, &format!("demo-wipe-{}", kind.as_str()), version, |_| {})?;
    play.screen.mute(true);
    let provisioned = play.converse(&mut phone, Task::Provision).await;
    play.screen.mute(false);
    if provisioned?.outcome != Outcome::Provisioned {
        return Err(Failure::new("the phone to be wiped could not be provisioned"));
    }
    play.screen.act("the administrator", &format!("orders a wipe of kind {}", kind.as_str()))?;
    play.stage.order_wipe(phone.device_id(), kind).await?;
    let ended = play.converse(&mut phone, Task::FolderSync).await?;
    let state = play.stage.wipe_state(phone.device_id()).await?;
    play.screen.ended(&format!("{}; the server's record says: {state}", ended.outcome))?;
    let requested = ended.statuses.iter().any(|status| is_common(status, 140));
    let confirmed = ended.outcome == Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true }
        && state == "acknowledged";
    let seen = if requested { "140" } else { "-" };
    let what = format!("{} wipe", kind.as_str());
    play.evidence.check(what, seen.to_owned(), "acknowledged, nothing erased".to_owned(), requested && confirmed);
    Ok(())
}
