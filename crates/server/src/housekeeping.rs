//! What is done by the clock and not by a request.

use std::time::Duration;

use asprov_store::Store;
use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::now;
use crate::groups::Groups;
use crate::sightings::Sightings;
use crate::sign_in::SignIn;

/// Writes sightings, and lets the judge of credentials and the groups look at their files.
pub(crate) async fn every_second(sightings: &Sightings, sign_in: &dyn SignIn, groups: &Groups, store: &dyn Store) {
    let mut clock = interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        groups.attend(store).await;
        sightings.write(store).await;
        sign_in.attend().await;
    }
}

/// Drops devices that were admitted long ago and never acknowledged a policy.
pub(crate) async fn every_hour(store: &dyn Store, after: Duration) {
    let mut clock = interval(Duration::from_secs(60 * 60));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    loop {
        clock.tick().await;
        // A time before all times: nothing was admitted then.
        let Ok(admitted_before) = now().checked_sub(after) else { continue };
        match store.drop_never_acknowledged(admitted_before).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "devices that never acknowledged a policy were dropped"),
            Err(error) => tracing::error!("devices that never acknowledged a policy stay for now: {error}"),
        }
    }
}
