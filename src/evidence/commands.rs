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

/// Green checks kept of one log; each is run once more to prove a fix.
const CHECKS_MAX: usize = 4;

/// How commands begin that look at the code and do nothing else. What is not here (deployments,
/// installations, downloads) is not run again.
const CHECKS: [&str; 46] = [
    "black --check",
    "bundle exec rspec",
    "bundle exec rubocop",
    "cargo build",
    "cargo check",
    "cargo clippy",
    "cargo doc",
    "cargo fmt",
    "cargo nextest",
    "cargo test",
    "dotnet build",
    "dotnet test",
    "flake8",
    "go build",
    "go test",
    "go vet",
    "golangci-lint run",
    "gofmt -l",
    "isort --check",
    "make check",
    "make lint",
    "make test",
    "mix format --check",
    "mix test",
    "mypy",
    "npm run build",
    "npm run check",
    "npm run lint",
    "npm run test",
    "npm run typecheck",
    "npm test",
    "npx eslint",
    "npx jest",
    "npx prettier --check",
    "npx tsc",
    "npx vitest",
    "pnpm lint",
    "pnpm test",
    "pytest",
    "python -m pytest",
    "python -m unittest",
    "ruff check",
    "ruff format --check",
    "shellcheck",
    "yarn lint",
    "yarn test",
];

/// The scripts of green steps before the failed one of the same job that are nothing but checks, each
/// once, the last ones first: they are the closest to what failed.
pub(super) fn green_checks(windows: &[Window]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let failed = windows.iter().enumerate();
    let failed = failed.filter(|(_, window)| window.verdict == Verdict::Failed && window.exited);
    for (at, failed) in failed {
        let of_job = |window: &&Window| {
            window.job == failed.job && window.verdict != Verdict::Failed && !window.is_after
        };
        // Of an earlier job in the same log nothing says how it ended.
        let began = windows[..at].iter().rposition(|window| window.ended_job_at.is_some());
        let earlier = &windows[began.map_or(0, |ended| ended + 1)..at];
        let scripts = earlier.iter().rev().filter(of_job).filter_map(|it| it.script.as_ref());
        for script in scripts.filter(|script| is_check(script)) {
            if !found.contains(script) && found.len() < CHECKS_MAX {
                found.push(script.clone());
            }
        }
    }
    found
}

/// Whether every line of a script is a check, and nothing but that.
fn is_check(script: &str) -> bool {
    let is_one = |line: &str| {
        let plain = !line.contains([';', '|', '>', '<', '&', '`', '$']);
        let begins = |check: &str| {
            line.strip_prefix(check).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        plain && CHECKS.iter().any(|check| begins(check)) && !line.contains("--fix")
    };
    script.lines().map(str::trim).filter(|line| !line.is_empty()).all(is_one)
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

/// What runs commands in the directories of a repository's packages, each of which prints its own paths.
const RUNNERS: [&str; 11] =
    ["bazel", "just", "lerna", "make", "melos", "mvn", "nx", "rush", "task", "turbo", "wsrun"];

/// The directory of the repository in which a script works from its first command to its last, if it
/// says so and does not leave it: what its programs print is relative to that.
pub(super) fn directory(script: &str) -> Option<&str> {
    let commands = script.split(['\n', ';']).flat_map(|line| line.split("&&")).map(str::trim);
    let is_setting = |command: &&str| {
        command.is_empty() || command.starts_with('#') || command.starts_with("set ")
    };
    let mut commands = commands.skip_while(is_setting);
    let directory = commands.next()?.strip_prefix("cd ")?.trim().trim_matches(['"', '\'']);
    let directory = directory.trim_start_matches("./").trim_end_matches('/');
    let mut parts = directory.split('/');
    let is_plain = |part: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        !part.is_empty() && part != "." && part != ".." && part.chars().all(is_name)
    };
    let moves = |command: &str| {
        let mut words = command.trim_start_matches('(').split_whitespace();
        let first = words.next().unwrap_or("");
        matches!(first, "cd" | "pushd" | "popd")
            || RUNNERS.contains(&first)
            || words.any(|word| {
                matches!(word, "-r" | "-C" | "--recursive" | "workspaces")
                    || RUNNERS.contains(&word)
            })
    };
    (parts.all(is_plain) && !directory.starts_with('-') && !commands.any(moves))
        .then_some(directory)
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
    fn a_script_works_where_it_goes_first_if_it_stays_there() {
        use super::directory;
        assert_eq!(directory("cd services/orders\ngo build ./..."), Some("services/orders"));
        assert_eq!(directory("set -e\n\ncd ./web/ && npm test"), Some("web"));
        assert_eq!(
            directory("# once\ncd \"packages/@acme/web\"; npm test"),
            Some("packages/@acme/web")
        );
        for other in [
            "npm test",
            "npm ci\ncd web\nnpm test",
            "cd web\nnpm ci\ncd ..\nnpm test",
            "cd web\n(cd api && npm test)",
            "cd $DIR\nnpm test",
            "cd ..\nnpm test",
            "cd /tmp\nnpm test",
            "cd -\nnpm test",
            "cd\nnpm test",
            "cd web\nmelos exec -- dart analyze .",
            "cd web\nnpx turbo run test",
            "cd web\npnpm -r test",
            "cd web\nmake -C api",
            "cdk synth",
        ] {
            assert_eq!(directory(other), None, "{other}");
        }
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

    fn step(script: &str) -> Vec<String> {
        let echo = format!("\u{1b}[36;1m{script}\u{1b}[0m");
        let lines =
            ["##[group]Run x", &echo, "shell: /usr/bin/bash -e {0}", "##[endgroup]", "fine"];
        lines.map(str::to_owned).to_vec()
    }

    #[test]
    fn checks_that_were_green_before_the_failure_are_read_and_nothing_else() {
        let steps = [
            "cargo fmt --check",
            "npm ci",
            "cargo build --release",
            "cargo build | tee log",
            "cargo test-all",
            "./deploy",
            "cargo clippy --fix",
            "cargo test",
        ];
        let mut lines: Vec<String> = steps.iter().flat_map(|script| step(script)).collect();
        lines.push("##[error]Process completed with exit code 1.".to_owned());
        lines.extend(step("cargo doc"));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let reading = read(&log(&lines), &Hints::default());
        assert_eq!(reading.commands, ["cargo test"]);
        assert_eq!(reading.green_commands, ["cargo build --release", "cargo fmt --check"]);
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
