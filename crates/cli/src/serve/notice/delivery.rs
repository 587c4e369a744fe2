//! Sends what waits in the queue, one notice after the other: by mail, and to the administrator's command.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::Notice;
use super::keys::{Mail, NoticeConfiguration};
use super::letter::Template;
use crate::failure::Failure;

/// How long one conversation with the mail server may take.
const CONVERSATION: Duration = Duration::from_secs(30);
/// How long the command may take before it is ended.
const COMMAND: Duration = Duration::from_secs(10);
/// How long is waited before a mail is tried again; after the last it is given up.
const AGAIN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// What sends.
pub(in crate::serve) struct Delivery {
    template: Template,
    mail: Option<(Mail, AsyncSmtpTransport<Tokio1Executor>)>,
    hook: Option<std::path::PathBuf>,
}

impl Delivery {
    /// Gets ready; nothing is sent yet.
    pub(in crate::serve) fn new(configuration: NoticeConfiguration) -> Result<Self, Failure> {
        let NoticeConfiguration { mail, hook, template } = configuration;
        let mail = match mail {
            None => None,
            Some(mail) => {
                // What is wrong with it may repeat it, and it may hold a password.
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&mail.url)
                    .map_err(|_| Failure::new("notice.smtp: the URL cannot be used"))?;
                Some((mail, builder.timeout(Some(CONVERSATION)).build()))
            }
        };
        Ok(Self { template, mail, hook })
    }

    /// Sends what comes, for as long as something can.
    pub(in crate::serve) async fn run(self, mut queue: mpsc::Receiver<Notice>) {
        while let Some(notice) = queue.recv().await {
            if let Some((mail, transport)) = &self.mail {
                for to in recipients(mail, &notice) {
                    self.send(&notice, mail, transport, to).await;
                }
            }
            if let Some(hook) = &self.hook
                && let Err(fault) = tell(hook, &notice).await
            {
                tracing::error!(notice = notice.word(), "the command {} was not told: {fault}", hook.display());
            }
        }
    }

    async fn send(&self, notice: &Notice, mail: &Mail, transport: &AsyncSmtpTransport<Tokio1Executor>, to: Address) {
        let (subject, text) = self.template.fill(notice);
        let built = Message::builder()
            .from(Mailbox::new(Some("asprov".to_owned()), mail.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text);
        let message = match built {
            Ok(message) => message,
            Err(error) => return tracing::error!(notice = notice.word(), "a notice cannot be written: {error}"),
        };
        let mut waits = AGAIN.iter();
        loop {
            let fault = match timeout(CONVERSATION, transport.send(message.clone())).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) if error.is_permanent() => {
                    return tracing::error!(notice = notice.word(), "the mail server refuses a notice: {error}");
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it did not answer in time".to_owned(),
            };
            let Some(wait) = waits.next() else {
                return tracing::error!(notice = notice.word(), "a notice is given up: {fault}");
            };
            tracing::warn!(notice = notice.word(), "a notice is tried again in {wait:?}: {fault}");
            sleep(*wait).await;
        }
    }
}

/// Who is told: the administrators, and the user of what concerns him.
fn recipients(mail: &Mail, notice: &Notice) -> Vec<Address> {
    let user = notice.device.user.as_str();
    let user = match &mail.user_domain {
        _ if !notice.to_user() => None,
        Some(domain) if !user.contains('@') => Address::new(user, domain).ok(),
        Some(_) => user.parse().ok(),
        None => None,
    };
    mail.administrators.iter().cloned().chain(user).collect()
}

/// Runs the command with the notice on its standard input: never through a shell, with no arguments, and not for long.
async fn tell(hook: &Path, notice: &Notice) -> Result<(), String> {
    let told = json!({
        "notice": notice.word(),
        "user": notice.device.user.as_str(),
        "device_id": notice.device.device_id.as_str(),
        "device_type": notice.device_type,
        "model": notice.model,
        "detail": notice.detail,
        "administrator": notice.administrator,
    });
    let mut child = Command::new(hook)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("ASPROV_NOTICE", notice.word())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let run = async {
        if let Some(mut input) = child.stdin.take() {
            // A command that does not read is no fault.
            let _ = input.write_all(format!("{told}\n").as_bytes()).await;
        }
        child.wait().await
    };
    match timeout(COMMAND, run).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        // Dropping it ends it.
        Err(_) => Err(format!("it ran for more than {COMMAND:?} and was ended")),
    }
}
