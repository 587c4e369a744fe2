//! `/metrics`: how many of everything there are, for Prometheus. It answers without the token: counts, and no names.
//!
//! [`METRICS`] is the one table. Devices are counted by the store, and a count is kept for a minute: scraping more often
//! costs nothing. What is counted up, the server beside this API hands over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use asprov_protocol::message::{DeviceInformation, WipeKind};
use asprov_protocol::server::access_rule::{AccessFacts, Standing};
use asprov_protocol::server::{PersonalAccess, Phase, WipeState};
use asprov_store::{Store, StoreError, StoredPolicy};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use super::Route;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[Route { path: "/metrics", open: true, methods: || get(metrics) }];

/// How long a count of devices is good.
const COUNT_HOLDS: SignedDuration = SignedDuration::from_secs(60);

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// One metric: a sample for each set of labels.
pub struct Metric {
    /// Its name; a counter's is written with `_total` behind it.
    pub name: &'static str,
    /// Whether it only grows, from the start of the process on. Otherwise it is a gauge.
    pub counts_up: bool,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
    samples: fn(&Census) -> Vec<Sample>,
}

type Labels = Vec<(&'static str, Cow<'static, str>)>;
type Sample = (Labels, i64);

/// Every metric. Those that the store would have to tell have no sample while it is away.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "asprov_store_ready",
        counts_up: false,
        labels: &[],
        help: "Whether the store can be written to (1) or not (0)",
        samples: |census| vec![(Vec::new(), i64::from(census.ready))],
    },
    Metric {
        name: "asprov_policies",
        counts_up: false,
        labels: &["readable"],
        help: "Policies, and how many of them cannot be read",
        samples: |census| {
            let count = |policies: Policies| {
                [("yes", policies.readable), ("no", policies.unreadable)]
                    .map(|(readable, count)| (vec![("readable", readable.into())], count))
            };
            census.policies.map(count).into_iter().flatten().collect()
        },
    },
    Metric {
        name: "asprov_devices",
        counts_up: false,
        labels: &["phase", "access"],
        help: "Devices by phase and access",
        samples: |census| {
            let all = Phase::ALL.into_iter().flat_map(|phase| Standing::ALL.map(|access| (phase, access)));
            let sample = |devices: &Devices, key: (Phase, Standing)| {
                let labels = vec![("phase", key.0.as_str().into()), ("access", key.1.as_str().into())];
                (labels, devices.by_phase_and_access.get(&key).copied().unwrap_or(0))
            };
            census.devices.iter().flat_map(|devices| all.clone().map(move |key| sample(devices, key))).collect()
        },
    },
    Metric {
        name: "asprov_wipes",
        counts_up: false,
        labels: &["kind", "state"],
        help: "Devices by the kind and state of their newest wipe order",
        samples: |census| {
            let all = super::wipe::KINDS.into_iter().flat_map(|kind| WipeState::ALL.map(|state| (kind, state)));
            let sample = |devices: &Devices, (kind, state): (WipeKind, WipeState)| {
                let key = (kind.as_str(), state.as_str());
                (vec![("kind", key.0.into()), ("state", key.1.into())], devices.by_wipe.get(&key).copied().unwrap_or(0))
            };
            census.devices.iter().flat_map(|devices| all.clone().map(move |key| sample(devices, key))).collect()
        },
    },
    Metric {
        name: "asprov_wipes_due",
        counts_up: false,
        labels: &["age"],
        help: "Wipes that are ordered and not confirmed, by how long ago they were ordered",
        samples: |census| by_time("age", census.devices.as_ref().map(|devices| &devices.due_ages)),
    },
    Metric {
        name: "asprov_wipes_confirmed",
        counts_up: false,
        labels: &["within"],
        help: "Confirmed wipes by the time from the order to the confirmation",
        samples: |census| by_time("within", census.devices.as_ref().map(|devices| &devices.confirmed_within)),
    },
    Metric {
        name: "asprov_requests",
        counts_up: true,
        labels: &["command", "http", "status"],
        help: "Requests by command and answer; status is the ActiveSync Status of answers that are made here",
        samples: |census| {
            let sample = |answers: &RequestCount| {
                let status = answers.status.map_or_else(String::new, |status| status.to_string());
                let labels: Labels = vec![
                    ("command", answers.command.into()),
                    ("http", answers.http.to_string().into()),
                    ("status", status.into()),
                ];
                (labels, signed(answers.count))
            };
            census.counters.requests.iter().map(sample).collect()
        },
    },
    Metric {
        name: "asprov_challenges",
        counts_up: true,
        labels: &[],
        help: "Answers that tell a device to provision: 141 to 144, and HTTP 449",
        samples: |census| {
            let challenges = census.counters.requests.iter().filter(|answers| answers.is_challenge);
            vec![(Vec::new(), signed(challenges.map(|answers| answers.count).sum()))]
        },
    },
    Metric {
        name: "asprov_loops",
        counts_up: true,
        labels: &["loop"],
        help: "Devices that repeat themselves without getting anywhere, told once an hour for each",
        samples: |census| {
            let sample = |(one, count): &(&'static str, u64)| (vec![("loop", (*one).into())], signed(*count));
            census.counters.loops.iter().map(sample).collect()
        },
    },
];

