//! `asprov serve --upstream` in a folder of its own, and the commands an administrator uses with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::call::{Answer, Call};

/// How long anything is waited for that ought to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Gateway {
    folder: tempfile::TempDir,
    child: Child,
    /// Where phones connect.
    pub(crate) url: String,
    admin: String,
    log: Option<JoinHandle<String>>,
}

/// What a command came to.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Gateway {
    /// In front of this server.
    pub(crate) fn start(upstream: &str, mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = program(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--store", "sqlite:asprov.db"])
            .args(["--upstream", upstream, "--mode", mode])
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = address_after(&mut lines, "phones connect here", &mut said);
        let admin = address_after(&mut lines, "administrators connect here", &mut said);
        // What it says from now on is kept, so that it never waits for a reader.
        let log = std::thread::spawn(move || {
            let mut log = said;
            for line in lines.lines().map_while(Result::ok) {
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        let gateway = Self { folder, child, url, admin, log: Some(log) };
        // Until it has seen the server refuse invented credentials it answers nobody.
        gateway.until("being ready", |gateway| {
            (gateway.readyz().status == 200 && Call::options().send(&gateway.url).status == 200).then_some(())
        });
        gateway
    }

    /// Runs another command of the program against it.
    pub(crate) fn administer(&self, arguments: &[&str]) -> Done {
        let done = run(program(self.folder.path()).args(arguments).args(["--admin", &self.admin]), "");
        assert_eq!(done.code, 0, "asprov {}: {}", arguments.join(" "), done.err);
        done
    }

    pub(crate) fn device(&self, user: &str, device_id: &str) -> Value {
        serde_json::from_str(&self.administer(&["device", "show", user, device_id, "--json"]).out).unwrap()
    }

    pub(crate) fn devices(&self) -> Value {
        serde_json::from_str(&self.administer(&["device", "list", "--json"]).out).unwrap()
    }

    pub(crate) fn events(&self, user: &str, device_id: &str) -> String {
        self.administer(&["device", "events", user, device_id, "--json"]).out
    }

    /// Every device has to provision, those too that send no key at all.
    pub(crate) fn demand_a_policy(&self) {
        self.administer(&["policy", "set", "default", "allow_non_provisionable=false"]);
    }

    pub(crate) fn readyz(&self) -> Answer {
        Call::to("GET", "/readyz").send(&self.admin)
    }

    /// Asks again until the answer fits, and gives up after a while.
    #[expect(clippy::disallowed_methods, reason = "a condition is polled with a deadline")]
    pub(crate) fn until<T>(&self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let (true, Some(log)) = (std::thread::panicking(), self.log.take()) {
            eprintln!("the gateway's log:\n{}", log.join().unwrap_or_default());
        }
    }
}

/// `asprov provision` straight at a server; gives its exit code and what it printed as JSON.
pub(crate) fn provision_with_the_program(url: &str, device_id: &str) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let done = run(
        program(folder.path())
            .args(["provision", url, "--user", "ann", "--password-stdin", "--json"])
            .args(["--device-id", device_id]),
        "secret\n",
    );
    let report = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{} {}", done.out, done.err));
    (done.code, report)
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asprov"));
    command.current_dir(folder).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(command: &mut Command, input: &str) -> Done {
    let mut child = command.spawn().unwrap();
    // A command that reads no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Reads what the server says until it names an address.
fn address_after(lines: &mut BufReader<ChildStderr>, words: &str, said: &mut String) -> String {
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap() == 0 {
            panic!("the server ended: {said}");
        }
        said.push_str(&line);
        if line.contains(words) {
            let (_, after) = line.split_once("http://").unwrap();
            let end = after.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(after.len());
            return format!("http://{}", &after[..end]);
        }
    }
}
