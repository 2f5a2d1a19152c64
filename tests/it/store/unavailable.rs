//! A database that goes away and comes back: nothing is said to be recorded that is not, and nobody
//! has to do anything.

use selfheal::ports::store::{Inserted, StoreError};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use super::values::delivery;
use super::{Opened, claim, done};

/// Somebody with a connection to another database of the same server.
pub(super) async fn operator(opened: &Opened) -> (PgConnection, String) {
    let (server, name) = opened.url.split_once("localhost/").unwrap();
    let (name, options) = name.split_once('?').unwrap();
    let url = format!("{server}localhost/postgres?{options}");
    (PgConnection::connect(&url).await.unwrap(), name.to_owned())
}

/// Breaks every connection to a database; whether new ones are let in.
pub(super) async fn cut(operator: &mut PgConnection, name: &str, door: &str) {
    for text in [
        format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {door}"),
        format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
        ),
    ] {
        operator.execute(AssertSqlSafe(text)).await.unwrap();
    }
}

fn unavailable<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_broke_are_made_again() {
    let opened = Opened::postgres().await;
    let (mut operator, name) = operator(&opened).await;
    for round in 0..3 {
        let id = format!("d{round}");
        assert_eq!(opened.insert(delivery(&id, 1)).await.unwrap(), Inserted::New);
        cut(&mut operator, &name, "true").await;
        let leased = opened.port().claim_delivery(claim(5)).await.unwrap().unwrap();
        cut(&mut operator, &name, "true").await;
        opened.port().apply(leased.lease, done(5)).await.unwrap();
        assert_eq!(opened.insert(delivery(&id, 1)).await.unwrap(), Inserted::Duplicate);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_unavailable_until_it_is_back() {
    let opened = Opened::postgres().await;
    let (mut operator, name) = operator(&opened).await;
    opened.insert(delivery("before", 1)).await.unwrap();
    let leased = opened.port().claim_delivery(claim(2)).await.unwrap().unwrap();
    cut(&mut operator, &name, "false").await;
    unavailable(&opened.insert(delivery("meanwhile", 2)).await);
    unavailable(&opened.port().backlog().await);
    unavailable(&opened.port().claim_delivery(claim(3)).await);
    unavailable(&opened.port().apply(leased.lease, done(3)).await);

    cut(&mut operator, &name, "true").await;
    assert_eq!(opened.insert(delivery("before", 1)).await.unwrap(), Inserted::Duplicate);
    assert_eq!(opened.insert(delivery("meanwhile", 2)).await.unwrap(), Inserted::New);
    assert_eq!(opened.port().backlog().await.unwrap().deliveries, 2, "the first was not finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_not_ready_until_it_does() {
    let opened = Opened::sqlite().await;
    opened.insert(delivery("before", 1)).await.unwrap();
    let mut operator = SqliteConnection::connect(&opened.url).await.unwrap();
    // Reads go on and writes fail, as on a disk that is full.
    let full = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    for (name, when) in [("one", "INSERT ON deliveries"), ("two", "UPDATE ON reconciler")] {
        let text = format!("CREATE TRIGGER {name} BEFORE {when} {full}");
        operator.execute(AssertSqlSafe(text)).await.unwrap();
    }
    opened.port().backlog().await.expect("nobody has tried to write yet");
    unavailable(&opened.insert(delivery("meanwhile", 2)).await);
    unavailable(&opened.port().backlog().await);
    operator.execute("DROP TRIGGER one; DROP TRIGGER two").await.unwrap();
    assert_eq!(opened.port().backlog().await.unwrap().deliveries, 1, "ready by itself");
    assert_eq!(opened.insert(delivery("meanwhile", 2)).await.unwrap(), Inserted::New);
}