/// Upper ends of times in seconds, with their words; the last has none.
const TIMES: [(i64, &str); 6] =
    [(60, "1m"), (600, "10m"), (3600, "1h"), (86_400, "1d"), (604_800, "7d"), (i64::MAX, "longer")];

/// A sample for each of [`TIMES`]; none when nothing could be counted.
fn by_time(label: &'static str, counts: Option<&[i64; TIMES.len()]>) -> Vec<Sample> {
    let counted = counts.into_iter().flat_map(|counts| TIMES.iter().zip(counts));
    counted.map(|((_, word), count)| (vec![(label, (*word).into())], *count)).collect()
}

/// Counts a time where it belongs.
fn count_time(counts: &mut [i64; TIMES.len()], seconds: i64) {
    let place = TIMES.iter().position(|(end, _)| seconds <= *end);
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        *count += 1;
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What a server has counted since its start, as whoever mounts it beside this API hands it over.
#[derive(Clone, Debug, Default)]
pub struct ServerCounters {
    /// Requests by command and answer.
    pub requests: Vec<RequestCount>,
    /// Loops by their names.
    pub loops: Vec<(&'static str, u64)>,
}

/// How often a command was answered in one way.
#[derive(Clone, Debug)]
pub struct RequestCount {
    /// The command.
    pub command: &'static str,
    /// The HTTP status.
    pub http: u16,
    /// The ActiveSync Status, where there is one.
    pub status: Option<u16>,
    /// Whether the answer tells the device to provision.
    pub is_challenge: bool,
    /// How often.
    pub count: u64,
}

/// The table of `docs/reference/metrics.md`.
pub fn metrics_markdown() -> String {
    use fmt::Write as _;
    let mut text = String::from("| Metric | Kind | Labels | What it counts |\n| --- | --- | --- | --- |\n");
    for metric in METRICS {
        let (name, kind) = if metric.counts_up {
            (format!("{}_total", metric.name), "counter")
        } else {
            (metric.name.to_owned(), "gauge")
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {} |", labels.join(", "), metric.help);
    }
    text
}

/// What there is, counted.
#[derive(Clone, Debug, Default)]
struct Census {
    ready: bool,
    policies: Option<Policies>,
    devices: Option<Devices>,
    counters: ServerCounters,
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
    due_ages: [i64; TIMES.len()],
    confirmed_within: [i64; TIMES.len()],
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
        Self {
            ready,
            policies,
            devices: state.census().devices(store, state.now()).await.ok(),
            counters: state.counters(),
        }
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
        let census = store.census().await?;
        for kind in &census.kinds {
            let information =
                DeviceInformation { model: kind.model.clone(), os: kind.os.clone(), ..DeviceInformation::default() };
            let personal =
                kind.access.map(|state| PersonalAccess { state, reason: String::new(), decided_by: String::new() });
            let facts = AccessFacts {
                device_type: &kind.device_type,
                user_agent: kind.user_agent.as_deref(),
                version: kind.protocol_version,
                information: kind.told.then_some(&information),
                personal: personal.as_ref(),
            };
            let key = (kind.phase, rules.judge(&facts).standing);
            *devices.by_phase_and_access.entry(key).or_default() += signed(kind.count);
        }
        for wipe in &census.wipes {
            *devices.by_wipe.entry((wipe.kind.as_str(), wipe.state.as_str())).or_default() += 1;
            if wipe.state.is_due() {
                count_time(&mut devices.due_ages, now.duration_since(wipe.requested_at).as_secs());
            }
            if let Some(at) = wipe.acknowledged_at {
                count_time(&mut devices.confirmed_within, at.duration_since(wipe.requested_at).as_secs());
            }
        }
        *kept = Some((now, devices.clone()));
        Ok(devices)
    }
}

impl Collector for Census {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in METRICS {
            let kind = if metric.counts_up { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            match (metric.samples)(self).as_slice() {
                [(labels, value)] if labels.is_empty() => encode_one(metric, *value, family)?,
                samples => {
                    for (labels, value) in samples {
                        encode_one(metric, *value, family.encode_family(labels)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn encode_one(metric: &Metric, value: i64, encoder: MetricEncoder<'_>) -> fmt::Result {
    if metric.counts_up {
        ConstCounter::new(value.unsigned_abs()).encode(encoder)
    } else {
        ConstGauge::new(value).encode(encoder)
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
