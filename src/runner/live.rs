//! Telling the server what happens while an attempt goes on, so that people can watch.
//!
//! The attempt never waits for it: what is seen is put into a queue, and a task of its own tells the
//! server, a few hundredths of a second later, everything that has gathered. Where the server cannot
//! be told, the oldest events make room for new ones and a mark says how many are missing. Nothing
//! here fails the attempt.
//!
//! Not here: what agents say ([`super::agents`]), and what is shown on this machine
//! ([`super::observe`]).
//!
//! Invariant: events are numbered without gaps, and one batch is on its way at a time. The same batch
//! goes again until the server has it; the server keeps each number once, so an answer that is lost
//! costs nothing. Where the server is with its numbers is asked first, because an earlier runner of the
//! same attempt may have told some.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::observe::{Happening, Observer};
use super::server::ServerError;
use crate::domain::agent::{AgentEvent, EVENT_CHARS_MAX};
use crate::domain::live::{
    ATTEMPT_EVENT_BYTES_MAX, BATCH_BYTES_MAX, BATCH_EVENTS_MAX, EventBatch, EventsTaken, LiveEvent,
};
use crate::evidence;

/// How long events gather before they are told: too short to be seen, long enough that the words of an
/// agent that speaks in pieces go together.
pub const GATHER_MS: u64 = 20;

/// Events that wait to be told; of more, the oldest are left out. Minutes of a busy agent.
pub const WAITING_MAX: usize = 4_096;

/// What they may take: more than that is not worth remembering for a reader.
pub const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// Where a batch is closed: the longest event fits into what is left, also where marks of redaction are
/// longer than what they stand for.
const CLOSED_BYTES: usize = BATCH_BYTES_MAX / 4;

/// The first pause after the server could not be told; each further one is twice as long.
const PAUSE_MS: u64 = 250;

/// The longest one.
const PAUSE_MS_MAX: u64 = 10_000;

/// How long the end of an attempt waits for what is not told yet.
pub const LAST_WORDS_MS: u64 = 2_000;

/// Who takes events.
#[async_trait]
pub trait Ear: Send + Sync + 'static {
    /// Tells a batch, once.
    ///
    /// # Errors
    /// Any [`ServerError`]; after [`ServerError::Unreachable`] it may be tried again.
    async fn tell(&self, batch: &EventBatch) -> Result<EventsTaken, ServerError>;
}

/// What waits to be told.
#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<LiveEvent>,
    bytes: usize,
    /// Events that were left out before those.
    left_out: u64,
    /// Whether something is being told now.
    is_telling: bool,
    /// Whether nobody will be told anything any more.
    is_closed: bool,
}

/// The two ends of the queue.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
    done: Notify,
}

/// An observer that tells the server.
#[derive(Debug)]
pub struct Live {
    queue: Arc<Queue>,
    task: JoinHandle<()>,
}

