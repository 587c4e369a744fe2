//! A device in front of a server: drives the state machine of [`asprov_protocol::client`] over a transport and a memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::client::{
    Client, ClientMemory, ClientSettings, CommandRequest, Outcome, Report, SeenStatus, ServerMoved, Step, WipeAnswer,
};
use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_wbxml::Element;

use crate::address::Address;
use crate::error::{ClientError, TransportError};
use crate::memory::{Memory, MemoryError};
use crate::rediscovery::Rediscovery;
use crate::transport::Transport;

/// How long the acknowledgment of a wipe may take to go out. Then the erasing begins without it.
const GOING_OUT: Duration = Duration::from_secs(5);

/// A device with its server and its memory.
pub struct Device {
    transport: Transport,
    pub(crate) client: Client,
    memory: Arc<dyn Memory>,
    on_wipe: Box<dyn FnMut(WipeKind) -> WipeAnswer + Send>,
    on_redirect: Box<dyn FnMut(&Address) -> bool + Send>,
    on_wait: Box<dyn FnMut(&Wait) + Send>,
    domain: Option<String>,
    pub(crate) rediscovery: Option<Rediscovery>,
    /// The server that the application named.
    named: Address,
}

/// A conversation that came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// How it ended.
    pub outcome: Outcome,
    /// What it took and what was seen.
    pub report: Report,
}

/// The device is about to wait, and will then send the same request again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long.
    pub time: Duration,
    /// The answer that asks for it; `None` when no answer came.
    pub status: Option<SeenStatus>,
    /// Whether the server named the time (Retry-After).
    pub is_named: bool,
    /// Why no answer came, when none did.
    pub lost: Option<String>,
}

impl Device {
    /// A device that remembers what it knew before, which may be that its server sent it to another one (HTTP 451): as long
    /// as the transport has the address of then, it goes to that one.
    ///
    /// # Errors
    /// When its memory cannot be read.
    pub async fn open(
        mut transport: Transport,
        settings: ClientSettings,
        memory: impl Memory + 'static,
    ) -> Result<Self, ClientError> {
        let memory: Arc<dyn Memory> = Arc::new(memory);
        let kept = on_a_thread_that_may_wait(&memory, |memory| memory.load()).await?;
        let client = Client::new(settings, kept.unwrap_or_default());
        let named = transport.address().clone();
        let moved = client.memory().moved().filter(|moved| moved.from == named.to_string());
        // It was agreed to when it came.
        if let Some(there) = moved.and_then(|moved| encrypted_as_before(&named, &moved.to)) {
            transport.move_to(there);
        }
        Ok(Self {
            named,
            transport,
            client,
            memory,
            on_wipe: Box::new(|_| WipeAnswer::Unanswered),
            on_redirect: Box::new(|_| false),
            on_wait: Box::new(|_| ()),
            domain: None,
            rediscovery: None,
        })
    }

    /// Decides what becomes of a wipe; without this it is left unanswered. Whoever answers [`WipeAnswer::TakenOn`] has to
    /// erase as soon as the conversation returns, and again after a restart until that is done.
    #[must_use]
    pub fn on_wipe(mut self, decide: impl FnMut(WipeKind) -> WipeAnswer + Send + 'static) -> Self {
        self.on_wipe = Box::new(decide);
        self
    }

    /// Decides whether a server that the first one names (HTTP 451) may have the credentials. Without this only the host
    /// itself and hosts below [`Device::in_domain`] may. The way there is always encrypted when the way before was.
    #[must_use]
    pub fn on_redirect(mut self, decide: impl FnMut(&Address) -> bool + Send + 'static) -> Self {
        self.on_redirect = Box::new(decide);
        self
    }

    /// Is told of every wait before it begins: a conversation may wait for minutes, and somebody may be watching.
    #[must_use]
    pub fn on_wait(mut self, tell: impl FnMut(&Wait) + Send + 'static) -> Self {
        self.on_wait = Box::new(tell);
        self
    }

    /// The domain of the account: servers below it may have the credentials.
    #[must_use]
    pub fn in_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Provisions: to the permanent policy key, or to the reason why there is none. That reason is an outcome, not an
    /// error.
    ///
    /// # Errors
    /// When the server cannot be trusted, its answer cannot be taken, or the memory cannot be kept.
    pub async fn provision(&mut self) -> Result<Conversation, ClientError> {
        self.client.start_provision();
        let ended = self.run().await?;
        self.again_elsewhere(ended, None).await
    }

    /// Sends a command, and provisions first when the server or the device's own standing asks for it.
    ///
    /// # Errors
    /// As [`Device::provision`].
    pub async fn command(
        &mut self,
        command: Command,
        body: Option<Element<'static>>,
    ) -> Result<Conversation, ClientError> {
        self.request(CommandRequest::new(command, body)).await
    }

