//! Every message of the codec's known answers through `asprov decode` and back through `asprov encode`: what real
//! devices and servers sent, beside the readable form.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use asprov_wbxml::{Limits, xml};

fn run(arguments: &[&str], input: &[u8]) -> (bool, Vec<u8>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

fn known_answers(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wbxml/tests/known_answers").join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "hex")).collect();
    files.sort();
    files
}

fn decodes_as_written_down(path: &Path) {
    let hex = fs::read(path).unwrap();
    let expected = fs::read_to_string(path.with_extension("xml")).unwrap();
    let (done, decoded, error) = run(&["decode"], &hex);
    assert!(done, "{}: {error}", path.display());
    let decoded = String::from_utf8(decoded).unwrap();
    let limits = Limits::default();
    let message = xml::from_xml(&decoded, &limits).unwrap();
    assert_eq!(message, xml::from_xml(&expected, &limits).unwrap(), "{}", path.display());

    // What is printed, comments included, is what `encode` reads.
    let (done, encoded, error) = run(&["encode"], decoded.as_bytes());
    assert!(done, "{}: {error}", path.display());
    assert_eq!(asprov_wbxml::encode(&message), encoded, "{}", path.display());
}

#[test]
fn every_message_of_real_devices_and_servers_decodes_as_its_facts_say() {
    let files = known_answers("messages");
    let mut whole = 0;
    for path in &files {
        // A fragment is no message: it says so, and where.
        if path.file_stem().is_some_and(|name| name == "horde-fragment") {
            let (done, _, error) = run(&["decode"], &fs::read(path).unwrap());
            assert!(!done && error.starts_with("error: no ActiveSync message: offset 0"), "{error}");
            continue;
        }
        decodes_as_written_down(path);
        whole += 1;
    }
    assert!(whole > 20, "{whole} of {}", files.len());
}

#[test]
fn every_vector_decodes_as_written_down() {
    let files = known_answers("vectors");
    assert!(files.len() > 50, "{}", files.len());
    files.iter().for_each(|path| decodes_as_written_down(path));
}
