//! Misfortunes: what befalls a replica or the database once in a while, each in its turn.
//!
//! A full disk is what SQLite is told when it writes (`ENOSPC`, so that it says that the database or
//! disk is full); a full disk under PostgreSQL ends that server, and is its crash.

use sqlx::{Connection, Executor, PgConnection};

use super::Suite;
use crate::simulation::Dice;
use world::postgres::Server;

use crate::store::durable_server;

const MINUTE_MS: i64 = 60_000;

/// Longer than a lease of five minutes.
const FROZEN_MS: i64 = 6 * MINUTE_MS;

/// How long a database is away: webhooks and work meet it, and replicas' own limits of waiting.
const AWAY_MS: i64 = 2 * MINUTE_MS;

/// How long a disk is full before the program is killed, too.
const FULL_MS: i64 = 2 * MINUTE_MS;

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What clients of a database see when another one takes its place.
const CUT_CONNECTIONS: &str = "SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// Something that goes wrong as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfortune {
    /// A replica is stopped where it is, and goes on when its leases are others'.
    Frozen,
    /// A replica's clock jumps by so many milliseconds.
    Jump(i64),
    /// A replica's disk is full until it is killed.
    FullDisk,
    /// Every connection to the database is cut.
    Cut,
    /// The database crashes and is started again.
    Restart,
}

/// What the replicas share.
pub(super) enum Database {
    /// A file at that address.
    Sqlite(String),
    /// A server of our own.
    Postgres(Server),
}

impl Database {
    /// A server that may crash.
    pub(super) async fn postgres() -> Self {
        Self::Postgres(durable_server().await)
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Sqlite(url) => url.clone(),
            Self::Postgres(server) => server.url("postgres"),
        }
    }

    /// What befalls those who use it, each once in a round, in an order that chance decides.
    pub(super) fn misfortunes(&self, dice: &mut Dice) -> Vec<Misfortune> {
        use Misfortune::{Cut, Frozen, FullDisk, Jump, Restart};
        let mut left = vec![Frozen, Jump(HOUR_MS), Jump(-HOUR_MS)];
        match self {
            Self::Sqlite(_) => left.push(FullDisk),
            Self::Postgres(_) => left.extend([Cut, Restart]),
        }
        let mut all = Vec::new();
        while !left.is_empty() {
            all.push(left.swap_remove(dice.below(left.len())));
        }
        all
    }
}

impl Suite {
    /// A misfortune comes; a clock that was wrong before is right again.
    pub(super) async fn befall(&mut self, misfortune: Misfortune) {
        let nth = self.dice.below(self.replicas.len());
        for replica in &mut self.replicas {
            replica.surroundings.set_wrong(0);
        }
        match misfortune {
            Misfortune::Frozen => {
                self.replicas[nth].freeze().await;
                self.let_pass(FROZEN_MS).await;
                self.replicas[nth].thaw().await;
            }
            Misfortune::Jump(ms) => {
                self.replicas[nth].surroundings.set_wrong(ms);
                self.ahead_ms = self.ahead_ms.max(ms);
            }
            Misfortune::FullDisk => {
                self.replicas[nth].surroundings.fill_disk();
                self.let_pass(FULL_MS).await;
            }
            Misfortune::Cut => {
                let mut connection = PgConnection::connect(&self.database.url()).await.unwrap();
                connection.execute(CUT_CONNECTIONS).await.unwrap();
                connection.close().await.unwrap();
            }
            Misfortune::Restart => {
                if let Database::Postgres(server) = &mut self.database {
                    server.crash().await;
                }
                self.let_pass(AWAY_MS).await;
                if let Database::Postgres(server) = &mut self.database {
                    server.serve().await;
                }
            }
        }
    }

    /// Lets the world go on for so long, by its own time.
    async fn let_pass(&mut self, ms: i64) {
        let then = self.world.now_ms() + ms;
        self.until(|suite| suite.world.now_ms() >= then).await;
    }
}
