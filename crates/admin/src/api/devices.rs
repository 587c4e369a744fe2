//! `/api/v1/devices`: the inventory, one device, and the policy that applies to it.

mod body;
mod cursor;

use asprov_protocol::device::{DeviceKey, UserName};
use asprov_protocol::policy::PolicyName;
use asprov_protocol::policy::stage::{Stage, StageTarget};
use asprov_protocol::server::access_rule::{AccessFacts, AccessRules, Standing};
use asprov_protocol::server::{EffectivePolicy, Event, Phase};
use asprov_store::{Assignment, DevicePage, DeviceQuery, WipeFilter};
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use self::body::{AccessBody, DeviceBody, WipeBody};
use super::Route;
use super::assignments::AssignmentBody;
use super::policies::{PolicyBody, UnreadablePolicy};
use crate::device_change::ATTEMPTS;
use crate::extract::{Administrator, CameFrom, DevicePath, QueryParameters};
use crate::given::AssignedPolicies;
use crate::openapi;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/api/v1/devices", open: false, methods: || get(list_devices) },
    Route {
        path: "/api/v1/devices/{user}/{device_id}",
        open: false,
        methods: || get(read_device).delete(forget_device),
    },
    Route { path: "/api/v1/devices/{user}/{device_id}/policy", open: false, methods: || get(read_device_policy) },
];

/// Most rows of one page.
const MOST_ROWS: usize = 1000;
/// Rows of a page when nothing is said.
const USUAL_ROWS: usize = 100;
/// Longest text to look for, in characters.
const LONGEST_TEXT: usize = 200;

/// Which devices to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeviceFilter {
    /// Only devices with this access.
    #[param(schema_with = openapi::standing)]
    access: Option<String>,
    /// Only devices in this phase.
    #[param(schema_with = openapi::phase)]
    phase: Option<String>,
    /// Only devices with a wipe order whose newest is in this state; `any`: in whatever state.
    #[param(schema_with = openapi::wipe_filter)]
    wipe: Option<String>,
    /// Only this user's devices.
    user: Option<String>,
    /// Only devices whose user, DeviceId, DeviceType, Model, FriendlyName or User-Agent holds this text, in any case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only devices that were not seen for so long: a number of days or hours such as `90d`.
    #[param(example = "90d")]
    stale: Option<String>,
    /// At most this many.
    #[param(schema_with = openapi::page_limit)]
    limit: Option<String>,
    /// Where the page begins: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Some devices, and where the next page begins.
#[derive(Serialize, ToSchema)]
pub(crate) struct Devices {
    /// By user and DeviceId.
    items: Vec<DeviceBody>,
    /// What to send as `cursor` for the next page; null: this is the last.
    next_cursor: Option<String>,
}

/// The policy that applies to a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicePolicy {
    /// Its name; null: nothing is assigned, and the device needs no policy.
    policy: Option<String>,
    /// The assignment that gave it.
    assignment: Option<AssignmentBody>,
    /// What it says.
    definition: Option<PolicyBody>,
    /// Whether that is its staged form, which only a part of its devices gets yet.
    staged: bool,
    /// Why it is this one, in a sentence.
    #[schema(example = "assigned to group sales, before everybody")]
    why: String,
    /// Every assignment that reaches the device, the nearest first; the first decides.
    candidates: Vec<AssignmentBody>,
    /// The groups that the user is in, by name.
    groups: Vec<String>,
}

/// The number of rows that a query asks for.
pub(super) fn row_limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(USUAL_ROWS) };
    let limit = text.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit));
    limit.ok_or_else(|| Problem::invalid("limit", text, &format!("1 to {MOST_ROWS}")))
}

/// A word of a closed list.
pub(super) fn word<T: Copy>(field: &str, text: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T, Problem> {
    all.iter().copied().find(|known| as_str(*known) == text).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|known| as_str(*known)).collect();
        Problem::invalid(field, text, &words.join(" or "))
    })
}

impl DeviceFilter {
    /// What access it asks for. The store does not know: rules decide as well.
    fn standing(&self) -> Result<Option<Standing>, Problem> {
        self.access.as_deref().map(|text| word("access", text, &Standing::ALL, Standing::as_str)).transpose()
    }

