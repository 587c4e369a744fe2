//! The router: every path of the API, and in front of them what every request passes: the Host, then the token.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Uri};

use crate::api::{Route, routes};
use crate::extract::MAX_BODY;
use crate::harmless_json::harmless;
use crate::problem::{Problem, ProblemKind, quoted};
use crate::state::AdminState;

/// The API as a router, to be served as it is or merged into another. It answers every path: what it does not know is
/// 404 as application/problem+json.
pub fn router(state: AdminState) -> Router {
    routes()
        .fold(Router::new(), |router, route| router.route(route.path, (route.methods)()))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state.clone(), admit))
        .with_state(state)
}

/// Lets a request pass that was sent to a known host and carries the token, where the path needs it.
async fn admit(State(state): State<AdminState>, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    state.hosts().check(&parts)?;
    let open = |route: &Route| route.open && route.path == parts.uri.path();
    if !routes().any(open) {
        state.token().check(&parts.headers)?;
    }
    let mut response = harmless(next.run(Request::from_parts(parts, body)).await).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(ProblemKind::UnknownPath, format!("there is nothing at {}", quoted(uri.path())))
        .with_hint("every path is in /api/v1/openapi.json")
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let method = quoted(method.as_str());
    Problem::new(ProblemKind::MethodNotAllowed, format!("{} does not have the method {method}", quoted(uri.path())))
        .with_hint("the Allow header lists the methods of this path")
}

#[cfg(test)]
mod tests;
