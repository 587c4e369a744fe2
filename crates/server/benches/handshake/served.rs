//! The server that is measured: its store, its users, its process and the CPU time that it takes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::DeviceInformation;
use asprov_protocol::policy::{Fingerprint, Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey};
use asprov_protocol::server::{DeviceRecord, Provisioned};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::sign_in::{SignInLimits, UsersFile};
use asprov_server::{Config, Listener, Server, StopSignal};
use asprov_store::{AssignmentTarget, Saved, SqliteOptions, SqliteStore, Store};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Tells the program to serve the folder it names instead of measuring.
const SERVE: &str = "ASPROV_BENCH_SERVE";
const STORE: &str = "asprov.db";
const USERS_FILE: &str = "users";

/// Users who sign in; each has a few devices in the end, as in life.
pub(crate) const USERS: u32 = 2_000;
pub(crate) const PASSWORD: &str = "correct horse";
/// Devices of a user who was there before.
const DEVICES_OF_A_USER: u32 = 4;
/// Devices that are filled in at the same time, to share the waiting for the disk.
const FILLED_AT_ONCE: u32 = 500;
/// Ticks of a second in `/proc/PID/stat`, whatever the kernel uses itself.
const TICKS: u64 = 100;

/// The user of a new device.
pub(crate) fn user(number: u32) -> String {
    format!("user{:04}", number % USERS)
}

/// Makes the users file and the store, with so many devices that have acknowledged already.
pub(crate) async fn prepare(folder: &Path, existing: u32) {
    // All have one hash, a cheap one: each user signs in once before anything is measured.
    let hash = bcrypt::hash_with_salt(PASSWORD, 4, *b"sixteen of salt.").unwrap();
    let mut users = String::new();
    for number in 0..USERS {
        writeln!(users, "{}:{hash}", user(number)).unwrap();
    }
    std::fs::write(folder.join(USERS_FILE), users).unwrap();

    let store = Arc::new(SqliteStore::open(folder.join(STORE), SqliteOptions::default()).unwrap());
    let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
    policy.rules = PolicyRules::default();
    policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(6)).unwrap();
    store.put_policy(&policy).await.unwrap();
    store.assign(&AssignmentTarget::Default, &policy.name).await.unwrap();

    let fingerprint = policy.document.fingerprint(ProtocolVersion::V16_1);
    for first in (0..existing).step_by(FILLED_AT_ONCE as usize) {
        let mut saves = JoinSet::new();
        for number in first..existing.min(first + FILLED_AT_ONCE) {
            let (store, record) = (Arc::clone(&store), record(number, &policy.name, fingerprint));
            saves.spawn(async move { store.save(0, &record, &[], Timestamp::UNIX_EPOCH).await });
        }
        while let Some(saved) = saves.join_next().await {
            assert_eq!(saved.unwrap(), Ok(Saved::Saved));
        }
    }
}

fn record(number: u32, policy: &PolicyName, fingerprint: Fingerprint) -> DeviceRecord {
    DeviceRecord {
        device: DeviceKey {
            user: UserName::new(&format!("old{:06}", number / DEVICES_OF_A_USER)).unwrap(),
            device_id: DeviceId::new(&format!("OLD{number:07}")).unwrap(),
        },
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: Some("Apple-iPhone15C2/2201.55".to_owned()),
        protocol_version: ProtocolVersion::V16_1,
        offer: None,
        provisioned: Some(Provisioned {
            key: PermanentKey::restore(PolicyKey::new(1_307_199_584).unwrap()),
            fingerprint,
            policy: policy.clone(),
            acknowledged_at: Timestamp::UNIX_EPOCH,
        }),
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation {
            model: Some("iPhone15,2".to_owned()),
            os: Some("iOS 17.4 21E219".to_owned()),
            ..DeviceInformation::default()
        },
        first_seen_at: Timestamp::UNIX_EPOCH,
    }
}

/// The folder to serve, when this program was started as the server.
pub(crate) fn asked_to_serve() -> Option<OsString> {
    std::env::var_os(SERVE)
}

/// Serves until its input ends, which it does with the process that measures.
pub(crate) fn serve(folder: &OsString) {
    let folder = Path::new(folder);
    let store = SqliteStore::open(folder.join(STORE), SqliteOptions::default()).unwrap();
    let known_for_long = SignInLimits { accepted_for: Duration::from_secs(3_600), ..SignInLimits::default() };
    let users = UsersFile::open(&folder.join(USERS_FILE), &[], known_for_long).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", tcp.local_addr().unwrap());
        let (signal, stop) = StopSignal::new();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            signal.stop();
        });
        let server = Server::new(Arc::new(store), Arc::new(users), Config::default());
        server.serve([Listener::plain(tcp)], async move { stop.stopped().await }).await.unwrap();
    });
}

/// A server in a process of its own. Dropping it ends it.
pub(crate) struct Served {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// CPU time that a process has taken.
#[derive(Clone, Copy)]
pub(crate) struct CpuTime {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Served {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(SERVE, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, address: line.trim().parse().unwrap() }
    }

    /// User and system time of all its threads, from `/proc`; exact to a hundredth of a second.
    pub(crate) fn cpu_time(&self) -> CpuTime {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // The name of the program stands in parentheses and may hold blanks; utime and stime are fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let mut ticks = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().unwrap());
        let mut time = || Duration::from_millis(ticks.next().unwrap() * 1_000 / TICKS);
        CpuTime { user: time(), system: time() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Its input ends here.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
