//! What a document may cost before it is refused.

/// Limits on one document, each with its reason. What exceeds one is refused with the place where it did.
///
/// ```
/// use asprov_wbxml::Limits;
///
/// let limits = Limits { bytes: 64 * 1024, ..Limits::default() };
/// assert_eq!(limits.depth, 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document (of the XML text in [`crate::xml::from_xml`]). Default 1 MiB: a Provision
    /// request is below 1 KiB and the largest policy with long application lists some 100 KiB; the rest is room.
    pub bytes: usize,
    /// Elements open at the same time, the root included. Default 32: the deepest path of Provision has 7, the
    /// deepest of all commands about a dozen. Values above [`Limits::GREATEST_DEPTH`] count as that: trees are
    /// dropped and compared by recursion, so their depth must stay small.
    pub depth: usize,
    /// Elements of the whole document. Default 65,536: an element costs one byte on the wire and about 70 in
    /// memory, so without this limit 1 MiB of input could ask for 70 MiB.
    pub elements: usize,
    /// Bytes of text and opaque data of one element, all its pieces together. Default 1 MiB, as for the whole
    /// document: lower it where no long text is expected.
    pub text: usize,
}

impl Limits {
    /// The greatest depth any reader goes to, whatever `depth` says.
    pub const GREATEST_DEPTH: usize = 64;
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, depth: 32, elements: 65_536, text: 1024 * 1024 }
    }
}

/// What to do with a tag or a page that the code pages do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Refuse the document.
    Refuse,
    /// Keep them, with their content and the right nesting: the element has a [`crate::Tag`] without a name. For whoever
    /// reads past what a newer or an older peer sends. Attributes are refused all the same.
    Keep,
}
