//! The example configurations of nginx, HAProxy and Caddy with the programs themselves: a request and held Pings go through
//! them over TLS, a wipe reaches one, and other spellings of the path go nowhere. What is not installed is said, and is a
//! failure where ASPROV_INTEROP_FRONTS is set (scripts/interop).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustls::{ClientConnection, StreamOwned};

use super::certificates::connect;
use super::server::{ANN, Answer, DEADLINE, Server, until};
use super::upstream::Upstream;

/// The host of the examples.
const HOST: &str = "mail.example.com";

struct Front {
    child: Child,
    address: SocketAddr,
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of Debian; some are where only root looks.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found =
        path.split(':').chain(["/usr/sbin"]).map(|folder| Path::new(folder).join(program)).find(|at| at.exists());
    if found.is_none() {
        assert!(std::env::var_os("ASPROV_INTEROP_FRONTS").is_none(), "{program} is not installed");
        println!("NOT RUN: {program} is not installed");
    }
    found
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An example of the guide, with its certificate here and asprov where it is.
fn example(name: &str, server: &Server) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/examples").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("127.0.0.1:8080"), "the example names asprov's listener");
    text.replace("127.0.0.1:8080", &server.phones().to_string()).replace("/etc/asprov", server.path().to_str().unwrap())
}

/// asprov as the examples expect it: in clear on loopback, believing the web server beside it.
fn behind(upstream: &Upstream) -> Server {
    let server = Server::start(&format!(
        "upstream = \"{}\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\nstore = \"sqlite:asprov.db\"\n\
         trusted_proxies = [\"127.0.0.1/32\"]\npublic_url = \"https://{HOST}\"\n",
        upstream.url()
    ));
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (name, text) in [
        ("certificate.pem", &certificate),
        ("key.pem", &key),
        ("certificate-and-key.pem", &format!("{certificate}{key}")),
    ] {
        std::fs::write(server.path().join(name), text).unwrap();
    }
    server.says("refuses wrong credentials");
    server
}

