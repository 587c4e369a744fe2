//! The demo's server: everything `asprov serve` has, on loopback, in a temporary directory that is gone afterwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use asprov_admin::{AdminState, AdminToken, AllowedHosts, make_token, router};
use asprov_client::{Address, Answer, Credentials, Transport, TransportSettings};
use asprov_protocol::client::OutgoingRequest;
use asprov_protocol::message::WipeKind;
use asprov_protocol::policy::PolicyName;
use asprov_protocol::server::{ServerConfiguration, ServerRules};
use asprov_server::sign_in::{SignInLimits, UsersFile, hash_password, htpasswd::Htpasswd};
use asprov_server::{Config, Limits, Listener, Server, serve_service};
use asprov_store::mishap::{self, Lock};
use asprov_store::{StoreUrl, open_store};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::screen::Screen;
use crate::admin_api::{AdminApi, segment, text_of};
use crate::failure::Failure;

/// The demo's user.
const USER: &str = "demo";
/// The demo's policy.
const POLICY: &str = "demo";

/// A running server, its administrator and the way of a phone to it.
pub(super) struct Stage {
    folder: TempDir,
    address: SocketAddr,
    admin_address: SocketAddr,
    password: String,
    api: AdminApi,
    transport: Transport,
    stop: watch::Sender<bool>,
    running: JoinSet<Result<(), Failure>>,
}

impl Stage {
    /// Starts everything.
    pub(super) async fn build() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("asprov-demo-")
            .tempdir()
            .map_err(|error| Failure::new(format!("cannot make a temporary directory: {error}")))?;
        let password = password()?;
        let users_path = folder.path().join("users");
        let mut users = Htpasswd::default();
        users.set(USER, &hash_password(password.as_bytes()).map_err(Failure::new)?).map_err(Failure::new)?;
        users.write(&users_path).map_err(Failure::new)?;

        let store = open_store(&StoreUrl::Sqlite(folder.path().join("asprov.db"))).await.map_err(Failure::new)?;
        let token = make_token().map_err(Failure::new)?;
        std::fs::write(folder.path().join("token"), format!("{}\n", token.expose()))
            .and_then(|()| owner_only(&folder.path().join("token")))
            .map_err(|error| Failure::new(format!("cannot write the admin token: {error}")))?;
        let (tcp, address) = listen().await?;
        let (admin_tcp, admin_address) = listen().await?;
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();

        let sign_in = UsersFile::open(&users_path, &[], SignInLimits::default()).map_err(Failure::new)?;
        // Each scene has a phone of its own, and all of them the same user.
        let rules = ServerRules { devices_per_user: 1000 };
        let config = Config { rules, limits: limits(), ..Config::default() };
        let server = Server::new(Arc::clone(&store), Arc::new(sign_in), config);
        let word = heard(stopped.clone());
        running.spawn(async move { server.serve([Listener::plain(tcp)], word).await.map_err(Failure::new) });
        let state = AdminState::new(store, &token, AllowedHosts::new(admin_address), crate::clock::now)
            .with_configuration(move || ServerConfiguration { rules, wipe_after_disable: false, only_observes: false });
        let word = heard(stopped);
        running.spawn(async move {
            serve_service([Listener::plain(admin_tcp)], router(state), &limits(), word).await.map_err(Failure::new)
        });

