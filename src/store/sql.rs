//! Every statement that the product runs, as text. `$1` is the first argument on both engines.
//!
//! Where two texts stand, the engines' locking differs: PostgreSQL skips rows that another claim
//! has locked, SQLite has one writer and needs no words for it.
//!
//! Why `$1 + 0`: SQLite plans a statement anew, which takes longer than carrying it out, whenever a value
//! is bound that its plan may depend on. That is so of a bare argument behind `LIMIT`, and of one that
//! stands where the condition of a partial index has a number.

pub mod autonomy;
pub mod cases;
pub mod checkpoints;
pub mod effects;
pub mod events;
pub mod figures;
pub mod flakes;
pub mod inbox;
pub mod inputs;
pub mod ledger;
pub mod logs;
pub mod pulls;
pub mod remedies;
pub mod restored;
pub mod runners;
pub mod schema;
pub mod steps;
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
        checkpoints::ALL,
        inputs::ALL,
        logs::ALL,
        ledger::ALL,
        events::ALL,
        flakes::ALL,
        figures::ALL,
        remedies::ALL,
        autonomy::ALL,
        upkeep::ALL,
        schema::ALL,
        steps::ALL,
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

/// A statement about everything in `$1`, a JSON list of objects: between its two parts it reads them as
/// the rows of a table `given` with these columns. The first part may differ between the engines.
macro_rules! given {
    ($before:literal, ($($columns:tt)*), $after:literal) => {
        given!($before, $before, ($($columns)*), $after)
    };
    (
        $sqlite:literal, $postgres:literal,
        ($first:ident $type:ident $(, $name:ident $types:ident)*),
        $after:literal
    ) => {
        Statement {
            sqlite: concat!(
                $sqlite,
                "(SELECT value ->> '", stringify!($first), "' AS ", stringify!($first),
                $(", value ->> '", stringify!($name), "' AS ", stringify!($name),)*
                " FROM json_each($1)) AS given",
                $after
            ),
            postgres: concat!(
                $postgres,
                "json_to_recordset($1::json) AS given (", stringify!($first), " ", stringify!($type),
                $(", ", stringify!($name), " ", stringify!($types),)* ")",
                $after
            ),
        }
    };
}
use given;

/// A statement that claims rows: the same text, and where PostgreSQL skips what others have locked.
macro_rules! claim {
    ($before:literal, $lock:literal, $after:literal $(,)?) => {
        Statement { sqlite: concat!($before, $after), postgres: concat!($before, $lock, $after) }
    };
}
use claim;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_makes_sqlite_plan_anew() {
        let bare = |text: &str| {
            let mut behind = text.split("LIMIT $").skip(1);
            behind.any(|rest| {
                !rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(" + 0")
            })
        };
        assert!(bare("LIMIT $3") && bare("LIMIT $3)") && !bare("LIMIT $3 + 0)"), "it can be told");
        let planned: Vec<&str> =
            all().into_iter().filter(|(_, one)| bare(one.sqlite)).map(|(name, _)| name).collect();
        assert_eq!(planned, <[&str; 0]>::default());
    }
}
