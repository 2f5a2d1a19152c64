//! What was seen of a command: how it ended, and what it says of tests and coverage, in its output and
//! in the reports that it left in its workspace.
//!
//! The repository's code wrote all of that. Reports are found by their names, read without following
//! links, and count only when they are other files than before the command; bytes, files and depth are
//! bounded. A report that lies can make a verdict stricter and opens nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::beneath;
use crate::domain::outcome::CommandRun;
use crate::evidence::coverage::Coverage;
use crate::evidence::ran::TestsRan;

/// A command that was run, and what it says of tests and coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How it ended.
    pub run: CommandRun,
    /// Which tests ran.
    pub tests: TestsRan,
    /// What they covered.
    pub coverage: Coverage,
}

/// The reports that are in a workspace, each with what tells whether it was written since.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports(BTreeMap<String, (Kind, Stamp)>);

/// A file's number, length and time of change, which a program cannot set.
type Stamp = (u64, u64, i64, i64);

impl Seen {
    /// What is to be seen of a command that has ended; `before` are the reports that were there
    /// when it began.
    pub fn of(run: CommandRun, output: &[u8], workspace: &Path, before: &Reports) -> Self {
        let mut seen =
            Self { run, tests: TestsRan::in_output(output), coverage: Coverage::default() };
        for (path, (kind, stamp)) in Reports::within(workspace).0 {
            if before.0.get(&path).is_some_and(|(_, known)| *known == stamp) {
                continue;
            }
            let Ok(report) = beneath::read(workspace, &path, REPORT_BYTES_MAX) else { continue };
            if report.len() > REPORT_BYTES_MAX {
                continue;
            }
            match kind {
                Kind::Tests => seen.tests.add_report(&report),
                Kind::Coverage => seen.coverage.add_report(&report),
            }
        }
        seen
    }
}

/// The largest report that is read; those of large suites have some megabytes.
const REPORT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most reports of one command: Java writes one for each class.
const REPORTS_MAX: usize = 2_000;

/// How deep reports are looked for: modules in modules, and their build directories.
const DEPTH_MAX: usize = 10;

/// The most names that are looked at; a report beyond them is not found.
const ENTRIES_MAX: usize = 300_000;

/// Directories that have no reports of the command and many files.
const PASSED_OVER: [&str; 8] =
    [".git", "node_modules", ".venv", "venv", "deps", "incremental", "classes", ".cache"];

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tests,
    Coverage,
}

impl Reports {
    /// Those in a workspace now.
    pub fn within(workspace: &Path) -> Self {
        let mut found = Self::default();
        let mut open = vec![(String::new(), 0)];
        let mut entries = 0;
        while let Some((dir, depth)) = open.pop() {
            let Ok(listing) = fs::read_dir(workspace.join(&dir)) else { continue };
            for entry in listing.flatten() {
                entries += 1;
                if entries > ENTRIES_MAX || found.0.len() >= REPORTS_MAX {
                    return found;
                }
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && depth < DEPTH_MAX && !PASSED_OVER.contains(&name.as_str()) {
                    open.push((path, depth + 1));
                } else if kind.is_file()
                    && let Some(kind) = kind_of(&dir, &name)
                    && let Ok(it) = entry.metadata()
                {
                    let stamp = (it.ino(), it.len(), it.ctime(), it.ctime_nsec());
                    found.0.insert(path, (kind, stamp));
                }
            }
        }
        found
    }
}

/// What a file is by its name and where it lies; its content says whether it really is.
fn kind_of(dir: &str, name: &str) -> Option<Kind> {
    const COVERAGE: [&str; 12] = [
        "lcov.info",
        "coverage.lcov",
        "coverage.xml",
        "cobertura.xml",
        "cobertura-coverage.xml",
        "coverage.cobertura.xml",
        "coverage.json",
        "coverage-final.json",
        "jacoco.xml",
        "jacocoTestReport.xml",
        "coverage.out",
        "cover.out",
    ];
    const DIRS: [&str; 5] =
        ["surefire-reports", "failsafe-reports", "test-results", "test-reports", "TestResults"];
    const NAMES: [&str; 6] =
        ["junit.xml", "report.xml", "results.xml", "test-results.xml", "pytest.xml", "rspec.xml"];
    if COVERAGE.contains(&name) {
        return Some(Kind::Coverage);
    }
    let (_, ending) = name.rsplit_once('.')?;
    let is_tests = match ending {
        "trx" => true,
        "xml" => {
            NAMES.contains(&name)
                || name.starts_with("TEST-")
                || name.starts_with("junit")
                || dir.split('/').any(|part| DIRS.contains(&part))
        }
        _ => false,
    };
    is_tests.then_some(Kind::Tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(path: &str, expected: Option<Kind>) {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        assert_eq!(kind_of(dir, name), expected, "{path}");
    }

    #[test]
    fn reports_are_known_by_their_names() {
        is("lcov.info", Some(Kind::Coverage));
        is("core/target/site/jacoco/jacoco.xml", Some(Kind::Coverage));
        is("core/target/surefire-reports/TEST-shop.CartTest.xml", Some(Kind::Tests));
        is("build/test-results/test/any.xml", Some(Kind::Tests));
        is("junit-unit.xml", Some(Kind::Tests));
        is("a.trx", Some(Kind::Tests));
        is("pom.xml", None);
        is("src/a.rs", None);
        is("xml", None);
    }

    #[test]
    fn only_what_is_new_is_a_report_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, tests: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("<testsuite>{tests}</testsuite>")).unwrap();
        };
        let test = "<testcase name='one'/>";
        write("old/junit.xml", test);
        let before = Reports::within(dir.path());
        write("node_modules/x/junit.xml", test);
        std::os::unix::fs::symlink("/etc", dir.path().join("test-results")).unwrap();
        std::os::unix::fs::symlink("old/junit.xml", dir.path().join("report.xml")).unwrap();
        let run = CommandRun {
            command: "x".into(),
            ended: crate::domain::outcome::Ended::Exit(0),
            duration_ms: 1,
            output_tail: String::new(),
        };
        let seen = || Seen::of(run.clone(), b"", dir.path(), &before);
        assert!(seen().tests.is_empty(), "{:?}", seen());
        write("junit.xml", test);
        assert!(!seen().tests.is_empty());
    }
}