fn start(command: &mut Command, address: SocketAddr, server: &Server) -> Front {
    let log = std::fs::File::create(server.path().join("front.log")).unwrap();
    let child = command
        .env("HOME", server.path())
        .env("XDG_DATA_HOME", server.path())
        .env("XDG_CONFIG_HOME", server.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let front = Front { child, address };
    until("the front listens", || {
        TcpStream::connect(address)
            .map_err(|_| std::fs::read_to_string(server.path().join("front.log")).unwrap_or_default())
    });
    front
}

impl Front {
    fn send(&self, method: &str, target: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut stream = connect(self.address, HOST);
        stream.sock.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nAuthorization: Basic {ANN}\r\n\
             X-Forwarded-For: 203.0.113.66\r\nX-Forwarded-Proto: http\r\n\
             MS-ASProtocolVersion: 14.0\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: 1\r\n\r\nx"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn get(&self, target: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut stream = connect(self.address, HOST);
        let head = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn command(&self, command: &str, device: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let query = format!("Cmd={command}&User=ann&DeviceId={device}&DeviceType=SP");
        self.send("POST", &format!("/Microsoft-Server-ActiveSync?{query}"))
    }
}

fn end(mut stream: StreamOwned<ClientConnection, TcpStream>) -> Answer {
    let mut answer = Vec::new();
    // Some servers close without saying so in TLS; what was read counts.
    let _ = stream.read_to_end(&mut answer);
    Answer(answer)
}

/// What has to work through every front.
fn serves(front: &Front, server: &Server, upstream: &Upstream) {
    let answer = end(front.command("FolderSync", "A1"));
    assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(&answer.0));
    assert!(String::from_utf8_lossy(answer.body()).contains("mail"), "{}", String::from_utf8_lossy(&answer.0));
    assert_eq!(end(front.command("FolderSync", "A2")).status(), 200);
    for target in ["/", "/microsoft-server-activesync", "//Microsoft-Server-ActiveSync", "/EWS/Exchange.asmx"] {
        let refused = end(front.send("POST", &format!("{target}?Cmd=FolderSync&User=ann&DeviceId=A1&DeviceType=SP")));
        assert_eq!(refused.status(), 404, "{target}");
    }
    for path in ["/autodiscover/autodiscover.json/v1.0", "/AutoDiscover/AutoDiscover.json/v1.0"] {
        let found = end(front.get(&format!("{path}/ann@example.com?Protocol=ActiveSync")));
        let text = String::from_utf8_lossy(&found.0).into_owned();
        assert!(text.contains(&format!("https://{HOST}/Microsoft-Server-ActiveSync")), "{text}");
    }
    let (wiped, kept) = (front.command("Ping", "A1"), front.command("Ping", "A2"));
    upstream.holds(2);
    server.administer(&["device", "wipe", "ann", "A1", "--yes"]);
    let answer = end(wiped);
    let text = String::from_utf8_lossy(&answer.0).into_owned();
    assert!(answer.status() == 200 && text.contains("application/vnd.ms-sync.wbxml"), "{text}");
    assert!(!text.contains("mail"), "it is asprov's answer: {text}");
    upstream.let_go();
    let answer = end(kept);
    assert_eq!(answer.status(), 200);
    assert!(String::from_utf8_lossy(answer.body()).contains("mail"), "the other one was held on");
}

#[test]
fn nginx_passes_requests_and_held_pings_on() {
    let Some(nginx) = installed("nginx") else { return };
    let upstream = Upstream::new("mail");
    let server = behind(&upstream);
    let (address, here) = (free(), server.path().display());
    let own = example("nginx.conf", &server).replace("listen 443 ", &format!("listen {address} "));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
        .concat();
    // One process, so that it ends with the test and stays who started it.
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
         {temporary}{own}}}\n"
    );
    let file = server.path().join("front.conf");
    std::fs::write(&file, whole).unwrap();
    let front = start(Command::new(nginx).arg("-e").arg("stderr").arg("-c").arg(file), address, &server);
    serves(&front, &server, &upstream);
}

#[test]
fn haproxy_passes_requests_and_held_pings_on() {
    let Some(haproxy) = installed("haproxy") else { return };
    let upstream = Upstream::new("mail");
    let server = behind(&upstream);
    let address = free();
    // Few connections, so that it starts whatever the limit of descriptors is.
    let own = example("haproxy.cfg", &server)
        .replace("bind :443 ", &format!("bind {address} "))
        .replace("maxconn 20000", "maxconn 100");
    let file = server.path().join("front.cfg");
    std::fs::write(&file, own).unwrap();
    let front = start(Command::new(haproxy).arg("-db").arg("-f").arg(file), address, &server);
    serves(&front, &server, &upstream);
}

#[test]
fn caddy_passes_requests_and_held_pings_on() {
    let Some(caddy) = installed("caddy") else { return };
    let upstream = Upstream::new("mail");
    let server = behind(&upstream);
    let (address, here) = (free(), server.path().display());
    // The certificate is no authority's here, and nothing is asked of any.
    let site = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttps://{HOST}:{} {{\n\tbind 127.0.0.1\n\ttls {here}/certificate.pem {here}/key.pem",
        address.port()
    );
    let own = example("Caddyfile", &server).replace(&format!("\n{HOST} {{"), &format!("\n{site}"));
    assert!(own.contains("auto_https off"), "{own}");
    // Global options stand first.
    let (comments, rest) = own.split_at(own.find("{\n\tadmin off").unwrap());
    assert!(comments.lines().all(|line| line.is_empty() || line.starts_with('#')));
    let file = server.path().join("Caddyfile");
    std::fs::write(&file, rest).unwrap();
    let front =
        start(Command::new(caddy).args(["run", "--adapter", "caddyfile", "--config"]).arg(file), address, &server);
    serves(&front, &server, &upstream);
}
