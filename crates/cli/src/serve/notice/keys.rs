//! The section `[notice]`: who is told, how, and with which words.

use std::path::{Path, PathBuf};

use lettre::Address;
use serde::{Deserialize, Serialize};

use super::letter::Template;
use crate::failure::Failure;
use crate::serve::keys::is_unset;

/// The section `[notice]`.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Notices")]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NoticeKeys {
    /// The mail server for notices: smtps://HOST, smtp://HOST:587?tls=required, with USER:PASSWORD@ before HOST if it asks for
    /// them
    #[arg(long = "notice-smtp", value_name = "URL")]
    pub(super) smtp: Option<String>,

    /// The address that notices come from
    #[arg(long = "notice-from", value_name = "ADDRESS")]
    pub(super) from: Option<String>,

    /// An administrator's address; may be given several times
    #[arg(long = "notice-administrators", value_name = "ADDRESS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) administrators: Vec<String>,

    /// The domain of users whose name is no address; users are told only of what concerns them
    #[arg(long = "notice-user-domain", value_name = "DOMAIN")]
    pub(super) user_domain: Option<String>,

    /// A file with subject, empty line and text for administrators, in place of the usual words
    #[arg(long = "notice-text", value_name = "FILE")]
    pub(super) text: Option<PathBuf>,

    /// A file with subject, empty line and text for users, in place of the usual words
    #[arg(long = "notice-user-text", value_name = "FILE")]
    pub(super) user_text: Option<PathBuf>,

    /// A command that gets each notice as JSON on its standard input; it is run as it is, without a shell
    #[arg(long = "notice-hook", value_name = "FILE")]
    pub(super) hook: Option<PathBuf>,
}

/// Who is told and how, understood.
#[derive(Clone)]
pub(in crate::serve) struct NoticeConfiguration {
    pub(super) mail: Option<Mail>,
    pub(super) hook: Option<PathBuf>,
    /// For administrators.
    pub(super) template: Template,
    /// For users.
    pub(super) user_template: Template,
}

/// How mail goes out.
#[derive(Clone)]
pub(super) struct Mail {
    /// With its password, so it is never shown.
    pub(super) url: String,
    pub(super) from: Address,
    pub(super) administrators: Vec<Address>,
    pub(super) user_domain: Option<String>,
}

impl core::fmt::Debug for NoticeConfiguration {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NoticeConfiguration").field("hook", &self.hook).finish_non_exhaustive()
    }
}

impl NoticeConfiguration {
    /// Understands the keys; `None` when nobody is to be told.
    pub(in crate::serve) fn of(keys: &NoticeKeys, faults: &mut Vec<Failure>) -> Option<Self> {
        if keys.smtp.is_none() && keys.hook.is_none() {
            if !is_unset(keys) {
                faults.push(Failure::new("[notice] says neither smtp nor hook, so nobody could be told"));
            }
            return None;
        }
        let mut template = |file: Option<&Path>, usual: fn() -> Template| {
            let template = file.map_or_else(|| Ok(usual()), Template::read);
            template.map_err(|fault| faults.push(fault)).ok()
        };
        let administrators = template(keys.text.as_deref(), Template::default);
        let users = template(keys.user_text.as_deref(), Template::for_user);
        let (template, user_template) = administrators.zip(users)?;
        if let Some(fault) = keys.hook.as_deref().and_then(|hook| runs(hook).err()) {
            faults.push(fault);
            return None;
        }
        let mail = match &keys.smtp {
            None => None,
            Some(url) => Some(mail(keys, url, faults)?),
        };
        Some(Self { mail, hook: keys.hook.clone(), template, user_template })
    }
}

