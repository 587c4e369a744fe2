//! `asprov serve`: the server, for phones on one listener and for administrators on another.

mod configuration;
mod gateway;
mod keys;
mod layers;
mod log;
mod notice;
mod prepare;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use asprov_admin::{AdminState, AllowedHosts, RequestCount, ServerCounters, router};
use asprov_server::gateway::Gateway;
use asprov_server::sign_in::UsersFile;
use asprov_server::{Answered, Counters, Listener, Server, Tls, serve_service};
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
use prepare::{Prepared, Serving};

/// Serve phones and administrators
///
/// Phones provision, list the folders of an empty mailbox and wait for news that never comes; administrators use the API
/// with `asprov policy` and `asprov device`. Every flag is a variable and a key of asprov.toml too; flags win over
/// variables, and those over the file.
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
    let keys = layers::merged(arguments.config.as_deref(), &arguments.keys)?;
    let configuration = match Configuration::of(&keys) {
        Ok(configuration) => configuration,
        Err(faults) => return Err(all_told(faults)),
    };
    if arguments.check { check(&configuration, out).await } else { serve(configuration).await }
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

async fn serve(configuration: Configuration) -> Result<(), Failure> {
    let mut signals = StopSignals::new()?;
    log::begin(&configuration)?;
    let Prepared { serving, store, server, tls, token, notices } = Prepared::new(&configuration).await?;
    let (phones, address) = listener(configuration.listen, tls.clone()).await?;
    let (administrators, admin_address) = listener(configuration.admin_listen, tls.clone()).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    if configuration.refuses_passwords() {
        tracing::warn!("{}", refusal_of_passwords(address));
    }
    let url = format!("{scheme}://{address}");
    match (&serving, &configuration.gateway) {
        (Serving::Mailbox(users), _) => tracing::info!(url, users = users.users(), "phones connect here"),
        (Serving::Gateway(_), gateway) => {
            for warning in gateway.iter().flat_map(GatewayConfiguration::warnings) {
                tracing::warn!("{warning}");
            }
            let upstream = gateway.as_ref().map(GatewayConfiguration::described).transpose()?.unwrap_or_default();
            tracing::info!(url, upstream, "phones connect here");
        }
    }
    tracing::info!(
        url = %format_args!("{scheme}://{admin_address}"),
        token = %token_source(&configuration),
        "administrators connect here"
    );

    let hosts =
        configuration.admin_hosts.iter().fold(AllowedHosts::new(admin_address), |hosts, name| hosts.with_name(name));
    let mut state = AdminState::new(Arc::clone(&store), &token, hosts, clock::now);
    if let Serving::Gateway(gateway) = &serving {
        let readiness = gateway.readiness().clone();
        state = state.with_readiness(move || readiness.fault());
    }
    let of_clients = configuration.server.clone();
    state = state.with_addresses(move |request| of_clients.client_address(request));
    let limits = configuration.server.limits.clone();
    let (stop, word) = watch::channel(false);
    let heard_by_phones = heard(word.clone());
    let serving = match serving {
        Serving::Mailbox(users) => Served::Mailbox(Box::new(Server::new(store, Arc::<UsersFile>::from(users), server))),
        Serving::Gateway(gateway) => Served::Gateway(gateway),
    };
    let counters = match &serving {
        Served::Mailbox(server) => server.counters(),
        Served::Gateway(gateway) => gateway.counters(),
    };
    state = state.with_counters(move || counted(&counters));
    let mut phones_served = std::pin::pin!(async move {
        match serving {
            Served::Mailbox(server) => server.serve([phones], heard_by_phones).await,
            Served::Gateway(gateway) => gateway.serve([phones], heard_by_phones).await,
        }
    });
    let mut admin = std::pin::pin!(serve_service([administrators], router(state), &limits, heard(word)));
    // It ends with the program: what waits then is lost, and in the log.
    let delivering = notices.map(|(delivery, queue)| tokio::spawn(delivery.run(queue)));
    let failed = tokio::select! {
        () = signals.received() => None,
        ended = &mut phones_served => Some(ended),
        ended = &mut admin => Some(ended),
    };
    stop.send_replace(true);
    if let Some(ended) = failed {
        // One of them gave up; nothing is left to be answered in good order.
        return ended.map_err(Failure::new).and(Err(Failure::new("the server ended without being asked to")));
    }
    let (server, admin) = tokio::join!(phones_served, admin);
    server.and(admin).map_err(Failure::new)?;
    if let Some(delivering) = delivering {
        delivering.abort();
    }
    tracing::info!("stopped");
    Ok(())
}

/// What serves the phones, ready to.
enum Served {
    Mailbox(Box<Server>),
    Gateway(Gateway),
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
