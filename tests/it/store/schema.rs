//! Schemas: the same on both engines, every statement prepared on each, old data carried over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use selfheal::ports::checkpoints::CheckpointStore as _;
use selfheal::ports::inputs::InputStore as _;
use selfheal::ports::store::Store as _;
use selfheal::ports::upkeep::{Pass, Progress, Upkeep as _};
use selfheal::store::{Migrate, OpenError, SqlStore, sql};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqlSafeStr, SqliteConnection};

use super::engines::{postgres_url, sqlite_url};
use super::values::{at, pull, repo};
use super::{Opened, claim, on_both};

on_both! {
    a_newer_schema_will_do_unless_it_says_otherwise,
    a_database_of_another_program_is_refused,
    a_schema_that_is_older_is_taken_only_when_it_may_be_changed,
}

async fn sqlite_connection(opened: &Opened) -> SqliteConnection {
    SqliteConnection::connect(&opened.url).await.unwrap()
}

async fn postgres_connection(opened: &Opened) -> PgConnection {
    PgConnection::connect(&opened.url).await.unwrap()
}

#[tokio::test]
async fn every_statement_is_understood_by_sqlite() {
    let opened = Opened::sqlite().await;
    let mut connection = sqlite_connection(&opened).await;
    for (name, statement) in sql::all() {
        let prepared = connection.prepare(statement.sqlite.into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_postgres() {
    let opened = Opened::postgres().await;
    let mut connection = postgres_connection(&opened).await;
    for (name, statement) in sql::all() {
        let prepared = connection.prepare(statement.postgres.into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[test]
fn every_statement_has_a_name_of_its_own() {
    let mut names: Vec<_> = sql::all().into_iter().map(|(name, _)| name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// What a table holds, in words that both engines share.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Table {
    /// Name, kind and whether it may be missing.
    pub(super) columns: Vec<(String, String, bool)>,
    /// The columns of each key that admits one row.
    pub(super) unique: Vec<Vec<String>>,
    /// The columns, and the table that they refer to.
    pub(super) references: Vec<(Vec<String>, String)>,
}

pub(super) type Tables = BTreeMap<String, Table>;

pub(super) async fn sqlite_tables(connection: &mut SqliteConnection) -> Tables {
    let mut tables = Tables::new();
    let columns = "SELECT t.name AS t, c.name AS c, c.type AS k, c.\"notnull\" = 0 AS n
        FROM sqlite_master t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE '%sqlx%' ORDER BY c.cid";
    for row in connection.fetch_all(columns).await.unwrap() {
        let table = tables.entry(row.get("t")).or_default();
        let kind: String = row.get("k");
        table.columns.push((row.get("c"), kind.to_lowercase(), row.get("n")));
    }
    let unique = "SELECT t.name AS t,
            (SELECT group_concat(name) FROM (
                SELECT c.name AS name FROM pragma_index_info(i.name) c ORDER BY c.seqno)) AS c
        FROM sqlite_master t JOIN pragma_index_list(t.name) i
        WHERE t.type = 'table' AND t.name NOT LIKE '%sqlx%' AND i.\"unique\" = 1";
    for row in connection.fetch_all(unique).await.unwrap() {
        let key = split(row.get("c"));
        tables.get_mut(row.get::<&str, _>("t")).unwrap().unique.push(key);
    }
    // A whole-number primary key would be SQLite's own row number and no index; ours are BIGINT.
    let references = "SELECT t.name AS t, f.\"table\" AS r, group_concat(f.\"from\") AS c
        FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f
        WHERE t.type = 'table' GROUP BY t.name, f.id";
    for row in connection.fetch_all(references).await.unwrap() {
        let reference = (split(row.get("c")), row.get("r"));
        tables.get_mut(row.get::<&str, _>("t")).unwrap().references.push(reference);
    }
    sorted(tables)
}

pub(super) async fn postgres_tables(connection: &mut PgConnection) -> Tables {
    let mut tables = Tables::new();
    let columns = "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS k,
            is_nullable = 'YES' AS n
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT LIKE '%sqlx%' ORDER BY ordinal_position";
    for row in connection.fetch_all(columns).await.unwrap() {
        let table = tables.entry(row.get("t")).or_default();
        let kind: String = row.get("k");
        table.columns.push((row.get("c"), kind.replace("bytea", "blob"), row.get("n")));
    }
    let names = |keys: &str, table: &str| {
        format!(
            "(SELECT string_agg(a.attname::text, ',' ORDER BY k.at)
              FROM unnest({keys}) WITH ORDINALITY AS k(key, at)
              JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.key)"
        )
    };
    let unique = format!(
        "SELECT i.indrelid::regclass::text AS t, {} AS c FROM pg_index i
         JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE i.indisunique AND n.nspname = 'public' AND t.relname NOT LIKE '%sqlx%'",
        names("i.indkey::smallint[]", "i.indrelid")
    );
    for row in connection.fetch_all(AssertSqlSafe(unique)).await.unwrap() {
        let key = split(row.get("c"));
        tables.get_mut(row.get::<&str, _>("t")).unwrap().unique.push(key);
    }
    let references = format!(
        "SELECT f.conrelid::regclass::text AS t, f.confrelid::regclass::text AS r, {} AS c
         FROM pg_constraint f WHERE f.contype = 'f'",
        names("f.conkey", "f.conrelid")
    );
    for row in connection.fetch_all(AssertSqlSafe(references)).await.unwrap() {
        let reference = (split(row.get("c")), row.get("r"));
        tables.get_mut(row.get::<&str, _>("t")).unwrap().references.push(reference);
    }
    sorted(tables)
}

fn split(columns: &str) -> Vec<String> {
    columns.split(',').map(str::to_owned).collect()
}

fn sorted(mut tables: Tables) -> Tables {
    for table in tables.values_mut() {
        table.unique.sort();
        table.references.sort();
    }
    tables
}

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let (sqlite, postgres) = (Opened::sqlite().await, Opened::postgres().await);
    let left = sqlite_tables(&mut sqlite_connection(&sqlite).await).await;
    let right = postgres_tables(&mut postgres_connection(&postgres).await).await;
    assert!(left.len() > 10 && left.contains_key("pulls"));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (name, table) in &left {
        assert_eq!(Some(table), right.get(name), "{name}");
    }
}

pub(super) fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
}

/// The data that was written when a migration was the last one.
pub(super) fn data_after(file: &str) -> String {
    let path = migrations().join("data").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("every migration has data to carry over: {}: {error}", path.display())
    })
}

/// A folder with the first `count` migrations, and the name of the last.
pub(super) fn first(engine: &str, count: usize) -> Option<(tempfile::TempDir, String)> {
    let mut files: Vec<_> = std::fs::read_dir(migrations().join(engine))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let last = files.get(count - 1)?.file_name().unwrap().to_str().unwrap().to_owned();
    let dir = tempfile::tempdir().unwrap();
    for file in &files[..count] {
        std::fs::copy(file, dir.path().join(file.file_name().unwrap())).unwrap();
    }
    Some((dir, last))
}

/// What the data files wrote is there after every later migration.
async fn is_carried_over(store: &SqlStore) {
    let record = store.pull(repo().id, pull(1).number).await.unwrap().unwrap();
    assert_eq!(record.head, pull(1));
    assert_eq!(record.case.unwrap().state.as_str(), "healing");
    assert!(record.attempts[0].report.outcome.is_some());
    assert_eq!(record.asks.len(), 1);
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.deliveries, backlog.pulls, backlog.effects, backlog.parked), (1, 1, 1, 1));
    let delivery = store.claim_delivery(claim(1_000)).await.unwrap().unwrap().item;
    assert_eq!(&delivery.delivery.body[..], b"{\"action\":\"opened\"}");
    assert_eq!((delivery.unfinished, delivery.delivery.repo), (3, Some(repo().id)));
    assert!(store.claim_effect(claim(1_000)).await.unwrap().is_some());
    assert!(store.claim_pull(claim(1_000)).await.unwrap().is_some());
    let view = store.runner_view(super::values::attempt_id(1)).await.unwrap().unwrap();
    assert_eq!((view.documents.len(), view.evidence.is_some()), (1, true));
    let checkpoint = store.checkpoint(super::values::attempt_id(1)).await.unwrap().unwrap();
    assert_eq!((checkpoint.round, checkpoint.session.unwrap().id), (1, "a".to_owned()));
    let told = store.prompts(super::values::attempt_id(1)).await.unwrap();
    assert_eq!((told.len(), told[0].prompt.text.as_str()), (1, "Heal it."));
    assert_eq!(store.given(super::values::attempt_id(1)).await.unwrap()[0].at, at(440));
    let turn = store.claim_reconcile(claim(1_000)).await.unwrap().unwrap();
    let pass = Some(Pass { to: at(890), cursor: "v1_17".to_owned() });
    assert_eq!(turn.progress, Progress { mark: Some(at(800)), pass });
    assert!(store.repos_to_sweep(at(1_699), 9).await.unwrap().is_empty());
    assert_eq!(store.repos_to_sweep(at(1_700), 9).await.unwrap()[0].swept_at, Some(at(700)));
    store.purge(at(1_000_000)).await.unwrap();
}

