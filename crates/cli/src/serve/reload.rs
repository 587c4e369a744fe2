//! SIGHUP: the configuration is read again while the server runs.
//!
//! It is checked as a whole first. One that is faulty changes nothing, and the log says what is wrong with it. Otherwise
//! everything that can be applied is applied, without closing a connection: a held request ends as it would have, and every
//! later one meets what is new. A few keys are read at start only; the log names those that have changed.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use asprov_server::{Behaviour, Live, SecretKey, Tls};
use asprov_store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use toml::Table;

use super::configuration::Configuration;
use super::keys::Keys;
use super::log::Level;
use super::prepare::{self, Serving};
use super::{layers, password_warnings};
use crate::failure::Failure;

/// Keys that are read at start only: what listens, where the state and its key are, and what log lines look like.
const AT_START: [&str; 8] =
    ["listen", "admin_listen", "admin_host", "admin_behind_proxy", "store", "secret_key_file", "wipe", "log_format"];
/// The same, while one of both has no certificate: a listener speaks TLS or does not.
const TLS: [&str; 2] = ["tls_certificate", "tls_key"];

/// What a running server is made of, as far as it can be changed.
pub(super) struct Running {
    /// The file that was read at start, and flags and variables.
    pub(super) file: Option<PathBuf>,
    pub(super) flags: Keys,
    /// The keys that are in effect.
    pub(super) keys: Keys,
    pub(super) live: Live,
    pub(super) store: Arc<dyn Store>,
    pub(super) secret_key: Option<SecretKey>,
    pub(super) tls: Option<Tls>,
    pub(super) level: Level,
}

/// Waits for SIGHUP. Made before the server runs, since the signal ends a process that does not.
pub(super) fn hang_ups() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))
}

impl Running {
    /// Reads the configuration again at each signal. It ends only when the signal came because the terminal is gone on
    /// which the program was started: then nobody wants it to go on.
    pub(super) async fn reload_at(mut self, mut signals: Signal) {
        let began_on_a_terminal = io::stderr().is_terminal();
        while signals.recv().await.is_some() {
            if began_on_a_terminal && !io::stderr().is_terminal() {
                return;
            }
            match self.reload().await {
                Ok(Reloaded { changed, at_start }) => {
                    let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
                    tracing::info!(changed, "the configuration was read again");
                    if !at_start.is_empty() {
                        let keys = at_start.join(", ");
                        tracing::warn!(keys, "these keys have changed too, and need a restart");
                    }
                }
                Err(faults) => {
                    for fault in &faults {
                        tracing::error!("the configuration was not read again: {fault}");
                    }
                    tracing::error!("the running configuration stays as it is");
                }
            }
        }
    }

    async fn reload(&mut self) -> Result<Reloaded, Vec<Failure>> {
        let one = |failure| vec![failure];
        let new = layers::merged(self.file.as_deref(), &self.flags).map_err(one)?;
        // It has to be right as it stands, whatever of it waits for a restart.
        Configuration::of(&new)?;
        let (keys, at_start) = in_effect(&self.keys, &new).map_err(one)?;
        let configuration = Configuration::of(&keys)?;
        let changed = differing(&self.keys, &keys).map_err(one)?;

        // Everything that can fail comes before anything that changes.
        let tls = prepare::tls(&configuration).map_err(one)?;
        let groups = prepare::groups(&configuration).map_err(one)?;
        let before = self.live.behaviour();
        let Serving { behaviour, .. } =
            prepare::serving(&configuration, &self.store, self.secret_key.as_ref(), Some(&before)).map_err(one)?;
        self.level.set(&configuration.log).map_err(one)?;
        prepare::tell_groups(&configuration, groups.as_ref(), &*self.store).await.map_err(one)?;
        if let (Some(running), Some(tls)) = (&self.tls, &tls) {
            running.replace_with(tls);
        }
        for warning in password_warnings(&configuration) {
            tracing::warn!("{warning}");
        }
        // An empty mailbox remembers the Pings of its phones; nothing is gained by making it forget them.
        if !(changed.is_empty() && matches!(behaviour, Behaviour::Mailbox(_))) {
            self.live.replace(behaviour).await;
        }
        self.keys = keys;
        Ok(Reloaded { changed, at_start })
    }
}

