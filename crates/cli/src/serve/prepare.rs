//! What has to be there before anything is served, found or made; `--check` looks at the same things and makes none of
//! them. A store that is there is opened, which brings an older schema up to date.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use asprov_admin::{AdminToken, TokenError, read_or_create_token_file, read_token_file};
use asprov_server::gateway::Gateway;
use asprov_server::groups::{GroupSource, GroupsFile, forget_groups};
use asprov_server::sign_in::{SignIn, SignInLimits, UsersFile};
use asprov_server::{Behaviour, Config, SecretKey, SecretKeyError, Server, Tls};
use asprov_store::{Store, StoreUrl, open_store};

use super::configuration::Configuration;
use super::notice::{self, Delivery, Notice, Queue};
use crate::failure::Failure;
use crate::terminal::counted;

/// Everything a server needs.
pub(super) struct Prepared {
    pub(super) serving: Serving,
    pub(super) store: Arc<dyn Store>,
    /// The key under which accepted credentials are kept, if they are.
    pub(super) secret_key: Option<SecretKey>,
    pub(super) tls: Option<Tls>,
    pub(super) token: AdminToken,
    /// What sends notices, and the queue they wait in.
    pub(super) notices: Option<(Delivery, Queue<Notice>)>,
}

/// What serves the phones.
pub(super) struct Serving {
    pub(super) behaviour: Behaviour,
    /// How many users the file has, if there is one.
    pub(super) users: Option<usize>,
}

impl Prepared {
    /// Finds or makes it.
    pub(super) async fn new(configuration: &Configuration) -> Result<Self, Failure> {
        let tls = tls(configuration)?;
        let groups = groups(configuration)?;
        not_lost(configuration)?;
        let mut store = open_store(&configuration.store).await.map_err(Failure::new)?;
        let mut notices = None;
        if let Some(notice) = &configuration.notice {
            let delivery = Delivery::new(notice.clone(), Arc::clone(&store))?;
            let (watched, queue) = notice::listen(store);
            (store, notices) = (watched, Some((delivery, queue)));
        }
        tell_groups(configuration, groups.as_ref(), &*store).await?;
        let token = match token_of_variable()? {
            Some(token) => token,
            None => read_or_create_token_file(&configuration.token_file()).map_err(Failure::new)?,
        };
        let secret_key = secret_key(configuration)?;
        let serving = serving(configuration, &store, secret_key.as_ref(), None)?;
        Ok(Self { serving, store, secret_key, tls, token, notices })
    }
}

/// What is to serve the phones, in place of `before` if something does already.
pub(super) fn serving(
    configuration: &Configuration,
    store: &Arc<dyn Store>,
    secret_key: Option<&SecretKey>,
    before: Option<&Behaviour>,
) -> Result<Serving, Failure> {
    let judge = users(configuration)?;
    let users = judge.as_ref().map(UsersFile::users);
    let judge = judge.map(|users| -> Arc<dyn SignIn> { Arc::new(users) });
    let config = Config { wipe_after_disable: secret_key.cloned(), ..configuration.server.clone() };
    let store = Arc::clone(store);
    let behaviour = match (&configuration.gateway, judge) {
        (Some(gateway), judge) => {
            let settings = gateway.settings()?;
            let gateway = match before {
                Some(Behaviour::Gateway(before)) => Gateway::after(before, settings, store, judge, config),
                Some(Behaviour::Mailbox(_)) | None => Gateway::new(settings, store, judge, config),
            };
            Behaviour::Gateway(gateway.map_err(Failure::new)?)
        }
        (None, Some(judge)) => Server::new(store, judge, config).into(),
        (None, None) => return Err(Failure::new("there is no users file, so nobody could sign in")),
    };
    Ok(Serving { behaviour, users })
}

/// What `--check` found.
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) found: Result<String, Failure>,
}

