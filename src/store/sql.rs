//! Every statement that the product runs, as text. `$1` is the first argument on both engines.
//!
//! Where two texts stand, the engines' locking differs: PostgreSQL skips rows that another claim
//! has locked, SQLite has one writer and needs no words for it.

pub mod cases;
pub mod effects;
pub mod inbox;
pub mod ledger;
pub mod logs;
pub mod pulls;
pub mod restored;
pub mod runners;
pub mod schema;
pub mod telling;
pub mod upkeep;

use super::db::Statement;

/// Every statement with its name, so that a test can prepare each on both engines.
pub fn all() -> Vec<(&'static str, Statement)> {
    [
        inbox::ALL,
        pulls::ALL,
        cases::ALL,
        effects::ALL,
        runners::ALL,
        logs::ALL,
        ledger::ALL,
        upkeep::ALL,
        schema::ALL,
        telling::ALL,
        restored::ALL,
    ]
    .concat()
}

/// Names each statement of a family once, for [`all`].
macro_rules! family {
    ($($(#[$doc:meta])* $name:ident = $statement:expr;)*) => {
        $($(#[$doc])* pub const $name: Statement = $statement;)*

        /// Every statement of this family, by name.
        pub const ALL: &[(&str, Statement)] = &[$((stringify!($name), $name)),*];
    };
}
use family;

/// A statement that claims one row: the same text, and where PostgreSQL skips what others have locked.
macro_rules! claim {
    ($before:literal, $lock:literal, $after:literal $(,)?) => {
        Statement { sqlite: concat!($before, $after), postgres: concat!($before, $lock, $after) }
    };
}
use claim;
