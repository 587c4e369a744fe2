//! Every descriptor of the process is used up by connections that say nothing.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::machine::{Machine, Server, until};
use crate::pause;
use crate::phone::Phone;
use crate::scenario::Outcome;

/// What the process may have.
const DESCRIPTORS: usize = 100;
/// Connections that are opened: those that are not accepted have to fit into the backlog.
const CONNECTIONS: usize = 200;
/// How long they stay.
const HELD: Duration = Duration::from_secs(6);
/// Lines in the log meanwhile, from both listeners and from the store, which may need a descriptor as well.
const LINES: usize = 60;

pub(crate) async fn run(machine: &Machine) -> Outcome {
    machine.write_users(1);
    let mut server = Server::new();
    let serve = machine.serve_mailbox(&server);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\"")])
        .arg(serve.get_program())
        .args(serve.get_args())
        .current_dir(machine.path())
        .env_clear();
    server.runs(machine.start("asprov", &mut limited));
    until("the server is ready", || Ok(server.is_ready())).await?;
    machine.demand_a_policy(&server)?;
    let mut phone = Phone::new(server.phones, "u0", "BEFORE", "14.1");
    let key = phone.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;

    let lines_before = machine.lines("asprov.err").len();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        // Those that are not accepted wait in the backlog.
        connections.push(TcpStream::connect(server.phones)?);
    }
    let is_told = |line: &String| line.contains("was not accepted");
    until("the log says that descriptors are used up", || Ok(machine.lines("asprov.err").iter().any(is_told))).await?;
    let (cpu_before, begun) = (server.process().cpu(), Instant::now());
    let mut answered = 0;
    while begun.elapsed() < HELD {
        // A device that has a connection is answered as ever, or told to come back.
        let said = phone.folder_sync(Some(&key)).await?;
        if said.status != Some(1) && said.http != 503 {
            return Err(format!("without descriptors a provisioned device was answered {said:?}").into());
        }
        answered += 1;
        pause(100).await;
    }
    let lines = machine.lines("asprov.err").len() - lines_before;
    let cpu = server.process().cpu() - cpu_before;
    if lines > LINES {
        return Err(format!("{lines} lines in the log within {} s, expected at most {LINES}", HELD.as_secs()).into());
    }
    // A loop that spins takes all the time there is.
    if cpu > HELD / 2 {
        return Err(format!("{} ms of CPU time within {} s", cpu.as_millis(), HELD.as_secs()).into());
    }

    drop(connections);
    until("the server is ready again", || Ok(server.is_ready())).await?;
    let said = phone.folder_sync(Some(&key)).await?;
    if said.status != Some(1) {
        return Err(format!("afterwards a provisioned device is answered {said:?}").into());
    }
    Phone::new(server.phones, "u0", "AFTER", "16.1")
        .handshake()
        .await?
        .map_err(|said| format!("a device is not let in again: {said:?}"))?;
    until("the descriptors are given back", || Ok(server.process().descriptors() < DESCRIPTORS / 2)).await?;
    Ok(vec![
        format!("{CONNECTIONS} connections on {DESCRIPTORS} descriptors for {} s", HELD.as_secs()),
        format!(
            "{answered} requests of a connected device answered, {lines} lines in the log, {} ms of CPU",
            cpu.as_millis()
        ),
    ])
}
