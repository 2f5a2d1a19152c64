//! The reference page of the server's settings, derived from the table.

use std::fmt::Write as _;

use super::table::{Otherwise, Secrecy, settings};

/// The reference page of the server's settings, in Markdown.
pub fn docs() -> String {
    let mut page = String::from(
        "<!-- Generated from src/config/server/table.rs by \
         `BLESS=1 cargo test --lib config::` -->\n\
         # The server's settings\n\n\
         `selfheal serve` takes each setting from its flag, else from its environment variable, \
         else from the file that `--config` or `SELFHEAL_CONFIG` names (TOML, the keys without \
         tables), else it has its default. An empty variable counts as not given.\n\n\
         - Every secret can also be read from a file: `--…-file`, `SELFHEAL_…_FILE` or `…_file` \
         gives the path. Secrets themselves have no flag, because every user of a machine can \
         read command lines.\n\
         - `DATABASE_URL` and `PORT`, which hosting platforms set, are honoured after the \
         variables named here; with `PORT` the server listens on all addresses.\n\
         - Without credentials of the App the server starts all the same and offers `/setup`, \
         which stores them as `github-app.json` (readable by its owner alone) in the data \
         directory.\n\n\
         | flag | variable | key | allowed | default | meaning |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in settings() {
        let flag = row.flag().map_or_else(|| format!("{}-file", row.name), str::to_owned);
        let file = if row.secrecy == Secrecy::Open { "" } else { " (also `…_FILE`)" };
        let default = match row.otherwise {
            Otherwise::Value(text) => format!("`{text}`"),
            Otherwise::Derived(text) => text.to_owned(),
            Otherwise::Absent => "–".to_owned(),
        };
        let _ = writeln!(
            page,
            "| `--{flag}` | `{}`{file} | `{}` | {} | {default} | {}. |",
            row.variable(),
            row.key(),
            row.form,
            row.meaning
        );
    }
    page
}
