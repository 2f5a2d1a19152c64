//! Group commit: deliveries that arrive at the same time share one transaction.
//!
//! A commit costs a flush of the disk, whatever is in it. One task takes whatever waits, writes it
//! in one transaction and answers everybody after the commit; so one flush serves many senders and
//! nobody is answered before what they sent is durable.
//!
//! Races: a sender gives up waiting (its delivery is written all the same; the forge's next try is
//! a duplicate); the commit fails (everybody in the group is told, and nobody's delivery counts as
//! recorded, even where the failure was only in the answer).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::db::{Arg, Db, Tx};
use super::rows::number;
use super::sql;
use super::unavailable;
use crate::ports::store::{Inserted, NewDelivery, StoreError};

/// Deliveries waiting for the disk; past it senders wait for a place, and their time-out is theirs.
const WAITING_MAX: usize = 1024;

/// Deliveries in one transaction: enough to hide the flush, small enough to stay quick.
const GROUP_MAX: usize = 256;

/// Deliveries that are written between two counts of what waits: a count reads an index entry for
/// each that waits, so this makes it cheap, and a limit is passed by no more than this and a group.
const COUNT_EVERY: u64 = 1_000;

/// How long a group's transaction may take. A connection that hangs without an end must not hold up
/// what comes after it; what was written all the same is a duplicate when it is sent again.
const WRITE_SECS_MAX: u64 = 6;

/// How long a sender waits: less than the ten seconds after which GitHub hangs up, so that it hears
/// that it was in vain.
const ANSWER_SECS_MAX: u64 = 8;

struct Waiting {
    delivery: NewDelivery,
    answer: oneshot::Sender<Result<Inserted, StoreError>>,
}

/// Writes deliveries in groups.
#[derive(Debug)]
pub(super) struct GroupCommit {
    failing: Arc<AtomicBool>,
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    task: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl GroupCommit {
    /// Starts the one task that writes.
    pub fn start(db: Db, waiting_max: u64) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let failing = Arc::new(AtomicBool::new(false));
        let inbox = Inbox { db, room: Room { max: waiting_max, left: 0 } };
        let task = tokio::spawn(write_groups(inbox, waiting, Arc::clone(&failing)));
        let task = tokio::sync::Mutex::new(Some(task));
        Self { failing, queue: Mutex::new(Some(queue)), task }
    }

    /// Writes a delivery; durable when it returns. One that gives up waiting may be written later;
    /// sent again it is a duplicate.
    pub async fn insert(&self, delivery: NewDelivery) -> Result<Inserted, StoreError> {
        let queue = self.queue().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let written = async {
            queue.send(Waiting { delivery, answer }).await.map_err(|_| closed())?;
            drop(queue);
            answered.await.map_err(|_| closed())?
        };
        let limit = Duration::from_secs(ANSWER_SECS_MAX);
        tokio::time::timeout(limit, written).await.unwrap_or_else(|_| Err(late()))
    }

    /// Whether the last group could not be written, and none since.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// A write went through.
    pub fn works(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }

    fn queue(&self) -> Option<mpsc::Sender<Waiting>> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Writes what waits and takes nothing more.
    pub async fn finish(&self) {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let task = self.task.lock().await.take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the inbox's writer ended badly");
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is being closed".into())
}

fn late() -> StoreError {
    StoreError::Unavailable("the database did not answer in time".into())
}

async fn write_groups(
    mut inbox: Inbox,
    mut waiting: mpsc::Receiver<Waiting>,
    failing: Arc<AtomicBool>,
) {
    let limit = Duration::from_secs(WRITE_SECS_MAX);
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match waiting.try_recv() {
                Ok(next) => group.push(next),
                Err(_) => break,
            }
        }
        let written = tokio::time::timeout(limit, inbox.write(&group)).await;
        let written = written.unwrap_or_else(|_| Err(late()));
        let fails = matches!(written, Err(StoreError::Unavailable(_)));
        failing.store(fails, Ordering::Relaxed);
        match written {
            Ok(inserted) => {
                for (one, inserted) in group.into_iter().zip(inserted) {
                    let _ = one.answer.send(Ok(inserted)); // its sender may have given up
                }
            }
            Err(StoreError::Full { waiting }) => {
                for one in group {
                    let _ = one.answer.send(Err(StoreError::Full { waiting }));
                }
            }
            Err(error) => {
                let words = error.to_string();
                for one in group {
                    let error = StoreError::Unavailable(words.clone().into());
                    let _ = one.answer.send(Err(error));
                }
            }
        }
    }
}

/// How many deliveries may still be written before what waits is counted again.
#[derive(Debug)]
struct Room {
    max: u64,
    left: u64,
}

/// What the one task writes to.
#[derive(Debug)]
struct Inbox {
    db: Db,
    room: Room,
}

impl Inbox {
    async fn write(&mut self, group: &[Waiting]) -> Result<Vec<Inserted>, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        self.make_room(&mut tx).await?;
        let inserted = write(tx, group).await?;
        self.room.left = self.room.left.saturating_sub(group.len() as u64);
        Ok(inserted)
    }

    /// Counts what waits, when it was not counted for a while.
    async fn make_room(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.room.left > 0 {
            return Ok(());
        }
        let rows: Vec<(i64,)> =
            tx.rows(sql::inbox::COUNT_WAITING, Vec::new()).await.map_err(unavailable)?;
        let waiting = rows.first().map_or(0, |(count,)| u64::try_from(*count).unwrap_or(0));
        self.room.left = self.room.max.saturating_sub(waiting).min(COUNT_EVERY);
        if self.room.left == 0 { Err(StoreError::Full { waiting }) } else { Ok(()) }
    }
}

async fn write(mut tx: Tx, group: &[Waiting]) -> Result<Vec<Inserted>, StoreError> {
    let mut inserted = Vec::with_capacity(group.len());
    for Waiting { delivery, .. } in group {
        let args = vec![
            Arg::from(delivery.id.as_str()),
            Arg::from(delivery.event.as_str()),
            Arg::Bytes(delivery.body.to_vec()),
            Arg::from(delivery.received_at.millis()),
            Arg::from(delivery.repo.map_or(0, |repo| number(repo.get()))),
        ];
        let rows = tx.run(sql::inbox::INSERT_DELIVERY, args).await.map_err(unavailable)?;
        debug_assert!(number(rows) <= 1);
        inserted.push(if rows == 1 { Inserted::New } else { Inserted::Duplicate });
    }
    if inserted.contains(&Inserted::New) {
        tx.tell().await.map_err(unavailable)?;
    }
    tx.commit().await.map_err(unavailable)?;
    Ok(inserted)
}
