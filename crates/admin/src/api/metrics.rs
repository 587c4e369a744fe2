//! `/metrics`: how many of everything there are, for Prometheus. It answers without the token: counts, and no names.
//!
//! [`METRICS`] is the one table. Devices are counted by reading all of them, so a count is kept for a minute: scraping
//! more often costs nothing.

use std::collections::BTreeMap;
use std::fmt;

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::access_rule::{AccessFacts, Standing};
use asprov_protocol::server::{Phase, WipeState};
use asprov_store::{DevicePage, DeviceQuery, Store, StoreError, StoredPolicy};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use super::Route;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[Route { path: "/metrics", open: true, methods: || get(metrics) }];

/// How long a count of devices is good.
const COUNT_HOLDS: SignedDuration = SignedDuration::from_secs(60);

/// Devices read at a time while counting.
const COUNTED_AT_ONCE: usize = 1000;

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// One metric: a gauge with a sample for each set of labels.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    samples: fn(&Census) -> Vec<Sample>,
}

type Labels = Vec<(&'static str, &'static str)>;
type Sample = (Labels, i64);

/// Every metric. Those that the store would have to tell have no sample while it is away.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "asprov_store_ready",
        help: "Whether the store can be written to (1) or not (0)",
        samples: |census| vec![(Vec::new(), i64::from(census.ready))],
    },
    Metric {
        name: "asprov_policies",
        help: "Policies, and how many of them cannot be read",
        samples: |census| {
            let count = |policies: Policies| {
                [("yes", policies.readable), ("no", policies.unreadable)]
                    .map(|(readable, count)| (vec![("readable", readable)], count))
            };
            census.policies.map(count).into_iter().flatten().collect()
        },
    },
    Metric {
        name: "asprov_devices",
        help: "Devices by phase and access",
        samples: |census| {
            let all = Phase::ALL.into_iter().flat_map(|phase| Standing::ALL.map(|access| (phase, access)));
            let sample = |devices: &Devices, key: (Phase, Standing)| {
                let labels = vec![("phase", key.0.as_str()), ("access", key.1.as_str())];
                (labels, devices.by_phase_and_access.get(&key).copied().unwrap_or(0))
            };
            census.devices.iter().flat_map(|devices| all.clone().map(move |key| sample(devices, key))).collect()
        },
    },
    Metric {
        name: "asprov_wipes",
        help: "Devices by the kind and state of their newest wipe order",
        samples: |census| {
            let all = super::wipe::KINDS.into_iter().flat_map(|kind| WipeState::ALL.map(|state| (kind, state)));
            let sample = |devices: &Devices, (kind, state): (WipeKind, WipeState)| {
                let key = (kind.as_str(), state.as_str());
                (vec![("kind", key.0), ("state", key.1)], devices.by_wipe.get(&key).copied().unwrap_or(0))
            };
            census.devices.iter().flat_map(|devices| all.clone().map(move |key| sample(devices, key))).collect()
        },
    },
];

/// What there is, counted.
#[derive(Clone, Debug, Default)]
struct Census {
    ready: bool,
    policies: Option<Policies>,
    devices: Option<Devices>,
}

#[derive(Clone, Copy, Debug)]
struct Policies {
    readable: i64,
    unreadable: i64,
}

#[derive(Clone, Debug, Default)]
struct Devices {
    by_phase_and_access: BTreeMap<(Phase, Standing), i64>,
    by_wipe: BTreeMap<(&'static str, &'static str), i64>,
}

/// The last count of devices and when it was made. Whoever finds it too old counts while the others wait.
#[derive(Default)]
pub(crate) struct CensusCache(Mutex<Option<(Timestamp, Devices)>>);

impl Census {
    async fn take(state: &AdminState) -> Self {
        let store = state.store();
        let ready = store.ready().await.is_ok();
        let policies = store.policies().await.ok().map(|policies| {
            let readable = policies.iter().filter(|policy| matches!(policy, StoredPolicy::Readable(_))).count();
            Policies { readable: count(readable), unreadable: count(policies.len() - readable) }
        });
        Self { ready, policies, devices: state.census().devices(store, state.now()).await.ok() }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl CensusCache {
    async fn devices(&self, store: &dyn Store, now: Timestamp) -> Result<Devices, StoreError> {
        let mut kept = self.0.lock().await;
        if let Some((at, devices)) = &*kept
            && (SignedDuration::ZERO..COUNT_HOLDS).contains(&now.duration_since(*at))
        {
            return Ok(devices.clone());
        }
        let rules = store.access_rules().await?;
        let mut devices = Devices::default();
        let mut query = DeviceQuery { limit: COUNTED_AT_ONCE, ..DeviceQuery::default() };
        loop {
            let DevicePage { items, next } = store.devices(&query).await?;
            for record in items.iter().map(|device| &device.record) {
                let access = rules.judge(&AccessFacts::of(record)).standing;
                *devices.by_phase_and_access.entry((record.phase(), access)).or_default() += 1;
                if let Some(wipe) = &record.wipe {
                    *devices.by_wipe.entry((wipe.kind.as_str(), wipe.state.as_str())).or_default() += 1;
                }
            }
            query.after = next;
            if query.after.is_none() {
                break;
            }
        }
        *kept = Some((now, devices.clone()));
        Ok(devices)
    }
}

impl Collector for Census {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in METRICS {
            let mut family = encoder.encode_descriptor(metric.name, metric.help, None, MetricType::Gauge)?;
            match (metric.samples)(self).as_slice() {
                [(labels, value)] if labels.is_empty() => ConstGauge::new(*value).encode(family)?,
                samples => {
                    for (labels, value) in samples {
                        ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Counts for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics", security(()),
    responses((status = 200, description = "The metrics as OpenMetrics text. Devices are counted once a minute.",
        body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(state): State<AdminState>) -> Result<Response, Problem> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Census::take(&state).await));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)
        .map_err(|_| Problem::new(ProblemKind::StoreDamaged, "the metrics cannot be written"))?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture::Api;

    #[tokio::test]
    async fn devices_policies_and_wipes_are_counted_without_a_token() {
        let api = Api::new().with_device("ann", "A1").await.with_device("ann", "A2").await;
        api.post("/api/v1/devices/ann/A2/wipe", &json!({"kind": "device"})).await.json(201);
        let answer = api.without_token().get("/metrics").await;
        assert_eq!(answer.header("content-type"), OPEN_METRICS);
        insta::assert_snapshot!("metrics", answer.text(200));
    }

    #[tokio::test]
    async fn a_count_holds_for_a_minute() {
        let api = Api::new();
        let provisioned = r#"asprov_devices{phase="provisioned",access="allowed"} "#;
        let counted = async |count: u32| {
            let text = api.without_token().get("/metrics").await.text(200);
            assert!(text.contains(&format!("{provisioned}{count}\n")), "{text}");
        };
        counted(0).await;
        api.add_device("ann", "A1").await;
        api.let_pass(59);
        counted(0).await;
        api.let_pass(1);
        counted(1).await;
    }

    #[tokio::test]
    async fn a_store_that_is_away_shows_in_the_metrics_and_no_count_is_invented() {
        let api = Api::new();
        api.store.be_away(true);
        let text = api.without_token().get("/metrics").await.text(200);
        assert!(text.contains("asprov_store_ready 0\n"));
        assert!(!text.contains("asprov_devices{") && !text.contains("asprov_policies{"));
    }
}