    /// The time before which a stale device was seen last.
    fn not_seen_since(&self, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.stale.as_deref() else { return Ok(None) };
        let number = |unit: char| text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()).map(i64::from);
        let hours = number('d').map(|days| days * 24).or_else(|| number('h')).filter(|hours| *hours > 0);
        let since = hours.and_then(|hours| now.checked_sub(SignedDuration::from_hours(hours)).ok());
        since.map(Some).ok_or_else(|| Problem::invalid("stale", text, "a number of days or hours such as 90d"))
    }

    /// Which wipe orders it asks for.
    fn wipe(&self) -> Result<Option<WipeFilter>, Problem> {
        let Some(text) = self.wipe.as_deref() else { return Ok(None) };
        let expected = || WipeFilter::words().join(" or ");
        WipeFilter::parse(text).map(Some).ok_or_else(|| Problem::invalid("wipe", text, &expected()))
    }

    fn query(&self, now: Timestamp) -> Result<DeviceQuery, Problem> {
        let text = self.q.as_deref().filter(|text| !text.is_empty());
        if let Some(text) = text.filter(|text| text.chars().nth(LONGEST_TEXT).is_some()) {
            return Err(Problem::invalid("q", text, &format!("at most {LONGEST_TEXT} characters")));
        }
        let phase = self.phase.as_deref();
        Ok(DeviceQuery {
            access: None,
            phase: phase.map(|text| word("phase", text, &Phase::ALL, Phase::as_str)).transpose()?,
            wipe: self.wipe()?,
            user: self.user.as_deref().map(UserName::new).transpose()?,
            text: text.map(str::to_owned),
            not_seen_since: self.not_seen_since(now)?,
            limit: row_limit(self.limit.as_deref())?,
            after: self.cursor.as_deref().map(cursor::read).transpose()?,
        })
    }
}

/// A page of devices of one standing: the store is looked through until the page is full.
async fn page(
    state: &AdminState,
    query: DeviceQuery,
    standing: Option<Standing>,
    rules: &AccessRules,
) -> Result<DevicePage, Problem> {
    let Some(standing) = standing else { return Ok(state.store().devices(&query).await?) };
    let limit = query.limit;
    let mut query = DeviceQuery { limit: MOST_ROWS, ..query };
    let mut found = DevicePage::default();
    loop {
        let page = state.store().devices(&query).await?;
        for device in page.items {
            if rules.judge(&AccessFacts::of(&device.record)).standing != standing {
                continue;
            }
            if found.items.len() == limit {
                found.next = found.items.last().map(|last| last.record.device.clone());
                return Ok(found);
            }
            found.items.push(device);
        }
        query.after = page.next;
        if query.after.is_none() {
            return Ok(found);
        }
    }
}

/// Devices, a page at a time
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(DeviceFilter),
    responses(
        (status = 200, description = "A page of devices, by user and DeviceId.", body = Devices),
        (status = 422, description = "A filter, the limit or the cursor is not accepted.")))]
pub(crate) async fn list_devices(
    State(state): State<AdminState>,
    QueryParameters(filter): QueryParameters<DeviceFilter>,
) -> Result<Json<Devices>, Problem> {
    let standing = filter.standing()?;
    let rules = state.store().access_rules().await?;
    let page = page(&state, filter.query(state.now())?, standing, &rules).await?;
    let assigned = AssignedPolicies::look(state.store()).await?;
    let items =
        page.items.iter().map(|device| DeviceBody::new(device, assigned.of(&device.record.device), &rules)).collect();
    Ok(Json(Devices { items, next_cursor: page.next.as_ref().map(cursor::write) }))
}

/// One device
#[utoipa::path(get, path = "/api/v1/devices/{user}/{device_id}", tag = "devices",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "The device.", body = DeviceBody),
        (status = 404, description = "There is no such device.")))]
pub(crate) async fn read_device(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
) -> Result<Json<DeviceBody>, Problem> {
    let stored = state.store().device(&device).await?.ok_or_else(|| no_such_device(&device))?;
    let assignment = state.store().assignment_of(&device).await?;
    let rules = state.store().access_rules().await?;
    Ok(Json(DeviceBody::new(&stored, assignment.as_ref().map(|assignment| &assignment.policy), &rules)))
}

/// Forget a device
///
/// Its events stay, with one that says who forgot it, and a decision about its access goes with it. A device that was wiped may come back after this. One
/// that is due for a wipe cannot be forgotten: the order holds until the device confirms it or it is cancelled.
#[utoipa::path(delete, path = "/api/v1/devices/{user}/{device_id}", tag = "devices",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses((status = 204, description = "It is forgotten."), (status = 404, description = "There is no such device."),
        (status = 409, description = "A wipe is due; cancel it first.")))]
