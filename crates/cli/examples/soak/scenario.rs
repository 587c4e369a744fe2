//! The table of scenarios: `--list`, the usage and the page in the documentation are made of it.

use std::pin::Pin;
use std::time::Duration;

use crate::machine::Machine;
use crate::{
    acknowledgments, administrators, broken_store, clock, crowd, descriptors, full_disk, held_pings, lying_upstream,
    server_killed, upstream_killed,
};

/// What a scenario came to: figures for one line, or why there are none.
pub(crate) type Outcome = Result<Vec<String>, Failure>;

/// Why a scenario did not pass.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that has to hold did not.
    Violated(String),
    /// This machine cannot do it.
    NotRun(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Violated(why)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Violated(format!("a request that nothing stood in the way of was not answered: {error}"))
    }
}

/// One row.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What it does to the server.
    pub(crate) does: &'static str,
    /// What has to hold then and afterwards.
    pub(crate) holds: &'static str,
    /// It is ended after so long, and has failed then.
    pub(crate) at_most: Duration,
    pub(crate) run: for<'a> fn(&'a Machine) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "server-killed",
        does: "SIGKILL, 500 times, while devices provision and administrators order wipes and save policies",
        holds: "what was answered is there after the restart: permanent keys, wipes, policies; no temporary key opens \
                anything; the file passes SQLite's own check",
        at_most: Duration::from_secs(840),
        run: |machine| Box::pin(server_killed::run(machine)),
    },
    Scenario {
        name: "upstream-killed",
        does: "the server behind the gateway is killed under load, over and over",
        holds: "no state is lost and nobody is admitted, and the gateway comes back by itself",
        at_most: Duration::from_secs(180),
        run: |machine| Box::pin(upstream_killed::run(machine)),
    },
    Scenario {
        name: "lying-upstream",
        does: "the server behind the gateway is away, welcomes any password, never says who signs in, sends garbage, wrong \
               lengths, two answers for one request or an endless header, closes one direction, answers before it is asked",
        holds: "not ready while it welcomes everybody; each request is answered HTTP 502 to 504 with Retry-After, or cut where \
                its answer was; no answer goes to another request; nothing leaks, and it works again",
        at_most: Duration::from_secs(300),
        run: |machine| Box::pin(lying_upstream::run(machine)),
    },
    Scenario {
        name: "held-pings",
        does: "5,000 Pings are held at once, then one of their devices is wiped",
        holds: "a held Ping takes at most 24 kB, and the wipe ends that one Ping within 2 s",
        at_most: Duration::from_secs(420),
        run: |machine| Box::pin(held_pings::run(machine)),
    },
    Scenario {
        name: "acknowledgments",
        does: "the same acknowledgment 20 times at once, of a policy and of a wipe, from devices of every version",
        holds: "one permanent key and Policy Status 5 for the others; one acknowledged wipe and no directive; one event each",
        at_most: Duration::from_secs(180),
        run: |machine| Box::pin(acknowledgments::run(machine)),
    },
    Scenario {
        name: "administrators",
        does: "two administrators at once save the same policy, set settings of it, and order and cancel the same wipe",
        holds: "whoever asked not to overwrite is told (HTTP 412), `asprov policy set` loses nothing, and the history has \
                exactly what was answered",
        at_most: Duration::from_secs(180),
        run: |machine| Box::pin(administrators::run(machine)),
    },
    Scenario {
        name: "full-disk",
        does: "the disk of the store (a tmpfs of 6 MiB) is filled while devices provision, and emptied again",
        holds: "Provision is answered Status 3, the API and `/readyz` HTTP 503; provisioned devices pass and nobody else; the \
                log says why; once there is room it works again, and everybody who acknowledged passes",
        at_most: Duration::from_secs(180),
        run: |machine| Box::pin(full_disk::run(machine)),
    },
    Scenario {
        name: "broken-store",
        does: "the store is locked by another process; its file is truncated, emptied, zeroed and overwritten in seven ways, \
               and its log cut; each time it is restored from a backup",
        holds: "the server ends with words that name the file, or keeps the gate shut and says so in `/readyz` and in the log; \
                no stranger passes; with the backup everything is there again",
        at_most: Duration::from_secs(300),
        run: |machine| Box::pin(broken_store::run(machine)),
    },
    Scenario {
        name: "clock",
        does: "the server's clock is set back and forward, by an hour to ten years, while it runs",
        holds: "keys stay, `refresh_interval` counts from the acknowledgment whichever way the clock was wrong, a wipe stays due, \
                who was taken out of the users file is out, nothing panics",
        at_most: Duration::from_secs(240),
        run: |machine| Box::pin(clock::run(machine)),
    },
    Scenario {
        name: "descriptors",
        does: "200 silent connections to a process that may have 100 descriptors",
        holds: "a device that has a connection is answered; no flood in the log and no spinning; it works again when they \
                are closed",
        at_most: Duration::from_secs(180),
        run: |machine| Box::pin(descriptors::run(machine)),
    },
    Scenario {
        name: "crowd",
        does: "2,000 devices of every version for five minutes, while wipes are ordered and cancelled, devices blocked and \
               forgotten, and the policy changed",
        holds: "every answer is one that the tables of [answers.md](answers.md) give, in some order of what overlaps; memory \
                stays flat (at most 40 per cent more in the last quarter than in the second, and 5 in the last tenth than in the one before)",
        at_most: Duration::from_secs(480),
        run: |machine| Box::pin(crowd::run(machine)),
    },
];

/// The most that any scenario may take, if somebody said so.
pub(crate) fn seconds() -> Option<Duration> {
    number("SOAK_SECONDS").map(Duration::from_secs)
}

/// A number in the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("SOAK_SECONDS and SOAK_KILLS are numbers"))
}

/// The table for the documentation.
pub(crate) fn table() -> String {
    let mut table = "| scenario | what it does to the server | what has to hold |\n| --- | --- | --- |\n".to_owned();
    for Scenario { name, does, holds, .. } in SCENARIOS {
        table.push_str(&format!("| `{name}` | {does} | {holds} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_bad_days_has_the_table_of_scenarios() {
        let page = include_str!("../../../../docs/reference/bad-days.md");
        assert!(page.contains(&super::table()), "the page lacks what `soak --table` prints");
    }
}
