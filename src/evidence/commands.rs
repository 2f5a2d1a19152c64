//! Which commands failed: the scripts of GitHub Actions' `run` steps, as the log itself echoes
//! them.
//!
//! The runner prints a group `Run <first line>`, then every line of the script in colour, then
//! `shell: …`; a step that fails ends with `Process completed with exit code N`. A `uses` step
//! echoes its inputs instead and yields nothing. The command is hostile text: it is run in the
//! sandbox only, where the log's own code would run anyway.

use super::frame::{Verdict, Window};
use super::lines::{Lines, Place};

/// A longer script is not one command to prove a fix with.
const SCRIPT_BYTES_MAX: usize = 4 * 1024;

/// Scripts of failed steps kept of one log.
const SCRIPTS_MAX: usize = 5;

/// The scripts of the failed steps of a job's log, in order, each once.
pub(super) fn failed_scripts(windows: &[Window]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let failed = |window: &&Window| window.verdict == Verdict::Failed && window.exited;
    for script in windows.iter().filter(failed).filter_map(|window| window.script.as_ref()) {
        if !found.contains(script) && found.len() < SCRIPTS_MAX {
            found.push(script.clone());
        }
    }
    found
}

/// The script that the runner echoes below the line `Run …`.
pub(super) fn script_below(lines: Lines<'_>, run: Place) -> Option<String> {
    let mut script: Vec<&str> = Vec::new();
    let mut bytes = 0;
    let mut place = lines.below(run)?;
    loop {
        let line = lines.clean(place);
        if !line.coloured {
            let is_script = line.text.starts_with("shell: ");
            return is_script.then(|| whole(&script)).flatten();
        }
        bytes += line.text.len() + 1;
        if bytes > SCRIPT_BYTES_MAX {
            return None;
        }
        script.push(line.text);
        place = lines.below(place)?;
    }
}

/// The script as one command, if it can be run again.
fn whole(lines: &[&str]) -> Option<String> {
    let script = lines.join("\n").trim().to_owned();
    // An expression that the runner did not replace, or a masked secret, cannot be run again.
    let whole = !script.is_empty() && !script.contains("${{") && !script.contains("***");
    whole.then_some(script)
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Hints, read};

    const STAMP: &str = "2026-11-21T07:00:00.0000000Z ";

    fn log(lines: &[&str]) -> Vec<u8> {
        lines.iter().map(|line| [STAMP, line, "\n"].concat()).collect::<String>().into_bytes()
    }

    #[track_caller]
    fn check(lines: &[&str], expected: &[&str]) {
        assert_eq!(read(&log(lines), &Hints::default()).commands, expected);
    }

    #[test]
    fn the_script_of_a_failed_step_is_read_whole() {
        check(
            &[
                "##[group]Run cargo fmt --all --check",
                "\u{1b}[36;1mcargo fmt --all --check\u{1b}[0m",
                "\u{1b}[36;1mcargo test\u{1b}[0m",
                "shell: /usr/bin/bash -e {0}",
                "env:",
                "  CARGO_TERM_COLOR: always",
                "##[endgroup]",
                "Diff in src/lib.rs:1:",
                "##[error]Process completed with exit code 1.",
            ],
            &["cargo fmt --all --check\ncargo test"],
        );
    }

    #[test]
    fn steps_that_pass_or_use_actions_yield_nothing() {
        let fine = [
            "##[group]Run make",
            "\u{1b}[36;1mmake\u{1b}[0m",
            "shell: /usr/bin/bash -e {0}",
            "##[endgroup]",
            "##[group]Run actions/checkout@abc",
            "with:",
            "  repository: acme/widget",
            "##[endgroup]",
            "##[error]Process completed with exit code 1.",
        ];
        check(&fine, &[]);
    }

    #[test]
    fn what_cannot_be_run_again_is_left_out() {
        for hidden in ["deploy --token ***", "echo ${{ github.sha }}"] {
            let echo = format!("\u{1b}[36;1m{hidden}\u{1b}[0m");
            let lines = [
                "##[group]Run x",
                &echo,
                "shell: /usr/bin/bash -e {0}",
                "##[endgroup]",
                "##[error]Process completed with exit code 1.",
            ];
            check(&lines, &[]);
        }
    }
}
