//! Sends what waits in the queue: by mail, and to the administrator's command, neither of which waits for the other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asprov_admin::harmless_json;
use asprov_store::Store;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::keys::{Mail, NoticeConfiguration};
use super::letter::Template;
use super::queue::{Entrance, Queue, queue};
use super::{Notice, WAITING};
use crate::failure::Failure;

/// How long one conversation with the mail server may take.
const CONVERSATION: Duration = Duration::from_secs(30);
/// How long the command may take before it is ended.
const COMMAND: Duration = Duration::from_secs(10);
/// How long its standard error is read once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Bytes of a line of it in the log.
const LINE: u64 = 200;
/// How long the program, told to stop, waits for what is still to be delivered.
const AT_THE_END: Duration = Duration::from_secs(5);
/// How long is waited before a mail is tried again; after the last it is given up.
const AGAIN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// How long the notice that more devices wait is kept back, so that it counts those that come at once.
const COUNTING: Duration = Duration::from_secs(60);

/// What sends.
pub(in crate::serve) struct Delivery {
    /// Knows what was told before.
    store: Arc<dyn Store>,
    mail: Option<Post>,
    hook: Option<PathBuf>,
}

/// What sends by mail.
struct Post {
    mail: Mail,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    for_administrators: Template,
    for_user: Template,
}

/// One way to tell people, with what waits for it.
type Waiting = Entrance<Arc<Notice>>;

impl Delivery {
    /// Gets ready; nothing is sent yet.
    pub(in crate::serve) fn new(configuration: NoticeConfiguration, store: Arc<dyn Store>) -> Result<Self, Failure> {
        let NoticeConfiguration { mail, hook, template, user_template } = configuration;
        let mail = match mail {
            None => None,
            Some(mail) => {
                // What is wrong with it may repeat it, and it may hold a password.
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&mail.url)
                    .map_err(|_| Failure::new("notice.smtp: the URL cannot be used"))?;
                let transport = builder.timeout(Some(CONVERSATION)).build();
                Some(Post { mail, transport, for_administrators: template, for_user: user_template })
            }
        };
        Ok(Self { store, mail, hook })
    }

    /// Sends what comes, by each way for itself: a mail server that does not answer keeps nothing from the command. Ends when
    /// nothing more can come, or, once `stop` says so, when what waits is sent; after [`AT_THE_END`] the rest is lost, and
    /// the log says how many.
    pub(in crate::serve) async fn run(self, incoming: Queue<Notice>, stop: watch::Receiver<bool>) {
        let left = AtomicUsize::new(0);
        let (to_mail, mails) = queue();
        let (to_hook, hooks) = queue();
        let ways: Vec<(&str, Waiting)> =
            [self.mail.is_some().then_some(("mail", to_mail)), self.hook.is_some().then_some(("the command", to_hook))]
                .into_iter()
                .flatten()
                .collect();
        let by_mail = async {
            if let Some(post) = &self.mail {
                // A mail about a wipe waits for none about a quarantine, which may be tried for minutes.
                let wipes = post.deliver(mails.wipes, stop.clone(), &left);
                tokio::join!(wipes, post.deliver(mails.others, stop.clone(), &left));
            }
        };
        let by_hook = async {
            if let Some(hook) = &self.hook {
                call(hook, hooks, &left).await;
            }
        };
        let all = async { tokio::join!(hand_out(incoming, &*self.store, ways, stop.clone(), &left), by_mail, by_hook) };
        let end = async {
            stopped(stop.clone()).await;
            sleep(AT_THE_END).await;
        };
        tokio::select! {
            _ = all => {}
            () = end => tracing::error!(lost = left.load(Ordering::Relaxed), "the server ends before all notices are delivered"),
        }
    }
}

/// Gives each notice that is news to every way, until nothing more can come or the server stops; then what waits already.
async fn hand_out(
    mut incoming: Queue<Notice>,
    store: &dyn Store,
    ways: Vec<(&str, Waiting)>,
    stop: watch::Receiver<bool>,
    left: &AtomicUsize,
) {
    let give = |notice: Notice| {
        let notice = Arc::new(notice.counted());
        for (name, waiting) in &ways {
            if waiting.put(notice.kind.is_about_wipe(), Arc::clone(&notice)) {
                left.fetch_add(1, Ordering::Relaxed);
            } else {
                tracing::warn!(notice = notice.word(), "a notice by {name} is lost: too many wait already");
            }
        }
    };
    let mut stopping = std::pin::pin!(stopped(stop));
    let mut is_closed = false;
    let mut counting: VecDeque<(Instant, Notice)> = VecDeque::new();
    loop {
        let due = counting.front().map(|(at, _)| *at);
        let notice = tokio::select! {
            biased;
            () = &mut stopping, if !is_closed => {
                is_closed = true;
                incoming.close();
                continue;
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                counting.pop_front().into_iter().for_each(|(_, notice)| give(notice));
                continue;
            }
            notice = incoming.next() => notice,
        };
        let Some(notice) = notice else { break };
        if !notice.is_news(store).await {
            continue;
        }
        if notice.newcomers.is_some() && counting.len() < WAITING {
            counting.push_back((Instant::now() + COUNTING, notice));
        } else {
            give(notice);
        }
    }
    counting.into_iter().for_each(|(_, notice)| give(notice));
}

