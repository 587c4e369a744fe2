//! What a device can prove itself by, outside the revision; and events of devices that were not seen.

use std::sync::Arc;

use asprov_protocol::server::{DeviceRecord, Event, EventKind};
use asprov_store::{CredentialDigest, Proofs, Store};

use crate::every_store;
use crate::fixture::*;

every_store!(
    credentials_are_kept_outside_the_revision_and_replaced_by_newer_ones,
    a_device_without_a_row_keeps_no_credentials_and_that_is_said,
    credentials_go_with_their_device,
    an_event_that_is_told_is_no_sighting,
);

const ONE: CredentialDigest = CredentialDigest::from_bytes([1; 32]);
const OTHER: CredentialDigest = CredentialDigest::from_bytes([2; 32]);

async fn credentials_are_kept_outside_the_revision_and_replaced_by_newer_ones(store: Arc<dyn Store>) {
    let key = device("ann", "A1");
    keep(&*store, &DeviceRecord { provisioned: Some(provisioned()), ..record(key.clone(), at(0)) }).await;
    let before = (store.device(&key).await.unwrap(), *store.newest_change().borrow());
    let permanent_key = Some(provisioned().key);
    assert_eq!(store.proofs(&key).await.unwrap(), Proofs { known: true, credentials: None, permanent_key });
    for digest in [ONE, ONE, OTHER] {
        assert_eq!(store.keep_credentials(&[(key.clone(), digest)]).await.unwrap(), []);
        assert_eq!(store.proofs(&key).await.unwrap(), Proofs { known: true, credentials: Some(digest), permanent_key });
    }
    assert_eq!((store.device(&key).await.unwrap(), *store.newest_change().borrow()), before);
}

async fn a_device_without_a_row_keeps_no_credentials_and_that_is_said(store: Arc<dyn Store>) {
    let (known, unknown) = (device("ann", "A1"), device("ann", "A2"));
    keep(&*store, &record(known.clone(), at(0))).await;
    let kept = store.keep_credentials(&[(unknown.clone(), ONE), (known.clone(), ONE)]).await.unwrap();
    assert_eq!(kept, std::slice::from_ref(&unknown));
    assert_eq!(store.proofs(&unknown).await.unwrap(), Proofs::default());
    assert_eq!(store.proofs(&known).await.unwrap().credentials, Some(ONE));
}

async fn credentials_go_with_their_device(store: Arc<dyn Store>) {
    let (one, other) = (device("ann", "A1"), device("ann", "A2"));
    for key in [&one, &other] {
        keep(&*store, &record(key.clone(), at(0))).await;
    }
    store.keep_credentials(&[(one.clone(), ONE), (other.clone(), OTHER)]).await.unwrap();
    store.forget(&one).await.unwrap();
    keep(&*store, &record(one.clone(), at(1))).await;
    let nothing = Proofs { known: true, ..Proofs::default() };
    assert_eq!(store.proofs(&one).await.unwrap(), nothing, "it comes back as a stranger");
    assert_eq!(store.proofs(&other).await.unwrap().credentials, Some(OTHER));
}

async fn an_event_that_is_told_is_no_sighting(store: Arc<dyn Store>) {
    let key = device("ann", "A1");
    keep(&*store, &record(key.clone(), at(0))).await;
    let event = Event::new(EventKind::SignInRefused, "x");
    let told = |minute| (key.clone(), event.clone(), at(minute));
    store.tell(&[told(50), told(60)]).await.unwrap();
    let events = store.events(&key, 10).await.unwrap();
    assert_eq!((events.len(), events[0].count, events[0].last_at), (1, 2, at(60)));
    assert_eq!(store.device(&key).await.unwrap().unwrap().last_seen_at, at(0));
}
