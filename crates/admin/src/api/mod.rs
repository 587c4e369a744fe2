//! The endpoints, one file a group, and the table of their paths.

pub(crate) mod access;
pub(crate) mod access_rules;
pub(crate) mod access_test;
pub(crate) mod assignments;
pub(crate) mod devices;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod lint;
pub(crate) mod metrics;
pub(crate) mod policies;
pub(crate) mod policy_history;
pub(crate) mod policy_stage;
pub(crate) mod policy_status;
pub(crate) mod trace;
pub(crate) mod why;
pub(crate) mod wipe;

use axum::routing::MethodRouter;

use crate::state::AdminState;

/// One path of the API and what answers there.
pub(crate) struct Route {
    /// The path, with its parameters in braces.
    pub(crate) path: &'static str,
    /// Whether it answers without the token.
    pub(crate) open: bool,
    /// The handlers by method.
    pub(crate) methods: fn() -> MethodRouter<AdminState>,
}

/// Every path of the API.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    [
        policies::ROUTES,
        policy_history::ROUTES,
        policy_stage::ROUTES,
        policy_status::ROUTES,
        lint::ROUTES,
        assignments::ROUTES,
        devices::ROUTES,
        access::ROUTES,
        access_rules::ROUTES,
        access_test::ROUTES,
        trace::ROUTES,
        why::ROUTES,
        wipe::ROUTES,
        events::ROUTES,
        document::ROUTES,
        health::ROUTES,
        metrics::ROUTES,
    ]
    .into_iter()
    .flatten()
}
