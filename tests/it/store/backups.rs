//! Backups: taken while others write, looked through, put back when nobody works, and known as such.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use selfheal::domain::ids::CheckRunId;
use selfheal::ports::forge::PublishedCheck;
use selfheal::ports::store::{Inserted, Store as _};
use selfheal::ports::upkeep::Upkeep as _;
use selfheal::store::{Existing, Migrate, SqlStore};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tempfile::TempDir;

use super::engines::sqlite_url;
use super::schema::first;
use super::values::{at, delivery, pull, repo};
use super::{Opened, on_both};
use world::postgres::run_program;

on_both! {
    a_database_that_was_put_back_looks_again,
}

/// A machine with a database, a place for backups, and nobody at work.
struct Place {
    url: String,
    database: PathBuf,
    backup: PathBuf,
    dir: TempDir,
}

impl Place {
    /// With a database that holds one delivery.
    async fn with(id: &str) -> Self {
        let (url, dir) = sqlite_url();
        let (database, backup) = (dir.path().join("selfheal.db"), dir.path().join("backup"));
        let place = Self { url, database, backup, dir };
        place.insert(id).await;
        place
    }

    async fn insert(&self, id: &str) {
        let store = SqlStore::open(&self.url, Migrate::Yes).await.unwrap();
        store.insert_delivery(delivery(id, 1)).await.unwrap();
        store.close().await;
    }

    async fn holds(&self, ids: &[(&str, Inserted)]) {
        let store = SqlStore::open(&self.url, Migrate::No).await.unwrap();
        for (id, expected) in ids {
            assert_eq!(store.insert_delivery(delivery(id, 9)).await.unwrap(), *expected, "{id}");
        }
        store.close().await;
    }

    async fn back_up(&self, existing: Existing) -> Result<u64, String> {
        let made = SqlStore::back_up(&self.url, &self.backup, existing).await;
        made.map(|backup| backup.bytes).map_err(|error| error.to_string())
    }

    async fn put_back(&self, existing: Existing) -> Result<Option<PathBuf>, String> {
        let done = SqlStore::put_back(&self.url, &self.backup, existing, at(5)).await;
        done.map(|restored| restored.kept).map_err(|error| error.to_string())
    }

    /// Files beside the database that only a restore or a backup makes.
    fn leftovers(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.dir.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("part") || name.contains("restoring")).collect()
    }
}

fn says<T: std::fmt::Debug>(result: Result<T, String>, words: &str) {
    let said = result.unwrap_err();
    assert!(said.contains(words), "{said}");
}

