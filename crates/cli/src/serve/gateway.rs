//! The keys of the gateway, and what they mean. Whether there is one, `upstream` says.

use std::fs;
use std::path::{Path, PathBuf};

use asprov_server::gateway::{
    BearerSettings, DocumentUrl, ForwardPath, GatewaySettings, Mode, RootCertificates, UpstreamUrl,
};
use serde::{Deserialize, Serialize};

use super::keys::{Keys, is_unset, usable};
use crate::failure::Failure;

/// Largest file of root certificates, in bytes.
const CERTIFICATES: u64 = 4 * 1024 * 1024;

/// The section `[gateway]`.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Gateway")]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewayKeys {
    /// A further server to which the one behind may send a user with HTTP 451; may be given several times
    #[arg(long = "gateway-other-upstreams", value_name = "URL", value_delimiter = ',', value_parser = usable::<UpstreamUrl>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) other_upstreams: Vec<String>,

    /// A path outside ActiveSync that is forwarded without any policy, such as /autodiscover; may be given several times
    #[arg(long = "gateway-forward-paths", value_name = "PATH", value_delimiter = ',', value_parser = usable::<ForwardPath>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) forward_paths: Vec<String>,

    /// Root certificates in PEM that are trusted for the server behind, besides the system's own
    #[arg(long = "gateway-root-certificates", value_name = "FILE")]
    pub(super) root_certificates: Option<PathBuf>,
}

/// The gateway that was asked for, understood; its certificates are read later.
#[derive(Clone, Debug)]
pub(super) struct GatewayConfiguration {
    settings: GatewaySettings,
    root_certificates: Option<PathBuf>,
}

impl GatewayConfiguration {
    /// Understands the keys; `None` when no upstream is named.
    pub(super) fn of(keys: &Keys, faults: &mut Vec<Failure>) -> Option<Self> {
        let mode = mode(keys.mode.as_deref(), faults);
        let bearer = bearer(keys, faults);
        let Some(upstream) = &keys.upstream else {
            if mode.is_some() || !is_unset(&keys.gateway) || keys.sign_in.issuer.is_some() {
                faults.push(
                    Failure::new(
                        "there is no upstream, and so no gateway that mode, [gateway] or sign_in.issuer is for",
                    )
                    .hint("name the ActiveSync server behind it with --upstream https://mail.example.com"),
                );
            }
            return None;
        };
        let mut settings = GatewaySettings::new(understood("upstream", upstream, faults)?);
        settings.mode = mode.unwrap_or_default();
        settings.bearer = bearer;
        settings.domains.clone_from(&keys.sign_in.domains);
        let others = &keys.gateway.other_upstreams;
        settings.other_upstreams =
            others.iter().filter_map(|text| understood("gateway.other_upstreams", text, faults)).collect();
        let paths = &keys.gateway.forward_paths;
        settings.forward_paths =
            paths.iter().filter_map(|text| understood("gateway.forward_paths", text, faults)).collect();
        Some(Self { settings, root_certificates: keys.gateway.root_certificates.clone() })
    }

    /// What the library takes.
    pub(super) fn settings(&self) -> Result<GatewaySettings, Failure> {
        let mut settings = self.settings.clone();
        if let Some(path) = &self.root_certificates {
            settings.root_certificates = certificates(path)?;
        }
        Ok(settings)
    }

    /// What would be used, in words.
    pub(super) fn described(&self) -> Result<String, Failure> {
        let settings = self.settings()?;
        let mode = match settings.mode {
            Mode::Replace => "replace",
            Mode::Observe => "observe",
        };
        Ok(format!("{}, mode {mode}", settings.upstream))
    }

    /// What an administrator should know before phones connect.
    pub(super) fn warnings(&self) -> Vec<String> {
        let in_clear = |url: &&UpstreamUrl| !url.is_https() && !url.is_this_machine();
        let upstreams = [&self.settings.upstream].into_iter().chain(&self.settings.other_upstreams);
        upstreams
            .filter(in_clear)
            .map(|url| format!("passwords travel to {url} in clear: give it https if anybody else is on that network"))
            .collect()
    }
}

fn mode(text: Option<&str>, faults: &mut Vec<Failure>) -> Option<Mode> {
    understood_mode(text?).map_err(|fault| faults.push(fault)).ok()
}

/// The mode of this name.
pub(super) fn understood_mode(text: &str) -> Result<Mode, Failure> {
    match text {
        "replace" => Ok(Mode::Replace),
        "observe" => Ok(Mode::Observe),
        "merge" => Err(Failure::new("mode: merge is not built in yet, expected replace or observe")
            .hint("replace puts asprov's policy in place of the other server's, which has to be switched off there")),
        other => Err(Failure::new(format!("mode is `{}`, expected replace or observe", other.escape_debug()))),
    }
}

