//! A database with a past: deliveries that were read and cases that were closed long ago.

use std::path::Path;

use selfheal::store::{Migrate, SqlStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tempfile::TempDir;

use crate::say;

/// What is in the database before the work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past {
    pub(crate) deliveries: u32,
    pub(crate) cases: u32,
}

/// Little, and as much as a large organisation leaves behind within the time that it is kept.
pub(crate) const PASTS: [Past; 2] =
    [Past { deliveries: 10_000, cases: 1_000 }, Past { deliveries: 2_000_000, cases: 200_000 }];

impl std::fmt::Display for Past {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} old deliveries, {} closed cases", self.deliveries, self.cases)
    }
}

impl Past {
    /// A database of SQLite that has it: its address, and what keeps it alive.
    pub(crate) async fn database(self) -> (String, TempDir) {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let file = dir.path().join("old.db");
        let url = format!("sqlite:{}", file.display());
        let store = SqlStore::open(&url, Migrate::Yes).await.expect("the schema can be made");
        store.close().await;
        self.write(&file).await;
        (url, dir)
    }

    async fn write(self, file: &Path) {
        let options = SqliteConnectOptions::new().filename(file);
        let mut database =
            SqliteConnection::connect_with(&options).await.expect("the database opens");
        let Self { deliveries, cases } = self;
        let numbers = |to: u32| {
            format!(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {to}) "
            )
        };
        // Repositories of another organisation than those of the load, and times of an hour ago: what
        // is older than it is kept would be forgotten while we measure.
        let ago = "(STRFTIME('%s', 'now') * 1000 - 3600000)";
        for text in [
            "INSERT INTO installations (id, state) VALUES (900, 'active')".to_owned(),
            numbers(1_000)
                + "INSERT INTO repos (id, slug, installation_id) \
                   SELECT 900000 + n, 'old/repo-' || n, 900 FROM n",
            numbers(deliveries)
                + &format!(
                    "INSERT INTO deliveries (id, event, body, body_bytes, received_at_ms, state, \
                     due_at_ms, done_at_ms, repo_id) \
                     SELECT 'old-' || n, 'push', RANDOMBLOB(200), 2000, {ago}, 'done', {ago}, {ago}, \
                     900001 + n % 1000 FROM n"
                ),
            numbers(cases)
                + "INSERT INTO pulls (repo_id, number, head_sha, head_branch, base, state, \
                   updated_at_ms) \
                   SELECT 900001 + n % 1000, n, PRINTF('%040x', n), 'old', 'main', 'closed', 1 FROM n",
            numbers(cases)
                + &format!(
                    "INSERT INTO cases (id, repo_id, number, opened_head, head, opened_at_ms, \
                     since_ms, state, attempts, reruns, asked, labels) \
                     SELECT PRINTF('00000000-0000-7000-8000-%012x', n), 900001 + n % 1000, n, \
                     PRINTF('%040x', n), PRINTF('%040x', n), {ago}, {ago}, 'closed', 0, 0, 0, '[]' \
                     FROM n"
                ),
        ] {
            database.execute(sqlx::AssertSqlSafe(text)).await.expect("the past can be written");
        }
        database.close().await.expect("the database closes");
    }
}

/// Figures with little and with much behind them.
pub(crate) fn compare(what: &str, figures: [f64; 2]) {
    let [little, much] = figures;
    let change = 100.0 * (much / little - 1.0);
    say::line(&format!(
        "{what}: {little:.2} with {}, {much:.2} with {}: {change:+.0} %",
        PASTS[0], PASTS[1]
    ));
}
