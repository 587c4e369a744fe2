//! `asprov serve`: the server, for phones on one listener and for administrators on another.

mod configuration;
mod gateway;
mod keys;
mod layers;
mod log;
mod notice;
mod prepare;
mod reload;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use asprov_admin::{AdminState, AllowedHosts, RequestCount, ServerCounters, router};
use asprov_server::{Answered, Counters, Limits, Listener, Live, Tls, serve_service};
use asprov_store::{AssignmentTarget, Store, StoredPolicy};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock;
use crate::failure::Failure;
use crate::stop_signal::StopSignals;
use crate::table::{Cell, Table};
use crate::terminal::{BAD, GOOD};
use configuration::Configuration;
use gateway::GatewayConfiguration;
use keys::Keys;
use prepare::Prepared;

/// Serve phones and administrators
///
/// Phones provision, list the folders of an empty mailbox and wait for news that never comes; administrators use the API
/// with `asprov policy` and `asprov device`. Every flag is a variable and a key of asprov.toml too; flags win over
/// variables, and those over the file. SIGHUP makes the server read the file again.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The configuration file [default: asprov.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "ASPROV_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Check the configuration, say what would be done, and end
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    keys: Keys,
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let file = layers::file(arguments.config);
    let keys = layers::merged(file.as_deref(), &arguments.keys)?;
    let configuration = match Configuration::of(&keys) {
        Ok(configuration) => configuration,
        Err(faults) => return Err(all_told(faults)),
    };
    if arguments.check {
        return check(&configuration, out).await;
    }
    serve(configuration, Sources { file, flags: arguments.keys, keys }).await
}

/// Where the configuration is from, so that it can be read again.
struct Sources {
    file: Option<PathBuf>,
    flags: Keys,
    keys: Keys,
}

/// Tells every fault but the last, which is the command's own.
fn all_told(mut faults: Vec<Failure>) -> Failure {
    let last = faults.pop().unwrap_or_else(Failure::told);
    for fault in faults {
        fault.tell(&mut anstream::stderr());
    }
    last
}

async fn check(configuration: &Configuration, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["", "WHAT", "WOULD BE USED"]);
    let mut faults = Vec::new();
    for finding in prepare::check(configuration).await {
        match finding.found {
            Ok(text) => table.row([Cell::styled(GOOD, "ok"), finding.what.into(), text.into()]),
            Err(fault) => {
                table.row([Cell::styled(BAD, "no"), finding.what.into(), "see below".into()]);
                faults.push(fault);
            }
        }
    }
    table.write(out)?;
    out.flush()?;
    if configuration.refuses_passwords() {
        anstream::eprintln!("{}", refusal_of_passwords(configuration.listen));
    }
    if faults.is_empty() { Ok(()) } else { Err(all_told(faults)) }
}

fn refusal_of_passwords(address: SocketAddr) -> String {
    format!(
        "phones reach {address} without TLS: their passwords are refused with HTTP 403, unless a certificate is given, a \
         proxy is named in trusted_proxies, or insecure_http is set"
    )
}

/// What an administrator should know before phones connect.
fn password_warnings(configuration: &Configuration) -> Vec<String> {
    let gateway = configuration.gateway.iter().flat_map(GatewayConfiguration::warnings);
    let refused = configuration.refuses_passwords().then(|| refusal_of_passwords(configuration.listen));
    refused.into_iter().chain(gateway).collect()
}

