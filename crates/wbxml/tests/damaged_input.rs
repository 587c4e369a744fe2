//! Real documents cut off at every byte and with every bit turned: refused or read, never a panic, and every refusal
//! names a place within the input.

#![cfg(test)]

mod fixtures;

use asprov_wbxml::{Error, ErrorKind, Limits, Reader, Unknown, decode};
use fixtures::vectors;

/// Reads with both settings; gives the strict answer.
fn read(bytes: &[u8]) -> Result<(), Error> {
    let limits = Limits::default();
    let strict = decode(bytes, &limits, Unknown::Refuse).map(|_| ());
    for (unknown, tree) in
        [(Unknown::Refuse, strict), (Unknown::Keep, decode(bytes, &limits, Unknown::Keep).map(|_| ()))]
    {
        let events =
            Reader::new(bytes, &limits, unknown).and_then(|mut reader| reader.try_for_each(|event| event.map(|_| ())));
        assert_eq!(events, tree, "events and tree agree");
        if let Err(error) = tree {
            assert!(error.offset() <= bytes.len(), "{error}");
            let shown = error.to_string();
            assert!(shown.starts_with("offset ") && !shown.contains('\n'), "{shown}");
        }
    }
    strict
}

#[test]
fn every_prefix_of_every_vector_is_refused_at_or_before_its_end() {
    for (id, bytes) in vectors() {
        for end in 0..bytes.len() {
            let error = read(&bytes[..end]).expect_err(&id);
            let expected = matches!(
                error.kind(),
                ErrorKind::TruncatedHeader
                    | ErrorKind::NoRoot
                    | ErrorKind::UnclosedElements { .. }
                    | ErrorKind::TruncatedSwitchPage
                    | ErrorKind::UnterminatedString
                    | ErrorKind::TruncatedLength
                    | ErrorKind::OpaqueBeyondInput { .. }
            );
            assert!(expected, "{id} cut at {end}: {error}");
        }
        assert_eq!(read(&bytes), Ok(()), "{id}");
    }
}

#[test]
fn every_turned_bit_of_every_vector_is_read_or_refused() {
    let mut refused = 0;
    for (_, bytes) in vectors() {
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[position] ^= 1 << bit;
                refused += usize::from(read(&damaged).is_err());
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn every_turned_bit_of_the_header_is_refused_there() {
    for (id, bytes) in vectors() {
        for position in 0..4 {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[position] ^= 1 << bit;
                assert_eq!(read(&damaged).expect_err(&id).offset(), position, "{id}");
            }
        }
    }
}
