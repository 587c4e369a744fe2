//! A running server as an administrator and a phone use it, all through the program.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

/// `asprov serve` in a directory of its own.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
    url: String,
    admin: String,
    log: Option<JoinHandle<String>>,
}

/// `ann:secret` as the Authorization header has it.
const ANN: &str = "YW5uOnNlY3JldA==";

/// What a command came to.
struct Done {
    code: i32,
    out: String,
    err: String,
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asprov"));
    command.current_dir(folder).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(command: &mut Command, input: &str) -> Done {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let added = run(
            program(folder.path()).args(["user", "add", "ann", "--users", "users", "--password-stdin"]),
            "secret\n",
        );
        assert_eq!((added.code, added.err.as_str()), (0, "added ann\n"));
        Self::start_in(folder, flags)
    }

    fn start_in(folder: tempfile::TempDir, flags: &[&str]) -> Self {
        let mut child = program(folder.path())
            .args(["serve", "--users", "users", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(flags)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let url = address(&mut log, &mut seen, "phones connect here");
        let admin = address(&mut log, &mut seen, "administrators connect here");
        let log = std::thread::spawn(move || {
            log.read_to_string(&mut seen).unwrap();
            seen
        });
        Self { folder, child, url, admin, log: Some(log) }
    }

    /// A command of the administrator.
    fn asprov(&self, arguments: &[&str]) -> Done {
        run(program(self.folder.path()).args(arguments).env("ASPROV_ADMIN", &self.admin).env("USER", "eve"), "")
    }

    /// A command that has to succeed.
    fn done(&self, arguments: &[&str]) -> String {
        let done = self.asprov(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
        done.out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(arguments)).unwrap()
    }

    fn provision(&self, flags: &[&str]) -> (i32, Value) {
        let mut command = program(self.folder.path());
        command.args(["provision", &self.url, "--user", "ann", "--password-stdin", "--json"]).args(flags);
        let done = run(&mut command, "secret\n");
        (done.code, serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}{}", done.out, done.err)))
    }

    /// The same as people read it.
    fn provision_in_words(&self, flags: &[&str]) -> Done {
        let mut command = program(self.folder.path());
        command.args(["provision", &self.url, "--user", "ann", "--password-stdin"]).args(flags);
        run(&mut command, "secret\n")
    }

    /// A command as a phone sends it, from the readable form; the answer's readable form comes back.
    fn post(&self, command: &str, policy_key: &str, message: &str) -> String {
        let limits = asprov_wbxml::Limits::default();
        let body = asprov_wbxml::encode(&asprov_wbxml::xml::from_xml(message, &limits).unwrap());
        let head = format!(
            "POST /Microsoft-Server-ActiveSync?Cmd={command}&User=ann&DeviceId=A1&DeviceType=SP HTTP/1.1\r\nHost: x\r\n\
             Connection: close\r\nAuthorization: Basic {ANN}\r\nMS-ASProtocolVersion: 14.0\r\n\
             X-MS-PolicyKey: {policy_key}\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.write_all(&[head.into_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let element =
            asprov_wbxml::decode(answer.get(end + 4..).unwrap(), &limits, asprov_wbxml::Unknown::Refuse).unwrap();
        asprov_wbxml::xml::to_xml(&element)
    }

    /// SIGTERM, then the end: the exit code and the log.
    fn stop(mut self) -> (i32, String) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = self.child.wait().unwrap().code().unwrap();
        (ended, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the line of the log that holds `what`.
fn address(log: &mut BufReader<ChildStderr>, seen: &mut String, what: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "the server ended: {seen}");
        seen.push_str(&line);
        if line.contains(what) {
            let start = line.find("http").unwrap();
            return line[start..].split([' ', '"', '\n']).next().unwrap().to_owned();
        }
    }
}

fn statuses(report: &Value) -> Vec<String> {
    let statuses = report["statuses"].as_array().unwrap().iter();
    statuses.map(|status| format!("{} {}", status["scope"].as_str().unwrap(), status["code"])).collect()
}

#[test]
fn a_phone_provisions_and_an_administrator_steers_it() {
    let server = Server::start(&[]);

    // A new store asks for nothing.
    let (code, report) = server.provision(&[]);
    assert_eq!((code, report["outcome"].as_str()), (0, Some("provisioned")), "{report}");
    assert_eq!(report["requests"], 2);
    assert_eq!(statuses(&report), ["provision 1", "policy 1", "provision 1", "policy 1"]);
    assert_eq!(report["statuses"][1]["name"], "Success");
    assert_eq!(report["protocol_version"], "16.1", "the highest that both speak");

    // A policy, in any case of the names, and its parts changed one by one.
    server.done(&["policy", "set", "strict", "devicepasswordenabled=1", "MinDevicePasswordLength=6"]);
    server.done(&["policy", "set", "strict", "mindevicepasswordlength=8", "description=for ann"]);
    let policy = server.json(&["policy", "show", "strict", "--json"]);
    assert_eq!(policy["settings"], serde_json::json!({"DevicePasswordEnabled": true, "MinDevicePasswordLength": 8}));
    assert_eq!((&policy["description"], &policy["allow_partial"]), (&"for ann".into(), &false.into()));
    server.done(&["policy", "assign", "strict", "--user", "ann"]);
    let assignments = server.json(&["policy", "assignments", "--json"]);
    assert_eq!(assignments[1]["policy"], "strict");
    let in_use = server.asprov(&["policy", "delete", "strict", "--yes"]);
    assert_eq!(in_use.code, 1);
    assert!(in_use.err.starts_with("error: policy `strict` is assigned to user ann"), "{}", in_use.err);

    // The phone gets it, in every version, and an acknowledgment that is not enough is refused.
    for version in ["2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"] {
        let (code, report) =
            server.provision(&["--protocol-version", version, "--device-id", &version.replace('.', "-")]);
        assert_eq!((code, report["outcome"].as_str()), (0, Some("provisioned")), "{version}: {report}");
        assert_eq!(report["policy"]["MinDevicePasswordLength"], 8, "{version}");
    }
    let (code, report) = server.provision(&["--acknowledgment", "2"]);
    assert_eq!((code, report["outcome"].as_str()), (1, Some("refused")));
    assert_eq!(statuses(&report).last().map(String::as_str), Some("provision 139"));
    assert!(report["statuses"][2]["resolution"].as_str().unwrap().contains("administrator"), "{report}");
    assert_eq!(report["verdicts"][0]["verdict"], "unknown", "2 says that something is not applied, and not what");

    // Devices: the list, one of them, its history.
    let devices = server.json(&["device", "list", "--json", "--phase", "provisioned"]);
    assert_eq!(devices.as_array().unwrap().len(), 7, "{devices}");
    let list = server.done(&["device", "list", "--search", "16-1"]);
    assert!(list.lines().nth(1).unwrap().starts_with("ann   16-1"), "{list}");
    let events = server.json(&["device", "events", "ann", "asprov-provision", "--json"]);
    assert_eq!((&events[0]["status"], &events[0]["scope"]), (&139.into(), &"provision".into()), "{events}");
    assert!(server.done(&["device", "events", "ann", "asprov-provision"]).contains("DeviceNotFullyProvisionable"));

    // Blocked, and let in again.
    server.done(&["device", "block", "ann", "16-1", "--reason", "lost in a train"]);
    let (code, report) = server.provision(&["--device-id", "16-1"]);
    assert_eq!((code, statuses(&report)), (1, vec!["common 129".to_owned()]));
    let shown = server.done(&["device", "show", "ann", "16-1"]);
    assert!(shown.contains("lost in a train") && shown.contains("eve"), "{shown}");
    server.done(&["device", "reset-access", "ann", "16-1"]);
    assert_eq!(server.provision(&["--device-id", "16-1"]).0, 0);

    let (code, log) = server.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.trim_end().ends_with("stopped"), "{log}");
    assert!(!log.contains("secret"), "no password in the log");
}

#[test]
fn a_phone_that_is_refused_names_the_settings_it_does_not_enforce() {
    let server = Server::start(&["--store", "memory:"]);
    server.done(&["policy", "set", "default", "DevicePasswordEnabled=1", "AllowBluetooth=0", "allow_partial=false"]);
    for (version, outcome) in [("16.1", "refused"), ("12.1", "failed")] {
        let (code, report) = server.provision(&["--profile", "aosp", "--protocol-version", version]);
        assert_eq!((code, report["outcome"].as_str()), (1, Some(outcome)), "{report}");
        assert_eq!((&report["acknowledgment"], &report["unmet"]), (&2.into(), &serde_json::json!(["AllowBluetooth"])));
        let verdicts = report["verdicts"].as_array().unwrap().iter();
        let verdicts: Vec<_> = verdicts.map(|of| format!("{} {}", of["setting"], of["verdict"])).collect();
        let expected = [r#""DevicePasswordEnabled" "unknown""#, r#""AllowBluetooth" "not enforced""#];
        assert_eq!(verdicts, expected, "{version}");
        assert!(report["verdicts"][1]["source"].as_str().unwrap().contains("ProvisionParser"), "{report}");
    }
    let text = server.provision_in_words(&["--profile", "aosp"]);
    assert_eq!(text.code, 1);
    let line = "acknowledged with 2 AppliedInPart; not enforced: AllowBluetooth; nothing is known of:";
    assert!(text.out.replace('\n', " ").contains(&format!("{line} DevicePasswordEnabled")), "{}", text.out);
    assert!(text.out.contains("AllowBluetooth         0      not enforced  it acknowledges 2"), "{}", text.out);

    // What could be read is taken for enforced, and that is said.
    let (code, report) = server.provision(&[]);
    assert_eq!((code, &report["unmet"]), (0, &serde_json::json!([])));
    assert_eq!(report["verdicts"][1]["note"], "taken for enforced, since it can be read");
    assert_eq!(report["verdicts"][0]["value"], true, "as it stands in the policy");
}

#[test]
fn a_family_acknowledges_what_its_sources_say_and_it_is_told_where_they_say_nothing() {
    let server = Server::start(&["--store", "memory:"]);
    server.done(&["policy", "set", "default", "DevicePasswordEnabled=1"]);
    // Gmail sets up no account with this policy, so there is nothing that it acknowledges.
    let (code, report) = server.provision(&["--profile", "gmail"]);
    assert_eq!((code, report["outcome"].as_str(), &report["acknowledgment"]), (1, Some("failed"), &Value::Null));
    assert_eq!((report["requests"].as_u64(), statuses(&report).len()), (Some(1), 2), "{report}");
    assert!(report["detail"].as_str().unwrap().contains("Gmail refuses an account with DevicePasswordEnabled alone"));
    assert!(report["notes"][0].as_str().unwrap().starts_with("to do: ask for nothing"), "{report}");
    let text = server.provision_in_words(&["--profile", "gmail"]);
    assert!(text.err.starts_with("note: to do: ask for nothing"), "{}", text.err);
    assert!(!text.out.contains("acknowledged with"), "{}", text.out);

    // Nothing is written about Nine.
    server.done(&["policy", "set", "default", "AllowCamera=0"]);
    let text = server.provision_in_words(&["--profile", "nine"]);
    let note = "note: no source says what Nine acknowledges when a policy asks for DevicePasswordEnabled, AllowCamera; \
                3 is what an honest client says after the verdicts below\n";
    assert_eq!((text.code, text.err.as_str()), (1, note), "{}", text.out);
    let (_, report) = server.provision(&["--profile", "nine"]);
    assert_eq!(report["notes"][0], note.trim_end().trim_start_matches("note: "));
}

#[test]
fn what_stands_behind_an_outcome_is_told_in_a_note() {
    let server = Server::start(&["--store", "memory:"]);
    let closed = ["allow_partial=false", "allow_externally_managed=false"];
    server.done(&[&["policy", "set", "default", "DevicePasswordEnabled=1"], &closed[..]].concat());
    let notes = |flags: &[&str]| {
        let (code, report) = server.provision(flags);
        let notes: Vec<_> = report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
        (code, notes.join("\n"))
    };
    // Up to 12.1 there is no Status that says it.
    for (status, code) in [("2", "139 (DeviceNotFullyProvisionable)"), ("3", "139 (DeviceNotFullyProvisionable)")] {
        let (exit, told) = notes(&["--protocol-version", "12.1", "--acknowledgment", status]);
        assert_eq!(exit, 1);
        assert!(told.starts_with(&format!("12.1 has no Status {code}; HTTP 403 as the answer")), "{told}");
    }
    assert_eq!(notes(&["--acknowledgment", "2"]), (1, String::new()), "16.1 has it");
    // The client does what the resolution of 145 says, and does not hide it.
    for version in ["12.1", "16.1"] {
        let (exit, told) = notes(&["--protocol-version", version, "--acknowledgment", "4"]);
        assert_eq!(exit, 0);
        assert!(told.starts_with("the server admits no device that somebody else manages"), "{version}: {told}");
        assert!(told.ends_with("acknowledged with 1"), "{version}: {told}");
    }
    server.done(&["policy", "set", "default", "allow_externally_managed=true"]);
    assert_eq!(notes(&["--acknowledgment", "4"]), (0, String::new()));
    // Quarantine is a 403 too, and no answer to an acknowledgment.
    server.done(&["device", "quarantine", "ann", "asprov-provision"]);
    assert_eq!(notes(&["--protocol-version", "12.1"]), (1, String::new()));
    server.done(&["device", "wipe", "ann", "asprov-provision", "--kind", "device", "--yes"]);
    assert!(notes(&[]).1.starts_with("a phone erases what it is told to as soon as it sees this"));
    let help = run(program(server.folder.path()).args(["provision", "--help"]), "").out;
    let names = ["ios-mail", "gmail", "outlook-mobile", "aosp", "samsung", "windows-mail", "nine"];
    assert!(names.iter().all(|name| help.contains(name)), "{help}");
}

#[test]
fn whoever_stops_reading_gets_the_exit_code_of_the_outcome() {
    let server = Server::start(&["--store", "memory:"]);
    server.done(&["policy", "set", "default", "DevicePasswordEnabled=1", "allow_partial=false"]);
    let address = server.url.as_str();
    // Nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{gone}");
    for (url, flags, expected) in [
        (address, ["--acknowledgment", "2"], 1),
        (address, ["--acknowledgment", "1"], 0),
        // With a note on stderr.
        (address, ["--profile", "nine"], 1),
        (nobody.as_str(), ["--acknowledgment", "1"], 1),
    ] {
        for json in [&[][..], &["--json"][..]] {
            let mut command = program(server.folder.path());
            command.args(["provision", url, "--user", "ann", "--password-stdin"]).args(flags).args(json);
            let mut child = command.spawn().unwrap();
            // The reader is gone before anything is written.
            drop((child.stdout.take(), child.stderr.take()));
            child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(expected), "{url} {flags:?} {json:?}");
        }
    }
    // The same of what a probe finds.
    for (url, expected) in [(nobody.as_str(), 1), (address, 0)] {
        let mut command = program(server.folder.path());
        let mut child = command.args(["probe", url, "--user", "ann", "--password-stdin"]).spawn().unwrap();
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{url}");
    }
}

#[test]
fn somebody_who_watches_is_told_of_every_wait() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    let mut command = program(folder.path());
    command.args(["provision", &url, "--user", "ann", "--password-stdin", "--protocol-version", "16.1"]);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("note: waiting 1."), "{line}");
    assert!(line.contains(&format!(" s before the next attempt: cannot connect to {url}: ")), "{line}");
}

