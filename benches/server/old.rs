//! A database with a past: deliveries that were read and cases that were closed long ago.

use selfheal::store::{Migrate, SqlStore};
use sqlx::{Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use world::postgres::Server;

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

/// How an engine says what pasts are made of.
#[derive(Debug, Clone, Copy)]
struct Words {
    /// The numbers from one to the limit that stands for `LIMIT`, as `n`.
    numbers: &'static str,
    /// An hour ago: what is older than it is kept would be forgotten while we measure.
    ago: &'static str,
    /// Some two hundred bytes of a body.
    body: &'static str,
    /// A number in hexadecimal digits, 40 and 12 of them.
    long: &'static str,
    short: &'static str,
    /// What makes of much that was written at once what years make of it.
    settled: &'static str,
}

const SQLITE: Words = Words {
    numbers: "(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < LIMIT) \
              SELECT n FROM n) AS numbers",
    ago: "(STRFTIME('%s', 'now') * 1000 - 3600000)",
    body: "RANDOMBLOB(200)",
    long: "PRINTF('%040x', n)",
    short: "PRINTF('%012x', n)",
    settled: "SELECT 1",
};

const POSTGRES: Words = Words {
    numbers: "GENERATE_SERIES(1, LIMIT) AS numbers (n)",
    ago: "(CAST(EXTRACT(EPOCH FROM NOW()) AS BIGINT) * 1000 - 3600000)",
    body: "DECODE(REPEAT(MD5(CAST(n AS TEXT)), 12), 'hex')",
    long: "LPAD(TO_HEX(n), 40, '0')",
    short: "LPAD(TO_HEX(n), 12, '0')",
    settled: "VACUUM ANALYZE",
};

impl Past {
    /// A database of SQLite that has it: its address, and what keeps it alive.
    pub(crate) async fn database(self) -> (String, TempDir) {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let url = format!("sqlite:{}", dir.path().join("old.db").display());
        self.write(&url, SQLITE).await;
        (url, dir)
    }

    /// A new database of a server that has it: its address.
    pub(crate) async fn on_postgres(self, postgres: &Server) -> String {
        let url = postgres.database().await;
        self.write(&url, POSTGRES).await;
        url
    }

    async fn write(self, url: &str, words: Words) {
        let store = SqlStore::open(url, Migrate::Yes).await.expect("the schema can be made");
        store.close().await;
        let statements = self.statements(words);
        if url.starts_with("sqlite:") {
            carry_out::<SqliteConnection>(url, statements).await;
        } else {
            carry_out::<PgConnection>(url, statements).await;
        }
    }

    /// Repositories of another organisation than those of the load, and what was done in them.
    fn statements(self, words: Words) -> [String; 6] {
        let Words { ago, body, long, short, settled, .. } = words;
        let numbers = |to: u32| words.numbers.replace("LIMIT", &to.to_string());
        [
            "INSERT INTO installations (id, state) VALUES (900, 'active')".to_owned(),
            format!(
                "INSERT INTO repos (id, slug, installation_id) \
                 SELECT 900000 + n, 'old/repo-' || n, 900 FROM {}",
                numbers(1_000)
            ),
            format!(
                "INSERT INTO deliveries (id, event, body, body_bytes, received_at_ms, state, \
                 due_at_ms, done_at_ms, repo_id) \
                 SELECT 'old-' || n, 'push', {body}, 2000, {ago}, 'done', {ago}, {ago}, \
                 900001 + n % 1000 FROM {}",
                numbers(self.deliveries)
            ),
            format!(
                "INSERT INTO pulls (repo_id, number, head_sha, head_branch, base, state, \
                 updated_at_ms) \
                 SELECT 900001 + n % 1000, n, {long}, 'old', 'main', 'closed', 1 FROM {}",
                numbers(self.cases)
            ),
            format!(
                "INSERT INTO cases (id, repo_id, number, opened_head, head, opened_at_ms, \
                 since_ms, state, attempts, reruns, asked, labels) \
                 SELECT '00000000-0000-7000-8000-' || {short}, 900001 + n % 1000, n, \
                 {long}, {long}, {ago}, {ago}, 'closed', 0, 0, 0, '[]' FROM {}",
                numbers(self.cases)
            ),
            settled.to_owned(),
        ]
    }
}

/// Carries statements out, one after the other.
async fn carry_out<C>(url: &str, statements: [String; 6])
where
    C: sqlx::Connection,
    for<'c> &'c mut C: sqlx::Executor<'c>,
{
    let mut database = C::connect(url).await.expect("the database opens");
    for text in statements {
        database.execute(sqlx::AssertSqlSafe(text)).await.expect("the past can be written");
    }
    database.close().await.expect("the database closes");
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
