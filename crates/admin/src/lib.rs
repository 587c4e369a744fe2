//! The administrator's side of asprov over HTTP: policies, assignments, devices, access, wipes and events as JSON.
//!
//! [`router`] is an axum router over a [`Store`](asprov_store::Store). Every path but `/healthz`, `/readyz` and
//! `/metrics` needs the administrator's token as `Authorization: Bearer`; requests for an unknown Host are refused;
//! every error is `application/problem+json`. The description of the API is at `/api/v1/openapi.json`.
//!
//! This crate knows no wire bytes: it sees devices and policies only as the store keeps them, changes them only through
//! the pure decisions of [`asprov_protocol::server`], and so meets the server in the store alone.
//!
//! ```
//! use std::sync::Arc;
//!
//! use asprov_admin::{AdminState, AdminToken, AllowedHosts, router};
//! use asprov_store::MemoryStore;
//! use axum::body::Body;
//! use http::{Request, StatusCode};
//! use tower::ServiceExt as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = AdminToken::new("correct-horse-battery-staple")?;
//! let hosts = AllowedHosts::new("127.0.0.1:8081".parse()?);
//! let clock = || "2025-01-01T12:00:00Z".parse().unwrap_or_default();
//! let api = router(AdminState::new(Arc::new(MemoryStore::new()), &token, hosts, clock));
//!
//! let request = Request::put("/api/v1/policies/strict")
//!     .header("Host", "localhost:8081")
//!     .header("Authorization", format!("Bearer {}", token.expose()))
//!     .header("Content-Type", "application/json")
//!     .body(Body::from(r#"{"settings": {"DevicePasswordEnabled": true, "MinDevicePasswordLength": 6}}"#))?;
//! assert_eq!(api.oneshot(request).await?.status(), StatusCode::CREATED);
//! # Ok(())
//! # }
//! ```

mod api;
mod device_change;
mod difference;
pub mod document_json;
mod extract;
#[cfg(test)]
mod fixture;
mod given;
mod harmless_json;
mod host;
mod openapi;
mod precondition;
pub mod problem;
mod router;
mod state;
mod token;

pub use api::lint::{FindingBody, ForecastBody, LintBody, VerdictBody};
pub use api::metrics::{METRICS, Metric, RequestCount, ServerCounters, metrics_markdown};
pub use api::policies::{policy_from_json, policy_to_json};
pub use difference::{Difference, difference};
pub use extract::{ADMINISTRATOR_HEADER, MAX_BODY};
pub use harmless_json::harmless_json;
pub use host::AllowedHosts;
pub use router::router;
pub use state::AdminState;
pub use token::{AdminToken, TokenError, make_token, read_or_create_token_file, read_token_file};

/// The OpenAPI document as JSON text, as `/api/v1/openapi.json` answers it.
pub fn openapi_document() -> &'static str {
    openapi::text()
}
