//! White space at the ends of lines and files, built in: no tool is needed.
//!
//! Runs in the outer process, on plain files only and through no symbolic link.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Action, Recipe, by};
use crate::domain::failure::Failure;
use crate::domain::ids::RepoPath;
use crate::runner::fixers::FixerError;

/// A larger file is not source text.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Codes of linters that mean exactly this.
const CODES: [&str; 12] = [
    "trailing-whitespace",
    "end-of-file-fixer",
    "W291",
    "W292",
    "W293",
    "W391",
    "no-trailing-spaces",
    "eol-last",
    "Layout/TrailingWhitespace",
    "Layout/TrailingEmptyLines",
    "trailing-spaces",
    "new-line-at-end-of-file",
];

/// Trailing white space and the end of files.
pub(super) static WHITESPACE: Recipe = Recipe {
    name: "whitespace",
    answers: "white space at the ends of lines, and files that do not end with one line feed",
    runs: "built in, on the named files",
    cost: 0,
    held: None,
    makes_files: false,
    fits: |failure, facts| {
        let named = failure.file.as_ref().is_some_and(|file| facts.has(file));
        let code = failure.code.as_deref().is_some_and(|code| CODES.contains(&code));
        named && (code || by(failure, &CODES) || says_so(failure))
    },
    action: |failures, _| {
        let files: BTreeSet<RepoPath> =
            failures.iter().filter_map(|failure| failure.file.clone()).collect();
        Some(Action::Whitespace { files: files.into_iter().collect() })
    },
};

fn says_so(failure: &Failure) -> bool {
    let message = failure.message.to_ascii_lowercase();
    by(failure, &["pre-commit", "git", "editorconfig-checker"])
        && ["trailing whitespace", "trailing-whitespace", "end of file", "end-of-file"]
            .iter()
            .any(|sign| message.contains(sign))
}

/// Trims the files; how many became different.
pub(super) fn trim(workspace: &Path, files: &[RepoPath]) -> Result<usize, FixerError> {
    let mut count = 0;
    for file in files {
        let path = workspace.join(file.as_str());
        if !is_plain(workspace, file) {
            continue;
        }
        let failed = |source| FixerError::File { path: file.to_string(), source };
        let bytes = fs::read(&path).map_err(failed)?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let trimmed = trimmed(&text);
        if trimmed != text && !text.contains('\0') {
            fs::write(&path, trimmed).map_err(failed)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Whether it is a file of ordinary size, and no part of its path a symbolic link.
fn is_plain(workspace: &Path, file: &RepoPath) -> bool {
    let mut path = workspace.to_owned();
    let mut parts = file.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return false };
        let fits = if parts.peek().is_some() {
            metadata.is_dir()
        } else {
            metadata.is_file() && metadata.len() <= FILE_BYTES_MAX
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Lines without white space at their ends, in their own line endings; one line feed at the end.
fn trimmed(text: &str) -> String {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<&str> =
        text.lines().map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.iter().flat_map(|line| [*line, ending]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(trimmed(text), expected, "{text:?}");
    }

    #[test]
    fn lines_and_files_end_clean() {
        check("a \nb\t\n", "a\nb\n");
        check("a", "a\n");
        check("a\n\n\n", "a\n");
        check("a\n\nb\n", "a\n\nb\n");
        check("a \r\nb\r\n", "a\r\nb\r\n");
        check("", "");
        check("  indented\n", "  indented\n");
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "a \n").unwrap();
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("a.txt")).unwrap();
        let files = [RepoPath::parse("a.txt").unwrap()];
        assert_eq!(trim(root.path(), &files).unwrap(), 0);
        assert_eq!(fs::read(outside.path()).unwrap(), b"a \n");
    }
}
