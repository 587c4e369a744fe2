//! A server in a folder of its own, and its log as it comes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

/// Nothing here takes longer; a test that would wait for ever fails instead.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// `ann:secret` as the Authorization header has it.
pub(crate) const ANN: &str = "YW5uOnNlY3JldA==";

/// A running `asprov serve --config asprov.toml`.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// What came back: status line, headers and body.
pub(crate) struct Answer(pub(crate) Vec<u8>);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.0);
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {text}"))
    }

    pub(crate) fn body(&self) -> &[u8] {
        let end = self.0.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        self.0.get(end + 4..).unwrap_or_default()
    }
}

impl Server {
    /// A folder with this `asprov.toml`, and a users file with ann and her password `secret`.
    pub(crate) fn folder(configuration: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("asprov.toml"), configuration).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
            .args(["user", "add", "ann", "--users", "users", "--password-stdin"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        assert!(child.wait().unwrap().success());
        folder
    }

    pub(crate) fn start(configuration: &str) -> Self {
        Self::start_in(Self::folder(configuration))
    }

    pub(crate) fn start_in(folder: tempfile::TempDir) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same with these variables, and no others.
    pub(crate) fn start_with(folder: tempfile::TempDir, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::<Mutex<String>>::default();
        let into = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = into.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let server = Self { folder, child, log };
        server.says("administrators connect here");
        server
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for the line of the log that holds this, and gives it.
    pub(crate) fn says(&self, what: &str) -> String {
        self.says_after("", what)
    }

    /// The same, for lines after what the log was before.
    pub(crate) fn says_after(&self, before: &str, what: &str) -> String {
        until(&format!("the log holds {what:?}"), || {
            let log = self.log();
            let new = log.strip_prefix(before).unwrap_or(&log).to_owned();
            new.lines().find(|line| line.contains(what)).map(str::to_owned).ok_or(log)
        })
    }

    fn address_in(&self, what: &str) -> SocketAddr {
        let line = self.says(what);
        let (_, after) = line.split_once("://").unwrap();
        after.split(['"', ' ', '/']).next().unwrap().parse().unwrap()
    }

    pub(crate) fn phones(&self) -> SocketAddr {
        self.address_in("phones connect here")
    }

    pub(crate) fn administrators(&self) -> SocketAddr {
        self.address_in("administrators connect here")
    }

    /// Writes `asprov.toml` anew, and sends SIGHUP; gives the log as it was before.
    pub(crate) fn reload(&self, configuration: &str) -> String {
        std::fs::write(self.path().join("asprov.toml"), configuration).unwrap();
        self.hang_up()
    }

    /// SIGHUP; gives the log as it was before.
    pub(crate) fn hang_up(&self) -> String {
        let before = self.log();
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        before
    }

    /// SIGTERM, and its end; everything it said is in the log then.
    pub(crate) fn terminate(&mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(self.child.wait().unwrap().success());
        self.says("stopped");
    }

    /// A command of ann's device A1 without a policy key, on a connection that stays open until the answer is whole.
    pub(crate) fn begin(&self, command: &str) -> TcpStream {
        self.send(command, ANN, b"x")
    }

    /// The same with these credentials and this body.
    pub(crate) fn send(&self, command: &str, credentials: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.phones()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!(
            "POST /Microsoft-Server-ActiveSync?Cmd={command}&User=ann&DeviceId=A1&DeviceType=SP HTTP/1.1\r\nHost: x\r\n\
             Connection: close\r\nAuthorization: Basic {credentials}\r\nMS-ASProtocolVersion: 14.0\r\n\
             Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        stream
    }

    /// The same, to its end.
    pub(crate) fn ask(&self, command: &str) -> Answer {
        end(self.begin(command))
    }

    /// What a command of the administrator says, which has to succeed: in one line, however it was broken.
    pub(crate) fn administer(&self, arguments: &[&str]) -> String {
        let done = Command::new(env!("CARGO_BIN_EXE_asprov"))
            .args(arguments)
            .args(["--admin", &format!("http://{}", self.administrators())])
            .current_dir(self.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        let said = [done.stdout, done.stderr].concat();
        String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads until the other end closes.
pub(crate) fn end(mut stream: TcpStream) -> Answer {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Answer(answer)
}

/// Asks until there is an answer; after the deadline the last thing that came in its place is told.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(_) if begun.elapsed() < DEADLINE => std::thread::yield_now(),
            Err(instead) => panic!("not within {DEADLINE:?}: {what}; {instead}"),
        }
    }
}
