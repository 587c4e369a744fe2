//! Recordings of single devices, and their limits.

use std::sync::Arc;

use asprov_store::trace::{TRACE_BYTES, TRACE_MESSAGES, TRACES};
use asprov_store::{Store, TraceMessage};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_recording_takes_messages_until_its_end_and_reads_back,
    a_recording_is_limited_in_number_and_in_bytes,
    so_many_recordings_go_on_and_no_more,
    an_old_recording_is_dropped,
);

fn message(minute: i64, text: &str) -> TraceMessage {
    TraceMessage {
        at: at(minute),
        request_id: "r-1".to_owned(),
        head: text.to_owned(),
        request: Some("<Provision/>".to_owned()),
        answer: None,
    }
}

async fn a_recording_takes_messages_until_its_end_and_reads_back(store: Arc<dyn Store>) {
    let (one, other) = (device("ann", "A1"), device("ann", "A2"));
    assert!(store.begin_trace(&one, at(0), at(10)).await.unwrap());
    assert_eq!(store.traced(at(10)).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.traced(at(11)).await.unwrap(), []);
    let messages =
        [(one.clone(), message(1, "a")), (other.clone(), message(1, "b")), (one.clone(), message(11, "late"))];
    store.add_to_traces(&messages).await.unwrap();
    store.add_to_traces(&[(one.clone(), message(2, "c"))]).await.unwrap();
    let trace = store.trace(&one, 0).await.unwrap().unwrap();
    assert_eq!((trace.begun_at, trace.until), (at(0), at(10)));
    assert_eq!(trace.messages, [(1, message(1, "a")), (2, message(2, "c"))]);
    assert_eq!(store.trace(&one, 1).await.unwrap().unwrap().messages, [(2, message(2, "c"))]);
    assert_eq!(store.trace(&other, 0).await.unwrap(), None, "nobody asked for it");
    assert!(store.begin_trace(&one, at(20), at(30)).await.unwrap());
    assert_eq!(store.trace(&one, 0).await.unwrap().unwrap().messages, [], "a new one begins empty");
    assert!(store.end_trace(&one).await.unwrap());
    assert!(!store.end_trace(&one).await.unwrap());
    assert_eq!(store.trace(&one, 0).await.unwrap(), None);
}

async fn a_recording_is_limited_in_number_and_in_bytes(store: Arc<dyn Store>) {
    let (many, large) = (device("ann", "A1"), device("ann", "A2"));
    for key in [&many, &large] {
        store.begin_trace(key, at(0), at(10)).await.unwrap();
    }
    let messages: Vec<_> = (0..TRACE_MESSAGES + 5).map(|_| (many.clone(), message(1, "x"))).collect();
    store.add_to_traces(&messages).await.unwrap();
    let trace = store.trace(&many, 0).await.unwrap().unwrap();
    assert_eq!(trace.messages.len(), usize::try_from(TRACE_MESSAGES).unwrap());
    let half = (large.clone(), message(1, &"\u{fc}".repeat(TRACE_BYTES / 4)));
    store.add_to_traces(&[half.clone(), half, (large.clone(), message(1, "small"))]).await.unwrap();
    let trace = store.trace(&large, 0).await.unwrap().unwrap();
    assert_eq!(trace.messages.len(), 2, "the second half is too much, and a small one still has room");
}

async fn so_many_recordings_go_on_and_no_more(store: Arc<dyn Store>) {
    for number in 0..TRACES {
        assert!(store.begin_trace(&device("ann", &format!("A{number}")), at(0), at(10)).await.unwrap());
    }
    assert!(!store.begin_trace(&device("bob", "B"), at(0), at(10)).await.unwrap());
    assert!(store.begin_trace(&device("ann", "A0"), at(0), at(10)).await.unwrap(), "one of them begins anew");
    assert!(store.begin_trace(&device("bob", "B"), at(11), at(20)).await.unwrap(), "the others have ended");
}

async fn an_old_recording_is_dropped(store: Arc<dyn Store>) {
    let (old, young) = (device("ann", "A1"), device("ann", "A2"));
    store.begin_trace(&old, at(0), at(10)).await.unwrap();
    store.begin_trace(&young, at(0), at(20)).await.unwrap();
    store.drop_traces(at(15)).await.unwrap();
    assert_eq!(store.trace(&old, 0).await.unwrap(), None);
    assert!(store.trace(&young, 0).await.unwrap().is_some());
}
