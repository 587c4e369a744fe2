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
    state: State,
    /// A tag without content was started; its `End` is due.
    end_is_due: bool,
    depth: usize,
    elements: usize,
    /// Bytes of content since the last tag or END.
    text: usize,
    limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BeforeRoot,
    InRoot,
    AfterRoot,
    /// An error or the end was reported.
    Done,
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
            state: State::BeforeRoot,
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

    /// Ends the reading with an error at an offset.
    #[cold]
    #[inline(never)]
    fn fail<T>(&mut self, kind: ErrorKind, offset: usize, token: Option<u8>) -> Result<T, Error> {
        self.state = State::Done;
        self.end_is_due = false;
        Err(Error::new(kind, offset, self.page, token))
    }

    /// The next event, or `None` after the root element when the input is used up.
    #[inline]
    pub(crate) fn read(&mut self) -> Result<Option<Event<'a>>, Error> {
        if self.end_is_due {
            self.end_is_due = false;
            return Ok(Some(self.close()));
        }
        loop {
            let offset = self.position;
            let Some(&byte) = self.bytes.get(offset) else { return self.at_end_of_input() };
            self.position = offset + 1;
            match byte {
                SWITCH_PAGE => self.switch_page(offset)?,
                END => {
                    if self.depth == 0 {
                        return self.fail(ErrorKind::EndWithoutStart, offset, Some(END));
                    }
                    self.offset = offset;
                    return Ok(Some(self.close()));
                }
                STR_I => return self.string(offset).map(Some),
                OPAQUE => return self.opaque(offset).map(Some),
                // ENTITY and LITERAL, EXT_I and PI and LITERAL_C, EXT_T and STR_T and LITERAL_A, EXT and LITERAL_AC.
                0x02 | 0x04 | 0x40..=0x44 | 0x80..=0x84 | 0xC0..=0xC2 | 0xC4 => {
                    return self.fail(ErrorKind::UnusedToken, offset, Some(byte));
                }
                _ => return self.tag(byte, offset).map(Some),
            }
        }
    }

    #[inline]
    fn tag(&mut self, byte: u8, offset: usize) -> Result<Event<'a>, Error> {
        let token = byte & Tag::LAST_TOKEN;
        if byte & HAS_ATTRIBUTES != 0 {
            return self.fail(ErrorKind::Attributes, offset, Some(byte));
        }
        match self.state {
            State::InRoot => {}
            State::BeforeRoot => self.state = State::InRoot,
            State::AfterRoot | State::Done => return self.fail(ErrorKind::SecondRoot, offset, Some(token)),
        }
        if self.known >> token & 1 == 0 {
            return self.fail(ErrorKind::UnknownTag, offset, Some(token));
        }
        if self.elements >= self.limits.elements {
            return self.fail(ErrorKind::TooManyElements { limit: self.limits.elements }, offset, Some(token));
        }
        if self.depth >= self.limits.depth {
            return self.fail(ErrorKind::TooDeep { limit: self.limits.depth }, offset, Some(token));
        }
        self.elements += 1;
        self.depth += 1;
        self.text = 0;
        self.offset = offset;
        self.end_is_due = byte & HAS_CONTENT == 0;
        Ok(Event::Start(Tag::new(self.page, token)))
    }

    #[inline]
    fn close(&mut self) -> Event<'a> {
        self.depth -= 1;
        self.text = 0;
        if self.depth == 0 {
            self.state = State::AfterRoot;
        }
        Event::End
    }

    fn switch_page(&mut self, offset: usize) -> Result<(), Error> {
        let Some(&number) = self.bytes.get(self.position) else {
            return self.fail(ErrorKind::TruncatedSwitchPage, self.position, Some(SWITCH_PAGE));
        };
        if self.unknown == Unknown::Refuse && code_page(number).is_none() {
            return self.fail(ErrorKind::UnknownPage { number }, offset, Some(SWITCH_PAGE));
        }
        self.position += 1;
        self.page = number;
        self.known = known_tokens(number, self.unknown);
        Ok(())
    }

    #[inline]
    fn string(&mut self, offset: usize) -> Result<Event<'a>, Error> {
        let start = self.position;
        let Some(length) = self.bytes.get(start..).and_then(position_of_zero) else {
            return self.fail(ErrorKind::UnterminatedString, offset, Some(STR_I));
        };
        let end = start + length;
        let text = match self.utf8.and_then(|input| input.get(start..end)) {
            Some(text) => text,
            None => self.checked_text(start, end)?,
        };
        self.position = end + 1;
        self.content(length, offset, STR_I)?;
        Ok(Event::Text(text))
    }

    /// The text between two offsets when the input as a whole is not UTF-8.
    fn checked_text(&mut self, start: usize, end: usize) -> Result<&'a str, Error> {
        match core::str::from_utf8(self.bytes.get(start..end).unwrap_or_default()) {
            Ok(text) => Ok(text),
            Err(error) => self.fail(ErrorKind::InvalidUtf8, start + error.valid_up_to(), Some(STR_I)),
        }
    }

    fn opaque(&mut self, offset: usize) -> Result<Event<'a>, Error> {
        let length = self.length()?;
        let start = self.position;
        let rest = self.bytes.get(start..).unwrap_or_default();
        // Compared before anything is made of it: a length of 4 GiB costs nothing.
        let Some(bytes) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
            return self.fail(ErrorKind::OpaqueBeyondInput { length, left: rest.len() }, offset, Some(OPAQUE));
        };
        self.position = start + bytes.len();
        self.content(bytes.len(), offset, OPAQUE)?;
        Ok(Event::Opaque(bytes))
    }

    /// A multi-byte integer (WBXML 5.1): seven bits a byte, the most significant first, at most five bytes.
    fn length(&mut self) -> Result<u32, Error> {
        let start = self.position;
        let mut value = 0_u64;
        for _ in 0..5 {
            let Some(&byte) = self.bytes.get(self.position) else {
                return self.fail(ErrorKind::TruncatedLength, self.position, Some(OPAQUE));
            };
            self.position += 1;
            value = value << 7 | u64::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return match u32::try_from(value) {
                    Ok(value) => Ok(value),
                    Err(_) => self.fail(ErrorKind::InvalidLength, start, Some(OPAQUE)),
                };
            }
        }
        self.fail(ErrorKind::InvalidLength, start, Some(OPAQUE))
    }

    /// Content belongs to an open element, and its pieces together stay within the limit.
    #[inline]
    fn content(&mut self, length: usize, offset: usize, token: u8) -> Result<(), Error> {
        if self.depth == 0 {
            return self.fail(ErrorKind::ContentOutsideRoot, offset, Some(token));
        }
        self.text += length;
        if self.text > self.limits.text {
            return self.fail(ErrorKind::TooMuchText { limit: self.limits.text }, offset, Some(token));
        }
        self.offset = offset;
        Ok(())
    }

    #[cold]
    fn at_end_of_input(&mut self) -> Result<Option<Event<'a>>, Error> {
        let end = self.bytes.len();
        match self.state {
            State::Done => Ok(None),
            State::AfterRoot => {
                self.state = State::Done;
                Ok(None)
            }
            State::BeforeRoot => self.fail(ErrorKind::NoRoot, end, None),
            State::InRoot => self.fail(ErrorKind::UnclosedElements { open: self.depth }, end, None),
        }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Event<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        self.read().transpose()
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
