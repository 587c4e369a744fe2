//! The codec on one document: a Provision answer with 40 settings and 8 list items, 476 bytes.
//!
//! `cargo bench -p asprov-wbxml` measures events, elements and encoding with criterion; then, in the same run, it
//! compiles `libwbxml.c`, measures libwbxml on the same bytes and prints the ratio. Without a C compiler or Debian's
//! libwbxml2-dev it says so and leaves the ratio out.

use asprov_wbxml::code_page::{code_page, provision};
use asprov_wbxml::{Element, Error, Event, Limits, Reader, Unknown, decode, encode};
use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The answer to an initial request: both Status, the type, a key of ten digits, 40 settings of one digit each, and
/// four items in each of the two lists, seven of them with 21 characters and one with 24.
fn document() -> Vec<u8> {
    let lists = [provision::UNAPPROVED_IN_ROM_APPLICATION_LIST, provision::APPROVED_APPLICATION_LIST];
    let items = [provision::APPLICATION_NAME, provision::HASH];
    // Settings of EASProvisionDoc are the tags of the page above it, but for lists, items and the wipe at its end.
    let settings = code_page(14)
        .into_iter()
        .flat_map(|page| page.tags)
        .map(|row| row.tag)
        .filter(|tag| *tag > provision::EAS_PROVISION_DOC && *tag < provision::ACCOUNT_ONLY_REMOTE_WIPE)
        .filter(|tag| !lists.contains(tag) && !items.contains(tag))
        .map(|tag| Element::with_text(tag, "1"));
    let names = ["com.example.app.00001", "com.example.app.00002", "com.example.app.00003"];
    let list = |list, item, last| {
        let items = names.into_iter().chain([last]).map(move |name| Element::with_text(item, name));
        Element::new(list).with_children(items)
    };
    let policy = Element::new(provision::EAS_PROVISION_DOC).with_children(settings).with_children(
        lists
            .into_iter()
            .zip(items)
            .zip(["com.example.app.00004", "com.example.app.00000024"])
            .map(|((tag, item), last)| list(tag, item, last)),
    );
    assert_eq!(policy.children().len(), 42, "40 settings and two lists");
    let answer = Element::new(provision::PROVISION).with_child(Element::with_text(provision::STATUS, "1")).with_child(
        Element::new(provision::POLICIES).with_child(Element::new(provision::POLICY).with_children([
            Element::with_text(provision::POLICY_TYPE, "MS-EAS-Provisioning-WBXML"),
            Element::with_text(provision::STATUS, "1"),
            Element::with_text(provision::POLICY_KEY, "1307199584"),
            Element::new(provision::DATA).with_child(policy),
        ])),
    );
    let bytes = encode(&answer);
    assert_eq!(bytes.len(), 476);
    bytes
}

/// Reads all events and looks at each, so that none is left out by the compiler.
fn events(bytes: &[u8], limits: &Limits) -> Result<(usize, usize), Error> {
    let mut elements = 0;
    let mut text = 0;
    for event in Reader::new(bytes, limits, Unknown::Refuse)? {
        match event? {
            Event::Start(_) => elements += 1,
            Event::Text(piece) => text += piece.len(),
            Event::Opaque(piece) => text += piece.len(),
            Event::End => {}
        }
    }
    Ok((elements, text))
}

/// The fastest of 200 samples of 2000 rounds, in nanoseconds a round: as the C program measures.
#[expect(clippy::disallowed_methods, reason = "a bench asks the clock")]
fn fastest(mut round: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let before = std::time::Instant::now();
        for _ in 0..2000 {
            round();
        }
        best = best.min(before.elapsed().as_secs_f64() * 1e9 / 2000.0);
    }
    best
}

/// Compiles and runs the C program; its three figures, or why there are none.
fn libwbxml(bytes: &[u8], elements: usize, text: usize) -> Result<Vec<f64>, String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/libwbxml.c");
    let program = concat!(env!("CARGO_TARGET_TMPDIR"), "/libwbxml");
    let compiled = Command::new("cc")
        .args(["-O2", "-o", program, source, "-lwbxml2"])
        .output()
        .map_err(|error| format!("no C compiler: {error}"))?;
    if !compiled.status.success() {
        return Err(format!("does not compile: {}", String::from_utf8_lossy(&compiled.stderr)));
    }
    let mut child = Command::new(program)
        .args([elements.to_string(), text.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(bytes).map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("ended with {}", output.status));
    }
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(words.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

fn main() -> Result<(), Error> {
    let bytes = document();
    let limits = Limits::default();
    let (elements, text) = events(&bytes, &limits)?;
    let tree = decode(&bytes, &limits, Unknown::Refuse)?;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("provision answer of 476 bytes");
    group.throughput(Throughput::Bytes(476));
    group.bench_function("events", |bencher| bencher.iter(|| events(black_box(&bytes), &limits)));
    group.bench_function("elements", |bencher| bencher.iter(|| decode(black_box(&bytes), &limits, Unknown::Refuse)));
    group.bench_function("encode", |bencher| bencher.iter(|| encode(black_box(&tree))));
    group.finish();
    criterion.final_summary();

    let ours = [
        ("events", fastest(|| _ = black_box(events(black_box(&bytes), &limits)))),
        ("elements", fastest(|| drop(black_box(decode(black_box(&bytes), &limits, Unknown::Refuse))))),
        ("encode", fastest(|| drop(black_box(encode(black_box(&tree)))))),
    ];
    match libwbxml(&bytes, elements, text) {
        Err(reason) => println!("NOT RUN: libwbxml was not measured: {reason}"),
        Ok(theirs) => {
            println!("{elements} elements, {text} bytes of text; nanoseconds, the fastest of 200 samples");
            println!("{:<10}{:>10}{:>10}{:>10}", "", "asprov", "libwbxml", "ratio");
            for ((name, ours), theirs) in ours.into_iter().zip(theirs) {
                println!("{name:<10}{ours:>10.0}{theirs:>10.0}{:>10.1}", theirs / ours);
            }
        }
    }
    Ok(())
}