#[tokio::test]
async fn what_every_version_wrote_is_carried_over_on_sqlite() {
    let (url, _dir) = sqlite_url();
    let options = url.parse::<sqlx::sqlite::SqliteConnectOptions>().unwrap();
    let options = options.create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for count in 1.. {
        let Some((dir, name)) = first("sqlite", count) else { break };
        let migrator = Migrator::new(dir.path()).await.unwrap();
        migrator.run(&mut connection).await.unwrap();
        connection.execute(AssertSqlSafe(data_after(&name))).await.unwrap();
    }
    connection.close().await.unwrap();
    is_carried_over(&SqlStore::open(&url, Migrate::Yes).await.unwrap()).await;
}

#[tokio::test]
async fn what_every_version_wrote_is_carried_over_on_postgres() {
    let url = postgres_url().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for count in 1.. {
        let Some((dir, name)) = first("postgres", count) else { break };
        let migrator = Migrator::new(dir.path()).await.unwrap();
        migrator.run(&mut connection).await.unwrap();
        connection.execute(AssertSqlSafe(data_after(&name))).await.unwrap();
    }
    connection.close().await.unwrap();
    is_carried_over(&SqlStore::open(&url, Migrate::Yes).await.unwrap()).await;
}

/// A release after this one has been here.
pub(super) const NEWER: &str = "INSERT INTO _sqlx_migrations
    (version, description, installed_on, success, checksum, execution_time)
    SELECT 9999, description, installed_on, success, checksum, execution_time
    FROM _sqlx_migrations WHERE version = 1";

