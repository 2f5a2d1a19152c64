//! The command line: one file per subcommand.
//!
//! A subcommand reads its arguments, asks the library and prints. Data goes to standard output,
//! messages to standard error; with `--format json` the data is one JSON document. Exit codes: 0
//! fine, 1 it says no, 2 usage, 3 could not do its work.

pub mod check_config;