impl Live {
    /// Begins to tell; `secrets` are values that must not be told.
    pub fn start(ear: impl Ear, secrets: Vec<String>) -> Self {
        let queue = Arc::new(Queue::default());
        let teller = Teller { ear, secrets, queue: Arc::clone(&queue), next: None, told_bytes: 0 };
        Self { queue, task: tokio::spawn(teller.run()) }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl Observer for Live {
    fn saw(&self, happening: &Happening<'_>) {
        self.queue.push(event_of(happening));
    }

    async fn is_heard(&self) {
        // Who is not told within that has missed nothing that matters.
        let _ = timeout(Duration::from_millis(LAST_WORDS_MS), self.queue.emptied()).await;
    }
}

/// What is told of something that happens.
fn event_of(happening: &Happening<'_>) -> LiveEvent {
    let short = |text: &str| text.chars().take(EVENT_CHARS_MAX).collect::<String>();
    match happening {
        Happening::StageBegins { stage, round } => {
            LiveEvent::StageBegins { stage: *stage, round: *round }
        }
        Happening::CommandBegins { command } => {
            LiveEvent::CommandBegins { command: short(command) }
        }
        Happening::CommandEnded { run } => LiveEvent::CommandEnded {
            command: short(&run.command),
            ended: run.ended,
            duration_ms: run.duration_ms,
        },
        Happening::FixerBegins { fixer } => LiveEvent::FixerBegins { fixer: short(fixer) },
        Happening::FixerEnded { fixer, files } => {
            LiveEvent::FixerEnded { fixer: short(fixer), files: *files as u64 }
        }
        Happening::Agent { event } => LiveEvent::Agent((*event).clone()),
    }
}

/// About how many bytes an event takes.
fn weight(event: &LiveEvent) -> usize {
    /// Its kind and numbers.
    const REST: usize = 64;
    let texts = match event {
        LiveEvent::CommandBegins { command: text }
        | LiveEvent::CommandEnded { command: text, .. }
        | LiveEvent::FixerBegins { fixer: text }
        | LiveEvent::FixerEnded { fixer: text, .. }
        | LiveEvent::Agent(
            AgentEvent::Text { text }
            | AgentEvent::Thinking { text }
            | AgentEvent::ToolResult { output: text, .. }
            | AgentEvent::FileChange { path: text }
            | AgentEvent::Error { text },
        ) => text.len(),
        LiveEvent::Agent(AgentEvent::ToolCall { tool, input }) => tool.len() + input.len(),
        LiveEvent::StageBegins { .. }
        | LiveEvent::LeftOut { .. }
        | LiveEvent::Muted
        | LiveEvent::Agent(AgentEvent::Started { .. } | AgentEvent::Usage { .. }) => 0,
    };
    REST + texts
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: LiveEvent) {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return;
        }
        waiting.bytes += weight(&event);
        waiting.events.push_back(event);
        while waiting.events.len() > WAITING_MAX || waiting.bytes > WAITING_BYTES_MAX {
            let Some(oldest) = waiting.events.pop_front() else { break };
            waiting.bytes -= weight(&oldest);
            waiting.left_out += 1;
        }
        drop(waiting);
        self.more.notify_one();
    }

    /// Whether there is enough for a batch that goes at once.
    fn is_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.events.len() >= BATCH_EVENTS_MAX || waiting.bytes >= CLOSED_BYTES
    }

    /// The next event, which is being told from now on.
    fn pop(&self) -> Option<LiveEvent> {
        let mut waiting = self.waiting();
        let left_out = std::mem::take(&mut waiting.left_out);
        let event = if left_out > 0 {
            LiveEvent::LeftOut { count: left_out }
        } else {
            let event = waiting.events.pop_front()?;
            waiting.bytes -= weight(&event);
            event
        };
        waiting.is_telling = true;
        Some(event)
    }

    /// The next events, as many as fit into one batch.
    fn take(&self) -> Vec<LiveEvent> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < BATCH_EVENTS_MAX && bytes < CLOSED_BYTES {
            let Some(event) = self.pop() else { break };
            bytes += event.line().len();
            taken.push(event);
        }
        taken
    }

    /// What was taken is told, or never will be.
    fn told(&self) {
        self.waiting().is_telling = false;
        self.done.notify_waiters();
    }

    fn close(&self) {
        *self.waiting() = Waiting { is_closed: true, ..Waiting::default() };
        self.done.notify_waiters();
    }

    async fn emptied(&self) {
        loop {
            let done = self.done.notified();
            {
                let waiting = self.waiting();
                if waiting.events.is_empty() && waiting.left_out == 0 && !waiting.is_telling {
                    return;
                }
            }
            done.await;
        }
    }
}

/// Who tells the server.
struct Teller<E> {
    ear: E,
    secrets: Vec<String>,
    queue: Arc<Queue>,
    /// The number of the next event, once the server has said it.
    next: Option<u64>,
    told_bytes: u64,
}

impl<E: Ear> Teller<E> {
    /// Tells until the server wants to hear no more.
    async fn run(mut self) {
        loop {
            let events = self.gathered().await;
            let events = self.fit_to_be_told(events);
            let mutes = events.last() == Some(&LiveEvent::Muted);
            let told = self.tell(events).await;
            if let Err(error) = &told {
                tracing::info!(%error, "the server hears no more of what happens");
            }
            if told.is_err() || mutes {
                self.queue.close();
                return;
            }
            self.queue.told();
        }
    }