async fn serve(configuration: Configuration, sources: Sources) -> Result<(), Failure> {
    let mut signals = StopSignals::new()?;
    let hang_ups = reload::hang_ups()?;
    let level = log::begin(&configuration)?;
    let Prepared { serving, store, secret_key, tls, token, notices } = Prepared::new(&configuration).await?;
    let (phones, address) = listener(configuration.listen, tls.clone()).await?;
    let (administrators, admin_address) = listener(configuration.admin_listen, tls.clone()).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    for warning in password_warnings(&configuration) {
        tracing::warn!("{warning}");
    }
    for warning in warnings_about_policies(&*store).await? {
        tracing::warn!("{warning}");
    }
    let url = format!("{scheme}://{address}");
    match &configuration.gateway {
        None => tracing::info!(url, users = serving.users, "phones connect here"),
        Some(gateway) => tracing::info!(url, upstream = gateway.described()?, "phones connect here"),
    }
    tracing::info!(
        url = %format_args!("{scheme}://{admin_address}"),
        token = %token_source(&configuration),
        "administrators connect here"
    );

    let hosts =
        configuration.admin_hosts.iter().fold(AllowedHosts::new(admin_address), |hosts, name| hosts.with_name(name));
    let live = Live::new(serving.behaviour);
    let (asked, located, counters) = (live.clone(), live.clone(), live.counters());
    let (configured, hindered) = (live.clone(), live.clone());
    let state = AdminState::new(Arc::clone(&store), &token, hosts, clock::now)
        .with_readiness(move || asked.fault())
        .with_addresses(move |request| located.client_address(request))
        .with_counters(move || counted(&counters))
        .with_configuration(move || configured.configuration())
        .with_obstacle(move || hindered.obstacle());
    let Sources { file, flags, keys } = sources;
    let running = reload::Running { file, flags, keys, live: live.clone(), store, secret_key, tls, level };
    let reloading = running.reload_at(hang_ups);
    // Administrators are few: they are served beside everything else.
    let limits = Limits { threads: 0, ..configuration.server.limits.clone() };
    let (stop, word) = watch::channel(false);
    let heard_by_phones = heard(word.clone());
    let mut server = std::pin::pin!(live.serve([phones], heard_by_phones));
    let mut admin = std::pin::pin!(serve_service([administrators], router(state), &limits, heard(word)));
    // After the last request: what waits then is delivered, within a few seconds.
    let (last_word, ending) = watch::channel(false);
    let delivering = notices.map(|(delivery, queue)| tokio::spawn(delivery.run(queue, ending)));
    let failed = tokio::select! {
        () = signals.received() => None,
        // The terminal has gone.
        () = reloading => None,
        ended = &mut server => Some(ended),
        ended = &mut admin => Some(ended),
    };
    tracing::info!("stopping");
    stop.send_replace(true);
    let ended = match failed {
        // One of them gave up; nothing is left to be answered in good order.
        Some(ended) => ended.map_err(Failure::new).and(Err(Failure::new("the server ended without being asked to"))),
        None => {
            let (server, admin) = tokio::join!(server, admin);
            server.and(admin).map_err(Failure::new)
        }
    };
    last_word.send_replace(true);
    if let Some(delivering) = delivering {
        // It is bounded in time itself.
        let _ = delivering.await;
    }
    ended?;
    tracing::info!("stopped");
    Ok(())
}

/// Devices that need no policy are easily overlooked.
async fn warnings_about_policies(store: &dyn Store) -> Result<Vec<String>, Failure> {
    let assignments = store.assignments().await.map_err(Failure::new)?;
    let mut warnings = Vec::new();
    if assignments.is_empty() {
        let hint = "`asprov policy assign NAME --default` assigns one";
        warnings.push(format!("no policy is assigned to anybody: every device passes without one; {hint}"));
    } else if !assignments.iter().any(|assignment| assignment.target == AssignmentTarget::Default) {
        let others = "devices for which nothing nearer is assigned pass without one";
        warnings.push(format!("no policy is assigned to everybody: {others}"));
    }
    for policy in store.policies().await.map_err(Failure::new)? {
        if let StoredPolicy::Readable(policy) = policy
            && policy.rules.report_only
        {
            warnings.push(format!("policy `{}` only reports: nobody is refused because of it", policy.name));
        }
    }
    Ok(warnings)
}

/// What the server has counted, as the API shows it.
fn counted(counters: &Counters) -> ServerCounters {
    let request = |(answered, count): (Answered, u64)| RequestCount {
        command: answered.command,
        http: answered.http,
        status: answered.status,
        is_challenge: answered.is_challenge(),
        count,
    };
    ServerCounters {
        requests: counters.answers().into_iter().map(request).collect(),
        loops: counters.loops().into_iter().map(|(one, count)| (one.as_str(), count)).collect(),
    }
}

/// Where administrators find the token; never the token itself.
fn token_source(configuration: &Configuration) -> String {
    if std::env::var_os("ASPROV_ADMIN_TOKEN").is_some() {
        "ASPROV_ADMIN_TOKEN".to_owned()
    } else {
        configuration.token_file().display().to_string()
    }
}

async fn listener(address: SocketAddr, tls: Option<Tls>) -> Result<(Listener, SocketAddr), Failure> {
    let cannot = |error: io::Error| {
        Failure::new(format!("cannot listen on {address}: {error}")).hint("another address: --listen, --admin-listen")
    };
    let tcp = TcpListener::bind(address).await.map_err(cannot)?;
    let address = tcp.local_addr().map_err(cannot)?;
    let listener = match tls {
        Some(tls) => Listener::tls(tcp, tls),
        None => Listener::plain(tcp),
    };
    Ok((listener, address))
}

async fn heard(mut word: watch::Receiver<bool>) {
    // When nobody can give the word any more, it counts as given.
    let _ = word.wait_for(|stop| *stop).await;
}
