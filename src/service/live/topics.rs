//! Topics: attempts that somebody watches, and the last events of each.
//!
//! Readers pull: each knows the number that it wants next, and is woken when there is more. So a slow
//! one holds up nobody and nothing is queued for it; when what it wants has left a topic's memory, it
//! reads it from the store. What is rendered for one reader is rendered for all of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::domain::ids::AttemptId;
use crate::domain::live::{Shows, is_thinking};
use crate::ports::events::EventRun;

/// What a topic remembers: some seconds of a busy agent. With [`super::READERS_MAX`] topics, each with
/// its last run besides, that is at most 100 MB; usually a hundredth of it.
const TOPIC_BYTES_MAX: usize = 64 * 1024;

/// How far an attempt is, as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub next: u64,
    pub is_over: bool,
}

/// One event of a run.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'r> {
    /// Its number.
    pub number: u64,
    /// When it came, in milliseconds since 1970.
    pub at_ms: i64,
    /// What it says: an object in JSON, on one line.
    pub line: &'r str,
}

/// Events that came together, and how they look.
#[derive(Debug)]
pub struct Run {
    events: EventRun,
    rendered: [OnceLock<Bytes>; 2],
}

impl Run {
    pub(super) fn new(events: EventRun) -> Self {
        Self { events, rendered: Default::default() }
    }

    pub(super) const fn first(&self) -> u64 {
        self.events.first
    }

    pub(super) fn end(&self) -> u64 {
        self.events.end()
    }

    fn bytes(&self) -> usize {
        self.events.lines.iter().map(String::len).sum()
    }

    /// Its events from a number on, as somebody may see them.
    fn shown(&self, from: u64, shows: Shows) -> impl Iterator<Item = Shown<'_>> {
        let at_ms = self.events.at.millis();
        let numbered = (self.events.first..).zip(&self.events.lines);
        let shown = numbered.map(move |(number, line)| Shown { number, at_ms, line });
        shown
            .filter(move |event| event.number >= from)
            .filter(move |event| shows == Shows::Thinking || !is_thinking(event.line))
    }
}

/// The part of a run that a reader has not seen.
#[derive(Debug, Clone)]
pub struct Piece {
    pub(super) run: Arc<Run>,
    pub(super) from: u64,
}

impl Piece {
    /// Its events, as somebody may see them.
    pub fn shown(&self, shows: Shows) -> impl Iterator<Item = Shown<'_>> {
        self.run.shown(self.from, shows)
    }

    /// How it looks in a stream; made once for all who see the whole of it.
    pub fn rendered(&self, shows: Shows, render: impl Fn(&mut Vec<u8>, Shown<'_>)) -> Bytes {
        let made = || {
            let mut text = Vec::new();
            self.shown(shows).for_each(|event| render(&mut text, event));
            Bytes::from(text)
        };
        if self.from > self.run.first() {
            return made();
        }
        let place = match shows {
            Shows::Plain => 0,
            Shows::Thinking => 1,
        };
        self.run.rendered[place].get_or_init(made).clone()
    }
}

/// The last runs of an attempt, without a gap.
#[derive(Debug, Default)]
struct Memory {
    runs: VecDeque<Arc<Run>>,
    bytes: usize,
}

impl Memory {
    fn push(&mut self, run: Run) {
        if self.runs.back().is_some_and(|last| last.end() != run.first()) {
            // Another replica kept what lies between; readers find it in the store.
            *self = Self::default();
        }
        self.bytes += run.bytes();
        self.runs.push_back(Arc::new(run));
        while self.bytes > TOPIC_BYTES_MAX && self.runs.len() > 1 {
            let oldest = self.runs.pop_front();
            self.bytes -= oldest.map_or(0, |run| run.bytes());
        }
    }

    /// The run that begins with a number, or has it in it.
    fn run_at(&self, number: u64) -> Option<Arc<Run>> {
        let at = self.runs.partition_point(|run| run.end() <= number);
        self.runs.get(at).filter(|run| run.first() <= number).cloned()
    }
}

/// An attempt that somebody watches.
#[derive(Debug)]
pub(super) struct Topic {
    pub attempt: AttemptId,
    memory: Mutex<Memory>,
    pub state: watch::Sender<State>,
}

impl Topic {
    fn new(attempt: AttemptId) -> Self {
        let state = watch::Sender::new(State { next: 1, is_over: false });
        Self { attempt, memory: Mutex::default(), state }
    }

    /// Says how far the attempt is; what is older than what is known changes nothing.
    pub fn raise(&self, to: State) {
        self.state.send_if_modified(|state| {
            let new = State { next: state.next.max(to.next), is_over: state.is_over || to.is_over };
            std::mem::replace(state, new) != new
        });
    }

