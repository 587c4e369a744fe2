//! The pages of the guide are run as they stand: every line of a `console` block that begins with `$ ` is given to one
//! shell, and what it prints has to be what the page shows. `[..]` stands for anything within a line, a line `...` for
//! any lines. The ports 8080 to 8083 of a page are replaced by free ones.

#![cfg(test)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn the_protocol_with_curl() {
    run("curl.md");
}

#[test]
fn your_phone_in_ten_minutes() {
    run("phone-in-ten-minutes.md");
}

#[test]
fn running_the_server() {
    run("serve.md");
}

#[test]
fn why_a_phone_cannot_sync() {
    run("why-cant-this-phone-sync.md");
}

#[test]
fn a_pin_for_everybody_and_a_say_in_who_comes() {
    run("access.md");
}

#[test]
fn a_lost_phone_is_wiped() {
    run("wipes.md");
}

#[test]
fn from_a_fresh_gateway_to_a_pin_for_everybody_in_ten_commands() {
    run("ten-commands.md");
}

#[test]
fn a_policy_is_changed_safely() {
    run("policies.md");
}

#[derive(Debug)]
struct Shown {
    line: usize,
    command: String,
    output: String,
}

fn run(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    for tool in ["curl", "openssl"].iter().filter(|tool| text.contains(**tool)) {
        if Command::new(tool).arg("--version").output().is_err() {
            println!("NOT RUN: {page} needs {tool}");
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "with CI=true everything has to run");
            return;
        }
    }
    // All are held until all are chosen, so that they differ.
    let free: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<String> = free.iter().map(|free| free.local_addr().unwrap().port().to_string()).collect();
    drop(free);
    let names = ["8080", "8081", "8082", "8083"];
    let text = names
        .iter()
        .zip(&ports)
        .fold(text, |text, (name, port)| text.replace(&format!(":{name}"), &format!(":{port}")));
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Shell::start(folder.path(), &format!("http://127.0.0.1:{}", ports[1]));
    let shown = commands(&text);
    assert!(!shown.is_empty(), "{page} shows no command");
    for shown in shown {
        let printed = shell.run(&shown.command);
        assert!(
            matches(&shown.output, &printed),
            "{page}:{}: $ {}\n--- the page shows\n{}\n--- it prints\n{printed}",
            shown.line,
            shown.command,
            shown.output
        );
    }
}

/// The commands of the `console` blocks; a line that begins with `> ` continues the command above it.
fn commands(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            found.push(Shown { line: number + 1, command: command.to_owned(), output: String::new() });
        } else if inside && let Some(shown) = found.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if shown.output.is_empty() => shown.command.push_str(&format!("\n{more}")),
                _ => shown.output.push_str(&format!("{line}\n")),
            }
        }
    }
    found
}

/// One bash for the whole page, so that variables and background jobs stay.
struct Shell {
    child: std::process::Child,
    input: std::process::ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

const DONE: &str = "--- the command of the guide ended ---";

impl Shell {
    fn start(folder: &Path, admin: &str) -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_asprov"));
        let before = std::env::var("PATH").unwrap();
        let mut child = Command::new("bash")
            .args(["--norc", "--noprofile"])
            .current_dir(folder)
            .env("PATH", format!("{}:{before}", program.parent().unwrap().display()))
            .env_remove("ASPROV_ADMIN_TOKEN")
            .env("ASPROV_ADMIN", admin)
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        // What a page starts in the background ends with its shell.
        writeln!(input, "exec 2>&1; trap 'kill $(jobs -p) 2>/dev/null' EXIT").unwrap();
        Self { child, input, output }
    }

    fn run(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}\necho; echo '{DONE}'").unwrap();
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the shell ended after: {printed}");
            if line.trim_end() == DONE {
                break;
            }
            printed.push_str(&line);
        }
        // The empty line before the mark belongs to the mark, unless the last line of the output had no end.
        printed.strip_suffix('\n').unwrap_or(&printed).to_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = writeln!(self.input, "exit");
        let _ = self.child.wait();
    }
}

fn matches(shown: &str, printed: &str) -> bool {
    let shown: Vec<&str> = shown.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let printed: Vec<&str> = printed.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines_match(&shown, &printed)
}

fn lines_match(shown: &[&str], printed: &[&str]) -> bool {
    match shown {
        [] => printed.is_empty(),
        ["...", rest @ ..] => (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..])),
        [line, rest @ ..] => {
            printed.split_first().is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others))
        }
    }
}

fn line_matches(shown: &str, printed: &str) -> bool {
    let mut pieces = shown.split("[..]");
    let Some(mut rest) = pieces.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn the_runner_itself_sees_a_difference() {
    assert!(matches("HTTP/1.1 200 OK\n...\nkey: [..]5\n", "HTTP/1.1 200 OK\na\nb\nkey: 12345\n"));
    assert!(!matches("HTTP/1.1 200 OK\n", "HTTP/1.1 449 Need provisioning\n"));
    assert!(!matches("a\n", "a\nb\n"));
    assert!(!matches("a[..]c\n", "ab\n"));
}