async fn refused(opened: &Opened, migrate: Migrate) -> String {
    match SqlStore::open(&opened.url, migrate).await {
        Err(OpenError::Schema(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn a_newer_schema_will_do_unless_it_says_otherwise(opened: Opened) {
    opened.operate(NEWER).await;
    for migrate in [Migrate::Yes, Migrate::No] {
        let store = SqlStore::open(&opened.url, migrate).await.unwrap();
        store.backlog().await.unwrap();
    }
    assert_eq!(SqlStore::schema(&opened.url).await.unwrap().newer, [9999]);
    opened.operate("UPDATE instance SET needs_version = 9999").await;
    for migrate in [Migrate::Yes, Migrate::No] {
        let words = refused(&opened, migrate).await;
        assert!(words.contains("a newer release: it asks for migration 9999"), "{words}");
    }
}

async fn a_database_of_another_program_is_refused(opened: Opened) {
    let other = "UPDATE _sqlx_migrations SET checksum = 'other' WHERE version = 2";
    opened.operate(other).await;
    let words = refused(&opened, Migrate::Yes).await;
    assert!(words.contains("migration 2 was another one"), "{words}");
}

async fn a_schema_that_is_older_is_taken_only_when_it_may_be_changed(opened: Opened) {
    opened.operate("DELETE FROM _sqlx_migrations WHERE version = 6; DROP TABLE instance").await;
    let words = refused(&opened, Migrate::No).await;
    assert!(words.contains("1 migrations are pending: run `selfheal migrate`"), "{words}");
    SqlStore::open(&opened.url, Migrate::Yes).await.unwrap();
    SqlStore::open(&opened.url, Migrate::No).await.unwrap();
}
