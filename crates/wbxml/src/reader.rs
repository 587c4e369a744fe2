//! Bytes to events. \[MS-ASWBXML\] 2.1.2, WBXML 5 and 7.
//!
//! The body is a flat run of tokens, so one loop over one position reads it: no recursion, no stack. Three facts are
//! carried along: the active code page (it belongs to the stream, END does not bring a former page back), the number
//! of open elements (END is counted, not matched), and what the limits still allow. Nothing is allocated: text and
//! opaque data are slices of the input.
//!
//! A byte is compared as a whole with the global tokens before its bits are looked at: OPAQUE (0xC3) masked with 0x3F
//! would read as STR_I (0x03).

use crate::code_page::code_page;
use crate::error::{Error, ErrorKind};
use crate::limits::{Limits, Unknown};
use crate::tag::Tag;
use crate::token::{END, HAS_ATTRIBUTES, HAS_CONTENT, HEADER, OPAQUE, STR_I, SWITCH_PAGE};

/// One step through a document. A tag without content gives `Start` and `End` like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins.
    Start(Tag),
    /// Text of the innermost open element; it may come in several pieces.
    Text(&'a str),
    /// Opaque bytes of the innermost open element.
    Opaque(&'a [u8]),
    /// The innermost open element ends.
    End,
}

/// Reads a document as events, borrowed from the input. After an error or the end of the document it gives `None`.
///
/// ```
/// use asprov_wbxml::{Event, Limits, Reader, Unknown, code_page::provision};
///
/// let wipe = [0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x45, 0x4B, 0x03, 0x31, 0x00, 0x01, 0x0C, 0x01];
/// let events: Result<Vec<_>, _> = Reader::new(&wipe, &Limits::default(), Unknown::Refuse)?.collect();
/// assert_eq!(
///     events?,
///     [
///         Event::Start(provision::PROVISION),
///         Event::Start(provision::STATUS),
///         Event::Text("1"),
///         Event::End,
///         Event::Start(provision::REMOTE_WIPE),
///         Event::End,
///         Event::End,
///     ]
/// );
/// # Ok::<(), asprov_wbxml::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// The whole input when all of it is UTF-8: checked once, every string is then a slice of it. Opaque data can
    /// make it `None`, then each string is checked by itself.
    utf8: Option<&'a str>,
    position: usize,
    /// Offset of the last event.
    offset: usize,
    page: u8,
    /// The tokens of the page: bit n is set when token n may come.
    known: u64,
    unknown: Unknown,
    /// The end or an error was reached.
    is_done: bool,
    failure: Option<Error>,
    /// A tag without content was started; its `End` is due.
    end_is_due: bool,
    /// Elements that are open; the root is closed when there are none and some were counted.
    depth: usize,
    elements: usize,
    /// Bytes of content since the last tag or END.
    text: usize,
    limits: Limits,
}

impl<'a> Reader<'a> {
    /// Checks the header and stands before the root.
    ///
    /// # Errors
    /// The input is longer than the limit, or does not begin with `03 01 6A 00`.
    pub fn new(bytes: &'a [u8], limits: &Limits, unknown: Unknown) -> Result<Self, Error> {
        if bytes.len() > limits.bytes {
            return Err(Error::new(ErrorKind::TooManyBytes { limit: limits.bytes }, limits.bytes, 0, None));
        }
        for (offset, expected) in HEADER.into_iter().enumerate() {
            match bytes.get(offset) {
                Some(&byte) if byte == expected => {}
                Some(&byte) => {
                    let kind = match offset {
                        0 => ErrorKind::WrongVersion,
                        1 => ErrorKind::WrongPublicIdentifier,
                        2 => ErrorKind::WrongCharset,
                        _ => ErrorKind::StringTable,
                    };
                    return Err(Error::new(kind, offset, 0, Some(byte)));
                }
                None => return Err(Error::new(ErrorKind::TruncatedHeader, offset, 0, None)),
            }
        }
        Ok(Self {
            bytes,
            utf8: core::str::from_utf8(bytes).ok(),
            position: HEADER.len(),
            offset: HEADER.len(),
            page: 0,
            known: known_tokens(0, unknown),
            unknown,
            is_done: false,
            failure: None,
            end_is_due: false,
            depth: 0,
            elements: 0,
            text: 0,
            limits: Limits { depth: limits.depth.min(Limits::GREATEST_DEPTH), ..*limits },
        })
    }