fn understood<T>(key: &str, text: &str, faults: &mut Vec<Failure>) -> Option<T>
where
    T: core::str::FromStr,
    T::Err: core::fmt::Display,
{
    text.parse().map_err(|error| faults.push(Failure::new(format!("{key}: {error}")))).ok()
}

fn bearer(keys: &Keys, faults: &mut Vec<Failure>) -> Option<BearerSettings> {
    let sign_in = &keys.sign_in;
    let Some(issuer) = &sign_in.issuer else {
        if sign_in.audience.is_some() || sign_in.claim.is_some() {
            faults.push(Failure::new("sign_in.audience and sign_in.claim are of use only with sign_in.issuer"));
        }
        return None;
    };
    understood::<DocumentUrl>("sign_in.issuer", issuer, faults)?;
    let Some(claim) = &sign_in.claim else {
        faults.push(
            Failure::new("sign_in.issuer is set and sign_in.claim is not")
                .hint("name the claim that is the user's name there, such as preferred_username or email"),
        );
        return None;
    };
    Some(BearerSettings { issuer: issuer.clone(), audience: sign_in.audience.clone(), claim: claim.clone() })
}

fn certificates(path: &Path) -> Result<RootCertificates, Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    if fs::metadata(path).map_err(cannot)?.len() > CERTIFICATES {
        return Err(Failure::new(format!("{} has more than {CERTIFICATES} bytes", path.display())));
    }
    RootCertificates::from_pem(&fs::read(path).map_err(cannot)?).map_err(Failure::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &Keys) -> Result<Option<GatewayConfiguration>, Vec<String>> {
        let mut faults = Vec::new();
        let gateway = GatewayConfiguration::of(keys, &mut faults);
        if faults.is_empty() { Ok(gateway) } else { Err(faults.iter().map(ToString::to_string).collect()) }
    }

    fn keys() -> Keys {
        Keys { upstream: Some("https://mail.example.com".to_owned()), ..Keys::default() }
    }

    #[test]
    fn an_upstream_makes_a_gateway_and_nothing_else_does() {
        assert!(of(&Keys::default()).unwrap().is_none());
        let gateway = of(&keys()).unwrap().unwrap();
        assert_eq!(gateway.described().unwrap(), "https://mail.example.com/Microsoft-Server-ActiveSync, mode replace");
        assert!(gateway.warnings().is_empty());
        let observing = Keys { mode: Some("observe".to_owned()), ..keys() };
        assert!(of(&observing).unwrap().unwrap().described().unwrap().ends_with("mode observe"));
        let faults = of(&Keys { mode: Some("replace".to_owned()), ..Keys::default() }).unwrap_err();
        assert!(faults[0].contains("there is no upstream"), "{faults:?}");
    }

    #[test]
    fn merge_is_not_there_yet_and_another_word_is_wrong() {
        for (mode, says) in [("merge", "not built in yet"), ("watch", "expected replace or observe")] {
            let faults = of(&Keys { mode: Some(mode.to_owned()), ..keys() }).unwrap_err();
            assert!(faults[0].contains(says), "{faults:?}");
        }
    }

    #[test]
    fn every_address_and_path_is_looked_at() {
        let mut wrong = Keys { upstream: Some("mail".to_owned()), ..Keys::default() };
        assert!(of(&wrong).unwrap_err()[0].starts_with("upstream: "));
        wrong = keys();
        wrong.gateway.other_upstreams = vec!["mail".to_owned()];
        wrong.gateway.forward_paths = vec!["ews".to_owned()];
        wrong.sign_in.issuer = Some("http://login.example".to_owned());
        assert_eq!(of(&wrong).unwrap_err().len(), 3);
        wrong = keys();
        wrong.sign_in.issuer = Some("https://login.example".to_owned());
        assert!(of(&wrong).unwrap_err()[0].contains("sign_in.claim is not"));
        wrong.sign_in.claim = Some("email".to_owned());
        assert!(of(&wrong).unwrap().is_some());
    }

    #[test]
    fn a_password_in_clear_to_another_machine_is_warned_of() {
        let clear = |url: &str| of(&Keys { upstream: Some(url.to_owned()), ..Keys::default() }).unwrap().unwrap();
        assert_eq!(clear("http://mail.example.com").warnings().len(), 1);
        assert!(clear("http://127.0.0.1:8082").warnings().is_empty());
    }
}
