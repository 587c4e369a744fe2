//! `asprov serve` in a directory of its own, the program beside it, and plain HTTP to both of its listeners.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use asprov_protocol::message::{Ask, DeviceInformation, PolicyTypeText, ProvisionRequest};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};
use serde_json::Value;

/// `ann:secret` as the Authorization header has it.
const ANN: &str = "YW5uOnNlY3JldA==";

pub(crate) struct Running {
    pub(crate) folder: tempfile::TempDir,
    child: Child,
    phones: String,
    admin: String,
    log: Option<JoinHandle<String>>,
}

/// What a command came to.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
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
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

impl Running {
    /// With this groups file.
    pub(crate) fn start(groups: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("groups"), groups).unwrap();
        let add = ["user", "add", "ann", "--users", "users", "--password-stdin"];
        assert_eq!(run(program(folder.path()).args(add), "secret\n").code, 0);
        Self::start_in(folder, flags)
    }

    pub(crate) fn start_in(folder: tempfile::TempDir, flags: &[&str]) -> Self {
        let serve = ["serve", "--users", "users", "--groups", "groups", "--listen", "127.0.0.1:0"];
        let mut child =
            program(folder.path()).args(serve).args(["--admin-listen", "127.0.0.1:0"]).args(flags).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let mut address = |what: &str| loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended: {seen}");
            seen.push_str(&line);
            if line.contains(what) {
                let (_, address) = line.split_once("http://").unwrap();
                return address.split([' ', '"', '\n']).next().unwrap().to_owned();
            }
        };
        let (phones, admin) = (address("phones connect here"), address("administrators connect here"));
        let log = std::thread::spawn(move || {
            log.read_to_string(&mut seen).unwrap();
            seen
        });
        Self { folder, child, phones, admin, log: Some(log) }
    }

    /// A command of the administrator.
    pub(crate) fn asprov(&self, arguments: &[&str]) -> Done {
        let admin = format!("http://{}", self.admin);
        run(program(self.folder.path()).args(arguments).env("ASPROV_ADMIN", admin).env("USER", "eve"), "")
    }

    /// A command that has to succeed: what it printed.
    pub(crate) fn out(&self, arguments: &[&str]) -> String {
        let done = self.asprov(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}{}", done.out, done.err);
        done.out
    }

    /// A command that has to succeed: what it said beside that.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let done = self.asprov(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}{}", done.out, done.err);
        done.err
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.out(arguments)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// A phone that provisions: whether it gets through, and the outcome.
    pub(crate) fn provision(&self, device_id: &str, flags: &[&str]) -> (i32, Value) {
        let url = format!("http://{}", self.phones);
        let arguments = ["provision", &url, "--user", "ann", "--password-stdin", "--json", "--device-id", device_id];
        let done = run(program(self.folder.path()).args(arguments).args(flags), "secret\n");
        (done.code, serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}{}", done.out, done.err)))
    }

    /// Puts JSON by the API.
    pub(crate) fn put(&self, path: &str, body: &Value) {
        let token = std::fs::read_to_string(self.folder.path().join("asprov.token")).unwrap();
        let head = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", token.trim());
        let (status, answer) = exchange(&self.admin, &format!("PUT {path}"), &head, body.to_string().as_bytes());
        assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&answer));
    }

    /// The document that this device of this version is offered.
    pub(crate) fn offered(&self, device_id: &str, version: ProtocolVersion) -> Element<'static> {
        let model = DeviceInformation { model: Some("Model T".to_owned()), ..DeviceInformation::default() };
        let request = ProvisionRequest {
            device_information: version.has_device_information_in_provision().then_some(model),
            ask: Ask::Initial { policy_type: PolicyTypeText::from(version.policy_type()) },
        };
        let head = format!(
            "Authorization: Basic {ANN}\r\nMS-ASProtocolVersion: {version}\r\nX-MS-PolicyKey: 0\r\n\
             Content-Type: application/vnd.ms-sync.wbxml\r\n"
        );
        let target =
            format!("POST /Microsoft-Server-ActiveSync?Cmd=Provision&User=ann&DeviceId={device_id}&DeviceType=SP");
        let (status, answer) = exchange(&self.phones, &target, &head, &encode(&request.to_element()));
        assert_eq!(status, 200, "{version}");
        decode(&answer, &Limits::default(), Unknown::Refuse).unwrap().into_owned()
    }

    /// SIGTERM, then the end: the log.
    pub(crate) fn stop(mut self) -> (tempfile::TempDir, String) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        (folder, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own: the status and the body.
fn exchange(address: &str, line: &str, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer.split_off(end + 4))
}
