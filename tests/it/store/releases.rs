//! Two releases on one schema: what the one before says and writes is understood by the newest schema.
//!
//! While replicas are replaced one after the other, and when an operator goes back a release, an older
//! program runs on a newer schema. What programs say at each schema is kept in `migrations/statements`,
//! one file for each migration. A file only grows: a later release on the same schema adds to it.
//! `SELFHEAL_RECORD=1 cargo test --test it releases` adds what is new.

use std::collections::BTreeSet;
use std::path::PathBuf;

use selfheal::store::{Migrate, SqlStore, sql};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use super::Opened;
use super::engines::{postgres_url, sqlite_url};
use super::schema::{Tables, data_after, first, migrations, postgres_tables, sqlite_tables};

/// Adds what is not recorded yet.
const RECORD: &str = "SELFHEAL_RECORD";

/// No statement has more arguments.
const ARGS_MAX: usize = 50;

/// What a migration takes away or forbids although the release before it may still run, by its name:
/// never, without a release between that no longer needs it. Then it stands here with that release.
const CONTRACTED: &[(&str, &str)] = &[];

/// Something that a program says to one engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    name: String,
    engine: String,
    text: String,
}

/// Everything that this program says.
fn said_now() -> BTreeSet<Said> {
    let said = |name: &str, engine: &str, text: &str| Said {
        name: name.to_owned(),
        engine: engine.to_owned(),
        text: text.trim().to_owned(),
    };
    let each = sql::all().into_iter().flat_map(|(name, statement)| {
        [said(name, "sqlite", statement.sqlite), said(name, "postgres", statement.postgres)]
    });
    each.collect()
}

/// The names of all migrations, oldest first.
fn names() -> Vec<String> {
    (1..).map_while(|count| first("sqlite", count)).map(|(_, name)| name).collect()
}

fn path(migration: &str) -> PathBuf {
    migrations().join("statements").join(migration)
}

/// What was said at a schema; `None` when it was never recorded.
fn recorded(migration: &str) -> Option<BTreeSet<Said>> {
    let text = std::fs::read_to_string(path(migration)).ok()?;
    let mut all = BTreeSet::new();
    for entry in text.split("\n-- ").skip(1) {
        let (head, text) = entry.split_once('\n').unwrap();
        let (name, engines) = head.split_once(": ").unwrap();
        for engine in engines.split(" and ") {
            let (name, engine) = (name.to_owned(), engine.to_owned());
            all.insert(Said { name, engine, text: text.trim().to_owned() });
        }
    }
    Some(all)
}

fn record(migration: &str, all: &BTreeSet<Said>) {
    let mut page =
        "-- What programs say at this schema; see tests/it/store/releases.rs.\n".to_owned();
    let mut texts: Vec<(&str, &str)> =
        all.iter().map(|said| (said.name.as_str(), said.text.as_str())).collect();
    texts.sort_unstable();
    texts.dedup();
    for (name, text) in texts {
        let engines: Vec<&str> = all
            .iter()
            .filter(|said| said.name == name && said.text == text)
            .map(|said| said.engine.as_str())
            .collect();
        page.push_str(&format!("\n-- {name}: {}\n{text}\n", engines.join(" and ")));
    }
    std::fs::create_dir_all(migrations().join("statements")).unwrap();
    std::fs::write(path(migration), page).unwrap();
}

#[test]
fn what_this_release_says_is_recorded() {
    let newest = names().pop().unwrap();
    let mut known = recorded(&newest).unwrap_or_default();
    let now = said_now();
    if std::env::var_os(RECORD).is_some() {
        known.extend(now.iter().cloned());
        record(&newest, &known);
        assert_eq!(recorded(&newest).unwrap(), known, "what was written can be read");
    }
    let missing: Vec<_> = now.difference(&known).map(|said| (&said.name, &said.engine)).collect();
    assert!(missing.is_empty(), "not recorded at {newest}, set {RECORD}=1: {missing:?}");
}

/// What was said to an engine at the schema before the newest.
fn said_before(engine: &str) -> Vec<Said> {
    let names = names();
    let all = names[..names.len() - 1].iter().rev().find_map(|name| recorded(name));
    let all = all.expect("what the release before says is recorded");
    all.into_iter().filter(|said| said.engine == engine).collect()
}

#[tokio::test]
async fn what_the_release_before_says_is_understood_by_sqlite() {
    let opened = Opened::sqlite().await;
    let mut connection = SqliteConnection::connect(&opened.url).await.unwrap();
    for Said { name, text, .. } in said_before("sqlite") {
        let plan = connection.execute(AssertSqlSafe(format!("EXPLAIN {text}"))).await;
        assert!(plan.is_ok(), "{name}: {:?}", plan.err());
    }
}

