//! Telling other processes that there is work.

use super::{Statement, family};

family! {
    /// Heard by whoever listens, when the transaction is committed. SQLite has one process and nobody
    /// to tell.
    TELL = Statement {
        sqlite: "SELECT NULL AS told",
        postgres: "SELECT pg_notify('selfheal_work', '')",
    };
}
