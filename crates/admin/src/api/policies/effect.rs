//! What another policy would ask of the devices that are there.

use asprov_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::given::{AssignedPolicies, Given, asked_by};
use crate::state::AdminState;

/// What a change of a policy does to the devices that are there.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyEffect {
    /// How many devices that pass today have to provision again.
    devices_to_provision_again: usize,
    /// Whether this is only what would happen.
    dry_run: bool,
}

impl PolicyEffect {
    /// Weighs a change.
    pub(crate) async fn of(
        state: &AdminState,
        dry_run: bool,
        change: impl for<'a> FnOnce(&Given<'a>) -> Given<'a>,
    ) -> Result<Self, StoreError> {
        let assigned = AssignedPolicies::look(state.store()).await?;
        let before = Given::look(state.store(), &assigned).await?;
        let after = change(&before);
        let devices_to_provision_again = asked_by(state.store(), &before, &after).await?;
        Ok(Self { devices_to_provision_again, dry_run })
    }
}
