//! What was proven: the proof of the last patch in words, for the check run.
//!
//! Everything in it is the runner's word, and the commands and names are strangers' texts; what the
//! gate makes of it stands in its verdict, what CI makes of it decides.

use std::fmt::Write as _;

use super::Story;
use super::markdown::{code, cut, words};
use crate::domain::outcome::{CommandRun, Outcome, Proof};
use crate::domain::proof::{Covered, TestChange};

/// Lines about one kind of thing; a proof with more is told in the receipt.
const LINES_MAX: usize = 10;

/// Characters of a command or a tool's name.
const COMMAND_CHARS_MAX: usize = 200;

/// The proof of the last attempt that brought a patch; nothing where none did.
pub(super) fn section(story: &Story<'_>) -> String {
    let outcomes = story.attempts.iter().rev().filter_map(|it| it.report.outcome.as_ref());
    let proof = outcomes.filter_map(|outcome| match outcome {
        Outcome::Proposed { proof, .. } => Some(proof),
        Outcome::GaveUp { .. }
        | Outcome::Waits { .. }
        | Outcome::Asks { .. }
        | Outcome::NotReproduced { .. } => None,
    });
    proof.take(1).map(|proof| told(proof)).collect()
}

fn told(proof: &Proof) -> String {
    let mut out = String::from(
        "### What was proven\n\nIn fresh checkouts of the commit that failed, where no fixer has \
         been:\n\n",
    );
    let mut lines = commands(proof);
    lines.extend(proof.tests.iter().take(LINES_MAX).map(tests));
    lines.extend(proof.coverage.iter().take(LINES_MAX).map(|change| {
        let is = change.after.map_or_else(|| "not measured".to_owned(), share);
        let file = code(change.file.as_str());
        format!("Coverage of {file}: {} without the patch, {is} with it.", share(change.before))
    }));
    for line in lines {
        let _ = writeln!(out, "- {line}");
    }
    out.push('\n');
    out
}

fn commands(proof: &Proof) -> Vec<String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for run in &proof.after {
        if seen.contains(&run.command.as_str()) || lines.len() == LINES_MAX {
            continue;
        }
        seen.push(&run.command);
        let all = proof.after.iter().filter(|other| other.command == run.command);
        let (times, all_green) =
            all.fold((0, true), |(times, green), it| (times + 1, green && it.ended.is_green()));
        let before = proof.before.iter().find(|other| other.command == run.command);
        let was = match before.map(|before| before.ended.is_green()) {
            Some(true) => "green without the patch, ",
            Some(false) => "red without the patch, ",
            None => "",
        };
        let is = if all_green { "green" } else { "red" };
        let often = if times > 1 { format!(" {times} times") } else { String::new() };
        lines.push(format!("{}: {was}{is} with it{often}.", command(run)));
    }
    lines.extend(proof.set_aside.iter().take(LINES_MAX).map(|run| {
        format!(
            "{}: green in CI, red here without the patch as well; it shows nothing.",
            command(run)
        )
    }));
    lines
}

fn command(run: &CommandRun) -> String {
    code(&cut(&run.command, COMMAND_CHARS_MAX))
}

fn tests(change: &TestChange) -> String {
    let (before, after) = (&change.before, &change.after);
    let skipped = match (before.skipped, after.skipped) {
        (0, 0) => String::new(),
        (some, more) => format!("; {some} and {more} skipped"),
    };
    let named = if after.digest.is_some() { ", all known by name" } else { "" };
    format!(
        "Tests ({}): {} ran without the patch, {} with it{skipped}{named}.",
        words(&cut(&change.tool, COMMAND_CHARS_MAX)),
        before.ran,
        after.ran
    )
}

fn share(covered: Covered) -> String {
    format!("{} of {} lines", covered.hit, covered.lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepoPath, Sha};
    use crate::domain::outcome::Ended;
    use crate::domain::proof::{CoverageChange, TestCount, Tests};

    #[test]
    fn a_proof_is_told_in_words() {
        let run = |command: &str, code| CommandRun {
            command: command.into(),
            ended: Ended::Exit(code),
            duration_ms: 1,
            output_tail: String::new(),
        };
        let count = |ran, skipped| TestCount { ran, skipped, digest: None };
        let proof = Proof {
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            patch_digest: String::new(),
            before: vec![run("make test", 2), run("make lint", 0)],
            after: vec![run("make test", 0), run("make test", 0), run("make lint", 0), run("x", 0)],
            set_aside: vec![run("make docs", 1)],
            tests: vec![TestChange {
                command: "make test".into(),
                tool: "a|b".into(),
                before: count(5, 0),
                after: TestCount { digest: Some("d".into()), ..count(5, 1) },
                vanished: Tests::default(),
                skipped: Tests::default(),
            }],
            coverage: vec![CoverageChange {
                file: RepoPath::parse("src/a.rs").unwrap(),
                before: Covered { lines: 5, hit: 4 },
                after: None,
            }],
        };
        insta::assert_snapshot!(told(&proof), @r"
        ### What was proven

        In fresh checkouts of the commit that failed, where no fixer has been:

        - `make test`: red without the patch, green with it 2 times.
        - `make lint`: green without the patch, green with it.
        - `x`: green with it.
        - `make docs`: green in CI, red here without the patch as well; it shows nothing.
        - Tests (a\|b): 5 ran without the patch, 5 with it; 0 and 1 skipped, all known by name.
        - Coverage of `src/a.rs`: 4 of 5 lines without the patch, not measured with it.
        ");
    }
}
