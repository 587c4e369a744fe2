//! JSON of which a terminal obeys nothing: names from devices stand in it, and people look at it as it comes.

use std::borrow::Cow;
use std::fmt::Write as _;

use asprov_protocol::device::is_obeyed;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

/// JSON with escapes in place of what a terminal obeys: JSON itself escapes only the control characters below U+0020. Apart
/// from line ends, which lay it out, such characters stand in strings alone, where an escape means the same.
pub fn harmless_json(text: &str) -> Cow<'_, str> {
    let is_harmless = |character| character == '\n' || !is_obeyed(character);
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if is_harmless(character) {
            shown.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

/// An answer of the API with its JSON made harmless. Its bodies are in memory already, and bounded by what they list.
pub(crate) async fn harmless(response: Response) -> Response {
    let is_json = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        media_type == "application/json" || media_type.ends_with("+json")
    });
    if !is_json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        // None that is in memory fails; half an answer would be worse than none.
        head.status = StatusCode::INTERNAL_SERVER_ERROR;
        head.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(head, Body::empty());
    };
    let body = match str::from_utf8(&bytes).map(harmless_json) {
        Ok(Cow::Owned(harmless)) => Body::from(harmless),
        _ => return Response::from_parts(head, Body::from(bytes)),
    };
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn an_answer_says_the_same_and_holds_nothing_that_a_terminal_obeys() {
        let value = json!({ "model": "a\u{9b}31m\u{202e}b\u{2028}c\n\u{fc}" });
        for (content_type, is_changed) in
            [("application/json", true), ("application/problem+json; charset=utf-8", true), ("text/csv", false)]
        {
            let response = Response::builder().header(CONTENT_TYPE, content_type);
            let answer = harmless(response.body(Body::from(value.to_string())).unwrap()).await;
            let bytes = to_bytes(answer.into_body(), 1000).await.unwrap();
            let text = str::from_utf8(&bytes).unwrap();
            assert_eq!(!text.chars().any(is_obeyed), is_changed, "{content_type}: {text:?}");
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
        }
    }
}