    /// The next events, when there are any.
    async fn gathered(&self) -> Vec<LiveEvent> {
        loop {
            self.queue.more.notified().await;
            let gather = sleep(Duration::from_millis(GATHER_MS));
            tokio::pin!(gather);
            while !self.queue.is_full() {
                tokio::select! {
                    () = &mut gather => break,
                    () = self.queue.more.notified() => {}
                }
            }
            let events = self.queue.take();
            if !events.is_empty() {
                // There may be more than fitted.
                self.queue.more.notify_one();
                return events;
            }
        }
    }

    /// Without secrets, and only as many as an attempt may tell.
    fn fit_to_be_told(&mut self, events: Vec<LiveEvent>) -> Vec<LiveEvent> {
        let known: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let mut fit = Vec::with_capacity(events.len());
        for mut event in events {
            for text in texts(&mut event) {
                *text = evidence::redact(text, &known);
            }
            self.told_bytes += event.line().len() as u64;
            if self.told_bytes > ATTEMPT_EVENT_BYTES_MAX - BATCH_BYTES_MAX as u64 {
                fit.push(LiveEvent::Muted);
                break;
            }
            fit.push(event);
        }
        fit
    }

    /// Tells events until the server has them, or says that it wants none.
    async fn tell(&mut self, events: Vec<LiveEvent>) -> Result<(), ServerError> {
        let mut batch = EventBatch { first: 0, events };
        let mut failed = 0;
        loop {
            match self.tried(&mut batch).await {
                Ok(Told::Yes) => return Ok(()),
                Ok(Told::CountsOtherwise) => {}
                Err(ServerError::Unreachable(why)) => {
                    tracing::debug!(why, "the server does not hear what happens");
                }
                Err(error) => return Err(error),
            }
            sleep(pause(failed)).await;
            failed += 1;
        }
    }

    async fn tried(&mut self, batch: &mut EventBatch) -> Result<Told, ServerError> {
        let first = match self.next {
            Some(next) => next,
            None => self.ear.tell(&EventBatch { first: 1, events: Vec::new() }).await?.next,
        };
        batch.first = first;
        self.next = Some(first);
        let EventsTaken { next } = self.ear.tell(batch).await?;
        self.next = Some(next);
        // A server whose database was put back has forgotten numbers, and takes the batch under others.
        Ok(if next > first { Told::Yes } else { Told::CountsOtherwise })
    }
}

/// Whether a batch was told.
enum Told {
    Yes,
    CountsOtherwise,
}

/// A pause that doubles, with jitter so that runners do not come back all at once.
fn pause(failed: u32) -> Duration {
    let doubled = PAUSE_MS.saturating_mul(1 << failed.min(16)).min(PAUSE_MS_MAX);
    Duration::from_millis(doubled / 2 + rand::random_range(0..=doubled / 2))
}

/// The texts of an event that may hold anything.
fn texts(event: &mut LiveEvent) -> Vec<&mut String> {
    match event {
        LiveEvent::CommandBegins { command: text }
        | LiveEvent::CommandEnded { command: text, .. }
        | LiveEvent::FixerBegins { fixer: text }
        | LiveEvent::FixerEnded { fixer: text, .. }
        | LiveEvent::Agent(
            AgentEvent::Text { text }
            | AgentEvent::Thinking { text }
            | AgentEvent::ToolResult { output: text, .. }
            | AgentEvent::FileChange { path: text }
            | AgentEvent::Error { text },
        ) => vec![text],
        LiveEvent::Agent(AgentEvent::ToolCall { tool, input }) => vec![tool, input],
        LiveEvent::Agent(AgentEvent::Started { session, model }) => {
            session.iter_mut().chain(model).collect()
        }
        LiveEvent::StageBegins { .. }
        | LiveEvent::LeftOut { .. }
        | LiveEvent::Muted
        | LiveEvent::Agent(AgentEvent::Usage { .. }) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