    /// Tells of new events, which are kept already.
    pub fn publish(&self, events: EventRun) {
        let next = events.end();
        locked(&self.memory).push(Run::new(events));
        self.raise(State { next, is_over: false });
    }

    pub fn run_at(&self, number: u64) -> Option<Arc<Run>> {
        locked(&self.memory).run_at(number)
    }
}

/// Every attempt that somebody watches here.
#[derive(Debug, Default)]
pub(super) struct Topics {
    by_attempt: HashMap<AttemptId, Arc<Topic>>,
    /// Whether somebody looks for news of them in the store.
    pub is_followed: bool,
}

impl Topics {
    pub fn open(&mut self, attempt: AttemptId) -> Arc<Topic> {
        let topic = self.by_attempt.entry(attempt);
        Arc::clone(topic.or_insert_with(|| Arc::new(Topic::new(attempt))))
    }

    pub fn get(&self, attempt: AttemptId) -> Option<Arc<Topic>> {
        self.by_attempt.get(&attempt).cloned()
    }

    /// Those that are still watched; the others are forgotten.
    pub fn watched(&mut self) -> Vec<Arc<Topic>> {
        self.by_attempt.retain(|_, topic| Arc::strong_count(topic) > 1);
        self.by_attempt.values().cloned().collect()
    }
}

/// What is in a lock; whoever panicked while holding it left nothing half done that matters.
pub(super) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Timestamp;

    fn run(first: u64, lines: &[&str]) -> EventRun {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        EventRun { first, at: Timestamp::from_millis(7), lines }
    }

    fn topic() -> Topic {
        Topic::new(AttemptId::new(uuid::Uuid::from_u128(1)))
    }

    #[test]
    fn whatever_is_remembered_is_found_by_its_number() {
        let topic = topic();
        topic.publish(run(5, &["a", "b"]));
        topic.publish(run(7, &["c"]));
        let first = |number| topic.run_at(number).map(|run| run.first());
        let found: Vec<_> = (4..9).map(first).collect();
        assert_eq!(found, [None, Some(5), Some(5), Some(7), None]);
        assert_eq!(*topic.state.borrow(), State { next: 8, is_over: false });
    }

    #[test]
    fn a_gap_empties_the_memory_so_that_readers_ask_the_store() {
        let topic = topic();
        topic.publish(run(1, &["a"]));
        topic.publish(run(5, &["b"]));
        assert!(topic.run_at(1).is_none() && topic.run_at(5).is_some());
    }

    #[test]
    fn a_topic_remembers_no_more_than_it_may_and_always_the_last_run() {
        let topic = topic();
        let long = "x".repeat(TOPIC_BYTES_MAX / 2);
        for first in 1..=10 {
            topic.publish(run(first, &[&long]));
        }
        let kept: Vec<u64> = (1..=10).filter(|number| topic.run_at(*number).is_some()).collect();
        assert_eq!(kept, [9, 10]);
        topic.publish(run(11, &[&long.repeat(9)]));
        assert!(topic.run_at(10).is_none() && topic.run_at(11).is_some());
    }

    #[test]
    fn what_is_known_is_never_taken_back() {
        let topic = topic();
        topic.raise(State { next: 9, is_over: true });
        topic.raise(State { next: 3, is_over: false });
        assert_eq!(*topic.state.borrow(), State { next: 9, is_over: true });
    }

    #[test]
    fn who_comes_in_the_middle_of_a_run_sees_the_rest_and_thoughts_only_if_asked() {
        let thinking = r#"{"kind":"thinking","text":"hm"}"#;
        let run = Arc::new(Run::new(run(5, &["a", thinking, "b"])));
        let seen = |from, shows| {
            let piece = Piece { run: Arc::clone(&run), from };
            let rendered = piece.rendered(shows, |text, event| {
                text.extend_from_slice(format!("{}@{} ", event.number, event.at_ms).as_bytes());
            });
            String::from_utf8(rendered.to_vec()).unwrap()
        };
        assert_eq!(seen(5, Shows::Plain), "5@7 7@7 ");
        assert_eq!(seen(5, Shows::Thinking), "5@7 6@7 7@7 ");
        assert_eq!(seen(6, Shows::Plain), "7@7 ");
        assert_eq!(seen(5, Shows::Plain), "5@7 7@7 ", "made once, the same for all");
    }

    #[test]
    fn what_nobody_watches_is_forgotten() {
        let mut topics = Topics::default();
        let watched = topics.open(AttemptId::new(uuid::Uuid::from_u128(1)));
        drop(topics.open(AttemptId::new(uuid::Uuid::from_u128(2))));
        assert_eq!(topics.watched().len(), 1);
        assert!(topics.get(watched.attempt).is_some());
        drop(watched);
        assert!(topics.watched().is_empty());
    }
}