/// Looks at everything, and makes no file.
pub(super) async fn check(configuration: &Configuration) -> Vec<Finding> {
    let finding = |what, found| Finding { what, found };
    let mut findings = vec![
        finding("phones", listener(configuration.listen, configuration)),
        finding("administrators", listener(configuration.admin_listen, configuration)),
        finding(
            "TLS",
            tls(configuration).map(|tls| match tls.as_ref().map(Tls::certificates) {
                None => "none".to_owned(),
                Some(1) => "certificate and key fit".to_owned(),
                Some(several) => format!("{several} certificates, each fits its key"),
            }),
        ),
        finding("users", users_described(configuration)),
        finding("store", store(configuration).await),
        finding("token", token(configuration)),
        finding("secret key", secret_key_described(configuration)),
    ];
    if configuration.server.groups != GroupSource::None {
        findings.push(finding("groups", groups_described(configuration)));
    }
    if let Some(gateway) = &configuration.gateway {
        findings.push(finding("upstream", gateway.described()));
    }
    if let Some(url) = &configuration.server.public_url {
        findings.push(finding("Autodiscover", Ok(format!("tells {}", url.active_sync()))));
    }
    findings
}

fn users_described(configuration: &Configuration) -> Result<String, Failure> {
    let Some(file) = users(configuration)? else { return Ok("judged by the upstream".to_owned()) };
    let path = configuration.users.as_deref().unwrap_or_else(|| Path::new(""));
    Ok(format!("{}: {}", path.display(), counted(file.users(), "user", "users")))
}

fn users(configuration: &Configuration) -> Result<Option<UsersFile>, Failure> {
    let Some(path) = &configuration.users else { return Ok(None) };
    UsersFile::open(path, &configuration.sign_in_domains, SignInLimits::default()).map(Some).map_err(|error| {
        let failure = Failure::new(error);
        if path.exists() {
            failure
        } else {
            failure.hint(format!("`asprov user add NAME --users {}` makes it", path.display()))
        }
    })
}

/// The groups file, where there is one.
pub(super) fn groups(configuration: &Configuration) -> Result<Option<GroupsFile>, Failure> {
    match &configuration.server.groups {
        GroupSource::File { path, domains } => GroupsFile::read(path, domains).map(Some).map_err(Failure::new),
        GroupSource::Header(_) | GroupSource::None => Ok(None),
    }
}

fn groups_described(configuration: &Configuration) -> Result<String, Failure> {
    Ok(match (&configuration.server.groups, groups(configuration)?) {
        (GroupSource::File { path, .. }, Some(file)) => {
            let (groups, users) = (counted(file.groups(), "group", "groups"), counted(file.users(), "user", "users"));
            format!("{}: {groups} with {users}", path.display())
        }
        (GroupSource::Header(name), _) => format!("from the header {name} of trusted proxies"),
        _ => "none".to_owned(),
    })
}

/// Lets the store know the groups before anybody is let in. Without a source there are none: what an earlier one said
/// would stay for ever.
pub(super) async fn tell_groups(
    configuration: &Configuration,
    file: Option<&GroupsFile>,
    store: &dyn Store,
) -> Result<(), Failure> {
    let changed = match (&configuration.server.groups, file) {
        (GroupSource::File { .. }, Some(file)) => file.write(store).await.map_err(Failure::new)?,
        (GroupSource::None, _) => forget_groups(store).await.map_err(Failure::new)?,
        _ => 0,
    };
    if changed > 0 {
        tracing::info!(users = changed, "users are in other groups than before");
    }
    Ok(())
}

pub(super) fn tls(configuration: &Configuration) -> Result<Option<Tls>, Failure> {
    if configuration.tls.is_empty() {
        return Ok(None);
    }
    Tls::from_pairs(&configuration.tls).map(Some).map_err(Failure::new)
}

/// The token of ASPROV_ADMIN_TOKEN.
fn token_of_variable() -> Result<Option<AdminToken>, Failure> {
    let Some(token) = std::env::var_os("ASPROV_ADMIN_TOKEN") else { return Ok(None) };
    let token = token.into_string().map_err(|_| Failure::new("ASPROV_ADMIN_TOKEN is no text"))?;
    AdminToken::new(&token).map(Some).map_err(|error| Failure::new(format!("ASPROV_ADMIN_TOKEN: {error}")))
}