/// Waits for the word to stop, for ever if nobody can give it any more.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Post {
    async fn deliver(&self, mut waiting: mpsc::Receiver<Arc<Notice>>, stop: watch::Receiver<bool>, left: &AtomicUsize) {
        while let Some(notice) = waiting.recv().await {
            for to in self.mail.administrators.iter().cloned() {
                self.send(&notice, &self.for_administrators, to, stop.clone()).await;
            }
            if let Some(user) = self.user(&notice) {
                self.send(&notice, &self.for_user, user, stop.clone()).await;
            }
            left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The address of the user, of what concerns the user.
    fn user(&self, notice: &Notice) -> Option<Address> {
        notice.advice()?;
        let (user, domain) = (notice.device.user.as_str(), self.mail.user_domain.as_ref()?);
        if user.contains('@') { user.parse().ok() } else { Address::new(user, domain).ok() }
    }

    fn message(&self, notice: &Notice, template: &Template, to: Address) -> Result<Message, lettre::error::Error> {
        let (subject, text) = template.fill(notice);
        let from = &self.mail.from;
        Message::builder()
            // One number for all tries, so that a mail that arrives twice is seen to be one.
            .message_id(getrandom::u64().ok().map(|number| {
                format!("<{number:016x}.{:08x}@{}>", getrandom::u32().unwrap_or_default(), from.domain())
            }))
            .date_now()
            .from(Mailbox::new(Some("asprov".to_owned()), from.clone()))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
    }

    async fn send(&self, notice: &Notice, template: &Template, to: Address, stop: watch::Receiver<bool>) {
        let message = match self.message(notice, template, to) {
            Ok(message) => message,
            Err(error) => return tracing::error!(notice = notice.word(), "a notice cannot be written: {error}"),
        };
        let mut waits = AGAIN.iter();
        loop {
            let fault = match timeout(CONVERSATION, self.transport.send(message.clone())).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) if error.is_permanent() => {
                    return tracing::error!(notice = notice.word(), "the mail server refuses a notice: {error}");
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it did not answer in time".to_owned(),
            };
            let Some(wait) = waits.next().filter(|_| !*stop.borrow()) else {
                return tracing::error!(notice = notice.word(), "a notice is given up: {fault}");
            };
            tracing::warn!(notice = notice.word(), "a notice is tried again in {wait:?}: {fault}");
            tokio::select! {
                () = sleep(*wait) => {}
                // Once more, at once.
                () = stopped(stop.clone()) => {}
            }
        }
    }
}

/// Says that no person wrote this, so that no program answers it (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Runs the command for each notice, one after the other, first for those about wipes.
async fn call(hook: &Path, mut waiting: Queue<Arc<Notice>>, left: &AtomicUsize) {
    while let Some(notice) = waiting.next().await {
        if let Err(fault) = tell(hook, &notice).await {
            tracing::error!(notice = notice.word(), "the command {} was not told: {fault}", hook.display());
        }
        left.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads a first line, cut, and whatever comes after it, so that nobody waits to be read.
async fn first_line(errors: ChildStderr, line: &mut Vec<u8>) {
    let mut errors = BufReader::new(errors);
    let _ = (&mut errors).take(LINE).read_until(b'\n', line).await;
    let _ = tokio::io::copy_buf(&mut errors, &mut tokio::io::sink()).await;
}

/// Runs the command with the notice on its standard input: never through a shell, with no arguments, and not for long.
async fn tell(hook: &Path, notice: &Notice) -> Result<(), String> {
    let told = json!({
        "notice": notice.word(),
        "kind": notice.wipe_kind(),
        "user": notice.device.user.as_str(),
        "device_id": notice.device.device_id.as_str(),
        "device_type": notice.device_type,
        "model": notice.model,
        "user_agent": notice.user_agent,
        "detail": notice.detail,
        "administrator": notice.administrator,
    });
    let mut child = Command::new(hook)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("ASPROV_NOTICE", notice.word())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let run = async {
        if let Some(mut input) = child.stdin.take() {
            // A command that does not read is no fault.
            let _ = input.write_all(format!("{}\n", harmless_json(&told.to_string())).as_bytes()).await;
        }
        let mut line = Vec::new();
        let Some(errors) = child.stderr.take() else { return child.wait().await.map(|status| (status, line)) };
        let status = {
            let mut said = std::pin::pin!(first_line(errors, &mut line));
            tokio::select! {
                status = child.wait() => {
                    // What it left running in the background may hold its standard error for ever.
                    let _ = timeout(LAST_WORDS, said).await;
                    status
                }
                () = &mut said => child.wait().await,
            }
        };
        status.map(|status| (status, line))
    };
    match timeout(COMMAND, run).await {
        Ok(Ok((status, _))) if status.success() => Ok(()),
        Ok(Ok((status, line))) => {
            let line = String::from_utf8_lossy(&line);
            let said = line.trim();
            Err(if said.is_empty() {
                format!("it ended with {status}")
            } else {
                format!("it ended with {status} and said: {}", said.escape_debug())
            })
        }
        Ok(Err(error)) => Err(error.to_string()),
        // Dropping it ends it.
        Err(_) => Err(format!("it ran for more than {COMMAND:?} and was ended")),
    }
}

#[cfg(test)]
mod tests;
