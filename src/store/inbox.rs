//! Group commit: deliveries that arrive at the same time share one transaction.
//!
//! A commit costs a flush of the disk, whatever is in it. One task takes whatever waits, writes it
//! in one transaction and answers everybody after the commit; so one flush serves many senders and
//! nobody is answered before what they sent is durable.
//!
//! Races: a sender gives up waiting (its delivery is written all the same; the forge's next try is
//! a duplicate); the commit fails (everybody in the group is told, nobody's delivery is there).

use std::sync::Mutex;

use tokio::sync::{mpsc, oneshot};

use super::db::{Arg, Db};
use super::rows::number;
use super::sql;
use super::unavailable;
use crate::ports::store::{Inserted, NewDelivery, StoreError};

/// Deliveries waiting for the disk; past it senders wait for a place, and their time-out is theirs.
const WAITING_MAX: usize = 1024;

/// Deliveries in one transaction: enough to hide the flush, small enough to stay quick.
const GROUP_MAX: usize = 256;

struct Waiting {
    delivery: NewDelivery,
    answer: oneshot::Sender<Result<Inserted, StoreError>>,
}

/// Writes deliveries in groups.
#[derive(Debug)]
pub(super) struct GroupCommit {
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    task: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl GroupCommit {
    /// Starts the one task that writes.
    pub fn start(db: Db) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(write_groups(db, waiting));
        Self { queue: Mutex::new(Some(queue)), task: tokio::sync::Mutex::new(Some(task)) }
    }

    /// Writes a delivery; durable when it returns.
    pub async fn insert(&self, delivery: NewDelivery) -> Result<Inserted, StoreError> {
        let queue = self.queue().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        queue.send(Waiting { delivery, answer }).await.map_err(|_| closed())?;
        drop(queue);
        answered.await.map_err(|_| closed())?
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

async fn write_groups(db: Db, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match waiting.try_recv() {
                Ok(next) => group.push(next),
                Err(_) => break,
            }
        }
        match write(&db, &group).await {
            Ok(inserted) => {
                for (one, inserted) in group.into_iter().zip(inserted) {
                    let _ = one.answer.send(Ok(inserted)); // its sender may have given up
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

async fn write(db: &Db, group: &[Waiting]) -> Result<Vec<Inserted>, StoreError> {
    let mut tx = db.begin().await.map_err(unavailable)?;
    let mut inserted = Vec::with_capacity(group.len());
    for Waiting { delivery, .. } in group {
        let args = vec![
            Arg::from(delivery.id.as_str()),
            Arg::from(delivery.event.as_str()),
            Arg::Bytes(delivery.body.to_vec()),
            Arg::from(delivery.received_at.millis()),
        ];
        let rows = tx.run(sql::inbox::INSERT_DELIVERY, args).await.map_err(unavailable)?;
        debug_assert!(number(rows) <= 1);
        inserted.push(if rows == 1 { Inserted::New } else { Inserted::Duplicate });
    }
    tx.commit().await.map_err(unavailable)?;
    Ok(inserted)
}
