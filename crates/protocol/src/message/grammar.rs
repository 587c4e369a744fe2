//! The questions that every message asks of its elements.

use asprov_wbxml::Element;

use super::MessageError;
use crate::status::Status;

/// The children of an element that holds elements only. Blanks between them are taken.
pub(super) fn children<'e, 'a>(
    element: &'e Element<'a>,
    expected: &'static str,
) -> Result<&'e [Element<'a>], MessageError> {
    if element.has_text() {
        match element.text() {
            Some(text) if text.trim().is_empty() => {}
            // Where no text belongs it may be anything, a policy key or a password too: it is not shown.
            Some(text) => {
                let came = format!("text of {} characters", text.chars().count());
                return Err(MessageError::new(element, came, expected));
            }
            None => return Err(MessageError::new(element, "opaque data", expected)),
        }
    }
    Ok(element.children())
}

/// The text of an element that holds text only.
pub(super) fn text<'e>(element: &'e Element<'_>, expected: &'static str) -> Result<&'e str, MessageError> {
    if let Some(child) = element.children().first() {
        return Err(MessageError::child(element, child, expected));
    }
    element.text().ok_or_else(|| MessageError::new(element, "opaque data that is no text", expected))
}

/// Fills a place that may be filled once.
pub(super) fn once<'e, 'a>(
    place: &mut Option<&'e Element<'a>>,
    parent: &Element<'_>,
    child: &'e Element<'a>,
) -> Result<(), MessageError> {
    match place.replace(child) {
        None => Ok(()),
        Some(_) => Err(MessageError::twice(parent, child)),
    }
}

/// A Status that a server sent. Blanks around the number are taken.
pub(super) fn status(element: &Element<'_>) -> Result<Status, MessageError> {
    const EXPECTED: &str = "a number from 0 to 65535";
    let text = text(element, EXPECTED)?;
    text.trim().parse().map(Status).map_err(|_| MessageError::text(element, text, EXPECTED))
}

/// The first `most` characters of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    // There are no more characters than bytes.
    if text.len() <= most { text.to_owned() } else { text.chars().take(most).collect() }
}

/// Longest text from a peer that is kept to be sent back or stored as it is, in characters.
pub(super) const KEPT_TEXT: usize = 256;