pub(crate) async fn forget_device(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    CameFrom(address): CameFrom,
) -> Result<StatusCode, Problem> {
    for _ in 0..ATTEMPTS {
        let stored = state.store().device(&device).await?.ok_or_else(|| no_such_device(&device))?;
        if let Some(wipe) = stored.record.due_wipe() {
            let detail =
                format!("a wipe of device `{device}` is {}, and would be lost with the device", wipe.state.as_str());
            return Err(Problem::new(ProblemKind::WipeDue, detail).with_hint("cancel the wipe first"));
        }
        // Only the row that was looked at: another administrator may order a wipe at this moment.
        if state.store().forget_revision(&device, stored.revision).await? {
            tracing::info!(administrator, device = %device.to_string().escape_debug(), "device forgotten");
            // It is forgotten whatever becomes of the event; who asks again would only hear that there is no such device.
            let event = Event::forgotten(&administrator).from_address(address);
            if let Err(error) = state.store().tell(&[(device.clone(), event, state.now())]).await {
                tracing::warn!(%error, device = %device.to_string().escape_debug(), "its history does not say that it was forgotten");
            }
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    let detail = format!("device `{device}` changed during each of {ATTEMPTS} attempts to forget it");
    Err(Problem::new(ProblemKind::StoreBusy, detail))
}

/// The policy that applies to a device, and the assignment that gave it
#[utoipa::path(get, path = "/api/v1/devices/{user}/{device_id}/policy", tag = "devices",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "The policy; `policy`, `assignment` and `definition` are null when nothing is assigned.", body = DevicePolicy),
        (status = 404, description = "There is no such device.")))]
pub(crate) async fn read_device_policy(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
) -> Result<Json<DevicePolicy>, Problem> {
    for _ in 0..ATTEMPTS {
        let snapshot = state.store().load(&device).await?;
        if snapshot.device.is_none() {
            return Err(no_such_device(&device));
        }
        let candidates = state.store().candidates(&device).await?;
        let (name, definition) = match &snapshot.policy {
            EffectivePolicy::None => (None, None),
            EffectivePolicy::Assigned(policy) => (Some(&policy.name), Some(PolicyBody::from(&**policy))),
            EffectivePolicy::Unreadable { name, fault } => {
                (Some(name), Some(PolicyBody::Unreadable(UnreadablePolicy::new(name, fault))))
            }
        };
        // Several looks at the store: when somebody assigned another policy in between, look again.
        if name == candidates.first().map(|assignment| &assignment.policy) {
            let groups = state.store().groups_of(&device.user).await?;
            let stages = state.store().stages().await?;
            let stage = stages.iter().map(|stored| &stored.stage).find(|stage| {
                Some(&stage.policy.name) == name
                    && match &stage.target {
                        StageTarget::Group(group) => groups.contains(group),
                        StageTarget::Share(share) => share.holds(&device),
                    }
            });
            return Ok(Json(DevicePolicy {
                policy: name.map(PolicyName::to_string),
                assignment: candidates.first().map(Into::into),
                definition,
                staged: stage.is_some(),
                why: why(&candidates, stage),
                candidates: candidates.iter().map(Into::into).collect(),
                groups: groups.iter().map(ToString::to_string).collect(),
            }));
        }
    }
    Err(Problem::new(ProblemKind::StoreBusy, format!("the assignment of device `{device}` keeps changing")))
}

/// Why a device gets its policy.
fn why(candidates: &[Assignment], stage: Option<&Stage>) -> String {
    let Some((nearest, others)) = candidates.split_first() else {
        return "nothing is assigned to the device, its user, the user's groups or everybody".to_owned();
    };
    let of = |assignment: &Assignment| match assignment.priority {
        Some(priority) => format!("{} (priority {priority})", assignment.target),
        None => assignment.target.to_string(),
    };
    let mut sentence = format!("assigned to {}", of(nearest));
    if !others.is_empty() {
        sentence += &format!(", before {}", others.iter().map(of).collect::<Vec<_>>().join(", "));
    }
    if let Some(stage) = stage {
        sentence += &format!("; what is staged for {}", stage.target);
    }
    sentence
}

pub(crate) fn no_such_device(device: &DeviceKey) -> Problem {
    Problem::new(ProblemKind::NoSuchDevice, format!("there is no device `{device}`"))
        .with_hint("a device appears with its first Provision request or its first request that passes")
}

#[cfg(test)]
mod tests;