/// What became of a configuration that was read again: names of keys.
struct Reloaded {
    changed: Vec<String>,
    /// These wait for a restart.
    at_start: Vec<String>,
}

/// The new keys, but for those that are read at start only; and the names of those that differ.
fn in_effect(running: &Keys, new: &Keys) -> Result<(Keys, Vec<String>), Failure> {
    let (before, mut table) = (table(running)?, table(new)?);
    let begins_or_ends_tls = running.tls_certificate.is_empty() != new.tls_certificate.is_empty();
    let mut at_start = Vec::new();
    for key in AT_START.iter().chain(TLS.iter().filter(|_| begins_or_ends_tls)) {
        if before.get(*key) == table.get(*key) {
            continue;
        }
        at_start.push((*key).to_owned());
        match before.get(*key) {
            Some(value) => drop(table.insert((*key).to_owned(), value.clone())),
            None => drop(table.remove(*key)),
        }
    }
    let keys = table.try_into().map_err(|error: toml::de::Error| Failure::new(error.message()))?;
    Ok((keys, at_start))
}

/// The names of the keys that differ, those of a section with its name in front.
fn differing(before: &Keys, after: &Keys) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    compare("", &table(before)?, &table(after)?, &mut names);
    Ok(names)
}

fn compare(section: &str, before: &Table, after: &Table, names: &mut Vec<String>) {
    let empty = Table::new();
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let (one, other) = (before.get(key), after.get(key));
        if one == other {
            continue;
        }
        let tables = (one.and_then(toml::Value::as_table), other.and_then(toml::Value::as_table));
        match tables {
            (None, None) => names.push(format!("{section}{key}")),
            (one, other) => {
                compare(&format!("{section}{key}."), one.unwrap_or(&empty), other.unwrap_or(&empty), names);
            }
        }
    }
}

fn table(keys: &Keys) -> Result<Table, Failure> {
    Table::try_from(keys).map_err(Failure::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Keys {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_differs_is_named_with_its_section() {
        let before = keys("users = \"a\"\nlog = \"info\"\n[policy]\nspread = \"10m\"\n[sign_in]\ndomains = [\"x\"]\n");
        let after = keys("users = \"b\"\nlog = \"info\"\nmode = \"observe\"\n[sign_in]\ndomains = [\"x\", \"y\"]\n");
        assert_eq!(differing(&before, &after).unwrap(), ["mode", "policy.spread", "sign_in.domains", "users"]);
        assert!(differing(&before, &before).unwrap().is_empty());
    }

    #[test]
    fn keys_that_are_read_at_start_keep_their_values_and_are_named() {
        let before = keys("listen = \"127.0.0.1:1\"\nusers = \"a\"\n");
        let new = keys("listen = \"127.0.0.1:2\"\nstore = \"memory:\"\nusers = \"b\"\n");
        let (in_effect, at_start) = in_effect(&before, &new).unwrap();
        assert_eq!(at_start, ["listen", "store"]);
        assert_eq!((in_effect.listen, in_effect.store.as_deref()), (before.listen, None));
        assert_eq!(in_effect.users, new.users);
    }

    #[test]
    fn a_certificate_can_be_changed_and_neither_begun_nor_ended() {
        let (none, one) = (keys(""), keys("tls_certificate = \"c\"\ntls_key = \"k\"\n"));
        let two = keys("tls_certificate = [\"c\", \"d\"]\ntls_key = [\"k\", \"l\"]\n");
        let (kept, at_start) = in_effect(&none, &one).unwrap();
        assert_eq!((kept.tls_certificate.len(), at_start.len()), (0, 2));
        let (kept, at_start) = in_effect(&two, &none).unwrap();
        assert_eq!((kept.tls_certificate.len(), at_start.len()), (2, 2));
        let (changed, at_start) = in_effect(&one, &two).unwrap();
        assert_eq!((changed.tls_key.len(), at_start.len()), (2, 0));
    }

    #[test]
    fn every_key_read_at_start_is_a_key() {
        let all = keys(
            "listen = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:1\"\nadmin_host = [\"a\"]\nadmin_behind_proxy = true\n\
             store = \"memory:\"\nsecret_key_file = \"k\"\nlog_format = \"json\"\n[wipe]\nafter_disable = false\n",
        );
        assert_eq!(in_effect(&Keys::default(), &all).unwrap().1, AT_START);
    }
}
