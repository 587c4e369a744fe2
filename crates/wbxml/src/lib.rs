//! WBXML as Exchange ActiveSync uses it: bytes, events, elements, and all 26 code pages. \[MS-ASWBXML\].
//!
//! ```
//! use asprov_wbxml::{Element, Limits, Unknown, code_page::provision, decode, encode};
//!
//! // A server that has a wipe to announce.
//! let answer = Element::new(provision::PROVISION)
//!     .with_child(Element::with_text(provision::STATUS, "1"))
//!     .with_child(Element::new(provision::REMOTE_WIPE));
//! let bytes = encode(&answer);
//! assert_eq!(bytes, b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x031\x00\x01\x0C\x01");
//!
//! // And the device that reads it.
//! let received = decode(&bytes, &Limits::default(), Unknown::Keep)?;
//! assert_eq!(received, answer);
//! assert_eq!(received.child(provision::STATUS).and_then(Element::text), Some("1"));
//! assert!(received.child(provision::REMOTE_WIPE).is_some());
//! # Ok::<(), asprov_wbxml::Error>(())
//! ```
//!
//! [`Reader`] gives the events of a document without an allocation, [`Writer`] takes them, [`decode`] and [`encode`]
//! do the same with a tree of [`Element`]s, and [`xml`] is the form for people.
//!
//! Of WBXML, ActiveSync uses tags, code pages, inline strings and opaque data. String tables, entities, processing
//! instructions, literal tags and attributes are refused, as is everything beyond the [`Limits`]; each refusal names
//! the offset, the page and the token. Nothing here panics on input, recurses over input, or needs `std`.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod code_page;
mod element;
mod error;
mod limits;
mod reader;
mod tag;
mod token;
mod writer;
pub mod xml;

pub use element::{Element, decode, encode};
pub use error::{Error, ErrorKind};
pub use limits::{Limits, Unknown};
pub use reader::{Event, Reader};
pub use tag::Tag;
pub use writer::Writer;
