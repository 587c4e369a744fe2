//! A device in front of a server: drives the state machine of [`asprov_protocol::client`] over a transport and a memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::client::{Client, ClientMemory, ClientSettings, Outcome, Report, Step, WipeAnswer};
use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_wbxml::Element;

use crate::error::ClientError;
use crate::memory::{Memory, MemoryError};
use crate::transport::Transport;

/// How long the acknowledgment of a wipe may take to go out, before the erasing begins without it: the protocol does not
/// wait for its answer ([MS-ASPROV] 3.1.5.1.2.2, R645).
const UNAWAITED: Duration = Duration::from_secs(5);

/// A device with its server and its memory.
pub struct Device {
    transport: Transport,
    client: Client,
    memory: Arc<dyn Memory>,
    on_wipe: Box<dyn FnMut(WipeKind) -> WipeAnswer + Send>,
}

/// A conversation that came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// How it ended.
    pub outcome: Outcome,
    /// What it took and what was seen.
    pub report: Report,
}

impl Device {
    /// A device that remembers what it knew before.
    ///
    /// # Errors
    /// When its memory cannot be read.
    pub async fn open(
        transport: Transport,
        settings: ClientSettings,
        memory: impl Memory + 'static,
    ) -> Result<Self, ClientError> {
        let memory: Arc<dyn Memory> = Arc::new(memory);
        let kept = on_a_thread_that_may_wait(&memory, |memory| memory.load()).await?;
        let client = Client::new(settings, kept.unwrap_or_default());
        Ok(Self { transport, client, memory, on_wipe: Box::new(|_| WipeAnswer::Unanswered) })
    }

    /// Decides what becomes of a wipe; without this it is left unanswered. Whoever answers [`WipeAnswer::TakenOn`] has to
    /// erase as soon as the conversation returns, and again after a restart until that is done.
    #[must_use]
    pub fn on_wipe(mut self, decide: impl FnMut(WipeKind) -> WipeAnswer + Send + 'static) -> Self {
        self.on_wipe = Box::new(decide);
        self
    }

    /// Provisions: to the permanent policy key, or to the reason why there is none. That reason is an outcome, not an
    /// error.
    ///
    /// # Errors
    /// When the server cannot be trusted, its answer cannot be taken, or the memory cannot be kept.
    pub async fn provision(&mut self) -> Result<Conversation, ClientError> {
        self.client.start_provision();
        self.run().await
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
        self.client.start_command(command, body);
        self.run().await
    }

    /// What the device knows: whether it holds a key, what it acknowledged, whether a wipe is not over.
    pub const fn memory(&self) -> &ClientMemory {
        self.client.memory()
    }

    /// The settings it was opened with.
    pub const fn settings(&self) -> &ClientSettings {
        self.client.settings()
    }

    async fn run(&mut self) -> Result<Conversation, ClientError> {
        loop {
            match self.client.step() {
                Step::Send(request) if !request.answer_awaited() => {
                    // Whatever comes of it, the erasing begins.
                    let _ = tokio::time::timeout(UNAWAITED, self.transport.send(&request)).await;
                }
                Step::Send(request) => match self.transport.send(&request).await {
                    Ok(answer) => self.client.receive(&answer.as_response()),
                    Err(error) if error.is_passing() => self.client.lost(&error.to_string()),
                    Err(error) => return Err(error.into()),
                },
                Step::Wait { seconds, .. } => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
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

async fn on_a_thread_that_may_wait<T: Send + 'static>(
    memory: &Arc<dyn Memory>,
    work: impl FnOnce(&dyn Memory) -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, MemoryError> {
    let memory = Arc::clone(memory);
    let done = tokio::task::spawn_blocking(move || work(memory.as_ref())).await;
    done.unwrap_or_else(|error| Err(MemoryError::Other(format!("the memory gave up: {error}"))))
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("transport", &self.transport)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
