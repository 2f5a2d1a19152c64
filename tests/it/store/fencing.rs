//! A worker that was cut off from PostgreSQL past its lease writes nothing, whatever it sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use selfheal::domain::ids::DeliveryId;
use selfheal::ports::store::{Changes, Finish, Inserted, Store as _, StoreError};
use selfheal::ports::upkeep::Upkeep as _;
use selfheal::store::{Migrate, SqlStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream, unix};
use tokio::sync::{Notify, watch};

use super::values::{at, delivery, pull, reply};
use super::{LEASE_MS, Opened, claim, done, effect_id, lost};

/// The socket's name in its folder, as PostgreSQL's clients look for it.
const SOCKET: &str = ".s.PGSQL.5432";

/// A network between one replica and the server that can be held up; what was sent arrives later.
struct Network {
    dir: TempDir,
    /// Whether it is held up.
    held: watch::Sender<bool>,
    /// Something was sent while it was.
    sent: Arc<Notify>,
}

impl Network {
    /// In front of the server that is reached by that address.
    fn to(url: &str) -> Self {
        let (_, folder) = url.split_once("?host=").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let (held, is_held) = watch::channel(false);
        let sent = Arc::new(Notify::new());
        let (server, theirs) = (Path::new(folder).join(SOCKET), Arc::clone(&sent));
        tokio::spawn(accept(listener, server, is_held, theirs));
        Self { dir, held, sent }
    }

    /// The same database, over this network.
    fn url(&self, url: &str) -> String {
        let (database, _) = url.split_once("?host=").unwrap();
        format!("{database}?host={}", self.dir.path().display())
    }
}

async fn accept(
    listener: UnixListener,
    server: PathBuf,
    held: watch::Receiver<bool>,
    sent: Arc<Notify>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = UnixStream::connect(&server).await.unwrap().into_split();
        tokio::spawn(carry(from_client, to_server, held.clone(), Arc::clone(&sent)));
        tokio::spawn(carry(from_server, to_client, held.clone(), Arc::new(Notify::new())));
    }
}

/// Carries bytes one way, and keeps them while the network is held up.
async fn carry(
    mut from: unix::OwnedReadHalf,
    mut to: unix::OwnedWriteHalf,
    mut held: watch::Receiver<bool>,
    sent: Arc<Notify>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if *held.borrow() {
            sent.notify_one();
        }
        if held.wait_for(|held| !held).await.is_err()
            || to.write_all(&bytes[..length]).await.is_err()
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_past_his_lease_writes_nothing_when_he_is_back() {
    let opened = Opened::postgres().await;
    let network = Network::to(&opened.url);
    let cut_off = SqlStore::open(&network.url(&opened.url), Migrate::Yes).await.unwrap();
    opened.insert(delivery("one", 1)).await.unwrap();
    let leased = cut_off.claim_delivery(claim(1)).await.unwrap().unwrap();

    network.held.send(true).unwrap();
    let late = tokio::spawn({
        let cut_off = Arc::clone(&cut_off);
        let mut changes = Changes::finish(at(2), Finish::Park { error: "late".to_owned() });
        changes.pulls = vec![pull(1)];
        changes.effects = vec![(effect_id(1), reply(&pull(1), 3, "late"))];
        async move { cut_off.apply(leased.lease, changes).await }
    });
    network.sent.notified().await;

    let after = 1 + LEASE_MS;
    let taken_over = opened.port().claim_delivery(claim(after)).await.unwrap().unwrap();
    network.held.send(false).unwrap();
    lost(&late.await.unwrap());
    let backlog = opened.port().backlog().await.unwrap();
    assert_eq!((backlog.effects, backlog.parked), (0, 0), "nothing of it was written");
    opened.port().apply(taken_over.lease, done(after)).await.unwrap();
    assert_eq!(opened.insert(delivery("one", 9)).await.unwrap(), Inserted::Duplicate);
    let record = opened.sql().delivery(&DeliveryId::parse("one").unwrap()).await.unwrap();
    assert_eq!(record.unwrap().error, None, "done by the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_until_all_was_done_writes_nothing_when_he_is_back() {
    let opened = Opened::postgres().await;
    let network = Network::to(&opened.url);
    let cut_off = SqlStore::open(&network.url(&opened.url), Migrate::Yes).await.unwrap();
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 1).await;
    let leased = cut_off.claim_pull(claim(1)).await.unwrap().unwrap();
    network.held.send(true).unwrap();
    let late = tokio::spawn({
        let cut_off = Arc::clone(&cut_off);
        let mut changes = done(2);
        changes.effects = vec![(effect_id(7), reply(&pull(1), 7, "late"))];
        async move { cut_off.apply(leased.lease, changes).await }
    });
    network.sent.notified().await;
    let taken_over = opened.pull_at(1 + LEASE_MS).await.unwrap();
    opened.end(taken_over.lease, 2 + LEASE_MS, Finish::Done).await;
    network.held.send(false).unwrap();
    let answer = late.await.unwrap();
    assert!(matches!(answer, Err(StoreError::LeaseLost(_))), "{answer:?}");
    assert!(opened.effect_at(3 + LEASE_MS).await.is_none());
}
