//! `/api/v1/openapi.json`: the description of this API.

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::Route;
use crate::openapi;

pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/api/v1/openapi.json", open: false, methods: || get(openapi_document) }];

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "health", operation_id = "openapi_document",
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value)))]
pub(crate) async fn openapi_document() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], openapi::text()).into_response()
}