fn token(configuration: &Configuration) -> Result<String, Failure> {
    if token_of_variable()?.is_some() {
        return Ok("from ASPROV_ADMIN_TOKEN".to_owned());
    }
    let path = configuration.token_file();
    match read_token_file(&path) {
        Ok(_) => Ok(path.display().to_string()),
        Err(TokenError::File { fault, .. }) if fault.kind() == io::ErrorKind::NotFound => {
            writable_beside(&path)?;
            Ok(format!("{} would be made", path.display()))
        }
        Err(error) => Err(Failure::new(error)),
    }
}

/// The key under which accepted credentials are kept; `None` when they are not.
fn secret_key(configuration: &Configuration) -> Result<Option<SecretKey>, Failure> {
    let Some(file) = &configuration.secret_key else { return Ok(None) };
    let key = file.as_ref().map_or_else(SecretKey::random, |path| SecretKey::read_or_create(path));
    key.map(Some).map_err(Failure::new)
}

fn secret_key_described(configuration: &Configuration) -> Result<String, Failure> {
    let Some(file) = &configuration.secret_key else {
        return Ok("not needed: wipe.after_disable is off".to_owned());
    };
    let Some(path) = file else { return Ok("in memory, like the store".to_owned()) };
    match SecretKey::read(path) {
        Ok(_) => Ok(path.display().to_string()),
        Err(SecretKeyError::File { fault, .. }) if fault.kind() == io::ErrorKind::NotFound => {
            writable_beside(path)?;
            Ok(format!("{} would be made", path.display()))
        }
        Err(error) => Err(Failure::new(error)),
    }
}

async fn store(configuration: &Configuration) -> Result<String, Failure> {
    let StoreUrl::Sqlite(path) = &configuration.store else {
        return Ok("in memory, gone when the server ends".to_owned());
    };
    if !path.exists() {
        writable_beside(path)?;
        return Ok(format!("{} would be made", path.display()));
    }
    not_lost(configuration)?;
    let store = open_store(&configuration.store).await.map_err(Failure::new)?;
    store.ready().await.map_err(Failure::new)?;
    let policies = store.policies().await.map_err(Failure::new)?.len();
    Ok(format!("{}: opens, {}", path.display(), counted(policies, "policy", "policies")))
}

/// Refuses a store whose file was emptied: it would be taken for a new one, which admits everybody and knows of no wipe. That
/// it was in use before is shown by what was made beside it then.
fn not_lost(configuration: &Configuration) -> Result<(), Failure> {
    let StoreUrl::Sqlite(path) = &configuration.store else { return Ok(()) };
    let length = |path: &Path| fs::metadata(path).map(|file| file.len()).ok();
    let log = format!("{}-wal", path.display());
    if length(path) != Some(0) || length(Path::new(&log)).is_some_and(|length| length > 0) {
        return Ok(());
    }
    let beside = [Some(configuration.token_file()), configuration.secret_key.clone().flatten()];
    match beside.into_iter().flatten().find(|path| path.exists()) {
        None => Ok(()),
        Some(witness) => Err(Failure::new(format!(
            "the store {} is empty, and {} is of an earlier start: what it held is lost",
            path.display(),
            witness.display()
        ))
        .hint("restore it from a backup, or delete the empty file to begin anew")),
    }
}

fn writable_beside(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot =
        |error: io::Error| Failure::new(format!("{} could not be made: {}: {error}", path.display(), folder.display()));
    fs::metadata(folder).map_err(cannot)?;
    // The file has no name there, and is gone when it is closed.
    tempfile::tempfile_in(folder).map_err(cannot)?;
    Ok(())
}

fn listener(address: SocketAddr, configuration: &Configuration) -> Result<String, Failure> {
    let scheme = if configuration.tls.is_empty() { "http" } else { "https" };
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{scheme}://{address}")),
        // A server that is running has it; a check beforehand is still worth something.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Ok(format!("{scheme}://{address}, in use at the moment"))
        }
        Err(error) => Err(Failure::new(format!("cannot listen on {address}: {error}"))),
    }
}