#[tokio::test]
async fn what_the_release_before_says_is_understood_by_postgres() {
    let opened = Opened::postgres().await;
    let mut connection = PgConnection::connect(&opened.url).await.unwrap();
    for Said { name, text, .. } in said_before("postgres") {
        planned(&mut connection, &text).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Plans a statement without running it: only then PostgreSQL looks for the keys of a conflict.
async fn planned(connection: &mut PgConnection, text: &str) -> Result<(), sqlx::Error> {
    let count = (1..=ARGS_MAX).take_while(|number| text.contains(&format!("${number}"))).count();
    let nothing = vec!["NULL"; count].join(", ");
    let nothing = if count == 0 { String::new() } else { format!("({nothing})") };
    for text in [
        format!("PREPARE planned AS {text}"),
        format!("EXPLAIN EXECUTE planned{nothing}"),
        "DEALLOCATE planned".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(text)).await?;
    }
    Ok(())
}

/// Writes into an empty store of the newest schema what each release wrote in its time.
async fn written<C>(connection: &mut C)
where
    for<'c> &'c mut C: Executor<'c>,
{
    for name in names() {
        let written = connection.execute(AssertSqlSafe(data_after(&name))).await;
        assert!(written.is_ok(), "{name}: {:?}", written.err());
    }
}

#[tokio::test]
async fn what_older_releases_write_fits_the_newest_schema_of_sqlite() {
    let (url, _dir) = sqlite_url();
    SqlStore::open(&url, Migrate::Yes).await.unwrap().close().await;
    written(&mut SqliteConnection::connect(&url).await.unwrap()).await;
}

#[tokio::test]
async fn what_older_releases_write_fits_the_newest_schema_of_postgres() {
    let url = postgres_url().await;
    SqlStore::open(&url, Migrate::Yes).await.unwrap().close().await;
    written(&mut PgConnection::connect(&url).await.unwrap()).await;
}

/// What a migration took away from those who knew the schema before it, or asks of them now.
fn taken_away(before: &Tables, after: &Tables) -> Vec<String> {
    let mut found = Vec::new();
    for (name, old) in before {
        let Some(new) = after.get(name) else {
            found.push(name.clone());
            continue;
        };
        for column in &old.columns {
            if !new.columns.contains(column) {
                found.push(format!("{name}.{}", column.0));
            }
        }
        if old.unique != new.unique {
            found.push(format!("{name}: keys"));
        }
        if new.references.iter().any(|reference| !old.references.contains(reference)) {
            found.push(format!("{name}: references"));
        }
    }
    found
}

fn excused(migration: &str, found: &[String]) -> Vec<String> {
    let is_known = |what: &String| CONTRACTED.contains(&(migration, what.as_str()));
    found.iter().filter(|what| !is_known(what)).map(|what| format!("{migration}: {what}")).collect()
}

#[tokio::test]
async fn no_migration_takes_away_what_the_release_before_needs_on_sqlite() {
    let (url, _dir) = sqlite_url();
    let options = url.parse::<sqlx::sqlite::SqliteConnectOptions>().unwrap();
    let options = options.create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let mut before = Tables::new();
    for (count, name) in names().iter().enumerate() {
        let (dir, _) = first("sqlite", count + 1).unwrap();
        Migrator::new(dir.path()).await.unwrap().run(&mut connection).await.unwrap();
        let after = sqlite_tables(&mut connection).await;
        let found = excused(name, &taken_away(&before, &after));
        assert!(found.is_empty(), "expand first, contract a release later: {found:?}");
        before = after;
    }
}

#[tokio::test]
async fn no_migration_takes_away_what_the_release_before_needs_on_postgres() {
    let mut connection = PgConnection::connect(&postgres_url().await).await.unwrap();
    let mut before = Tables::new();
    for (count, name) in names().iter().enumerate() {
        let (dir, _) = first("postgres", count + 1).unwrap();
        Migrator::new(dir.path()).await.unwrap().run(&mut connection).await.unwrap();
        let after = postgres_tables(&mut connection).await;
        let found = excused(name, &taken_away(&before, &after));
        assert!(found.is_empty(), "expand first, contract a release later: {found:?}");
        before = after;
    }
}

#[tokio::test]
async fn what_is_taken_away_is_found() {
    let check = async |change: &'static str, expected: &str| {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let old = "CREATE TABLE b (id BIGINT NOT NULL PRIMARY KEY);
            CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, x TEXT, y BIGINT)";
        connection.execute(old).await.unwrap();
        let before = sqlite_tables(&mut connection).await;
        connection.execute(change).await.unwrap();
        let found = taken_away(&before, &sqlite_tables(&mut connection).await);
        assert_eq!(found.join(", "), expected, "{change}");
    };
    check("ALTER TABLE a ADD COLUMN z TEXT; CREATE INDEX i ON a (x)", "").await;
    check("DROP TABLE b", "b").await;
    check("ALTER TABLE a DROP COLUMN x", "a.x").await;
    check("ALTER TABLE a RENAME COLUMN x TO z", "a.x").await;
    check("CREATE UNIQUE INDEX i ON a (x)", "a: keys").await;
    check("ALTER TABLE a ADD COLUMN z BIGINT REFERENCES b (id)", "a: references").await;
}
