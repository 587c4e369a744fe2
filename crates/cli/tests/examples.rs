//! The example files of the guide are right: `asprov serve --check` accepts those of asprov, and nginx, HAProxy and Caddy
//! accept theirs where they are installed.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that stands for `/etc/asprov` and `/var/lib/asprov`, with a certificate.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issued = rcgen::generate_simple_self_signed(vec!["mail.example.com".to_owned()]).unwrap();
        let (certificate, key) = (issued.cert.pem(), issued.signing_key.serialize_pem());
        fs::write(folder.path().join("certificate.pem"), &certificate).unwrap();
        fs::write(folder.path().join("key.pem"), &key).unwrap();
        fs::write(folder.path().join("certificate-and-key.pem"), format!("{certificate}{key}")).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// An example as it would stand on this machine.
    fn install(&self, example: &Path) -> PathBuf {
        let here = self.path().to_str().unwrap();
        let text = fs::read_to_string(example).unwrap();
        let text = text.replace("/etc/asprov", here).replace("/var/lib/asprov", here);
        let installed = self.path().join(example.file_name().unwrap());
        fs::write(&installed, text).unwrap();
        installed
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/examples")
}

/// Whether a program is there; a program of Debian may be where only root looks.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found =
        path.split(':').chain(["/usr/sbin"]).map(|folder| Path::new(folder).join(program)).find(|at| at.exists());
    if found.is_none() {
        println!("NOT RUN: {program} is not installed");
    }
    found
}

fn assert_accepts(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
}

#[test]
fn asprov_accepts_every_example_of_its_own() {
    let machine = Machine::new();
    let mut seen = 0;
    for entry in fs::read_dir(examples()).unwrap() {
        let example = entry.unwrap().path();
        if example.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let installed = machine.install(&example);
        // Only root may listen on 443, and whatever listens here must not matter.
        assert_accepts(
            Command::new(env!("CARGO_BIN_EXE_asprov"))
                .args(["serve", "--check", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--config"])
                .arg(installed)
                .current_dir(machine.path())
                .env_clear(),
        );
        seen += 1;
    }
    assert_eq!(seen, 5, "SOGo, Z-Push, grommunio, Horde and Exchange");
}

#[test]
fn nginx_accepts_its_example() {
    let Some(nginx) = installed("nginx") else { return };
    let machine = Machine::new();
    let server = machine.install(&examples().join("nginx.conf"));
    let here = machine.path().display();
    let whole = machine.path().join("whole.conf");
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
        .concat();
    let text = format!(
        "pid {here}/nginx.pid;\nerror_log {here}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}include {};\n}}\n",
        server.display()
    );
    // The test of a configuration opens its ports, and 443 may be taken or forbidden.
    let elsewhere = format!("listen unix:{here}/nginx.socket ");
    fs::write(&server, fs::read_to_string(&server).unwrap().replace("listen 443 ", &elsewhere)).unwrap();
    fs::write(&whole, text).unwrap();
    assert_accepts(Command::new(nginx).arg("-t").arg("-e").arg(machine.path().join("error.log")).arg("-c").arg(whole));
}

#[test]
fn haproxy_accepts_its_example() {
    let Some(haproxy) = installed("haproxy") else { return };
    let machine = Machine::new();
    let file = machine.install(&examples().join("haproxy.cfg"));
    assert_accepts(Command::new(haproxy).arg("-c").arg("-f").arg(file));
}

#[test]
fn caddy_accepts_its_example() {
    let Some(caddy) = installed("caddy") else { return };
    let machine = Machine::new();
    let file = machine.install(&examples().join("Caddyfile"));
    assert_accepts(
        Command::new(caddy)
            .args(["validate", "--adapter", "caddyfile", "--config"])
            .arg(file)
            .env("HOME", machine.path())
            .env("XDG_DATA_HOME", machine.path())
            .env("XDG_CONFIG_HOME", machine.path()),
    );
}

#[test]
fn the_guide_names_every_example() {
    let page = fs::read_to_string(examples().join("../behind-a-proxy.md")).unwrap();
    for entry in fs::read_dir(examples()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("(examples/{name})")), "{name}");
    }
}