#[test]
fn a_wipe_asks_first_and_is_never_claimed_by_a_phone_that_did_not_do_it() {
    let server = Server::start(&["--store", "memory:"]);
    assert_eq!(server.provision(&[]).0, 0);
    let device = ["ann", "asprov-provision"];
    let asked = server.asprov(&[&["device", "wipe"], &device[..]].concat());
    assert_eq!(asked.code, 2);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    assert_eq!(server.json(&["device", "show", "ann", "asprov-provision", "--json"])["wipe"], Value::Null);

    server.done(&["device", "wipe", "ann", "asprov-provision", "--kind", "account", "--reason", "left", "--yes"]);
    let (code, report) = server.provision(&[]);
    assert_eq!((code, report["outcome"].as_str()), (1, Some("wipe_ordered")), "{report}");
    let wipe = server.json(&["device", "show", "ann", "asprov-provision", "--json"])["wipe"].clone();
    assert_eq!(
        (wipe["state"].as_str(), wipe["requested_by"].as_str()),
        (Some("sent"), Some("eve")),
        "nothing was claimed"
    );
    let listed = |state: &str| {
        let wipes = server.asprov(&["device", "wipes", "--state", state]);
        assert_eq!(wipes.code, 0, "{}", wipes.err);
        (wipes.out.lines().count(), wipes.err.trim().to_owned())
    };
    assert_eq!(listed("sent"), (2, "1 wipe".to_owned()), "a heading and a line");
    assert_eq!(listed("pending"), (0, "0 wipes".to_owned()));
    let all = server.json(&["device", "wipes", "--json"]);
    assert_eq!((all[0]["user"].as_str(), all[0]["kind"].as_str()), (Some("ann"), Some("account")), "{all}");
    let both = server.asprov(&["device", "wipes", "ann", "asprov-provision", "--state", "sent"]);
    assert_eq!(both.code, 2, "of one device there is the history, in which every state is: {}", both.err);
    let other = server.asprov(&["device", "wipe", "ann", "asprov-provision", "--kind", "device", "--yes"]);
    assert_eq!(other.code, 1, "a second kind is refused");
    let cancelled = server.asprov(&["device", "cancel-wipe", "ann", "asprov-provision"]);
    assert_eq!(cancelled.code, 0);
    assert!(cancelled.err.contains("may be removing this account all the same"), "{}", cancelled.err);

    server.done(&["user", "forget", "ann", "--users", "users", "--yes"]);
    assert_eq!(server.json(&["device", "list", "--json"]), serde_json::json!([]));
    assert_eq!(server.done(&["user", "list", "--users", "users"]), "");
    assert_eq!(server.stop().0, 0);
}

