//! Unified diffs as the last words of a failed step: `git diff --exit-code` after a generator,
//! formatters that show what they would change.
//!
//! Each file of the diff is a failure, at the first line that differs, as the repository has it. Only
//! asked where no rule explains the step. The invariant: a file is one that the diff itself names, and
//! but for a few words of advice nothing was printed behind the diff. A look back reaches
//! [`LOOK_LINES_MAX`] lines and [`LOOK_BYTES_MAX`] bytes.

use super::lines::{LOOK_BYTES_MAX, LOOK_LINES_MAX, Lines, Place};
use super::located::is_path;

/// How many lines of advice may stand behind a diff.
const ADVICE_LINES_MAX: usize = 8;

/// A file that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Differing<'f> {
    /// As the diff names it, without git's `a/` or `b/`.
    pub(super) path: &'f str,
    /// The first line that differs, counted from 1 in the file before the change; `None` for a file
    /// that is new.
    pub(super) line: Option<u32>,
    /// The line of the log with its name.
    pub(super) first: usize,
    /// The line of the log with the first change.
    pub(super) last: usize,
}

/// The files of the diff that ends at `last` or a little above it, and began behind line `first`.
pub(super) fn read(lines: Lines<'_>, first: usize, last: Place) -> Vec<Differing<'_>> {
    let mut told: Vec<(usize, &str)> = Vec::new();
    let mut next = Some(last);
    while let Some(place) = next.filter(|place| place.index >= first)
        && told.len() < LOOK_LINES_MAX
        && last.end - place.start <= LOOK_BYTES_MAX
    {
        let line = lines.clean(place);
        if !line.mark.is_fold() {
            told.push((place.index, line.text));
        }
        if told.len() == ADVICE_LINES_MAX && !told.iter().any(|(_, text)| is_change(text)) {
            return Vec::new();
        }
        next = lines.above(place);
    }
    told.reverse();
    files(&told)
}

/// Whether a line of a hunk is added or taken away.
fn is_change(text: &str) -> bool {
    text.starts_with(['+', '-'])
}

fn files<'f>(told: &[(usize, &'f str)]) -> Vec<Differing<'f>> {
    let mut found: Vec<Differing<'f>> = Vec::new();
    // Where the hunk stands in the file before; `None` outside of hunks.
    let mut row: Option<u32> = None;
    let mut advice = 0;
    for (at, (index, text)) in told.iter().enumerate() {
        let header = told.get(at..at + 3).and_then(named);
        if let Some(path) = header {
            found.push(Differing { path, line: None, first: *index, last: index + 1 });
            (row, advice) = (None, 0);
        } else if let Some(old) = text.strip_prefix("@@ -") {
            let digits = old.find(|c: char| !c.is_ascii_digit()).unwrap_or(old.len());
            (row, advice) = (old[..digits].parse().ok(), 0);
        } else if let (Some(line), Some(file)) = (row, found.last_mut())
            && !text.starts_with("diff ")
        {
            let is_first = file.last == file.first + 1;
            if is_change(text) && is_first {
                (file.line, file.last) = (Some(line).filter(|line| *line > 0), *index);
            }
            let is_body = text.is_empty() || text.starts_with([' ', '+', '-', '\\', '\t']);
            advice = if is_body { 0 } else { advice + 1 };
            row = Some(if text.starts_with('+') { line } else { line.saturating_add(1) });
        } else {
            row = None;
        }
    }
    // A header without a changed line is no diff; what goes on for long behind one was not stopped by it.
    found.retain(|file| file.last > file.first + 1);
    if advice > ADVICE_LINES_MAX { Vec::new() } else { found }
}

/// The file that three lines name: `--- BEFORE`, `+++ AFTER`, `@@ `.
fn named<'f>(head: &[(usize, &'f str)]) -> Option<&'f str> {
    let [(_, before), (_, after), (_, hunk)] = head else { return None };
    let (before, after) = (before.strip_prefix("--- ")?, after.strip_prefix("+++ ")?);
    let name = |side: &'f str| side.split('\t').next().unwrap_or(side).trim();
    let (before, after) = (name(before), name(after));
    let (is_of_git, path) = match (before.strip_prefix("a/"), after.strip_prefix("b/")) {
        (_, Some(after)) => (true, after),
        (Some(before), None) if after == "/dev/null" => (true, before),
        (..) => (false, after),
    };
    (hunk.starts_with("@@ ") && (is_of_git || is_path(path))).then_some(path)
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check_failed, check_lines};

    const SAID: &str = "the step failed and printed how this file differs";

    #[test]
    fn what_a_generator_changed_is_told_file_by_file() {
        let log = "go generate ./...\n\
             diff --git a/api/types.gen.go b/api/types.gen.go\nindex 0f9d1b2..7a1c2d3 100644\n\
             --- a/api/types.gen.go\n+++ b/api/types.gen.go\n@@ -12,4 +12,4 @@ type Cart struct {\n\
             \x20\tID string\n-\tTotal int\n+\tTotal int64\n }\n\
             diff --git a/docs/new.md b/docs/new.md\nnew file mode 100644\n\
             --- /dev/null\n+++ b/docs/new.md\n@@ -0,0 +1 @@\n+# New\n\
             Please run `make generate` and commit the result.\n";
        check_failed(
            log,
            &format!("unknown api/types.gen.go:13 {SAID}\nunknown docs/new.md {SAID}"),
        );
        check_lines(log, &[(4, 8), (13, 16)]);
    }

    #[test]
    fn formatters_that_show_their_change_are_read() {
        check_failed(
            "--- deploy.sh.orig\n+++ deploy.sh\n@@ -1,3 +1,4 @@\n #!/bin/bash\n-if x; then y\n\
             +if x; then\n+  y\n",
            &format!("unknown deploy.sh:2 {SAID}"),
        );
    }

    #[test]
    fn what_went_on_behind_a_diff_was_not_stopped_by_it() {
        let more = "copying\n".repeat(12);
        check_failed(
            &format!("--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n{more}unable to go on\n"),
            "unknown unable to go on",
        );
        check_failed(
            "--- Expected\n+++ Actual\n@@ @@\n-a\n+b\nunable to go on\n",
            "unknown unable to go on",
        );
    }
}
