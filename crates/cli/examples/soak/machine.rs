//! What a scenario runs on: a folder of its own, processes that end with it, and what /proc says of them.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A folder and the programs beside this one.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

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
    pub(crate) async fn gateway(&self, upstream: SocketAddr) -> Result<Gateway, String> {
        let (phones, administrators) = (free(), free());
        let process = self.start(
            "asprov",
            self.asprov()
                .args(["serve", "--log", "warn", "--store", "sqlite:asprov.db"])
                .args(["--listen", &phones.to_string(), "--admin-listen", &administrators.to_string()])
                .args(["--upstream", &format!("http://{upstream}")]),
        );
        let gateway = Gateway { process, phones, administrators };
        until("the gateway is ready", || Ok(gateway.is_ready())).await?;
        self.administer(
            &gateway,
            &["policy", "set", "default", "allow_non_provisionable=false", "DevicePasswordEnabled=true"],
        )?;
        Ok(gateway)
    }

    /// A command of the administrator.
    pub(crate) fn administer(&self, gateway: &Gateway, arguments: &[&str]) -> Result<(), String> {
        let done = self
            .asprov()
            .args(arguments)
            .args(["--admin", &format!("http://{}", gateway.administrators)])
            .output()
            .map_err(|error| error.to_string())?;
        let said = || format!("asprov {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr));
        if done.status.success() { Ok(()) } else { Err(said()) }
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

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) phones: SocketAddr,
    pub(crate) administrators: SocketAddr,
}

impl Gateway {
    pub(crate) fn is_ready(&self) -> bool {
        use std::io::{Read as _, Write as _};
        let Ok(mut stream) = std::net::TcpStream::connect(self.administrators) else { return false };
        let mut answer = String::new();
        let asked = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.administrators);
        stream.write_all(asked.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
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
