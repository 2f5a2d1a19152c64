//! Places held against the files of a commit, where there is a checkout or a list of its files.
//!
//! A log names files as the machine saw them: from a subdirectory, under a root nobody knows, of
//! build output that no commit holds. What comes out names a file of the commit, or no file; a
//! line within it, or no line. Only places change, and a place that is lost is said in the message,
//! behind its first line, so that nobody reads less than the log said, and to the caller.

use std::collections::{BTreeMap, BTreeSet};

use super::text::floor;
use crate::domain::failure::{Failure, MESSAGE_BYTES_MAX};
use crate::domain::ids::RepoPath;

/// Directories of other people's code: a file below them is not ours, however it ends.
const FOREIGN: [&str; 5] = ["node_modules", "site-packages", "dist-packages", "vendor", "gems"];

/// A path of which only the last part is known to be ours could be anybody's `index.js`.
const KNOWN_PARTS_MIN: usize = 2;

/// The files of a commit.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    paths: BTreeSet<RepoPath>,
    /// Paths by their last part.
    named: BTreeMap<String, Vec<RepoPath>>,
}

impl FromIterator<RepoPath> for Tree {
    fn from_iter<T: IntoIterator<Item = RepoPath>>(paths: T) -> Self {
        let mut tree = Self::default();
        for path in paths {
            let name = last(path.as_str()).to_owned();
            tree.named.entry(name).or_default().push(path.clone());
            tree.paths.insert(path);
        }
        tree
    }
}

impl Tree {
    /// The file that a path means: itself, else the only one that it is the end of, else the one
    /// that is its own end. `None` when there is none, or more than one.
    fn meant(&self, path: &RepoPath) -> Option<RepoPath> {
        if self.paths.contains(path) {
            return Some(path.clone());
        }
        let text = path.as_str();
        let mut parts = text.split('/');
        if parts.any(|part| FOREIGN.contains(&part)) {
            return None;
        }
        let named = self.named.get(last(text)).map_or(&[][..], Vec::as_slice);
        let mut longer = named.iter().filter(|known| ends_with(known.as_str(), text));
        if let Some(only) = longer.next() {
            return longer.next().is_none().then(|| only.clone());
        }
        let shorter = named.iter().filter(|known| {
            let parts = known.as_str().split('/').count();
            parts >= KNOWN_PARTS_MIN && ends_with(text, known.as_str())
        });
        shorter.max_by_key(|known| known.as_str().len()).cloned()
    }
}

/// The files that failures name, each once: whose lines are to be counted for [`bound`].
pub fn files(failures: &[Failure]) -> BTreeSet<RepoPath> {
    failures.iter().filter_map(|failure| failure.file.clone()).collect()
}

/// Names each failure's file as the commit does; one that the commit does not hold is taken away.
/// What was taken away, in words.
pub fn place(failures: &mut [Failure], tree: &Tree) -> Vec<String> {
    let mut lost = Vec::new();
    for failure in failures {
        let Some(file) = failure.file.take() else { continue };
        failure.file = tree.meant(&file);
        if failure.file.is_none() {
            let line = failure.line.take().map_or_else(String::new, |line| format!(":{line}"));
            (failure.column, failure.end_line) = (None, None);
            let words = format!("{file}{line} is not in the repository");
            say(failure, &words);
            lost.push(words);
        }
    }
    lost
}

/// Takes away lines beyond the end of their file; `lines` counts a file's, where it is known. What
/// was taken away, in words.
pub fn bound(failures: &mut [Failure], lines: impl Fn(&RepoPath) -> Option<u32>) -> Vec<String> {
    let mut lost = Vec::new();
    for failure in failures {
        let Some(last) = failure.file.as_ref().and_then(&lines) else { continue };
        if let Some(line) = failure.line.filter(|line| *line > last) {
            (failure.line, failure.column, failure.end_line) = (None, None, None);
            let file = failure.file.as_ref().map_or("", RepoPath::as_str);
            let words = format!("{file} has no line {line}, it ends with line {last}");
            say(failure, &words);
            lost.push(words);
        }
        failure.end_line = failure.end_line.filter(|end| *end <= last);
    }
    lost
}

/// How many lines a file has; an empty one has one, where a remark can stand.
pub fn lines_of(bytes: &[u8]) -> u32 {
    let ends = memchr::memchr_iter(b'\n', bytes).count();
    let open_end = usize::from(bytes.last().is_none_or(|byte| *byte != b'\n'));
    u32::try_from(ends + open_end).unwrap_or(u32::MAX)
}

