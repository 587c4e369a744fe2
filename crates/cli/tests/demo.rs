//! The demo as a newcomer runs it: every row seen and resolved, and nothing left behind.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::process::{Command, Output};

const ROWS: [&str; 11] = [
    "Provision 1",
    "Provision 2",
    "Provision 3",
    "Provision 139",
    "Provision 141",
    "Provision 145",
    "Policy 1",
    "Policy 2",
    "Policy 3",
    "Policy 4",
    "Policy 5",
];

fn demo(flag: &str) -> (Output, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["demo", flag])
        .env_clear()
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text, folder)
}

/// The lines of the table: the row, how often it was seen, how it was resolved.
fn table(text: &str) -> Vec<(&str, &str, &str)> {
    let start = text.lines().position(|line| line.starts_with("row ")).expect("there is a table");
    let head = text.lines().nth(start).unwrap();
    let (seen, resolved) = (head.find("seen").unwrap(), head.find("resolved").unwrap());
    text.lines().skip(start + 1).map(|line| (line, line[seen..resolved].trim(), line[resolved..].trim())).collect()
}

#[test]
fn the_table_has_every_row_seen_and_resolved() {
    let (output, text, folder) = demo("--table");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("row "), "--table prints only the table: {text}");
    let table = table(&text);
    for row in ROWS {
        let (_, seen, resolved) = table.iter().find(|(line, ..)| line.starts_with(&format!("{row}  "))).unwrap();
        assert!(seen.ends_with("time") || seen.ends_with("times"), "{row}: {seen}");
        assert!(!resolved.is_empty(), "{row}");
    }
    // Besides the rows: seven versions and two wipes.
    assert_eq!(table.len(), ROWS.len() + 7 + 2);
    assert!(!text.contains("missing"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary directory is gone");
}

#[test]
fn the_whole_demo_tells_each_row_with_its_request_answer_and_end() {
    let (output, text, _folder) = demo("--exit");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains('\u{1b}'), "no colour where no terminal reads");
    let scenes: Vec<_> = text.split("\n── ").skip(1).collect();
    for (scene, row) in scenes.iter().zip(ROWS) {
        assert!(scene.starts_with(&format!("{row}  ")), "{row}: {scene}");
        for part in ["meaning ", "cause ", "resolution ", "client ", "→ ", "← HTTP 200", "= "] {
            assert!(scene.contains(part), "{row} has no {part:?}: {scene}");
        }
    }
    // 141 is shown on FolderSync: Provision is never refused for a missing key.
    assert!(scenes[4].contains("→ FolderSync 16.1, no policy key"), "{}", scenes[4]);
    assert!(scenes[4].contains("← HTTP 200, FolderSync 141 LegacyDeviceOnStrictPolicy"), "{}", scenes[4]);
    // 139 is about settings, so the phone says which.
    assert!(
        scenes[3].contains("* the phone names for the administrator what it does not enforce: MinDevicePasswordLength"),
        "{}",
        scenes[3]
    );
    assert!(table(&text).iter().any(|(line, ..)| line.contains("stopped, named MinDevicePasswordLength;")), "{text}");
    for version in ["2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"] {
        assert!(table(&text).iter().any(|(line, ..)| line.starts_with(&format!("version {version} "))), "{version}");
    }
    assert!(text.contains("<RemoteWipe/>") && text.contains("<AccountOnlyRemoteWipe/>"));
    assert!(!text.contains("<PolicyKey>1") && !text.contains("<PolicyKey>2"), "no key is shown");
}

#[test]
fn the_demo_keeps_serving_until_it_is_interrupted() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .arg("demo")
        .env_clear()
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open: whoever stops reading ends the demo.
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let invited = lines.by_ref().skip_while(|line| !line.contains("keeps running"));
    let command = invited.map(|line| line.trim().to_owned()).find(|line| line.starts_with("ASPROV_PASSWORD=")).unwrap();
    // ASPROV_PASSWORD=... asprov provision URL --user demo
    let words: Vec<_> = command.split(' ').collect();
    let (name, password) = words[0].split_once('=').unwrap();
    let provision = Command::new(env!("CARGO_BIN_EXE_asprov")).args(&words[2..]).env(name, password).output().unwrap();
    assert!(provision.status.success(), "{}", String::from_utf8_lossy(&provision.stdout));
    lines.by_ref().find(|line| line.contains("asprov explain")).unwrap();
    let killed = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(demo.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary directory is gone");
}
