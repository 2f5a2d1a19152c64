//! Live events: a runner tells what happens, it is kept, and whoever has the link watches.
//!
//! Events are kept before anybody sees them, so that a number that a reader has seen stands for the
//! same event for ever. A reader first gets what is kept after the number that it names, then what
//! comes, without a gap and nothing twice, and an end when the attempt is over. Nothing is decided by
//! events, and nobody who watches can slow an attempt: a runner waits for the store alone.
//!
//! Invariant: what is known of an attempt's events only grows; readers go by it and by nothing else.
//!
//! Races: events come through another replica (each replica looks in the store, every
//! [`FOLLOW_MS`], how far the attempts are that somebody watches there; that finds ends as well). A
//! reader opens a topic while events are published (it is opened first, then it is asked how far it
//! is). A runner that was given up sends while its successor begins (what it
//! tells after the other's admission is refused in the store).

pub mod keys;
pub mod schema;
pub(crate) mod topics;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Services;
use super::runners::{RunnerError, is_valid};
use crate::domain::chain::Chain;
use crate::domain::ids::{AttemptId, Timestamp};
use crate::domain::live::{
    ATTEMPT_EVENT_BYTES_MAX, BATCH_EVENTS_MAX, EventBatch, EventsTaken, LiveEvent,
};
use crate::ports::events::{EventRun, EventStore, KeptEvents, NewEvents};
use crate::ports::ledger::{Account, Ledger};
use crate::ports::store::{Seat, StoreError};

use self::keys::Keys;
pub use self::topics::{Piece, Shown};
use self::topics::{Run, State, Topic, Topics, locked};

/// Readers at the same time, in all: each takes a connection and some 50 KB.
pub const READERS_MAX: usize = 512;

/// What one reader is given at once from the store, and so the most that is held for it, besides a
/// run: some seconds of a busy agent.
pub const READER_BYTES_MAX: usize = 64 * 1024;

/// How often it is looked in the store how far watched attempts are: one small question for all of
/// them, half the time that somebody who watches may wait.
pub const FOLLOW_MS: u64 = 50;

/// How long a reader is left without a word: below the minute after which proxies cut.
pub const QUIET_SECS_MAX: u64 = 15;

/// Who may watch, what they see, and who is watching.
pub struct Live {
    events: Arc<dyn EventStore>,
    ledger: Arc<dyn Ledger>,
    keys: Keys,
    topics: Mutex<Topics>,
    places: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("topics", &self.topics).finish_non_exhaustive()
    }
}

/// Why somebody may not watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// There is nothing here for them, or nothing at all.
    Nothing,
    /// As many watch as may.
    Crowded,
}

/// Why a reader is given nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The attempt is over, and everything was given.
    Over,
    /// The server stops; another one, or the next one, goes on.
    Stopping,
    /// The store cannot be read; later it may.
    Trouble,
}

/// What a reader is given.
#[derive(Debug)]
pub enum News {
    /// Events.
    Events(Piece),
    /// Nothing has happened for a while.
    Quiet,
    /// The end.
    End(Ending),
}

/// Somebody who watches one attempt.
#[derive(Debug)]
pub struct Reader {
    live: Arc<Live>,
    topic: Arc<Topic>,
    state: watch::Receiver<State>,
    closing: watch::Receiver<bool>,
    /// The number of the next event.
    from: u64,
    /// What was read from the store and is not given yet.
    read: std::collections::VecDeque<Arc<Run>>,
    _place: OwnedSemaphorePermit,
}

impl Live {
    /// Nobody watches yet.
    pub fn new(events: Arc<dyn EventStore>, ledger: Arc<dyn Ledger>, keys: Keys) -> Self {
        Self {
            events,
            ledger,
            keys,
            topics: Mutex::default(),
            places: Arc::new(Semaphore::new(READERS_MAX)),
            closing: watch::Sender::new(false),
        }
    }

    /// Whether a key opens an attempt's events.
    pub fn opens(&self, attempt: AttemptId, key: &str, now: Timestamp) -> bool {
        self.keys.opens(attempt, key, now)
    }

    /// The key of an attempt that opens until then.
    pub fn key(&self, attempt: AttemptId, until: Timestamp) -> String {
        self.keys.key(attempt, until)
    }

    /// Ends every reader, because the server stops.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Somebody begins to watch an attempt, whose key is theirs, behind an event that they know.
    ///
    /// # Errors
    /// [`Closed`] when they cannot.
    pub async fn reader(
        self: &Arc<Self>,
        attempt: AttemptId,
        after: u64,
    ) -> Result<Result<Reader, Closed>, StoreError> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Ok(Err(Closed::Crowded));
        };
        let topic = self.open(attempt);
        let standing = self.events.standings(&[attempt]).await?;
        let Some(standing) = standing.first() else { return Ok(Err(Closed::Nothing)) };
        topic.raise(State { next: standing.next, is_over: standing.is_over });
        Ok(Ok(Reader {
            live: Arc::clone(self),
            state: topic.state.subscribe(),
            closing: self.closing.subscribe(),
            topic,
            from: after.saturating_add(1),
            read: std::collections::VecDeque::new(),
            _place: place,
        }))
    }

    /// The topic of an attempt, which is followed from now on.
    fn open(self: &Arc<Self>, attempt: AttemptId) -> Arc<Topic> {
        let mut topics = locked(&self.topics);
        let topic = topics.open(attempt);
        if !std::mem::replace(&mut topics.is_followed, true) {
            let live = Arc::clone(self);
            tokio::spawn(async move { live.follow().await });
        }
        topic
    }

    /// Looks in the store how far watched attempts are, as long as there are any.
    async fn follow(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(FOLLOW_MS)).await;
            let watched = {
                let mut topics = locked(&self.topics);
                let watched = topics.watched();
                topics.is_followed = !watched.is_empty();
                watched
            };
            if watched.is_empty() {
                return;
            }
            let attempts: Vec<AttemptId> = watched.iter().map(|topic| topic.attempt).collect();
            match self.events.standings(&attempts).await {
                Ok(standings) => {
                    for standing in standings {
                        let of = watched.iter().find(|topic| topic.attempt == standing.attempt);
                        let Some(topic) = of else { continue };
                        topic.raise(State { next: standing.next, is_over: standing.is_over });
                    }
                }
                // Readers wait; those that ask for something meanwhile are told.
                Err(error) => tracing::debug!(%error, "watched attempts cannot be looked at"),
            }
        }
    }

    /// Forgets events; of how many attempts.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    pub async fn forget(&self, before: Timestamp, bytes_max: u64) -> Result<u64, StoreError> {
        self.events.forget_events(before, bytes_max).await
    }
}

