//! Group commit: deliveries that arrive at the same time share one transaction.
//!
//! A commit costs a flush of the disk, whatever is in it. One task takes whatever waits, writes it
//! in one transaction of few statements, and answers everybody after it; so one flush serves many
//! senders and nobody is answered before what they sent is durable. Long bodies are packed before
//! they wait, where their senders are served.
//!
//! Races: a sender gives up waiting (its delivery is written all the same; the forge's next try is
//! a duplicate); the commit fails (everybody in the group is told, and nobody's delivery counts as
//! recorded, even where the failure was only in the answer).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::db::{Arg, Db};
use super::packing::pack;
use super::rows::{inconsistent, number};
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
    known: Known,
    body: Vec<u8>,
    answer: oneshot::Sender<Result<Inserted, StoreError>>,
}

/// What is written of a delivery beside its body, by the names that PostgreSQL's statement gives it.
#[derive(Debug, Serialize)]
struct Known {
    id: String,
    event: String,
    /// Where its body begins among those of the group, counted from one, and how long it is there.
    from: usize,
    length: usize,
    unpacked: Option<i64>,
    received_at_ms: i64,
    /// 0: none.
    repo_id: i64,
}

/// What a row of a delivery has.
const COLUMNS: usize = 7;

impl Waiting {
    /// What is written of it, in the order of the columns; its body goes along and is not there again.
    fn row(&mut self) -> [Arg; COLUMNS] {
        let Known { id, event, unpacked, received_at_ms, repo_id, .. } = &self.known;
        [
            Arg::from(id.as_str()),
            Arg::from(event.as_str()),
            Arg::Bytes(std::mem::take(&mut self.body)),
            Arg::from(*unpacked),
            Arg::from(*received_at_ms),
            Arg::from(*received_at_ms),
            Arg::from(*repo_id),
        ]
    }
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
        let packed = pack(&delivery.body);
        drop(delivery.body); // what waits is small, so the next body takes memory that was just used
        let known = Known {
            id: delivery.id.as_str().to_owned(),
            event: delivery.event,
            from: 0,
            length: packed.bytes.len(),
            unpacked: packed.length,
            received_at_ms: delivery.received_at.millis(),
            repo_id: delivery.repo.map_or(0, |repo| number(repo.get())),
        };
        let written = async {
            queue
                .send(Waiting { known, body: packed.bytes, answer })
                .await
                .map_err(|_| closed())?;
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
        let written = tokio::time::timeout(limit, inbox.write(&mut group)).await;
        let written = written.unwrap_or_else(|_| Err(late()));
        let fails = matches!(written, Err(StoreError::Unavailable(_)));
        let begins = !failing.swap(fails, Ordering::Relaxed);
        if let Err(StoreError::Unavailable(cause)) = &written
            && begins
        {
            // Those who wait hear only that it failed; why is for the operator, once.
            tracing::error!(%cause, "deliveries cannot be written, and are refused until they can");
        }
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
    async fn write(&mut self, group: &mut [Waiting]) -> Result<Vec<Inserted>, StoreError> {
        self.make_room().await?;
        let inserted = self.insert(group).await?;
        self.room.left = self.room.left.saturating_sub(group.len() as u64);
        Ok(inserted)
    }

    /// Counts what waits, when it was not counted for a while.
    async fn make_room(&mut self) -> Result<(), StoreError> {
        if self.room.left > 0 {
            return Ok(());
        }
        let rows: Vec<(i64,)> =
            self.db.rows(sql::inbox::COUNT_WAITING, Vec::new()).await.map_err(unavailable)?;
        let waiting = rows.first().map_or(0, |(count,)| u64::try_from(*count).unwrap_or(0));
        self.room.left = self.room.max.saturating_sub(waiting).min(COUNT_EVERY);
        if self.room.left == 0 { Err(StoreError::Full { waiting }) } else { Ok(()) }
    }

    async fn insert(&self, group: &mut [Waiting]) -> Result<Vec<Inserted>, StoreError> {
        let mut new = match &self.db {
            Db::Sqlite { .. } => self.insert_rows(group).await?,
            Db::Postgres(_) => self.insert_list(group).await?,
        };
        // Of two with one id in a group the first was written.
        let inserted = group.iter().map(|one| new.remove(&one.known.id));
        Ok(inserted.map(|new| if new { Inserted::New } else { Inserted::Duplicate }).collect())
    }

    /// Writes a group to SQLite; which of it were not known. Values are bound and no row comes back,
    /// since taking lists apart and handing rows out costs as much as writing them.
    async fn insert_rows(&self, group: &mut [Waiting]) -> Result<HashSet<String>, StoreError> {
        let ids = group.iter().map(|one| serde_json::json!({ "id": one.known.id }));
        let ids = vec![Arg::from(ids.collect::<serde_json::Value>().to_string())];
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let known: Vec<(String,)> =
            tx.rows(sql::inbox::KNOWN_DELIVERIES, ids).await.map_err(unavailable)?;
        let known: HashSet<String> = known.into_iter().map(|(id,)| id).collect();
        let mut new: HashSet<String> = group.iter().map(|one| one.known.id.clone()).collect();
        new.retain(|id| !known.contains(id));
        let mut unknown: Vec<&mut Waiting> =
            group.iter_mut().filter(|one| new.contains(&one.known.id)).collect();
        for some in unknown.chunks_mut(sql::inbox::ROWS) {
            let mut args: Vec<Arg> = Vec::with_capacity(sql::inbox::ROWS * COLUMNS);
            args.extend(some.iter_mut().flat_map(|one| one.row()));
            // The rows that are left over say again what the first said: its id is there then.
            for _ in some.len()..sql::inbox::ROWS {
                args.extend(some[0].row());
            }
            tx.run(sql::inbox::INSERT_DELIVERIES, args).await.map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(new)
    }

    /// Writes a group to PostgreSQL; which of it were not known.
    async fn insert_list(&self, group: &mut [Waiting]) -> Result<HashSet<String>, StoreError> {
        let mut bodies = Vec::with_capacity(group.iter().map(|one| one.body.len()).sum());
        for one in &mut *group {
            one.known.from = bodies.len() + 1;
            bodies.append(&mut one.body);
        }
        let known: Vec<&Known> = group.iter().map(|one| &one.known).collect();
        let known = serde_json::to_string(&known)
            .map_err(|error| inconsistent("deliveries", "new", error))?;
        let args = vec![Arg::from(known), Arg::Bytes(bodies)];
        let rows: Vec<(String,)> =
            self.db.write(sql::inbox::INSERT_DELIVERIES, args).await.map_err(unavailable)?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