    /// Offset of the first byte of the last event: of its tag, string, opaque data or END. A tag without content has
    /// no END of its own; its `End` has the offset of the tag.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The next event; `None` at the end, and after an error, which is then in `failure`.
    ///
    /// Errors take another way than events so that an event is small: it stays in registers when a loop goes through
    /// them, and so does the state of the reader, since nothing here hands out `&mut self`.
    #[inline]
    pub(crate) fn read(&mut self) -> Option<Event<'a>> {
        if self.end_is_due {
            self.end_is_due = false;
            return Some(self.close());
        }
        if self.is_done {
            return None;
        }
        loop {
            let offset = self.position;
            let Some(&byte) = self.bytes.get(offset) else { return self.at_end_of_input() };
            self.position = offset + 1;
            // All global tokens are below 5 in their lower six bits or have the bit for attributes set.
            let token = byte & Tag::LAST_TOKEN;
            if byte & HAS_ATTRIBUTES == 0 && token >= Tag::FIRST_TOKEN {
                return self.tag(token, byte & HAS_CONTENT != 0, offset);
            }
            // The two that come as often as tags; the others share a table of jumps.
            if byte == END {
                if self.depth == 0 {
                    return self.fail(ErrorKind::EndWithoutStart, offset, END);
                }
                self.offset = offset;
                return Some(self.close());
            }
            if byte == STR_I {
                return self.string(offset);
            }
            match byte {
                SWITCH_PAGE => match switch_page(self.bytes.get(offset + 1).copied(), self.unknown) {
                    Ok((page, known)) => {
                        self.position = offset + 2;
                        self.page = page;
                        self.known = known;
                    }
                    Err((kind, after)) => return self.fail(kind, offset + after, SWITCH_PAGE),
                },
                OPAQUE => return self.opaque(offset),
                // ENTITY and LITERAL, EXT_I and PI and LITERAL_C, EXT_T and STR_T and LITERAL_A, EXT and LITERAL_AC.
                0x02 | 0x04 | 0x40..=0x44 | 0x80..=0x84 | 0xC0..=0xC2 | 0xC4 => {
                    return self.fail(ErrorKind::UnusedToken, offset, byte);
                }
                _ => return self.fail(ErrorKind::Attributes, offset, byte),
            }
        }
    }

    /// The error that ended the reading, if one did. It is given once.
    #[inline]
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Ends the reading.
    #[inline]
    fn fail(&mut self, kind: ErrorKind, offset: usize, token: u8) -> Option<Event<'a>> {
        self.failure = Some(Error::new(kind, offset, self.page, Some(token)));
        self.is_done = true;
        None
    }

    #[inline]
    fn at_end_of_input(&mut self) -> Option<Event<'a>> {
        self.is_done = true;
        let kind = match (self.depth, self.elements) {
            (0, 0) => ErrorKind::NoRoot,
            (0, _) => return None,
            (open, _) => ErrorKind::UnclosedElements { open },
        };
        self.failure = Some(Error::new(kind, self.bytes.len(), self.page, None));
        None
    }

    #[inline]
    fn tag(&mut self, token: u8, has_content: bool, offset: usize) -> Option<Event<'a>> {
        let kind = if self.depth == 0 && self.elements > 0 {
            ErrorKind::SecondRoot
        } else if self.known >> token & 1 == 0 {
            ErrorKind::UnknownTag
        } else if self.elements >= self.limits.elements {
            ErrorKind::TooManyElements { limit: self.limits.elements }
        } else if self.depth >= self.limits.depth {
            ErrorKind::TooDeep { limit: self.limits.depth }
        } else {
            self.elements += 1;
            self.depth += 1;
            self.text = 0;
            self.offset = offset;
            self.end_is_due = !has_content;
            return Some(Event::Start(Tag::new(self.page, token)));
        };
        self.fail(kind, offset, token)
    }

    #[inline]
    fn close(&mut self) -> Event<'a> {
        self.depth -= 1;
        self.text = 0;
        Event::End
    }

    #[inline]
    fn string(&mut self, offset: usize) -> Option<Event<'a>> {
        let start = offset + 1;
        let Some(length) = self.bytes.get(start..).and_then(position_of_zero) else {
            return self.fail(ErrorKind::UnterminatedString, offset, STR_I);
        };
        let end = start + length;
        let text = match self.utf8.and_then(|input| input.get(start..end)) {
            Some(text) => text,
            None => match core::str::from_utf8(self.bytes.get(start..end).unwrap_or_default()) {
                Ok(text) => text,
                Err(error) => return self.fail(ErrorKind::InvalidUtf8, start + error.valid_up_to(), STR_I),
            },
        };
        self.position = end + 1;
        self.content(Event::Text(text), length, offset, STR_I)
    }

    #[inline]
    fn opaque(&mut self, offset: usize) -> Option<Event<'a>> {
        match opaque_data(self.bytes, offset + 1) {
            Ok((bytes, end)) => {
                self.position = end;
                self.content(Event::Opaque(bytes), bytes.len(), offset, OPAQUE)
            }
            Err((kind, offset)) => self.fail(kind, offset, OPAQUE),
        }
    }

    /// Content belongs to an open element, and its pieces together stay within the limit.
    #[inline]
    fn content(&mut self, event: Event<'a>, length: usize, offset: usize, token: u8) -> Option<Event<'a>> {
        self.text += length;
        if self.depth == 0 {
            return self.fail(ErrorKind::ContentOutsideRoot, offset, token);
        }
        if self.text > self.limits.text {
            return self.fail(ErrorKind::TooMuchText { limit: self.limits.text }, offset, token);
        }
        self.offset = offset;
        Some(event)
    }
}

