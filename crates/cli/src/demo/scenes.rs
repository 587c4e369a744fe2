//! The eleven scenes: each brings its row about in earnest, and lets the client resolve it.

use asprov_protocol::client::capability::Capabilities;
use asprov_protocol::client::{AcknowledgmentChoice, ClientSettings, FirstContact, Opening};
use asprov_protocol::message::{AcknowledgmentStatus, PolicyTypeText};
use asprov_protocol::policy::SettingId;
use asprov_protocol::provision_command_errors::{ProvisionCommandError, ROWS};
use asprov_protocol::status::Scope;
use asprov_protocol::version::{PolicyType, ProtocolVersion};
use asprov_wbxml::Element;
use asprov_wbxml::code_page::provision;
use serde_json::json;

use super::device::{Device, Task};
use super::play::{Cue, Play};
use super::screen::Screen;
use crate::failure::Failure;

/// Plays every row of the table, in its order.
pub(super) async fn play_all(play: &mut Play<'_, '_>) -> Result<(), Failure> {
    for row in &ROWS {
        play.evidence.begin(row);
        play.row(row).await?;
        play.evidence.close();
    }
    Ok(())
}

impl<'a> Play<'a, '_> {
    async fn row(&mut self, row: &'static ProvisionCommandError) -> Result<(), Failure> {
        match (row.scope, row.code) {
            (Scope::Provision, 1) => {
                self.screen.row(row, "a phone provisions, and nothing is in its way")?;
                self.provision(row, |_| {}).await
            }
            (Scope::Provision, 2) => {
                self.screen.row(row, "the phone's first request has a Policy without PolicyType")?;
                let faulty = Element::new(provision::PROVISION)
                    .with_child(Element::new(provision::POLICIES).with_child(Element::new(provision::POLICY)));
                self.provision(row, |settings| settings.opening = Opening::Document(faulty)).await
            }
            (Scope::Provision, 3) => self.locked_store(row).await,
            (Scope::Provision, 139) => self.applied_in_part(row).await,
            (Scope::Provision, 141) => {
                self.screen.row(
                    row,
                    "the phone sends FolderSync without any key. Provision itself is never refused for that",
                )?;
                let mut phone = self.phone(row, |settings| settings.first_contact = FirstContact::CommandWithoutKey)?;
                self.see_through(&mut phone, Task::FolderSync).await
            }
            (Scope::Provision, 145) => {
                self.screen.row(row, "the phone acknowledges with 4: somebody else manages it")?;
                let choice = AcknowledgmentChoice::Fixed(AcknowledgmentStatus::ExternallyManaged);
                self.provision(row, |settings| settings.acknowledgment = choice).await
            }
            (Scope::Policy, 1) => {
                self.screen.row(row, "a phone of version 14.0 gets its policy, and acknowledges it")?;
                self.provision(row, |settings| settings.version = ProtocolVersion::V14_0).await
            }
            (Scope::Policy, 2) => self.no_policy(row).await,
            (Scope::Policy, 3) => {
                self.screen.row(row, "the phone of version 16.1 asks for the policy format of version 2.5")?;
                let other = PolicyTypeText::from(PolicyType::Wap);
                self.provision(row, |settings| settings.opening = Opening::PolicyType(other)).await
            }
            (Scope::Policy, 4) => self.damaged_policy(row).await,
            (Scope::Policy, 5) => self.changed_policy(row).await,
            (scope, code) => Err(Failure::new(format!("the demo has no scene for {scope} {code}"))),
        }
    }

    fn phone(
        &self,
        row: &ProvisionCommandError,
        change: impl FnOnce(&mut ClientSettings),
    ) -> Result<Device<'a>, Failure> {
        Device::new(self.stage, &format!("demo-{}-{}", row.scope, row.code), ProtocolVersion::V16_1, change)
    }

    async fn see_through(&mut self, phone: &mut Device<'a>, task: Task) -> Result<(), Failure> {
        let ended = self.converse(phone, task).await?;
        self.screen.ended(&ended.outcome.to_string())
    }

    async fn provision(
        &mut self,
        row: &ProvisionCommandError,
        change: impl FnOnce(&mut ClientSettings),
    ) -> Result<(), Failure> {
        let mut phone = self.phone(row, change)?;
        self.see_through(&mut phone, Task::Provision).await
    }

    async fn locked_store(&mut self, row: &'static ProvisionCommandError) -> Result<(), Failure> {
        self.screen.row(row, "another process holds the lock of the store's file")?;
        let mut phone = self.phone(row, |_| {})?;
        let lock = self.stage.lock()?;
        self.screen.act("the demo", "locks the store")?;
        let unlock = async move |screen: &mut Screen<'_>| {
            drop(lock);
            screen.act("the demo", "gives the store free")
        };
        let ended = self.converse_with(&mut phone, Task::Provision, Cue::FirstWait, unlock).await?;
        self.screen.ended(&ended.outcome.to_string())
    }

    async fn applied_in_part(&mut self, row: &'static ProvisionCommandError) -> Result<(), Failure> {
        self.screen.row(
            row,
            "the phone knows no passwords longer than 4, and the policy asks for 6: it acknowledges with 2",
        )?;
        let able = Capabilities::new()
            .enforcing(SettingId::DevicePasswordEnabled)
            .enforcing_between(SettingId::MinDevicePasswordLength, 1, 4)
            .enforcing(SettingId::MaxInactivityTimeDeviceLock);
        let able = AcknowledgmentChoice::Capabilities(Box::new(able));
        let mut phone = self.phone(row, |settings| settings.acknowledgment = able)?;
        self.see_through(&mut phone, Task::Provision).await?;
        let unmet = phone.client.report().unmet().join(", ");
        self.screen.act("the phone", &format!("names for the administrator what it does not enforce: {unmet}"))?;
        self.screen.act("the administrator", "decides to allow partial compliance: allow_partial=true")?;
        self.stage.change_policy(&[("allow_partial", json!(true))], &[]).await?;
        self.see_through(&mut phone, Task::Provision).await?;
        self.stage.change_policy(&[], &[]).await
    }

    async fn no_policy(&mut self, row: &'static ProvisionCommandError) -> Result<(), Failure> {
        self.screen.row(row, "nobody gets a policy for a while")?;
        self.screen.act("the administrator", "takes the assignment of the policy back")?;
        self.stage.unassign().await?;
        let mut phone = self.phone(row, |_| {})?;
        self.see_through(&mut phone, Task::FolderSync).await?;
        self.stage.assign().await
    }

    async fn damaged_policy(&mut self, row: &'static ProvisionCommandError) -> Result<(), Failure> {
        self.screen.row(row, "somebody writes into the row of the policy by hand")?;
        self.stage.damage_policy()?;
        self.screen.act("the demo", "damages the policy in the store")?;
        let mut phone = self.phone(row, |_| {})?;
        self.see_through(&mut phone, Task::Provision).await?;
        self.screen.act("the administrator", "puts the policy into the store again")?;
        self.stage.change_policy(&[], &[]).await?;
        self.see_through(&mut phone, Task::Provision).await
    }

    async fn changed_policy(&mut self, row: &'static ProvisionCommandError) -> Result<(), Failure> {
        self.screen.row(row, "the policy changes between the offer and the acknowledgment")?;
        let mut phone = self.phone(row, |_| {})?;
        let stage = self.stage;
        let change = async move |screen: &mut Screen<'_>| {
            screen.act("the administrator", "asks for longer passwords: MinDevicePasswordLength=8")?;
            stage.change_policy(&[], &[("MinDevicePasswordLength", json!(8))]).await
        };
        let ended = self.converse_with(&mut phone, Task::Provision, Cue::BeforeRequest(2), change).await?;
        self.screen.ended(&ended.outcome.to_string())?;
        self.stage.change_policy(&[], &[]).await
    }
}
