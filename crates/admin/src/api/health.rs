//! `/healthz` and `/readyz`: whether the program lives, and whether its store can be written to. Both answer without the
//! token, and so say nothing else.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::Route;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/healthz", open: true, methods: || get(alive) },
    Route { path: "/readyz", open: true, methods: || get(ready) },
];

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `alive` or `ready`.
    status: &'static str,
}

/// Whether the program lives
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "alive", security(()),
    responses((status = 200, description = "It does.", body = Health)))]
pub(crate) async fn alive() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Whether the store can be written to
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "ready", security(()),
    responses((status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot.")))]
pub(crate) async fn ready(State(state): State<AdminState>) -> Result<Json<Health>, Problem> {
    match state.store().ready().await {
        Ok(()) => Ok(Json(Health { status: "ready" })),
        Err(error) => {
            // Whoever has no token learns that the store is away, and the log says why.
            tracing::warn!(%error, "the store is not ready");
            Err(Problem::new(ProblemKind::StoreAway, "the store cannot be written to; the log says why"))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::Api;

    #[tokio::test]
    async fn a_living_program_says_so_without_a_token() {
        let api = Api::new();
        assert_eq!(api.without_token().get("/healthz").await.json(200), serde_json::json!({"status": "alive"}));
        assert_eq!(api.without_token().get("/readyz").await.json(200), serde_json::json!({"status": "ready"}));
    }

    #[tokio::test]
    async fn a_program_whose_store_is_away_lives_and_is_not_ready() {
        let api = Api::new();
        api.store.be_away(true);
        api.without_token().get("/healthz").await.json(200);
        let answer = api.without_token().get("/readyz").await;
        assert_eq!(answer.header("retry-after"), "5");
        assert!(!answer.problem(503, "store-away").contains("/secret/path"), "the fault is for the log");
        api.store.be_away(false);
        api.without_token().get("/readyz").await.json(200);
    }
}