impl Reader {
    /// What comes next.
    pub async fn next(&mut self) -> News {
        loop {
            if *self.closing.borrow_and_update() {
                return News::End(Ending::Stopping);
            }
            let state = *self.state.borrow_and_update();
            if self.from < state.next {
                match self.piece(state).await {
                    Ok(Some(piece)) => return News::Events(piece),
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::warn!(error = %Chain(&error), "a reader is cut");
                        return News::End(Ending::Trouble);
                    }
                }
            }
            if state.is_over {
                return News::End(Ending::Over);
            }
            let quiet = tokio::time::sleep(Duration::from_secs(QUIET_SECS_MAX));
            tokio::select! {
                // The senders live as long as the topic and the server, which this holds.
                _ = self.state.changed() => {}
                _ = self.closing.changed() => {}
                () = quiet => return News::Quiet,
            }
        }
    }

    /// The next events that are there: remembered here, else kept in the store; `None` when there are
    /// none any more before those that the state knows.
    async fn piece(&mut self, state: State) -> Result<Option<Piece>, StoreError> {
        let run = match self.read.pop_front().or_else(|| self.topic.run_at(self.from)) {
            Some(run) => run,
            None => {
                let (attempt, from) = (self.topic.attempt, self.from);
                let runs = self.live.events.events(attempt, from, READER_BYTES_MAX).await?;
                self.read = runs.into_iter().map(|run| Arc::new(Run::new(run))).collect();
                match self.read.pop_front() {
                    Some(run) => run,
                    None => {
                        // They were forgotten: what is left is what comes.
                        self.from = state.next;
                        return Ok(None);
                    }
                }
            }
        };
        let from = self.from.max(run.first());
        self.from = run.end();
        Ok(Some(Piece { run, from }))
    }
}

/// The attempt that a runner's token lets tell of.
///
/// # Errors
/// [`RunnerError`] when it is nobody's whose attempt is at work.
pub async fn teller(
    services: &Services,
    attempt: AttemptId,
    token: &str,
) -> Result<Account, RunnerError> {
    let account = services.live.ledger.account(attempt).await?.ok_or(RunnerError::Unknown)?;
    let now = services.clock.now();
    if !is_valid(token, account.token.as_ref(), now) {
        return Err(RunnerError::NotYou("the token is not valid".to_owned()));
    }
    if account.is_live { Ok(account) } else { Err(RunnerError::Over) }
}

/// Keeps what a runner tells, then shows it.
///
/// # Errors
/// [`RunnerError::Bad`] when it is more than may be.
pub async fn tell(
    services: &Services,
    teller: &Account,
    batch: &EventBatch,
) -> Result<EventsTaken, RunnerError> {
    let (attempt, now) = (teller.attempt, services.clock.now());
    if batch.events.len() > BATCH_EVENTS_MAX {
        let count = batch.events.len();
        let words = format!("a batch has at most {BATCH_EVENTS_MAX} events, this one {count}");
        return Err(RunnerError::Bad(words));
    }
    let first = batch.first.max(1);
    let lines: Vec<String> = batch.events.iter().map(LiveEvent::line).collect();
    let bytes_max = ATTEMPT_EVENT_BYTES_MAX;
    let Some((token_hash, _)) = teller.token.clone() else { return Err(RunnerError::Unknown) };
    let seat = Seat { attempt, token_hash };
    let new = NewEvents { seat, first, lines: lines.clone(), bytes_max, now };
    let live = &services.live;
    match live.events.keep_events(new).await {
        Ok(KeptEvents::Gap { next }) => Ok(EventsTaken { next }),
        Ok(KeptEvents::From { new, next }) => {
            let watched = locked(&live.topics).get(attempt);
            let fresh = usize::try_from(new.saturating_sub(first)).unwrap_or(usize::MAX);
            if let (Some(topic), Some(lines)) = (watched, lines.get(fresh..))
                && !lines.is_empty()
            {
                topic.publish(EventRun { first: new, at: now, lines: lines.to_vec() });
            }
            Ok(EventsTaken { next })
        }
        Ok(KeptEvents::Full) => {
            let words = format!("an attempt tells at most {bytes_max} bytes of events");
            Err(RunnerError::Bad(words))
        }
        Err(error) => Err(error.into()),
    }
}