    /// The same for a command with parameters, with a mail as its body, or with an answer in several parts.
    ///
    /// # Errors
    /// As [`Device::provision`].
    pub async fn request(&mut self, request: CommandRequest) -> Result<Conversation, ClientError> {
        let again = self.rediscovery.is_some().then(|| request.clone());
        self.client.start_request(request);
        let ended = self.run().await?;
        self.again_elsewhere(ended, again).await
    }

    /// The server, which another one may have named (HTTP 451). It is part of the memory.
    pub const fn address(&self) -> &Address {
        self.transport.address()
    }

    /// What the device knows: whether it holds a key, what it acknowledged, whether a wipe is not over.
    pub const fn memory(&self) -> &ClientMemory {
        self.client.memory()
    }

    /// The settings it was opened with.
    pub const fn settings(&self) -> &ClientSettings {
        self.client.settings()
    }

    pub(crate) async fn run(&mut self) -> Result<Conversation, ClientError> {
        let mut went_back = false;
        let mut lost = None;
        loop {
            match self.client.step() {
                // [MS-ASPROV] 3.1.5.1.2.2 (R645): it goes out, and whatever comes of it, the erasing begins.
                Step::Send(request) if !request.answer_awaited() => {
                    match tokio::time::timeout(GOING_OUT, self.transport.send_unawaited(&request)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => self.client.lost(&error.to_string()),
                        Err(_) => self.client.lost("it did not go out in time"),
                    }
                }
                Step::Send(request) => match self.transport.send(&request).await {
                    Ok(answer) => self.client.receive(&answer.as_response()),
                    // The server that was moved to is gone: the one that was named knows where to.
                    Err(TransportError::Unresolved { .. } | TransportError::Connect { .. })
                        if !went_back && *self.transport.address() != self.named =>
                    {
                        went_back = true;
                        self.transport.move_to(self.named.clone());
                        self.client.server_moved(None);
                    }
                    Err(error) if error.is_passing() => {
                        let why = error.to_string();
                        self.client.lost(&why);
                        lost = Some(why);
                    }
                    Err(error) => return Err(error.into()),
                },
                Step::Wait { seconds, milliseconds, why: status, is_named } => {
                    let time = Duration::from_secs(seconds.into()) + Duration::from_millis(milliseconds.into());
                    let lost = lost.take().filter(|_| status.is_none());
                    (self.on_wait)(&Wait { time, status, is_named, lost });
                    tokio::time::sleep(time).await;
                }
                Step::AskRedirect(location) => {
                    let follow = self.follows(&location);
                    self.client.answer_redirect(follow);
                }
                Step::Remember(memory) => {
                    on_a_thread_that_may_wait(&self.memory, move |kept| kept.keep(&memory)).await?;
                }
                Step::AskWipe(kind) => {
                    let answer = (self.on_wipe)(kind);
                    self.client.answer_wipe(answer);
                }
                Step::Done(outcome) => return Ok(Conversation { outcome, report: self.client.report().clone() }),
            }
        }
    }
}

impl Device {
    /// Goes to the server that X-MS-Location names, if the credentials may go there.
    fn follows(&mut self, location: &str) -> bool {
        let here = self.transport.address();
        let Some(there) = encrypted_as_before(here, location) else { return false };
        let is_own = there == *here || self.domain.as_ref().is_some_and(|domain| there.is_below(domain));
        self.goes_to(there, is_own)
    }

    /// Goes to another server, if it is in the account's own domain or the application agrees.
    pub(crate) fn goes_to(&mut self, there: Address, is_own: bool) -> bool {
        let follow = is_own || (self.on_redirect)(&there);
        if follow {
            let moved = ServerMoved { from: self.named.to_string(), to: there.to_string() };
            self.client.server_moved((moved.from != moved.to).then_some(moved));
            self.transport.move_to(there);
        }
        follow
    }
}

/// Another server's address, if the way there is no worse than before: plain HTTP leads to this machine at most, and not
/// from TLS.
pub(crate) fn encrypted_as_before(here: &Address, there: &str) -> Option<Address> {
    Address::of_url(there).ok().filter(|there| there.is_tls() || !here.is_tls())
}

async fn on_a_thread_that_may_wait<T: Send + 'static>(
    memory: &Arc<dyn Memory>,
    work: impl FnOnce(&dyn Memory) -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, MemoryError> {
    let memory = Arc::clone(memory);
    let done = tokio::task::spawn_blocking(move || work(memory.as_ref())).await;
    done.unwrap_or_else(|error| Err(MemoryError::Other(format!("the memory gave up: {error}"))))
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting {:.1} s", self.time.as_secs_f64())?;
        f.write_str(if self.is_named {
            ", as the server asks with Retry-After: "
        } else {
            " before the next attempt: "
        })?;
        match (&self.status, &self.lost) {
            (Some(status), _) => status.fmt(f),
            (None, Some(why)) => f.write_str(why),
            (None, None) => f.write_str("no answer came"),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("transport", &self.transport)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
