//! What reading costs in allocations: the reader none, a tree one a list of children.

#![cfg(test)]

mod fixtures;

use allocation_counter::measure;
use asprov_wbxml::{Limits, Reader, Unknown, Writer, code_page::provision, decode};
use fixtures::vectors;

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
}

#[test]
fn the_reader_allocates_nothing_for_any_vector() {
    for (id, bytes) in vectors() {
        let mut events = 0;
        let cost = measure(|| {
            let reader = Reader::new(&bytes, &Limits::default(), Unknown::Refuse).expect("a header");
            events = reader.inspect(|event| assert!(event.is_ok())).count();
        });
        assert!(events >= 2, "{id}");
        assert_eq!(cost.count_total, 0, "{id}");
    }
}

#[test]
fn the_reader_allocates_nothing_for_bad_input() {
    for (id, bytes) in vectors() {
        for end in 0..bytes.len() {
            let mut failed = false;
            let cost = measure(|| {
                failed = Reader::new(&bytes[..end], &Limits::default(), Unknown::Refuse)
                    .and_then(|mut reader| reader.try_for_each(|event| event.map(|_| ())))
                    .is_err();
            });
            assert!(failed, "{id}");
            assert_eq!(cost.count_total, 0, "{id}");
        }
    }
}

#[test]
fn a_length_of_four_gigabytes_allocates_nothing() {
    let bytes = b"\x03\x01\x6A\x00\x00\x15\x45\x50\xC3\x8F\xFF\xFF\xFF\x7F\x41\x01\x01";
    let cost = measure(|| {
        let reader = Reader::new(bytes, &Limits::default(), Unknown::Refuse).expect("a header");
        assert!(reader.last().expect("an event").is_err());
    });
    assert_eq!(cost.count_total, 0);
}

#[test]
fn a_leaf_of_a_tree_borrows_its_text() {
    // A list of open elements, and one list of children that grows with the number of leaves, not one a leaf.
    let document = |leaves: usize| {
        let mut writer = Writer::new();
        writer.start(provision::EAS_PROVISION_DOC);
        for _ in 0..leaves {
            writer.start(provision::ALLOW_CAMERA);
            writer.text("a text that would have to be copied");
            writer.end();
        }
        writer.finish()
    };
    let bytes = document(1000);
    let cost = measure(|| drop(decode(&bytes, &Limits::default(), Unknown::Refuse).expect("a good document")));
    assert!(cost.count_total <= 12, "{} allocations", cost.count_total);
}
