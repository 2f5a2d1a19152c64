//! Taking checkpoints while a fixer works: the change so far and the agent's session, for the server.
//!
//! A coding agent gives signs of its work ([`Signs`]): a tool that answered, a file that changed. After
//! one, and not before [`PAUSE_MS`] have passed since the last, the checkout and the session's files
//! are read as they are at that moment and sent, if anything is different. Fixers without such signs
//! begin an interrupted turn anew; of a round with several turns the finished ones are kept all the
//! same.
//!
//! A checkpoint is a help and never a condition: when it cannot be taken or told, the work goes on and
//! the next sign is waited for. Whoever waits for the fixer drops the future, and with it a request
//! that is under way; the server refuses one that arrives after the stage's report.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::fixers::Fixer;
use super::observe::{Happening, Observer};
use super::stages::{StageError, Work};
use super::workspace::Checkout;
use crate::documents::{State, TurnNote, about, write};
use crate::domain::agent::AgentEvent;
use crate::domain::checkpoint::Checkpoint;
use crate::domain::document::DocumentName;

/// The shortest pause between two checkpoints: a lost machine costs an agent two seconds of its work,
/// and fifty attempts at once cost the server twenty-five small writes a second.
const PAUSE_MS: u64 = 2_000;

/// Agents write down what they have said a moment after they said it; Claude Code after a tenth of a
/// second.
const WRITTEN_MS: u64 = 300;

/// A pause is so many times as long as the checkpoint took: in a repository of the largest size, or over
/// a slow line, checkpoints take a small part of the machine and no more.
const SHARE: u32 = 10;

/// An observer that also takes note when there is something to keep.
pub struct Signs<'a> {
    observer: &'a dyn Observer,
    given: Notify,
    session: Mutex<Option<String>>,
}

impl std::fmt::Debug for Signs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signs").field("session", &self.session).finish_non_exhaustive()
    }
}

impl<'a> Signs<'a> {
    /// No sign yet.
    pub fn beside(observer: &'a dyn Observer) -> Self {
        Self { observer, given: Notify::new(), session: Mutex::new(None) }
    }

    /// There is something to keep.
    pub fn give(&self) {
        self.given.notify_one();
    }

    fn session(&self) -> Option<String> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Signs<'_> {
    fn saw(&self, happening: &Happening<'_>) {
        self.observer.saw(happening);
        match happening {
            Happening::Agent { event: AgentEvent::Started { session, .. } } => {
                session
                    .clone_into(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner));
            }
            Happening::Agent {
                event: AgentEvent::ToolResult { .. } | AgentEvent::FileChange { .. },
            } => self.give(),
            Happening::Agent { .. }
            | Happening::StageBegins { .. }
            | Happening::CommandBegins { .. }
            | Happening::CommandEnded { .. }
            | Happening::FixerBegins { .. }
            | Happening::FixerEnded { .. } => {}
        }
    }
}

/// A turn that goes on.
pub struct Turn<'a> {
    /// The round.
    pub round: u8,
    /// Whose turn it is.
    pub fixer: &'a dyn Fixer,
    /// The turns before it.
    pub turns: &'a [TurnNote],
    /// Where it works.
    pub checkout: &'a Checkout,
    /// Its home.
    pub home: &'a Path,
    /// What it gives to notice.
    pub signs: &'a Signs<'a>,
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("round", &self.round).finish_non_exhaustive()
    }
}

impl Turn<'_> {
    /// Keeps checkpoints for as long as it is polled.
    pub async fn keep(&self, work: &Work<'_>) -> Infallible {
        if !work.server.keeps_checkpoints() {
            return std::future::pending().await;
        }
        let mut last = None;
        loop {
            self.signs.given.notified().await;
            tokio::time::sleep(Duration::from_millis(WRITTEN_MS)).await;
            let begun = Instant::now();
            if let Some(checkpoint) = self.taken(work).await {
                let digest = digest(&checkpoint);
                if last != Some(digest) {
                    match work.server.checkpoint(&checkpoint).await {
                        Ok(()) => last = Some(digest),
                        Err(error) => tracing::info!(error = %error, "a checkpoint was not told"),
                    }
                }
            }
            let pause = (begun.elapsed() * SHARE).max(Duration::from_millis(PAUSE_MS));
            tokio::time::sleep(pause).await;
        }
    }

    /// A checkpoint, at the second try when something was in its way that may have passed: a file that
    /// went away, a log that was begun anew.
    async fn taken(&self, work: &Work<'_>) -> Option<Checkpoint> {
        let why = match self.checkpoint(work).await {
            Ok(checkpoint) => return Some(checkpoint),
            Err(why) => why,
        };
        tracing::debug!(error = %why, "a checkpoint could not be taken");
        tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
        self.checkpoint(work).await.ok()
    }

    async fn checkpoint(&self, work: &Work<'_>) -> Result<Checkpoint, StageError> {
        let session = match self.signs.session() {
            Some(id) => self.fixer.session(self.home, &id)?,
            None => None,
        };
        let work_in_progress = self.checkout.changes().await?;
        let about = about(DocumentName::State, work.brief.attempt, self.round);
        let state = write(&State { about, turns: self.turns.to_vec() }, "")?;
        let fixer = self.fixer.id();
        Ok(Checkpoint { round: self.round, fixer, state, work_in_progress, session })
    }
}

/// By which it is known that nothing is different.
fn digest(checkpoint: &Checkpoint) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(checkpoint.work_in_progress.digest());
    for file in checkpoint.session.iter().flat_map(|session| &session.files) {
        hash.update(Sha256::digest(file.bytes()));
    }
    hash.finalize().into()
}
