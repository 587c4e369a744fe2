//! Handshakes of new devices through HTTP on SQLite: over loopback, on connections that stay open, with credentials that
//! were judged before. How many a second, one after the other and 16 at once, and how much CPU time a Provision request
//! costs the server; in an empty store and in one with 100,000 devices, where it should be the same.
//!
//! The server is a process of its own, this program started again, so that its CPU time is not mixed up with the
//! devices'. Both share the machine's cores, and every save waits for the disk.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

mod device;
mod served;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::device::Devices;
use self::served::Served;

/// Devices that are there before any handshake.
const EXISTING: [u32; 2] = [0, 100_000];
const AT_ONCE: usize = 16;
/// Provision requests of a handshake.
const REQUESTS: u32 = 2;

fn main() {
    if let Some(folder) = served::asked_to_serve() {
        return served::serve(&folder);
    }
    let mut criterion = Criterion::default().configure_from_args();
    // cargo test only wants to see that it runs.
    let handshakes = if std::env::args().any(|argument| argument == "--test") { 20 } else { 4_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut costs = Vec::new();
    for existing in EXISTING {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        costs.extend(measure(&mut criterion, &runtime, folder.path(), existing, handshakes));
    }
    criterion.final_summary();
    println!("{handshakes} handshakes of new devices each, {REQUESTS} Provision requests a handshake");
    println!("{:>10}{:>10}{:>16}{:>24}{:>24}", "devices", "at once", "handshakes/s", "CPU a request, user", "system");
    for cost in costs {
        println!(
            "{:>10}{:>10}{:>16.0}{:>21.0} µs{:>21.0} µs",
            cost.existing, cost.at_once, cost.a_second, cost.user, cost.system
        );
    }
}

/// What handshakes cost, in microseconds of CPU time of the server for a request.
struct Cost {
    existing: u32,
    at_once: usize,
    a_second: f64,
    user: f64,
    system: f64,
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, folder: &Path, existing: u32, handshakes: u32) -> [Cost; 2] {
    runtime.block_on(served::prepare(folder, existing));
    let served = Served::start(folder);
    let devices = Arc::new(runtime.block_on(Devices::connected(served.address, AT_ONCE)));
    let next = Arc::new(AtomicU32::new(0));

    let mut group = criterion.benchmark_group(format!("handshake over HTTP/{existing} devices"));
    group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for at_once in [1, AT_ONCE] {
        group.bench_function(format!("{at_once} at once"), |bench| {
            bench.iter_custom(|count| runtime.block_on(run(&devices, &next, at_once, count)));
        });
    }
    group.finish();

    [1, AT_ONCE].map(|at_once| {
        let before = served.cpu_time();
        let took = runtime.block_on(run(&devices, &next, at_once, u64::from(handshakes)));
        let after = served.cpu_time();
        let a_request =
            |before: Duration, after: Duration| (after - before).as_secs_f64() * 1e6 / f64::from(handshakes * REQUESTS);
        Cost {
            existing,
            at_once,
            a_second: f64::from(handshakes) / took.as_secs_f64(),
            user: a_request(before.user, after.user),
            system: a_request(before.system, after.system),
        }
    })
}

/// Makes so many handshakes, each of a new device, and says how long they took together.
async fn run(devices: &Arc<Devices>, next: &Arc<AtomicU32>, at_once: usize, count: u64) -> Duration {
    let left = Arc::new(AtomicU64::new(count));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in 0..at_once {
        let (devices, next, left) = (Arc::clone(devices), Arc::clone(next), Arc::clone(&left));
        tasks.spawn(async move {
            let mut connection = devices.connection(connection).await;
            let one_less = |left: u64| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                connection.handshake(next.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    started.elapsed()
}