        let stage = Self {
            api: api(admin_address, token)?,
            transport: transport(address, &password)?,
            folder,
            address,
            admin_address,
            password,
            stop,
            running,
        };
        stage.change_policy(&[], &[]).await?;
        stage.assign().await?;
        Ok(stage)
    }

    pub(super) fn user(&self) -> &'static str {
        USER
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn admin_url(&self) -> String {
        format!("http://{}", self.admin_address)
    }

    /// Sends a phone's request.
    pub(super) async fn exchange(&self, request: &OutgoingRequest) -> Result<Answer, Failure> {
        self.transport.send(request).await.map_err(Failure::new)
    }

    /// The administrator puts the demo's policy: as it always is, with these rules and settings instead.
    pub(super) async fn change_policy(
        &self,
        rules: &[(&str, Value)],
        settings: &[(&str, Value)],
    ) -> Result<(), Failure> {
        let mut policy = json!({
            "description": "the policy of the demo",
            "settings": { "DevicePasswordEnabled": true, "MinDevicePasswordLength": 6, "MaxInactivityTimeDeviceLock": 300 },
            "allow_non_provisionable": false,
            "allow_partial": false,
            "allow_externally_managed": false,
            "require_device_information": true
        });
        let overlay = |into: Option<&mut Map<String, Value>>, from: &[(&str, Value)]| {
            if let Some(into) = into {
                into.extend(from.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            }
        };
        overlay(policy.get_mut("settings").and_then(Value::as_object_mut), settings);
        overlay(policy.as_object_mut(), rules);
        self.api.put(&format!("/api/v1/policies/{POLICY}"), &policy).await?;
        Ok(())
    }

    /// The administrator gives the policy to everybody.
    pub(super) async fn assign(&self) -> Result<(), Failure> {
        self.api.put("/api/v1/assignments/default", &json!({ "policy": POLICY })).await?;
        Ok(())
    }

    /// The administrator takes that back: nobody has a policy.
    pub(super) async fn unassign(&self) -> Result<(), Failure> {
        self.api.delete("/api/v1/assignments/default").await?;
        Ok(())
    }

    /// Another process takes the lock of the store.
    pub(super) fn lock(&self) -> Result<Lock, Failure> {
        mishap::lock(&self.store()).map_err(Failure::new)
    }

    /// Somebody writes into the policy's row by hand.
    pub(super) fn damage_policy(&self) -> Result<(), Failure> {
        let name = PolicyName::new(POLICY).map_err(Failure::new)?;
        mishap::damage_policy(&self.store(), &name).map_err(Failure::new)
    }

    /// The administrator orders a wipe.
    pub(super) async fn order_wipe(&self, device_id: &str, kind: WipeKind) -> Result<(), Failure> {
        let body = json!({ "kind": kind.as_str(), "reason": "the demo" });
        self.api.post(&format!("{}/wipe", device_path(device_id)), &body).await?;
        Ok(())
    }

    /// How far a wipe has got, as the administrator sees it. The phone does not wait for the answer to its confirmation,
    /// so this looks until it has arrived.
    pub(super) async fn wipe_state(&self, device_id: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let device = self.api.read(&device_path(device_id)).await?;
            let state = text_of(device.get("wipe").and_then(|wipe| wipe.get("state")));
            if state == "acknowledged" || Instant::now() > deadline {
                return Ok(state);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Says where the server is and what can be tried with it.
    pub(super) fn invite(&self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let token_file = self.folder.path().join("token");
        let token_file = token_file.display();
        let (url, admin) = (self.url(), self.admin_url());
        screen.heading("The server keeps running until Ctrl-C")?;
        let addresses = [
            ("phones", url.as_str()),
            ("user", USER),
            ("password", &self.password),
            ("administrators", &admin),
            ("token file", &token_file.to_string()),
        ];
        screen.pairs(&addresses)?;
        screen.blank()?;
        screen.text("Try it, in another window:")?;
        screen.blank()?;
        for command in [
            format!("ASPROV_PASSWORD={} asprov provision {url} --user {USER}", self.password),
            format!("asprov device list --admin {admin} --token-file {token_file}"),
            format!("asprov policy show {POLICY} --admin {admin} --token-file {token_file}"),
            "asprov explain 141".to_owned(),
        ] {
            screen.command(&command)?;
        }
        Ok(())
    }

    /// Stops the server and removes the directory.
    pub(super) async fn close(mut self) -> Result<(), Failure> {
        self.stop.send_replace(true);
        while let Some(ended) = self.running.join_next().await {
            ended.map_err(Failure::new)??;
        }
        self.folder.close().map_err(|error| Failure::new(format!("cannot remove the temporary directory: {error}")))
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("asprov.db")
    }
}

/// Requests end quickly when the demo is over.
fn limits() -> Limits {
    Limits { stop_time: Duration::from_secs(1), ..Limits::default() }
}

async fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("cannot listen on loopback: {error}"));
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
    let address = tcp.local_addr().map_err(cannot)?;
    Ok((tcp, address))
}

async fn heard(mut word: watch::Receiver<bool>) {
    // When nobody can give the word any more, it counts as given.
    let _ = word.wait_for(|stop| *stop).await;
}

fn api(address: SocketAddr, token: AdminToken) -> Result<AdminApi, Failure> {
    AdminApi::at(&format!("http://{address}").parse().map_err(Failure::new)?, token)
}

fn transport(address: SocketAddr, password: &str) -> Result<Transport, Failure> {
    let address = Address::parse(&format!("http://{address}")).map_err(Failure::new)?;
    let credentials = Credentials::basic(USER, password).map_err(Failure::new)?;
    Transport::new(address, credentials, &TransportSettings::default()).map_err(Failure::new)
}

/// A password that nobody has had before.
fn password() -> Result<String, Failure> {
    let token = make_token().map_err(Failure::new)?;
    Ok(token.expose().chars().take(12).collect())
}

fn owner_only(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn device_path(device_id: &str) -> String {
    format!("/api/v1/devices/{USER}/{}", segment(device_id))
}