/// Whether the command is there and may be run. It is looked for as it is when it is run: a name without a folder in PATH.
fn runs(hook: &Path) -> Result<(), Failure> {
    let cannot = |why: &str| Failure::new(format!("notice.hook: {} cannot be run: {why}", hook.display()));
    let file = if hook.parent() == Some(Path::new("")) {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut files = std::env::split_paths(&folders).map(|folder| folder.join(hook));
        files.find(|file| file.is_file()).ok_or_else(|| {
            cannot("it is in no folder of PATH").hint("name it with its folder: ./notice, or /usr/local/bin/notice")
        })?
    } else {
        hook.to_owned()
    };
    let found = std::fs::metadata(&file).map_err(|fault| cannot(&fault.to_string()))?;
    if !found.is_file() {
        return Err(cannot("it is no file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 == 0 {
        return Err(cannot("nobody may execute it").hint("chmod +x makes it a command"));
    }
    Ok(())
}

fn mail(keys: &NoticeKeys, url: &str, faults: &mut Vec<Failure>) -> Option<Mail> {
    if let Err(fault) = check(url) {
        faults.push(fault);
        return None;
    }
    let mut address = |key: &str, text: &str| {
        let fault = |_| Failure::new(format!("{key}: `{}` is no mail address", text.escape_debug()));
        text.parse::<Address>().map_err(fault).map_err(|fault| faults.push(fault)).ok()
    };
    let from = address("notice.from", keys.from.as_deref().unwrap_or_default())?;
    let administrators: Option<Vec<Address>> =
        keys.administrators.iter().map(|text| address("notice.administrators", text)).collect();
    let administrators = administrators?;
    if administrators.is_empty() && keys.user_domain.is_none() {
        faults.push(Failure::new(
            "notice.smtp is set, and neither notice.administrators nor notice.user_domain says whom to tell",
        ));
        return None;
    }
    Some(Mail { url: url.to_owned(), from, administrators, user_domain: keys.user_domain.clone() })
}

/// Passwords and notices do not travel in clear beyond this machine. No message repeats the URL: it may hold a password.
fn check(url: &str) -> Result<(), Failure> {
    let wrong = |why: &str| {
        Failure::new(format!("notice.smtp: {why}")).hint("an example: smtp://mail.example.com:587?tls=required")
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it is no URL"))?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        _ if host.is_empty() => Err(wrong("there is no host in it")),
        "smtps" => Ok(()),
        "smtp" if here || rest.split_once('?').is_some_and(|(_, query)| query == "tls=required") => Ok(()),
        "smtp" => Err(wrong("mail would travel in clear: say smtps://, or ?tls=required for STARTTLS")),
        _ => Err(wrong("expected smtp:// or smtps://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_does_not_travel_in_clear_and_no_message_repeats_a_password() {
        for url in [
            "smtps://mail.example.com",
            "smtp://u:secret@mail.example.com:587?tls=required",
            "smtp://127.0.0.1:2525",
            "smtp://[::1]:25",
        ] {
            assert!(check(url).is_ok(), "{url}");
        }
        for url in [
            "smtp://u:secret@mail.example.com",
            "http://u:secret@mail.example.com",
            "secret",
            "smtp://",
            "smtp://u:secret@mail.example.com?tls=opportunistic",
        ] {
            assert!(!check(url).unwrap_err().to_string().contains("secret"), "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_is_not_there_or_cannot_be_run_is_a_fault() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hook");
        let fault = |hook: &Path| {
            let mut faults = Vec::new();
            let keys = NoticeKeys { hook: Some(hook.to_owned()), ..NoticeKeys::default() };
            assert_eq!(NoticeConfiguration::of(&keys, &mut faults).is_some(), faults.is_empty());
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
        };
        assert!(fault(&file).contains("hook cannot be run: No such file"), "{}", fault(&file));
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(fault(&file).contains("nobody may execute it"), "{}", fault(&file));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(fault(&file), "");
        assert!(fault(folder.path()).contains("it is no file"));
        assert!(fault(Path::new("no-such-command-anywhere")).contains("in no folder of PATH"));
        assert_eq!(fault(Path::new("sh")), "", "a name is looked for in PATH");
    }

    #[test]
    fn everything_that_is_missing_is_said() {
        let of = |keys: &NoticeKeys| {
            let mut faults = Vec::new();
            let configuration = NoticeConfiguration::of(keys, &mut faults);
            (configuration.is_some(), faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
        };
        assert_eq!(of(&NoticeKeys::default()), (false, String::new()));
        let mut keys = NoticeKeys { from: Some("asprov@example.com".to_owned()), ..NoticeKeys::default() };
        assert!(of(&keys).1.contains("neither smtp nor hook"));
        keys.smtp = Some("smtp://127.0.0.1".to_owned());
        assert!(of(&keys).1.contains("whom to tell"));
        keys.administrators = vec!["no address".to_owned()];
        assert!(of(&keys).1.contains("is no mail address"));
        keys.administrators = vec!["eve@example.com".to_owned()];
        assert_eq!(of(&keys), (true, String::new()));
    }
}
