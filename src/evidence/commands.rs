//! Which commands failed: the scripts of GitHub Actions' `run` steps, as the log itself echoes them.
//!
//! The runner prints a group `Run <first line>`, then every line of the script in colour, then
//! `shell: …`; a step that fails ends with `Process completed with exit code N`. A `uses` step
//! echoes its inputs instead and yields nothing. The command is hostile text: it is run in the
//! sandbox only, where the log's own code would run anyway.

/// A longer script is not one command to prove a fix with.
const SCRIPT_BYTES_MAX: usize = 4 * 1024;

/// Scripts of failed steps kept of one log.
const SCRIPTS_MAX: usize = 5;

/// What is known of the step that is being read.
#[derive(Default)]
enum Step {
    #[default]
    None,
    /// Inside the group that echoes the script.
    Echo(Vec<String>),
    /// The script is known; the step runs.
    Running(String),
}

/// The scripts of the failed steps of a job's log, in order, each once.
pub(super) fn failed_scripts(log: &[u8]) -> Vec<String> {
    let mut step = Step::None;
    let mut found: Vec<String> = Vec::new();
    for raw in log.split(|byte| *byte == b'\n') {
        let is_colour = raw.contains(&0x1b);
        let plain = strip_ansi_escapes::strip(raw);
        let text = String::from_utf8_lossy(&plain);
        let line = without_stamp(text.trim_end());
        step = match step {
            _ if line.starts_with("##[group]Run ") => Step::Echo(Vec::new()),
            Step::Echo(lines) if line.starts_with("shell: ") => script(&lines),
            Step::Echo(_) if line.starts_with("##[endgroup]") => Step::None,
            Step::Echo(mut lines) => {
                if is_colour {
                    lines.push(line.to_owned());
                }
                Step::Echo(lines)
            }
            Step::Running(script) if is_failure(line) => {
                if !found.contains(&script) && found.len() < SCRIPTS_MAX {
                    found.push(script);
                }
                Step::None
            }
            other => other,
        };
    }
    found
}

fn is_failure(line: &str) -> bool {
    line.starts_with("##[error]Process completed with exit code ")
}

fn script(lines: &[String]) -> Step {
    let script = lines.join("\n").trim().to_owned();
    // An expression that the runner did not replace, or a masked secret, cannot be run again.
    let whole = !script.is_empty()
        && script.len() <= SCRIPT_BYTES_MAX
        && !script.contains("${{")
        && !script.contains("***");
    if whole { Step::Running(script) } else { Step::None }
}

/// The line without the runner's time stamp: `2026-11-21T07:00:00.0000000Z `.
fn without_stamp(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}');
    match line.split_once(' ') {
        Some((stamp, rest)) if is_stamp(stamp) => rest,
        _ if is_stamp(line) => "",
        _ => line,
    }
}

fn is_stamp(word: &str) -> bool {
    word.len() >= 20 && word.ends_with('Z') && word.as_bytes().get(10) == Some(&b'T')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = "2026-11-21T07:00:00.0000000Z ";

    fn log(lines: &[&str]) -> Vec<u8> {
        lines.iter().map(|line| format!("{STAMP}{line}\n")).collect::<String>().into_bytes()
    }

    #[track_caller]
    fn check(lines: &[&str], expected: &[&str]) {
        assert_eq!(failed_scripts(&log(lines)), expected);
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
