//! `selfheal check-config FILE`: is this repository file right, and what does it mean?
//!
//! It asks the very code that reads the file on the base branch, so what is fine here is fine
//! there. Nothing is fetched and nothing is written.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::input;
use crate::config::repository::{ConfigError, check, effective, effective_text};
use crate::domain::policy::Policy;

/// What is read of a file; the check itself refuses far smaller ones.
const READ_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// It says no: the file has problems.
const PROBLEMS: u8 = 1;

/// Check a repository file and print the policy that it makes
///
/// Exit codes: 0 the file is fine, 1 it has problems, 2 usage, 3 it cannot be read.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The file, for example .github/selfheal.yml; - for standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: the policy as a file with every key, or one problem a line
    Human,
    /// One JSON document
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When the result cannot be printed. A file that cannot be read is a message and exit code 3.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let name = args.file.display();
    let read = input::read(&args.file, READ_BYTES_MAX);
    let not_text = |_| io::Error::other("stream did not contain valid UTF-8");
    match read.and_then(|bytes| String::from_utf8(bytes).map_err(not_text)) {
        Ok(text) => print(&mut out, args.format, (&name.to_string(), check(&text))),
        Err(error) => input::unreadable(&args.file, &error),
    }
}

/// Prints what the check of the file with that name found.
fn print(
    out: &mut impl Write,
    format: Format,
    (name, found): (&str, Result<Policy, Vec<ConfigError>>),
) -> anyhow::Result<ExitCode> {
    let exit = if found.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) };
    let text = match (format, found) {
        (Format::Human, Ok(policy)) => {
            format!("# {name} is fine. With the defaults it says:\n{}", effective_text(&policy))
        }
        (Format::Human, Err(problems)) => {
            let lines: Vec<_> =
                problems.iter().map(|problem| format!("{name}: {problem}")).collect();
            format!("{}\n", lines.join("\n"))
        }
        (Format::Json, Ok(policy)) => {
            format!("{}\n", json!({ "problems": [], "policy": effective(&policy) }))
        }
        (Format::Json, Err(problems)) => {
            let problems: Vec<Value> = problems.iter().map(problem).collect();
            format!("{}\n", json!({ "problems": problems, "policy": null }))
        }
    };
    out.write_all(text.as_bytes()).context("the result cannot be printed")?;
    Ok(exit)
}

fn problem(problem: &ConfigError) -> Value {
    json!({
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "value": problem.value,
        "allowed": problem.allowed,
        "message": problem.message,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn printed(format: Format, file: &str) -> (String, ExitCode) {
        let mut out = Vec::new();
        let exit = print(&mut out, format, ("f.yml", check(file))).unwrap();
        (String::from_utf8(out).unwrap(), exit)
    }

    #[test]
    fn people_read_one_problem_a_line() {
        let (text, exit) = printed(Format::Human, "attempts: 9\nforks: x");
        insta::assert_snapshot!(text, @r"
        f.yml: line 1, `attempts: 9`: allowed are 1 to 3
        f.yml: line 2, `forks: x`: allowed are ignore, explain
        ");
        assert_eq!(exit, ExitCode::from(1));
    }

    #[test]
    fn what_is_printed_for_a_good_file_is_a_good_file() {
        let (text, exit) = printed(Format::Human, "attempts: 2");
        assert!(text.contains("\nattempts: 2\n"), "{text}");
        assert_eq!(check(&text), check("attempts: 2"));
        assert_eq!(exit, ExitCode::SUCCESS);
    }

    #[test]
    fn machines_read_one_document() {
        let (text, _) = printed(Format::Json, "attempts: 9");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["problems"][0]["line"], 1);
        assert_eq!(value["problems"][0]["key"], "attempts");
        assert_eq!(value["problems"][0]["allowed"], "1 to 3");
        assert!(value["policy"].is_null());
        let (text, _) = printed(Format::Json, "");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["policy"]["attempts"], 3);
        assert_eq!(value["problems"], json!([]));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_a_wrong_file() {
        let cli = Cli::try_parse_from(["check-config", "/nowhere/selfheal.yml"]).unwrap();
        assert_eq!(run(&cli.args).unwrap(), ExitCode::from(3));
    }

    #[test]
    fn a_file_is_read_from_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("selfheal.yml");
        std::fs::write(&path, "attempts: 2").unwrap();
        let path = path.display().to_string();
        let cli = Cli::try_parse_from(["check-config", &path, "--format", "json"]).unwrap();
        assert_eq!(run(&cli.args).unwrap(), ExitCode::SUCCESS);
        assert!(Cli::try_parse_from(["check-config"]).is_err());
    }
}