/// The page to switch to and its tokens; or what is wrong, and how many bytes after SWITCH_PAGE.
fn switch_page(number: Option<u8>, unknown: Unknown) -> Result<(u8, u64), (ErrorKind, usize)> {
    let Some(number) = number else { return Err((ErrorKind::TruncatedSwitchPage, 1)) };
    if unknown == Unknown::Refuse && code_page(number).is_none() {
        return Err((ErrorKind::UnknownPage { number }, 0));
    }
    Ok((number, known_tokens(number, unknown)))
}

/// The opaque data whose length begins at `start`, and where it ends; or what is wrong, and where.
fn opaque_data(bytes: &[u8], start: usize) -> Result<(&[u8], usize), (ErrorKind, usize)> {
    let (length, start_of_data) = length(bytes, start)?;
    let rest = bytes.get(start_of_data..).unwrap_or_default();
    // Compared before anything is made of it: a length of 4 GiB costs nothing.
    match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
        Some(data) => Ok((data, start_of_data + data.len())),
        None => Err((ErrorKind::OpaqueBeyondInput { length, left: rest.len() }, start - 1)),
    }
}

/// A multi-byte integer (WBXML 5.1) and where it ends: seven bits a byte, the most significant first, at most five
/// bytes.
fn length(bytes: &[u8], start: usize) -> Result<(u32, usize), (ErrorKind, usize)> {
    let mut value = 0_u64;
    for position in start..start + 5 {
        let Some(&byte) = bytes.get(position) else { return Err((ErrorKind::TruncatedLength, position)) };
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return match u32::try_from(value) {
                Ok(value) => Ok((value, position + 1)),
                Err(_) => Err((ErrorKind::InvalidLength, start)),
            };
        }
    }
    Err((ErrorKind::InvalidLength, start))
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Event<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.read() {
            Some(event) => Some(Ok(event)),
            None => self.take_failure().map(Err),
        }
    }
}

impl core::iter::FusedIterator for Reader<'_> {}

/// The tokens that may come on a page: those it has, or all of them when unknown tags are kept.
fn known_tokens(page: u8, unknown: Unknown) -> u64 {
    match unknown {
        Unknown::Refuse => code_page(page).map_or(0, crate::code_page::CodePage::known),
        Unknown::Keep => u64::MAX,
    }
}

/// Offset of the first zero byte. Eight bytes at a time: a byte is zero where subtracting 1 borrows and its high bit
/// was clear; the lowest such bit is exact.
#[inline]
fn position_of_zero(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut rest = bytes;
    let mut passed = 0;
    while let Some((chunk, others)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let zeros = word.wrapping_sub(LOW) & !word & HIGH;
        if zeros != 0 {
            return Some(passed + zeros.trailing_zeros() as usize / 8);
        }
        passed += 8;
        rest = others;
    }
    rest.iter().position(|&byte| byte == 0).map(|position| passed + position)
}

#[cfg(test)]
mod tests;