/// Says something behind a message, within its limit.
fn say(failure: &mut Failure, words: &str) {
    let room = MESSAGE_BYTES_MAX.saturating_sub(words.len() + 1);
    let kept = floor(&failure.message, room).len();
    failure.message.truncate(kept);
    failure.message.push('\n');
    failure.message.push_str(floor(words, MESSAGE_BYTES_MAX - kept - 1));
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a path ends with another, at a boundary of parts.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    fn at(file: &str, line: u32) -> Failure {
        let mut failure = Failure::new(FailureKind::Lint, "unused");
        (failure.file, failure.line, failure.column) = (Some(path(file)), Some(line), Some(3));
        failure
    }

    #[track_caller]
    fn check(file: &str, expected: Option<&str>) {
        let known = [
            "src/lib.rs",
            "README.md",
            "packages/core/src/cart.ts",
            "packages/core/src/index.ts",
            "packages/web/src/index.ts",
            "web/main.go",
        ];
        let tree: Tree = known.map(path).into_iter().collect();
        let mut failures = [at(file, 4)];
        place(&mut failures, &tree);
        let got = failures[0].file.as_ref().map(RepoPath::as_str);
        assert_eq!(got, expected, "{file}");
        assert_eq!(failures[0].line.is_some(), expected.is_some(), "{file}");
        assert_eq!(failures[0].message.lines().count() == 1, expected.is_some(), "{file}");
    }

    #[test]
    fn a_file_is_named_as_the_commit_names_it() {
        check("src/lib.rs", Some("src/lib.rs"));
        check("src/cart.ts", Some("packages/core/src/cart.ts"));
        check("cart.ts", Some("packages/core/src/cart.ts"));
        check("some/root/src/lib.rs", Some("src/lib.rs"));
        check("checkout/packages/core/src/index.ts", Some("packages/core/src/index.ts"));
        check("lib.rs", Some("src/lib.rs"));
    }

    #[test]
    fn what_could_be_several_files_or_somebody_elses_is_none() {
        check("src/index.ts", None);
        check("deep/README.md", None);
        check("target/debug/out/gen.rs", None);
        check("node_modules/a/src/lib.rs", None);
        check("rc/lib.rs", None);
    }

    #[test]
    fn a_place_that_is_lost_is_said_and_the_fault_stays_the_same_kind_of_fault() {
        let mut failures = [at("gen.rs", 4)];
        let lost = place(&mut failures, &Tree::default());
        assert_eq!(lost, ["gen.rs:4 is not in the repository"]);
        assert_eq!(failures[0].message, "unused\ngen.rs:4 is not in the repository");
        let mut long = [at("gen.rs", 4)];
        long[0].message = "ü".repeat(MESSAGE_BYTES_MAX);
        place(&mut long, &Tree::default());
        assert!(long[0].message.len() <= MESSAGE_BYTES_MAX);
        assert!(long[0].message.ends_with("gen.rs:4 is not in the repository"));
        let once = failures.clone();
        place(&mut failures, &Tree::default());
        assert_eq!(failures, once, "a second time changes nothing");
    }

    #[test]
    fn a_line_beyond_the_end_is_taken_away_and_said() {
        let two = |_: &RepoPath| Some(2);
        let mut failures = [at("a.rs", 2), at("a.rs", 3), at("a.rs", 1)];
        failures[2].end_line = Some(9);
        let lost = bound(&mut failures, two);
        assert_eq!(lost, ["a.rs has no line 3, it ends with line 2"]);
        assert_eq!((failures[0].line, failures[0].column), (Some(2), Some(3)));
        assert_eq!(failures[0].message, "unused");
        assert_eq!((failures[1].line, failures[1].column), (None, None));
        assert_eq!(failures[1].message, "unused\na.rs has no line 3, it ends with line 2");
        assert_eq!((failures[2].line, failures[2].end_line), (Some(1), None));
        let mut unknown = [at("a.rs", 3)];
        bound(&mut unknown, |_| None);
        assert_eq!(unknown[0].line, Some(3));
    }

    #[test]
    fn lines_are_counted_as_people_count_them() {
        for (text, lines) in [("", 1), ("a", 1), ("a\n", 1), ("a\nb", 2), ("a\n\n", 2)] {
            assert_eq!(lines_of(text.as_bytes()), lines, "{text:?}");
        }
    }
}
