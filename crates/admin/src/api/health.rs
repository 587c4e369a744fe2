//! `/healthz` and `/readyz`: whether the program lives, and whether it can serve: its store can be written to, and nothing
//! else stands in the way, such as a server behind the gateway that takes any password. One that is merely away does not: all
//! nodes have the same one, and phones are better told here to come back than by a load balancer. Both answer without the
//! token.

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

/// Whether the store can be written to and nothing else stands in the way
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "ready", security(()),
    responses((status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot.")))]
pub(crate) async fn ready(State(state): State<AdminState>) -> Result<Json<Health>, Problem> {
    match state.store().ready().await {
        Ok(()) => match state.fault() {
            None => Ok(Json(Health { status: "ready" })),
            Some(fault) => Err(Problem::new(ProblemKind::NotReady, fault)),
        },
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

    #[tokio::test]
    async fn a_program_with_something_in_the_way_is_not_ready_and_says_what() {
        let api = Api::with_readiness(|| Some("the upstream has a policy of its own".to_owned()));
        let problem = api.without_token().get("/readyz").await.problem(503, "not-ready");
        assert!(problem.contains("the upstream has a policy of its own"), "{problem}");
    }
}
