//! A document as a tree of elements: decoded from bytes, built by hand, encoded to bytes.

use crate::error::{Error, ErrorKind};
use crate::limits::{Limits, Unknown};
use crate::reader::{Event, Reader};
use crate::tag::Tag;
use crate::writer::Writer;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// One element: its tag, its own text or opaque data, and its children.
///
/// Decoded elements borrow their text from the input. Two elements are equal when tag, content and children are; the
/// offset does not count, so a decoded tree can be compared with one built by hand.
///
/// The protocol has no elements that hold both text and children. If a peer sends one, its text is kept, joined, and
/// comes before the children.
///
/// Trees are dropped, cloned and compared by recursion. What comes from the wire or from XML is never deeper than
/// [`Limits::GREATEST_DEPTH`]; whoever builds trees by hand keeps them shallow too.
#[derive(Clone)]
pub struct Element<'a> {
    tag: Tag,
    offset: usize,
    content: Content<'a>,
    children: Vec<Self>,
}

/// The own content of an element. Invariant: `Text` is neither empty nor does it hold U+0000 (it could not be
/// written as a string), so equal elements are equal on the wire.
#[derive(Clone, PartialEq, Eq)]
enum Content<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Opaque(Cow<'a, [u8]>),
}

impl<'a> Element<'a> {
    /// An element without content.
    pub const fn new(tag: Tag) -> Self {
        Self { tag, offset: 0, content: Content::Nothing, children: Vec::new() }
    }

    /// An element that holds text. Empty text is the same as none; text with U+0000 is held as opaque data, because
    /// no string of WBXML can carry it.
    pub fn with_text(tag: Tag, text: impl Into<Cow<'a, str>>) -> Self {
        let content = match text.into() {
            text if text.is_empty() => Content::Nothing,
            text if text.as_bytes().contains(&0) => Content::Opaque(bytes_of(text)),
            text => Content::Text(text),
        };
        Self { content, ..Self::new(tag) }
    }

    /// An element that holds opaque bytes; no bytes at all are opaque data too.
    pub fn with_opaque(tag: Tag, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { content: Content::Opaque(bytes.into()), ..Self::new(tag) }
    }

    /// This element with one more child.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// This element with more children.
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds a child at the end.
    pub fn push(&mut self, child: Self) {
        self.children.push(child);
    }

    /// Page and token.
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// Offset of the tag in the input; 0 when built by hand.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The text of this element. An empty element has the empty text. Opaque data counts as text if it is UTF-8,
    /// since peers send text that way now and then. `None` for other opaque data, and for an element that holds only
    /// children.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Opaque(bytes) => core::str::from_utf8(bytes).ok(),
            Content::Nothing if self.children.is_empty() => Some(""),
            Content::Nothing => None,
        }
    }

    /// The bytes of this element if they came, or go, as opaque data.
    pub fn opaque(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Opaque(bytes) => Some(bytes),
            Content::Nothing | Content::Text(_) => None,
        }
    }

    /// Whether it holds at least one character or byte of its own.
    pub fn has_text(&self) -> bool {
        match &self.content {
            Content::Nothing => false,
            Content::Text(text) => !text.is_empty(),
            Content::Opaque(bytes) => !bytes.is_empty(),
        }
    }

    /// Whether it holds neither text nor children. The three forms of an empty element on the wire are the same here.
    pub fn is_empty(&self) -> bool {
        !self.has_text() && self.children.is_empty()
    }

    /// The children, in the order they came.
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// The first child with this tag.
    pub fn child(&self, tag: Tag) -> Option<&Self> {
        self.children.iter().find(|child| child.tag == tag)
    }

    /// All children with this tag, in order.
    pub fn children_with(&self, tag: Tag) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.tag == tag)
    }

    /// The same tree, independent of the input. Offsets stay.
    pub fn into_owned(self) -> Element<'static> {
        let content = match self.content {
            Content::Nothing => Content::Nothing,
            Content::Text(text) => Content::Text(Cow::Owned(text.into_owned())),
            Content::Opaque(bytes) => Content::Opaque(Cow::Owned(bytes.into_owned())),
        };
        let children = self.children.into_iter().map(Element::into_owned).collect();
        Element { tag: self.tag, offset: self.offset, content, children }
    }

    /// Moves the children of another element to the end of this one's.
    pub(crate) fn take_children_of(&mut self, mut other: Self) {
        self.children.append(&mut other.children);
    }

    /// Joins a piece of text to what is there; as soon as one piece is opaque, all of it is.
    #[inline]
    fn add_text(&mut self, piece: &'a str) {
        if piece.is_empty() {
            return;
        }
        match &mut self.content {
            Content::Nothing => self.content = Content::Text(Cow::Borrowed(piece)),
            Content::Text(text) => text.to_mut().push_str(piece),
            Content::Opaque(bytes) => bytes.to_mut().extend_from_slice(piece.as_bytes()),
        }
    }

    fn add_opaque(&mut self, piece: &'a [u8]) {
        match &mut self.content {
            Content::Nothing => self.content = Content::Opaque(Cow::Borrowed(piece)),
            Content::Opaque(bytes) => bytes.to_mut().extend_from_slice(piece),
            Content::Text(text) => {
                let mut bytes = core::mem::take(text).into_owned().into_bytes();
                bytes.extend_from_slice(piece);
                self.content = Content::Opaque(Cow::Owned(bytes));
            }
        }
    }

    /// Bytes of its own content.
    fn content_length(&self) -> usize {
        match &self.content {
            Content::Nothing => 0,
            Content::Text(text) => text.len(),
            Content::Opaque(bytes) => bytes.len(),
        }
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag && self.content == other.content && self.children == other.children
    }
}

