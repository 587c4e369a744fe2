//! Why an element is not the message it should be.

use asprov_wbxml::{Element, Tag};

use crate::http::limits;

/// An element that breaks the grammar of its message. For a Provision request the answer is Provision Status 2, for a
/// Settings request Settings Status 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{element} at byte {offset}: {came}, expected {expected}")]
pub struct MessageError {
    /// The element.
    pub element: Tag,
    /// Where it stands in the document, in bytes from its beginning; 0 when it was built and not decoded.
    pub offset: usize,
    /// What came, cut. Policy keys and passwords are never shown.
    pub came: String,
    /// What was expected.
    pub expected: &'static str,
    another_root: bool,
}

impl MessageError {
    /// Whether the document is not this message at all but begins with another root element: another command's, or,
    /// where a page switch was forgotten, AirSync:Sync.
    pub const fn is_another_root(&self) -> bool {
        self.another_root
    }

    /// The root element is not that of the message.
    pub(super) fn another_root(element: &Element<'_>, expected: &'static str) -> Self {
        Self { another_root: true, ..Self::new(element, "another root element", expected) }
    }

    pub(super) fn new(element: &Element<'_>, came: impl Into<String>, expected: &'static str) -> Self {
        Self { element: element.tag(), offset: element.offset(), came: came.into(), expected, another_root: false }
    }

    /// The element's text is not one of those expected.
    pub(super) fn text(element: &Element<'_>, text: &str, expected: &'static str) -> Self {
        Self::new(element, format!("`{}`", limits::shown(text)), expected)
    }

    /// A child that has no place in this element.
    pub(super) fn child(element: &Element<'_>, child: &Element<'_>, expected: &'static str) -> Self {
        Self { offset: child.offset(), ..Self::new(element, format!("{} in it", child.tag()), expected) }
    }

    /// A child that may be there once came again.
    pub(super) fn twice(element: &Element<'_>, again: &Element<'_>) -> Self {
        Self { offset: again.offset(), ..Self::new(element, format!("{} twice", again.tag()), "it once") }
    }

    /// A child that has to be there is not.
    pub(super) fn missing(element: &Element<'_>, child: Tag, expected: &'static str) -> Self {
        Self::new(element, format!("no {child} in it"), expected)
    }
}