#[tokio::test]
async fn a_backup_holds_what_was_acknowledged_and_its_owner_alone_can_read_it() {
    let place = Place::with("before").await;
    let store = SqlStore::open(&place.url, Migrate::Yes).await.unwrap();
    store.insert_delivery(delivery("still-open", 2)).await.unwrap();
    assert!(place.back_up(Existing::Keep).await.unwrap() > 0);
    store.insert_delivery(delivery("after", 3)).await.unwrap();
    store.close().await;
    let mode = std::fs::metadata(&place.backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    place.put_back(Existing::Keep).await.unwrap();
    let (new, known) = (Inserted::New, Inserted::Duplicate);
    place.holds(&[("before", known), ("still-open", known), ("after", new)]).await;
    assert!(place.leftovers().is_empty());
}

#[tokio::test]
async fn backups_are_taken_while_others_write() {
    let place = Place::with("first").await;
    let store = SqlStore::open(&place.url, Migrate::Yes).await.unwrap();
    let writing = async {
        for number in 0..200 {
            store.insert_delivery(delivery(&format!("d{number}"), 2)).await.unwrap();
        }
    };
    let backing = async {
        for _ in 0..5 {
            place.back_up(Existing::Replace).await.unwrap();
        }
    };
    tokio::join!(writing, backing);
    store.close().await;
    place.put_back(Existing::Keep).await.unwrap();
    place.holds(&[("first", Inserted::Duplicate)]).await;
}

#[tokio::test]
async fn nothing_is_replaced_unless_it_may_be() {
    let place = Place::with("one").await;
    place.back_up(Existing::Keep).await.unwrap();
    says(place.back_up(Existing::Keep).await, "backup exists");
    place.insert("two").await;
    place.back_up(Existing::Replace).await.unwrap();
    let kept = place.put_back(Existing::Keep).await.unwrap().unwrap();
    assert!(kept.exists());
    says(place.put_back(Existing::Keep).await, "selfheal.db.before-restore exists");
    place.put_back(Existing::Replace).await.unwrap();
    place.holds(&[("one", Inserted::Duplicate), ("two", Inserted::Duplicate)]).await;
    let itself = SqlStore::back_up(&place.url, &place.database, Existing::Replace).await;
    says(itself.map_err(|error| error.to_string()), "is the database itself");
    let itself = SqlStore::put_back(&place.url, &place.database, Existing::Replace, at(5)).await;
    says(itself.map_err(|error| error.to_string()), "is the database itself");
    assert!(place.leftovers().is_empty());
}

#[tokio::test]
async fn a_backup_is_put_back_only_while_nobody_works() {
    let place = Place::with("one").await;
    place.back_up(Existing::Keep).await.unwrap();
    let store = SqlStore::open(&place.url, Migrate::Yes).await.unwrap();
    says(place.put_back(Existing::Keep).await, "stop the server first");
    let marked = SqlStore::mark_restored(&place.url, at(5)).await;
    says(marked.map_err(|error| error.to_string()), "stop the server first");
    store.close().await;
    let mut stranger = SqliteConnection::connect(&place.url).await.unwrap();
    stranger.execute("SELECT COUNT(*) FROM deliveries").await.unwrap();
    says(place.put_back(Existing::Keep).await, "stop the server first");
    stranger.close().await.unwrap();
    place.put_back(Existing::Keep).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_read_any_more_is_replaced_and_kept() {
    let place = Place::with("one").await;
    place.back_up(Existing::Keep).await.unwrap();
    std::fs::write(&place.database, "no database at all, and long enough to be looked at").unwrap();
    let kept = place.put_back(Existing::Keep).await.unwrap().unwrap();
    assert!(std::fs::read_to_string(kept).unwrap().starts_with("no database"));
    place.holds(&[("one", Inserted::Duplicate)]).await;
    std::fs::remove_file(&place.database).unwrap();
    assert_eq!(place.put_back(Existing::Keep).await.unwrap(), None, "nothing to keep");
}

async fn is_refused(place: &Place, words: &str) {
    says(place.put_back(Existing::Keep).await, words);
    place.holds(&[("one", Inserted::Duplicate)]).await;
    assert!(place.leftovers().is_empty());
}

async fn change(file: &Path, text: &'static str) {
    let url = format!("sqlite:{}?mode=rwc", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection.execute(text).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_is_no_whole_backup_of_ours_is_not_put_back() {
    let place = Place::with("one").await;
    is_refused(&place, "there is no database").await;
    std::fs::write(&place.backup, "not a database").unwrap();
    is_refused(&place, "is no backup that can be used").await;
    std::fs::remove_file(&place.backup).unwrap();
    change(&place.backup, "CREATE TABLE x (y TEXT)").await;
    is_refused(&place, "no database of selfheal's").await;

    place.back_up(Existing::Replace).await.unwrap();
    let whole = std::fs::read(&place.backup).unwrap();
    std::fs::write(&place.backup, &whole[..whole.len() / 2]).unwrap();
    is_refused(&place, "is no backup that can be used").await;
    std::fs::write(&place.backup, &whole).unwrap();
    std::fs::write(place.dir.path().join("backup-wal"), "something").unwrap();
    is_refused(&place, "part of it is in its -wal file").await;
    std::fs::remove_file(place.dir.path().join("backup-wal")).unwrap();

    change(&place.backup, "UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 1").await;
    is_refused(&place, "no schema of selfheal's").await;
    std::fs::write(&place.backup, &whole).unwrap();
    change(&place.backup, super::schema::NEWER).await;
    change(&place.backup, "UPDATE instance SET needs_version = 9999").await;
    is_refused(&place, "a newer release").await;
}

#[tokio::test]
async fn a_backup_of_an_older_release_is_brought_to_this_one() {
    let place = Place::with("new").await;
    change(&place.backup, "SELECT 1").await;
    let url = format!("sqlite:{}", place.backup.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let (dir, name) = first("sqlite", 1).unwrap();
    Migrator::new(dir.path()).await.unwrap().run(&mut connection).await.unwrap();
    let data = super::schema::data_after(&name);
    connection.execute(sqlx::AssertSqlSafe(data)).await.unwrap();
    connection.close().await.unwrap();
    place.put_back(Existing::Keep).await.unwrap();
    place.holds(&[("done-1", Inserted::Duplicate), ("new", Inserted::New)]).await;
}

#[tokio::test]
async fn postgres_is_backed_up_by_its_own_programs() {
    let opened = Opened::postgres().await;
    let (to, keep) = (Path::new("nowhere"), Existing::Keep);
    let made = SqlStore::back_up(&opened.url, to, keep).await;
    says(made.map_err(|error| error.to_string()), "pg_dump");
    let done = SqlStore::put_back(&opened.url, to, keep, at(5)).await;
    says(done.map_err(|error| error.to_string()), "pg_restore");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgres_is_put_back_as_the_page_says() {
    let opened = Opened::postgres().await;
    opened.insert(delivery("before", 1)).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (dump, url) = (dir.path().join("dump").display().to_string(), &opened.url);
    run_program("pg_dump", &["--format=custom", "--file", &dump, url]);
    opened.insert(delivery("after", 2)).await.unwrap();
    opened.sql().close().await;
    run_program("pg_restore", &["--clean", "--if-exists", "--dbname", url, &dump]);
    SqlStore::mark_restored(url, at(5)).await.unwrap();
    let again = opened.sql_again().await;
    for (id, expected) in [("before", Inserted::Duplicate), ("after", Inserted::New)] {
        assert_eq!(again.insert_delivery(delivery(id, 9)).await.unwrap(), expected, "{id}");
    }
}

async fn a_database_that_was_put_back_looks_again(opened: Opened) {
    let store = opened.sql();
    opened.know(&[pull(1)]).await;
    store.swept(&repo(), &[], at(10), at(1_000_000)).await.unwrap();
    opened
        .write(20, |changes| {
            let head = pull(1).head.sha;
            let published = PublishedCheck { id: CheckRunId::new(5), annotations_sent: 3 };
            changes.learned.check = Some((repo().id, pull(1).number, head, published));
        })
        .await;
    let head = pull(1).head.sha;
    assert!(store.known_check(repo().id, pull(1).number, &head).await.unwrap().is_some());
    assert!(store.repos_to_sweep(at(30), 9).await.unwrap().is_empty());
    store.close().await;
    SqlStore::mark_restored(&opened.url, at(30)).await.unwrap();
    let again = opened.sql_again().await;
    assert_eq!(again.known_check(repo().id, pull(1).number, &head).await.unwrap(), None);
    let due = again.repos_to_sweep(at(30), 9).await.unwrap();
    assert_eq!((due[0].swept_at, due[0].restored_at), (Some(at(10)), Some(at(30))));
}