#[test]
fn what_was_wiped_or_blocked_is_left_alone_by_a_clean_up_and_a_list_that_is_cut_says_so() {
    let server = Server::start(&["--store", "memory:"]);
    for device_id in ["A1", "DUE", "BLK", "B1", "B2"] {
        assert_eq!(server.provision(&["--device-id", device_id]).0, 0);
    }
    server.done(&["device", "block", "ann", "BLK", "--reason", "stolen"]);
    for device_id in ["A1", "DUE"] {
        server.done(&["device", "wipe", "ann", device_id, "--yes"]);
    }
    server.post("Provision", "0", r#"<Provision xmlns="Provision"/>"#);
    let done = r#"<Provision xmlns="Provision"><RemoteWipe><Status>1</Status></RemoteWipe></Provision>"#;
    assert!(server.post("Provision", "0", done).contains("<Status>1</Status>"));

    let some = server.asprov(&["device", "list", "--limit", "2"]);
    assert_eq!((some.code, some.out.lines().count()), (0, 3), "{}", some.out);
    assert_eq!(some.err, "there are more: only the first 2 are shown, as --limit says\n");
    assert_eq!(server.asprov(&["device", "list", "--limit", "5"]).err, "");
    assert_eq!(server.asprov(&["device", "export", "--limit", "4"]).err.lines().count(), 1);
    let none = server.asprov(&["device", "list", "--limit", "0"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("expected a number, 1 or more"), "{}", none.err);

    let forgotten = server.asprov(&["device", "forget", "ann", "--all", "--yes"]);
    assert_eq!(forgotten.code, 0);
    let said = "left alone: A1 (wiped), BLK (blocked), DUE (its wipe is due, cancel it first): forget them by name\n";
    assert!(forgotten.err.starts_with(said), "{}", forgotten.err);
    let left = server.json(&["device", "list", "--json"]);
    let ids: Vec<&str> = left.as_array().unwrap().iter().map(|device| device["device_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["A1", "BLK", "DUE"]);
    server.done(&["device", "forget", "ann", "A1", "--yes"]);
    assert_eq!(server.json(&["device", "list", "--json"]).as_array().unwrap().len(), 2);

    let begun = server.asprov(&["device", "trace", "ann", "BLK", "--no-follow"]);
    assert!(begun.err.contains("recorded from a second from now until 2"), "{}", begun.err);
    let shown = server.asprov(&["device", "trace", "ann", "BLK", "--show"]);
    assert_eq!((shown.code, shown.out.as_str(), shown.err.as_str()), (0, "", "ann BLK: nothing was recorded yet\n"));

    let short = server.asprov(&["device", "why", "ann"]);
    assert_eq!(short.code, 2);
    assert!(short.err.contains("usage: asprov device why <USER> <DEVICE_ID>"), "{}", short.err);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn the_token_file_is_for_its_owner_and_only_its_path_is_printed() {
    let server = Server::start(&["--store", "sqlite:data.db"]);
    let file = server.folder.path().join("asprov.token");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(&file).unwrap();
    let other = run(
        program(server.folder.path())
            .args(["policy", "list", "--admin", &server.admin])
            .env("ASPROV_ADMIN_TOKEN", "another-token-of-someone"),
        "",
    );
    assert_eq!(other.code, 1);
    assert!(other.err.starts_with("error: this is not the administrator's token"), "{}", other.err);
    let folder = fs::read_dir(server.folder.path()).unwrap().count();
    assert!(folder >= 3, "users, store and token");
    let (code, log) = server.stop();
    assert_eq!(code, 0);
    assert!(log.contains("asprov.token") && !log.contains(token.trim()), "{log}");
}

#[test]
fn what_was_acknowledged_survives_a_restart() {
    let server = Server::start(&[]);
    assert_eq!(server.provision(&[]).0, 0);
    let before = server.json(&["device", "list", "--json"]);
    let mut server = server;
    let folder = std::mem::replace(&mut server.folder, tempfile::tempdir().unwrap());
    assert_eq!(server.stop().0, 0);
    let server = Server::start_in(folder, &["--log-format", "json"]);
    assert_eq!(server.json(&["device", "list", "--json"]), before);
    let (code, log) = server.stop();
    assert_eq!(code, 0);
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
}

#[test]
fn a_wrong_password_ends_with_the_reason_and_leaves_no_device() {
    let server = Server::start(&[]);
    let mut command = program(server.folder.path());
    command.args(["provision", &server.url, "--user", "ann", "--password-stdin", "--json"]);
    let done = run(&mut command, "wrong\n");
    assert_eq!(done.code, 1);
    let report: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((report["outcome"].as_str(), statuses(&report)), (Some("failed"), vec!["http 401".to_owned()]));
    assert!(!done.out.contains("wrong\""), "no password in the report");
    assert_eq!(server.json(&["device", "list", "--json"]), serde_json::json!([]));
    assert_eq!(server.stop().0, 0);
}

#[test]
fn the_log_says_why_a_phone_was_refused_and_holds_no_password_and_no_policy_key() {
    let server = Server::start(&["--log", "trace"]);
    server.done(&["policy", "set", "default", "allow_non_provisionable=false"]);
    let policy = |inner: &str| {
        let policy_type = "<PolicyType>MS-EAS-Provisioning-WBXML</PolicyType>";
        format!(
            r#"<Provision xmlns="Provision"><Policies><Policy>{policy_type}{inner}</Policy></Policies></Provision>"#
        )
    };
    let acknowledge = |key: &str| policy(&format!("<PolicyKey>{key}</PolicyKey><Status>1</Status>"));
    let key = |answer: &str| {
        let (_, rest) = answer.split_once("<PolicyKey>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };

    server.post("FolderSync", "", r#"<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>"#);
    let temporary = key(&server.post("Provision", "0", &policy("")));
    server.post("Provision", "", &format!(r#"<Provision xmlns="Provision">{temporary}</Provision>"#));
    server.post("Provision", "", &acknowledge("1234567890"));
    let permanent = key(&server.post("Provision", &temporary, &acknowledge(&temporary)));
    let (code, log) = server.stop();
    assert_eq!(code, 0);

    for said in [
        "common 141 LegacyDeviceOnStrictPolicy",
        "A policy is in force, and the device shows no sign that it can be provisioned.",
        "provision 2 ProtocolError",
        " characters, expected ",
        "policy 5 PolicyKeyMismatch",
        "Begin again with an initial request and acknowledge the key that comes.",
    ] {
        assert!(log.contains(said), "{said:?} is not in {log}");
    }
    for secret in ["secret", ANN, "1234567890", &temporary, &permanent] {
        assert!(!log.contains(secret), "{secret:?} is in {log}");
    }
}

#[test]
fn a_held_connection_does_not_keep_the_server_from_stopping() {
    let server = Server::start(&[]);
    let mut idle = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    idle.write_all(b"POST /Micro").unwrap();
    let (code, log) = server.stop();
    assert_eq!(code, 0, "{log}");
}

#[test]
fn a_store_that_was_emptied_is_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("users"), "").unwrap();
    fs::write(at("asprov.db"), "").unwrap();
    let serve = ["serve", "--check", "--users", "users", "--store", "sqlite:asprov.db"];
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let new = run(program(folder.path()).args(serve).args(listen), "");
    assert!(!new.err.contains("lost"), "nothing says that there was one before: {}", new.err);
    fs::write(at("asprov.db"), "").unwrap();
    let _ = fs::remove_file(at("asprov.db-wal"));
    fs::write(at("asprov.token"), "a".repeat(64)).unwrap();
    for check in [&serve[..], &["serve", "--users", "users", "--store", "sqlite:asprov.db"]] {
        let done = run(program(folder.path()).args(check).args(listen), "");
        assert_eq!(done.code, 1, "{}", done.err);
        assert!(
            done.err.contains("asprov.db is empty") && done.err.contains("restore it from a backup"),
            "{}",
            done.err
        );
        assert_eq!(fs::metadata(at("asprov.db")).unwrap().len(), 0, "it is left as it is");
    }
}

#[test]
fn a_listener_that_is_taken_is_an_error_that_names_it() {
    let server = Server::start(&[]);
    let taken = server.url.trim_start_matches("http://").to_owned();
    let other = server.asprov(&["serve", "--users", "users", "--store", "memory:", "--listen", &taken]);
    assert_eq!(other.code, 1);
    assert!(other.err.contains(&format!("error: cannot listen on {taken}")), "{}", other.err);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn rules_decide_who_comes_in_and_spare_who_is_there() {
    let server = Server::start(&["--store", "memory:"]);
    assert_eq!(server.provision(&["--device-id", "OLD"]).0, 0);

    // What a rule would do, and what it does; whoever is there may stay.
    let rule = "block if DeviceType = \"asprov\" because \"no test phones\"";
    let weighed = server.asprov(&["access", "rule", "set", "test", rule, "--dry-run"]);
    assert!(weighed.err.starts_with("rule test would keep 1 device out and let 0 devices in"), "{}", weighed.err);
    assert_eq!(server.json(&["access", "rule", "list", "--json"])["items"], serde_json::json!([]));
    let kept = server.json(&["access", "rule", "set", "test", rule, "--spare-present", "--json"]);
    assert_eq!(kept["effect"]["devices_spared"], 1, "{kept}");
    assert_eq!(server.provision(&["--device-id", "OLD"]).0, 0);
    let (code, report) = server.provision(&["--device-id", "NEW"]);
    assert_eq!((code, statuses(&report).last().cloned()), (1, Some("common 129".to_owned())), "{report}");
    let shown = server.done(&["device", "show", "ann", "NEW"]);
    assert!(shown.contains("no test phones"), "{shown}");
    let blocked = server.json(&["device", "list", "--access", "blocked", "--json"]);
    assert_eq!((blocked.as_array().unwrap().len(), &blocked[0]["access"]["decided_by"]), (1, &"test".into()));
    assert!(server.done(&["access", "rule", "list"]).contains("no test phones"));

    // What would happen to others.
    let tested = server.done(&["access", "test", "--device", "ann", "OLD"]);
    assert!(tested.contains("present when rule test came") && tested.contains("allowed"), "{tested}");
    let tested = server.json(&["access", "test", "--device-type", "iPhone", "--os", "iOS 17.4", "--json"]);
    assert_eq!(tested["access"]["state"], "allowed");

    // Refused as a whole: where it is wrong, and what was expected.
    let wrong = server.asprov(&["access", "rule", "set", "x", "block when OS = a"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("character 7: `when OS = a`, expected if"), "{}", wrong.err);
    let contradicted = server.asprov(&["access", "rule", "set", "x", "allow if DeviceType = asprov"]);
    assert_eq!(contradicted.code, 1);
    assert!(contradicted.err.contains("rule test is tried first"), "{}", contradicted.err);

    server.done(&["access", "rule", "delete", "test", "--yes"]);
    assert_eq!(server.provision(&["--device-id", "NEW"]).0, 0);
    let level = server.asprov(&["access", "default", "quarantine"]);
    assert!(level.err.starts_with("default level quarantined counts now; it keeps 1 device out"), "{}", level.err);
    assert_eq!(server.done(&["access", "default"]), "quarantined\n");
    assert_eq!(server.stop().0, 0);
}

#[test]
fn policies_begin_with_presets_come_from_other_servers_and_are_looked_at() {
    let server = Server::start(&["--store", "memory:"]);
    server.done(&["policy", "set", "pin", "--preset", "basic-pin", "MinDevicePasswordLength=4"]);
    let pin = server.json(&["policy", "show", "pin", "--json"]);
    assert_eq!((&pin["name"], &pin["settings"]["MinDevicePasswordLength"]), (&"pin".into(), &4.into()));
    let preset = server.json(&["policy", "preset", "show", "basic-pin", "--json"]);
    assert_eq!(preset["settings"]["MaxInactivityTimeDeviceLock"], pin["settings"]["MaxInactivityTimeDeviceLock"]);
    let unknown = server.asprov(&["policy", "set", "pin", "--preset", "basic-pn"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean basic-pin?"), "{}", unknown.err);

    // A trap is told at the save, and `lint` fails for it; the policy is saved all the same.
    let saved = server.asprov(&["policy", "set", "trap", "DevicePasswordEnabled=1"]);
    assert_eq!(saved.code, 0);
    assert!(saved.err.contains("lint: Gmail refuses an account with DevicePasswordEnabled alone"), "{}", saved.err);
    let lint = server.asprov(&["policy", "lint", "trap"]);
    assert_eq!(lint.code, 1);
    assert!(lint.out.contains("refuses the account"), "{}", lint.out);
    let file = server.folder.path().join("trap.json");
    fs::write(&file, server.done(&["policy", "show", "trap", "--json"])).unwrap();
    let of_file = server.asprov(&["policy", "lint", "trap.json", "--json"]);
    let of_server = server.asprov(&["policy", "lint", "trap", "--json"]);
    assert_eq!((of_file.code, of_file.out), (1, of_server.out), "a file is looked at as the server does");
    assert_eq!(server.asprov(&["policy", "lint", "default"]).code, 0);

    // Policies of Exchange and Z-Push; what is wrong changes nothing.
    let exchange = r#"{"Name": "Sales", "PasswordEnabled": true, "MinPasswordLength": 6, "IrmEnabled": true}"#;
    fs::write(server.folder.path().join("exchange.json"), exchange).unwrap();
    let reports = server.json(&["policy", "import", "exchange", "exchange.json", "--dry-run", "--json"]);
    assert_eq!(reports[0]["remarks"][0]["what"], "IrmEnabled");
    assert_eq!(server.asprov(&["policy", "show", "Sales"]).code, 1, "nothing was changed");
    assert!(server.done(&["policy", "import", "exchange", "exchange.json"]).contains("IrmEnabled"));
    let sales = server.json(&["policy", "show", "Sales", "--json"]);
    assert_eq!(sales["settings"]["MinDevicePasswordLength"], 6);
    fs::write(server.folder.path().join("policies.ini"), "[default]\ndevpwenabled = 1\nmindevpwlenngth = 40\n")
        .unwrap();
    let wrong = server.asprov(&["policy", "import", "zpush", "policies.ini", "--name", "zpush"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("policies.ini: line 3: "), "{}", wrong.err);
    assert_eq!(server.asprov(&["policy", "show", "zpush"]).code, 1);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn a_file_of_policies_is_weighed_first_and_made_as_a_whole_or_not_at_all() {
    let server = Server::start(&["--store", "memory:"]);
    server.done(&["policy", "set", "sales", "DevicePasswordEnabled=1", "MinDevicePasswordLength=4"]);
    server.done(&["policy", "assign", "sales", "--user", "ann"]);
    assert_eq!(server.provision(&["--device-id", "ONE"]).0, 0);
    let write = |text: &str| fs::write(server.folder.path().join("policies.toml"), text).unwrap();
    let length = |policy: &str| {
        let policy = server.json(&["policy", "show", policy, "--json"]);
        policy["settings"]["MinDevicePasswordLength"].clone()
    };

    // The second policy is wrong: the first is not made either.
    write("[policy.new]\nallow_partial = true\n[policy.sales.settings]\nMinDevicePasswordLength = 40\n");
    let wrong = server.asprov(&["policy", "apply", "policies.toml"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.starts_with("error: policies.toml: line 4: "), "{}", wrong.err);
    assert_eq!(server.asprov(&["policy", "show", "new"]).code, 1);

    write(
        "[policy.new]\nallow_partial = true\n\
         [policy.sales.settings]\nDevicePasswordEnabled = true\nMinDevicePasswordLength = 8\n",
    );
    let dry = server.done(&["policy", "apply", "policies.toml", "--dry-run"]);
    assert!(dry.contains("MinDevicePasswordLength: 4 -> 8\n  1 device to provision again"), "{dry}");
    assert_eq!(length("sales"), 4);
    let plan = server.json(&["policy", "apply", "policies.toml", "--json"]);
    assert_eq!((&plan[0]["policy"], &plan[0]["what"]), (&"new".into(), &"new".into()), "{plan}");
    assert_eq!((&plan[1]["what"], &plan[1]["devices_to_provision_again"]), (&"changed".into(), &1.into()), "{plan}");
    assert_eq!(length("sales"), 8);
    let again = server.json(&["policy", "apply", "policies.toml", "--json"]);
    assert!(again.as_array().unwrap().iter().all(|policy| policy["what"] == "unchanged"), "{again}");
    assert_eq!(server.stop().0, 0);
}
