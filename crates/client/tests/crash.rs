//! Kills a process that keeps its memory in a file, a hundred times, at moments nobody chose. Whatever the moment, the file
//! holds a whole memory: the one that was kept last, or the one that was being kept.
//!
//! This program is its own victim: called with `keep FILE FROM` it keeps one memory after the other and says each that is
//! kept; called otherwise it is the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use asprov_client::{FileMemory, Memory as _};
use asprov_protocol::client::{AcknowledgedPolicy, ClientMemory, WipeInHand};
use asprov_protocol::message::{AcknowledgmentStatus, PolicyKeyText, WipeKind};
use asprov_protocol::policy::Fingerprint;
use asprov_protocol::version::ProtocolVersion;

const ROUNDS: u64 = 100;

/// The memory of this number. Everything in it follows from the number, so a mixture of two is found out.
fn memory(number: u64) -> ClientMemory {
    let byte = u8::try_from(number % 251).unwrap();
    let settings = usize::try_from(number % 400).unwrap();
    let policy = AcknowledgedPolicy {
        fingerprint: Fingerprint::from_bytes([byte; 32]),
        version: ProtocolVersion::V16_1,
        status: AcknowledgmentStatus::Applied,
        summary: (0..settings).map(|at| (format!("Setting{at}"), number.to_string())).collect(),
    };
    let wipe =
        number.is_multiple_of(7).then_some(WipeInHand { kind: WipeKind::Device, taken_on: number.is_multiple_of(2) });
    ClientMemory::restore(Some(PolicyKeyText::new(&number.to_string())), Some(policy), false, wipe)
}

fn number_of(memory: &ClientMemory) -> u64 {
    memory.policy_key().unwrap().as_str().parse().unwrap()
}

fn keep_for_ever(file: &str, from: u64) {
    let kept = FileMemory::new(file);
    let mut out = std::io::stdout().lock();
    for number in from.. {
        kept.keep(&memory(number)).unwrap();
        // The test is gone when nobody listens.
        if writeln!(out, "{number}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// Starts the victim, kills it after some memories were kept, and returns the number of the last one it spoke of.
fn kill_one(file: &Path, from: u64, random: u64) -> u64 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["keep", file.to_str().unwrap(), &from.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let wanted = 1 + random % 5;
    let mut last = from - 1;
    for _ in 0..wanted {
        last = lines.next().unwrap().unwrap().parse().unwrap();
    }
    // From nothing to about the time that keeping takes.
    for _ in 0..(random >> 8) % 400_000 {
        std::hint::spin_loop();
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    // What it said before it died and nobody has read yet.
    lines.map_while(Result::ok).filter_map(|line| line.parse().ok()).last().unwrap_or(last)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, file, from] = arguments.as_slice()
        && word == "keep"
    {
        return keep_for_ever(file, from.parse().unwrap());
    }
    let folder = std::env::temp_dir().join(format!("asprov-crash-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("memory");
    let random = RandomState::new();
    let (mut from, mut while_keeping) = (1, 0);
    for round in 0..ROUNDS {
        let said = kill_one(&file, from, random.hash_one(round));
        let found = FileMemory::new(&file).load().expect("a whole memory").expect("a memory");
        let number = number_of(&found);
        assert_eq!(found, memory(number), "round {round}: a mixture");
        assert!(number == said || number == said + 1, "round {round}: {number} was found, {said} was kept");
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        while_keeping += u64::from(left.len() > 1);
        from = number + 1;
    }
    std::fs::remove_dir_all(&folder).unwrap();
    println!(
        "killed {ROUNDS} times after {from} memories, {while_keeping} times in the middle of writing: nothing was lost"
    );
}
