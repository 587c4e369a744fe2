//! What can be wrong with an exchange.

use std::io;

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It ended where more was expected.
    #[error("the connection was closed {0}")]
    Closed(&'static str),
    /// The head of the answer cannot be parsed.
    #[error("the head of the answer is not HTTP/1.1: {0}")]
    Head(httparse::Error),
    /// The head of the answer has more bytes than anybody needs.
    #[error("the head of the answer is longer than {0} bytes")]
    LongHead(usize),
    /// The head of the answer has more headers than anybody needs.
    #[error("the answer has more than {0} headers")]
    ManyHeaders(usize),
    /// Answers before the answer, without an end.
    #[error("more than {0} interim answers came, expected the answer")]
    ManyInterim(u8),
    /// The upstream changes to a protocol nobody asked for.
    #[error("the upstream switches protocols, and was not asked to")]
    Switches,
    /// The end of the answer's body can be read in several ways, or in none.
    #[error("the length of the answer is unclear: {0}")]
    Framing(&'static str),
    /// A chunked body that is none.
    #[error("the chunked body of the answer is malformed: {0}")]
    Chunk(&'static str),
    /// The device's own body broke off, or is not what its head says.
    #[error("the body of the request broke off: {0}")]
    RequestBody(String),
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(&'static str),
    /// A fault of the library that speaks where names of headers keep their case.
    #[error("{0}")]
    Cased(#[from] hyper::Error),
}