impl Eq for Element<'_> {}

/// Shows tags and the length of content, never the content: it may be a policy key or a recovery password.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Element");
        shown.field("tag", &self.tag);
        match &self.content {
            Content::Nothing => {}
            Content::Text(text) => {
                shown.field("text_bytes", &text.len());
            }
            Content::Opaque(bytes) => {
                shown.field("opaque_bytes", &bytes.len());
            }
        }
        if !self.children.is_empty() {
            shown.field("children", &self.children);
        }
        shown.finish()
    }
}

/// Reads a document into a tree that borrows from the input. The open elements are kept in a list, not on the call
/// stack.
///
/// # Errors
/// Whatever the reader refuses; the pieces of text of one element together exceed the limit.
pub fn decode<'a>(bytes: &'a [u8], limits: &Limits, unknown: Unknown) -> Result<Element<'a>, Error> {
    let mut reader = Reader::new(bytes, limits, unknown)?;
    // All elements that have no parent yet, in the order they came, and which of them are open. When one ends, what
    // stands behind it are its children: they move as one block into a list of exactly their number, so an element
    // is written once and moved once, and a leaf costs no allocation.
    let mut elements: Vec<Element<'a>> = Vec::with_capacity(64);
    let mut open: Vec<usize> = Vec::with_capacity(16);
    while let Some(event) = reader.read() {
        match event {
            Event::Start(tag) => {
                let (index, offset) = (elements.len(), reader.offset());
                open.push(index);
                // Unlike `push`, this makes the element in its place instead of copying it there.
                elements.resize_with(index + 1, || Element {
                    tag,
                    offset,
                    content: Content::Nothing,
                    children: Vec::new(),
                });
            }
            Event::End => {
                // The reader gives no `End` without its `Start`.
                let Some(index) = open.pop() else { continue };
                if index + 1 < elements.len() {
                    let children = elements.split_off(index + 1);
                    if let Some(element) = elements.last_mut() {
                        element.children = children;
                    }
                }
            }
            Event::Text(text) => {
                if let Some(element) = open.last().and_then(|&index| elements.get_mut(index)) {
                    let is_first = matches!(element.content, Content::Nothing);
                    element.add_text(text);
                    if !is_first {
                        within_limit(element, &reader, limits)?;
                    }
                }
            }
            Event::Opaque(bytes) => {
                if let Some(element) = open.last().and_then(|&index| elements.get_mut(index)) {
                    let is_first = matches!(element.content, Content::Nothing);
                    element.add_opaque(bytes);
                    if !is_first {
                        within_limit(element, &reader, limits)?;
                    }
                }
            }
        }
    }
    if let Some(error) = reader.take_failure() {
        return Err(error);
    }
    // The reader ends without an error only after a root element.
    elements.pop().ok_or_else(|| Error::new(ErrorKind::NoRoot, bytes.len(), 0, None))
}

/// The reader counts the text between two tags, so a first piece is within the limit; here the pieces around children
/// count together.
fn within_limit(element: &Element<'_>, reader: &Reader<'_>, limits: &Limits) -> Result<(), Error> {
    if element.content_length() > limits.text {
        let kind = ErrorKind::TooMuchText { limit: limits.text };
        return Err(Error::new(kind, reader.offset(), element.tag.page(), Some(element.tag.token())));
    }
    Ok(())
}

/// Writes a tree as a document. It works without recursion, whatever the depth of the tree.
pub fn encode(element: &Element<'_>) -> Vec<u8> {
    let mut writer = Writer::with_capacity(512);
    let mut open = Vec::with_capacity(8);
    start(&mut writer, element);
    open.push(element.children.iter());
    while let Some(children) = open.last_mut() {
        if let Some(child) = children.next() {
            start(&mut writer, child);
            if child.children.is_empty() {
                writer.end();
            } else {
                open.push(child.children.iter());
            }
        } else {
            open.pop();
            writer.end();
        }
    }
    writer.finish()
}

/// Opens an element and writes its own content.
fn start(writer: &mut Writer, element: &Element<'_>) {
    writer.start(element.tag);
    match &element.content {
        Content::Nothing => {}
        Content::Text(text) => writer.text(text),
        Content::Opaque(bytes) => writer.opaque(bytes),
    }
}

#[cfg(test)]
mod tests;
