//! All devices, counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use asprov_protocol::message::DeviceInformation;
use asprov_protocol::server::DeviceRecord;
use asprov_store::{DeviceQuery, Store};

use crate::every_store;
use crate::fixture::*;

every_store!(devices_are_counted_by_kind_and_wipes_listed, devices_that_have_not_come_for_long_are_found);

async fn devices_are_counted_by_kind_and_wipes_listed(store: Arc<dyn Store>) {
    let told = |model: &str| DeviceInformation { model: Some(model.to_owned()), ..DeviceInformation::default() };
    let mut records = Vec::new();
    for number in 0..6 {
        let base = record(device("ann", &format!("A{number}")), at(0));
        records.push(match number {
            0 | 1 => base,
            2 => DeviceRecord { provisioned: Some(provisioned()), ..base },
            3 => DeviceRecord { offer: Some(offer()), provisioned: Some(provisioned()), ..base },
            4 => DeviceRecord { device_information: told("Model T"), ..base },
            _ => DeviceRecord { user_agent: None, ..base },
        });
    }
    for record in &records {
        keep(&*store, record).await;
    }
    let census = store.census().await.unwrap();
    assert_eq!(census.kinds.iter().map(|kind| kind.count).sum::<u64>(), 6);
    assert_eq!(census.kinds.len(), 5, "two do not differ: {census:?}");
    let mut by_phase = BTreeMap::new();
    for kind in &census.kinds {
        *by_phase.entry(kind.phase.as_str()).or_insert(0) += kind.count;
    }
    assert_eq!(by_phase, BTreeMap::from([("offered", 1), ("provisioned", 1), ("unprovisioned", 4)]));
    let model: Vec<_> = census.kinds.iter().filter(|kind| kind.told).map(|kind| kind.model.as_deref()).collect();
    assert_eq!(model, [Some("Model T")]);
    assert_eq!(census.wipes, []);
}

async fn devices_that_have_not_come_for_long_are_found(store: Arc<dyn Store>) {
    for (number, minute) in [(1, 0), (2, 10), (3, 20)] {
        keep(&*store, &record(device("ann", &format!("A{number}")), at(minute))).await;
    }
    let found = async |minute| {
        let query = DeviceQuery { not_seen_since: Some(at(minute)), limit: 10, ..DeviceQuery::default() };
        let page = store.devices(&query).await.unwrap();
        page.items.into_iter().map(|stored| stored.record.device.device_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(0).await, Vec::<String>::new(), "seen just then is not before");
    assert_eq!(found(11).await, ["A1", "A2"]);
    assert_eq!(found(100).await, ["A1", "A2", "A3"]);
}
