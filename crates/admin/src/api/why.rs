//! `.../why`: why this phone is where it is, in plain words, and what to do. The explaining is a pure function of
//! asprov-protocol; here is gathered what it looks at.

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::{Circumstances, Obstacle, PastEvent, Why, why};
use asprov_protocol::status::StatusRow;
use asprov_store::{StoreError, StoredEvent};
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::Route;
use crate::extract::DevicePath;
use crate::openapi;
use crate::problem::Problem;
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/api/v1/devices/{user}/{device_id}/why", open: false, methods: || get(explain) }];

/// How many events are looked at: the newest decide.
const LOOKED_AT: usize = 100;

/// Why a phone is where it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Why)]
pub(crate) struct WhyBody {
    /// The user.
    user: String,
    /// The DeviceId.
    device_id: String,
    /// The situation in a word, the same in every release.
    #[schema(example = "policy_not_applied")]
    situation: &'static str,
    /// Whether the phone gets its mail.
    syncs: bool,
    /// Where the phone is.
    summary: String,
    /// What whoever holds it sees, and can do.
    for_user: String,
    /// What an administrator can do, step by step.
    for_administrator: Vec<String>,
    /// What else is worth knowing, and is not the reason.
    notes: Vec<String>,
    /// Which table the status behind it belongs to.
    #[schema(schema_with = openapi::status_scope)]
    scope: Option<&'static str>,
    /// The status behind it.
    #[schema(example = 139)]
    status: Option<u16>,
    /// The status's name.
    name: Option<&'static str>,
    /// What the status says.
    meaning: Option<&'static str>,
    /// How it comes about.
    cause: Option<&'static str>,
    /// What has to be done.
    resolution: Option<&'static str>,
}

impl WhyBody {
    fn new(device: &DeviceKey, why: Why) -> Self {
        let row: Option<&StatusRow> = why.row();
        Self {
            user: device.user.to_string(),
            device_id: device.device_id.to_string(),
            situation: why.situation,
            syncs: why.syncs,
            scope: why.status.map(|(scope, _)| scope.as_str()),
            status: why.status.map(|(_, status)| status.0),
            name: row.map(|row| row.name),
            meaning: row.map(|row| row.meaning),
            cause: row.map(|row| row.cause),
            resolution: row.map(|row| row.resolution),
            summary: why.summary,
            for_user: why.for_user,
            for_administrator: why.for_administrator,
            notes: why.notes,
        }
    }
}

fn past(stored: StoredEvent) -> PastEvent {
    let StoredEvent { event, first_at, last_at, count } = stored;
    PastEvent { event, first_at, last_at, count }
}

/// Why a phone is where it is
///
/// In plain words for whoever holds it and for the administrator. It explains a device that was never seen, too, and the store
/// being away.
#[utoipa::path(get, path = "/api/v1/devices/{user}/{device_id}/why", tag = "devices",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses((status = 200, description = "The explanation.", body = WhyBody)))]
pub(crate) async fn explain(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
) -> Result<Json<WhyBody>, Problem> {
    let now = state.now();
    let explained = |circumstances: &Circumstances<'_>| Json(WhyBody::new(&device, why(circumstances)));
    let nothing = Circumstances {
        device: &device,
        snapshot: None,
        events: &[],
        last_seen_at: None,
        last_passed_at: None,
        obstacle: None,
        configuration: state.configuration(),
        now,
    };
    let looked = async {
        let snapshot = state.store().load(&device).await?;
        let events: Vec<PastEvent> = state.store().events(&device, LOOKED_AT).await?.into_iter().map(past).collect();
        let stored = state.store().device(&device).await?;
        // Reading still works on a disk that is full; phones are turned away all the same.
        state.store().ready().await?;
        Ok((snapshot, events, stored))
    };
    let (snapshot, events, stored) = match looked.await {
        Ok(looked) => looked,
        Err(StoreError::Away(_)) => {
            return Ok(explained(&Circumstances { obstacle: Some(&Obstacle::StoreAway), ..nothing }));
        }
        Err(error) => return Err(error.into()),
    };
    let obstacle = state.obstacle().map(Obstacle::Upstream);
    Ok(explained(&Circumstances {
        snapshot: Some(&snapshot),
        events: &events,
        last_seen_at: stored.as_ref().map(|stored| stored.last_seen_at),
        last_passed_at: stored.and_then(|stored| stored.last_passed_at),
        obstacle: obstacle.as_ref(),
        ..nothing
    }))
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
    use asprov_protocol::server::{Event, RefusedSignIn};
    use asprov_store::Store as _;
    use serde_json::json;

    use crate::fixture::{Api, NOON, offered};

    const WHY: &str = "/api/v1/devices/ann/A1/why";

    #[tokio::test]
    async fn a_blocked_phone_is_explained_with_the_status_it_gets() {
        let api = Api::new().with_device("ann", "A1").await;
        api.as_administrator("bob")
            .put("/api/v1/devices/ann/A1/access", &json!({"state": "blocked", "reason": "lost"}))
            .await
            .json(200);
        let why = api.get(WHY).await.json(200);
        assert_eq!((&why["situation"], &why["syncs"]), (&json!("blocked"), &json!(false)));
        assert_eq!(why["summary"], "It is blocked by the administrator bob (\"lost\").");
        assert_eq!((&why["scope"], &why["status"]), (&json!("common"), &json!(129)));
        for text in ["meaning", "cause", "resolution", "for_user"] {
            assert!(why[text].as_str().is_some_and(|text| text.len() > 20), "{text}");
        }
        assert!(why["for_administrator"][0].as_str().unwrap().contains("asprov device allow ann A1"));
    }

    #[tokio::test]
    async fn a_phone_that_nobody_knows_is_explained_too_and_so_is_a_store_that_is_away() {
        let api = Api::new();
        assert_eq!(api.get(WHY).await.json(200)["situation"], "unknown");
        api.store.be_away(true);
        let why = api.get(WHY).await.json(200);
        assert_eq!((&why["situation"], &why["status"]), (&json!("store_away"), &json!(3)));
    }

    #[tokio::test]
    async fn what_is_said_follows_the_configuration_of_the_server() {
        let api = Api::new().with_device("ann", "A1").await;
        let key = DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() };
        let refused = Event::sign_in_refused(RefusedSignIn::Itself);
        api.store.tell(&[(key, refused, NOON.parse().unwrap())]).await.unwrap();
        let why = api.get(WHY).await.json(200);
        assert_eq!(why["situation"], "password_changed");
        let steps = why["for_administrator"].to_string();
        assert!(steps.contains("wipe.after_disable is off"), "{steps}");
    }

    #[tokio::test]
    async fn what_stands_in_the_way_of_everybody_comes_first() {
        let api = Api::with_readiness(|| Some("the upstream has a policy of its own".to_owned()));
        api.add_record(&offered("ann", "A1")).await;
        let why = api.get(WHY).await.json(200);
        assert_eq!(why["situation"], "upstream_away");
        assert!(why["summary"].as_str().unwrap().contains("the upstream has a policy of its own"));
    }
}
