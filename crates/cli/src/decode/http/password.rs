//! The passwords inside a body: the recovery password of Settings (DevicePassword), and those with which ItemOperations
//! and Search reach into document libraries.

use std::borrow::Cow;

use asprov_wbxml::Element;

/// What stands in place of a password.
const MASK: &str = "(a password, not shown)";

/// The same message without what its passwords say. An empty one stays empty, since that takes a password back.
pub(super) fn masked(element: Element<'_>) -> Element<'_> {
    if is_password(&element) {
        return if element.is_empty() { element } else { Element::with_text(element.tag(), MASK) };
    }
    if !holds_password(&element) {
        return element;
    }
    let own = match (element.opaque(), element.text()) {
        (Some(bytes), _) => Element::with_opaque(element.tag(), bytes.to_vec()),
        (None, Some(text)) => Element::with_text(element.tag(), text.to_owned()),
        (None, None) => Element::new(element.tag()),
    };
    // As deep as the codec's limit at most.
    own.with_children(element.children().iter().cloned().map(masked))
}

/// A URL without the user name and password that may stand before its host.
pub(super) fn without_credentials(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed(url) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(format!("{scheme}://{host}{path}")),
        None => Cow::Borrowed(url),
    }
}

/// Settings, ItemOperations and Search have one each, and all of them have this name.
fn is_password(element: &Element<'_>) -> bool {
    element.tag().name() == Some("Password")
}

fn holds_password(element: &Element<'_>) -> bool {
    element.children().iter().any(|child| is_password(child) || holds_password(child))
}
