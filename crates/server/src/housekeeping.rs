//! What is done by the clock and not by a request.

use std::time::Duration;

use asprov_store::Store;
use asprov_store::trace::TRACE_KEPT;
use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::now;
use crate::layer::Shared;

/// Writes what was gathered about devices.
pub(crate) async fn every_second(shared: &Shared, store: &dyn Store) {
    let mut clock = interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        shared.sightings.write(store).await;
        shared.traces.attend(store).await;
    }
}

/// Lets the judge of credentials and the groups look at their files, and writes what was accepted.
pub(crate) async fn attend_every_second(shared: &Shared) {
    let store = shared.path.store().as_ref();
    let mut clock = interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        shared.wipe_after_disable.write(store).await;
        shared.sign_in.attend().await;
        shared.groups.attend(store).await;
    }
}

/// Writes what was gathered since the last time.
pub(crate) async fn write(shared: &Shared, store: &dyn Store) {
    shared.sightings.write(store).await;
    shared.wipe_after_disable.write(store).await;
    shared.traces.attend(store).await;
}

/// Drops recordings that ended long ago, and devices that never acknowledged a policy and were not seen for long.
pub(crate) async fn every_hour(store: &dyn Store, after: Duration) {
    let mut clock = interval(Duration::from_secs(60 * 60));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    loop {
        clock.tick().await;
        if let Ok(before) = now().checked_sub(TRACE_KEPT)
            && let Err(error) = store.drop_traces(before).await
        {
            tracing::error!("old recordings stay for now: {error}");
        }
        // A time before all times: nothing was seen then.
        let Ok(seen_before) = now().checked_sub(after) else { continue };
        match store.drop_never_acknowledged(seen_before).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "devices that never acknowledged a policy were dropped"),
            Err(error) => tracing::error!("devices that never acknowledged a policy stay for now: {error}"),
        }
    }
}
