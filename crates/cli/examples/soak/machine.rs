//! What a scenario runs on: a folder of its own, processes that end with it, and what /proc says of them.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::administrator::Administrator;

/// A folder and the programs beside this one.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

/// What everybody types.
pub(crate) const PASSWORD: &str = "soak";
/// Its bcrypt hash at the lowest cost: what a hash costs is shown elsewhere.
const PASSWORD_HASH: &str = "$2b$04$abcdefghijklmnopqrstuugT5uiedcCeAbRq2izaOCNCYBpT1PD6O";

/// A process that is killed when it is dropped.
pub(crate) struct Process(Child);

impl Machine {
    pub(crate) fn new() -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        let programs = this.parent().expect("it lies in a folder").to_owned();
        Self { folder: tempfile::tempdir().expect("a folder"), programs }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program itself.
    pub(crate) fn asprov(&self) -> Command {
        self.command(&self.programs.join("../asprov"))
    }

    /// Another example.
    pub(crate) fn example(&self, name: &str) -> Command {
        self.command(&self.programs.join(name))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env_clear().stdin(Stdio::null());
        command
    }

    /// Starts it; what it says goes into files of this name.
    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Process {
        let file = |ending: &str| {
            let path = self.path().join(format!("{name}.{ending}"));
            File::options().create(true).append(true).open(path).expect("a file for what it says")
        };
        Process(command.stdout(file("out")).stderr(file("err")).spawn().expect("it starts"))
    }

    /// Serves in front of this upstream, and waits until it is ready; a policy that everybody has to acknowledge is set.
    pub(crate) async fn gateway(&self, upstream: SocketAddr) -> Result<Server, String> {
        let mut server = Server::new();
        let upstream = format!("http://{upstream}");
        server.process = Some(self.start("asprov", self.serve(&server).args(["--upstream", &upstream])));
        until("the gateway is ready", || Ok(server.is_ready())).await?;
        self.demand_a_policy(&server)?;
        Ok(server)
    }

    /// Serves an empty mailbox to so many users, and waits until it is ready; the same policy is set.
    pub(crate) async fn mailbox(&self, users: usize) -> Result<Server, String> {
        self.write_users(users);
        let mut server = Server::new();
        server.process = Some(self.start("asprov", &mut self.serve_mailbox(&server)));
        until("the server is ready", || Ok(server.is_ready())).await?;
        self.demand_a_policy(&server)?;
        Ok(server)
    }

    /// The same with the store in a folder of this one.
    pub(crate) async fn mailbox_in(&self, folder: &str, users: usize) -> Result<Server, String> {
        self.write_users(users);
        let mut server = Server::new();
        let mut command = self.serve_mailbox(&server);
        command.env("ASPROV_STORE", format!("sqlite:{folder}/asprov.db"));
        server.process = Some(self.start("asprov", &mut command));
        until("the server is ready", || Ok(server.is_ready())).await?;
        fs::copy(self.path().join(folder).join("asprov.token"), self.path().join("asprov.token"))
            .map_err(|error| error.to_string())?;
        self.demand_a_policy(&server)?;
        Ok(server)
    }

    /// The command that serves with a store in this folder.
    pub(crate) fn serve(&self, server: &Server) -> Command {
        let mut command = self.asprov();
        command.env("ASPROV_STORE", "sqlite:asprov.db").args(["serve", "--log", "warn"]).args([
            "--listen",
            &server.phones.to_string(),
            "--admin-listen",
            &server.administrators.to_string(),
        ]);
        command
    }

    /// The same for an empty mailbox.
    pub(crate) fn serve_mailbox(&self, server: &Server) -> Command {
        let mut command = self.serve(server);
        command.args(["--users", "users", "--devices-per-user", "1000000"]);
        command
    }

    /// The users `u0`, `u1` and so on, all with [`PASSWORD`].
    pub(crate) fn write_users(&self, users: usize) {
        let lines: String = (0..users).map(|number| format!("u{number}:{PASSWORD_HASH}\n")).collect();
        fs::write(self.path().join("users"), lines).expect("a file of users");
    }

    pub(crate) fn demand_a_policy(&self, server: &Server) -> Result<(), String> {
        self.administer(
            server,
            &["policy", "set", "default", "allow_non_provisionable=false", "DevicePasswordEnabled=true"],
        )
    }

    /// Somebody at the API, with the token that lies beside the store.
    pub(crate) fn administrator(&self, name: &str, server: &Server) -> Administrator {
        let token = fs::read_to_string(self.path().join("asprov.token")).expect("the token beside the store");
        Administrator::new(name, server.administrators, &token)
    }

    /// A command of the administrator.
    pub(crate) fn administer(&self, server: &Server, arguments: &[&str]) -> Result<(), String> {
        let done = self.administration(server).args(arguments).output().map_err(|error| error.to_string())?;
        let said = || format!("asprov {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr));
        if done.status.success() { Ok(()) } else { Err(said()) }
    }

    /// The program, as an administrator of this server starts it.
    pub(crate) fn administration(&self, server: &Server) -> Command {
        let mut command = self.asprov();
        command.env("ASPROV_ADMIN", format!("http://{}", server.administrators));
        command
    }

    /// The lines of a file here.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path().join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The last lines that every process wrote, for whoever looks why something failed.
    pub(crate) fn last_words(&self) -> String {
        let mut words = String::new();
        for entry in fs::read_dir(self.path()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".err") {
                continue;
            }
            for line in self.lines(&name).iter().rev().take(5).rev() {
                words.push_str(&format!("   {name}: {line}\n"));
            }
        }
        words
    }
}

/// `asprov serve`, running or not.
pub(crate) struct Server {
    process: Option<Process>,
    pub(crate) phones: SocketAddr,
    pub(crate) administrators: SocketAddr,
}

impl Server {
    /// One that is to listen where nobody listens yet.
    pub(crate) fn new() -> Self {
        Self { process: None, phones: free(), administrators: free() }
    }

    pub(crate) fn runs(&mut self, process: Process) {
        self.process = Some(process);
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(&mut self) {
        drop(self.process.take());
    }

    /// SIGTERM, and its end in good order.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let process = self.process();
        let told = Command::new("kill").arg(process.id().to_string()).status().is_ok_and(|status| status.success());
        if !told {
            return Err("SIGTERM was not sent".to_owned());
        }
        until("the server has stopped", || Ok(!process.is_running())).await?;
        self.kill();
        Ok(())
    }

    /// What `/readyz` says.
    pub(crate) fn readiness(&self) -> String {
        self.ask("/readyz").unwrap_or_default()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.readiness().starts_with("HTTP/1.1 200")
    }

    fn ask(&self, path: &str) -> std::io::Result<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.administrators)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut answer = String::new();
        let asked = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.administrators);
        stream.write_all(asked.as_bytes())?;
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// How it ended, if that was not well.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.0.wait().ok()?;
        (!status.success()).then(|| status.to_string())
    }

    fn end(&mut self) {
        // What has ended already is what was wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Anonymous memory, in kB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        // After the name in parentheses: user and system time are the 12th and 13th, in hundredths of a second.
        let ticks = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
        Duration::from_millis(10 * ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>())
    }

    /// Open descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// An address of loopback where nobody listens.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// Waits until it is so, for at most two minutes.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(format!("not within 120 s: {what}"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
