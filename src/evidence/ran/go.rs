//! `go test`: packages always, tests where it was told to name them (`-v`, `-json`), and gotestsum.

use serde::Deserialize;

use super::{Fate, TestsRan, listed, sum};

const TESTS: &str = "go test";
const PACKAGES: &str = "go test (packages)";
const GOTESTSUM: &str = "gotestsum";

/// Names of tests that wait for the line that says whose they are; more are not kept.
const WAITING_MAX: usize = 100_000;

/// The tests of a package, before its name is known.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Whether every test is named and not only those that failed.
    names_all: bool,
    waiting: Vec<(String, Fate)>,
}

/// What of an event of test2json is needed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    test: Option<String>,
}

impl Reader {
    pub(super) fn line(&mut self, line: &str, ran: &mut TestsRan) {
        if line.starts_with('{') {
            return event(line, ran);
        }
        let text = line.trim_start();
        if text.starts_with("=== RUN ") {
            self.names_all = true;
        } else if let Some(rest) = text.strip_prefix("--- ") {
            self.test(rest);
        } else if line.starts_with("ok ") || line.starts_with("FAIL\t") {
            self.package(line, ran);
        } else if let Some(rest) = text.strip_prefix("DONE ") {
            gotestsum(rest, ran);
        }
    }

    pub(super) fn end(&mut self, ran: &mut TestsRan) {
        self.flush("", ran);
    }

    /// `PASS: TestA (0.00s)`
    fn test(&mut self, rest: &str) {
        let Some((verdict, name)) = rest.split_once(": ") else { return };
        let fate = match verdict {
            "PASS" | "FAIL" => Fate::Ran,
            "SKIP" => Fate::Skipped,
            _ => return,
        };
        let name = name.rsplit_once(" (").map_or(name, |(name, _)| name);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push((name.to_owned(), fate));
        }
    }

    /// `ok  <TAB>example.org/shop<TAB>0.01s`, `FAIL<TAB>example.org/shop<TAB>0.2s`
    fn package(&mut self, line: &str, ran: &mut TestsRan) {
        let mut parts = line.split('\t').map(str::trim).skip(1);
        let (Some(package), Some(how)) = (parts.next(), parts.next()) else { return };
        let says_nothing = line.contains("[no tests to run]");
        if how.starts_with(|c: char| c.is_ascii_digit()) || how.starts_with("(cached)") {
            ran.name(PACKAGES, package, if says_nothing { Fate::Skipped } else { Fate::Ran });
        }
        self.flush(package, ran);
    }

    fn flush(&mut self, package: &str, ran: &mut TestsRan) {
        let waiting = std::mem::take(&mut self.waiting);
        if self.names_all {
            for (name, fate) in waiting {
                ran.name(TESTS, &format!("{package} {name}"), fate);
            }
        }
    }
}

fn event(line: &str, ran: &mut TestsRan) {
    if !line.contains("\"Action\":") {
        return;
    }
    let Ok(event) = serde_json::from_str::<Event>(line) else { return };
    let fate = match event.action.as_str() {
        "pass" | "fail" => Fate::Ran,
        "skip" => Fate::Skipped,
        _ => return,
    };
    match (event.test, fate) {
        (Some(test), fate) => ran.name(TESTS, &format!("{} {test}", event.package), fate),
        // A package without tests is skipped as well, and was never run.
        (None, Fate::Ran) => ran.name(PACKAGES, &event.package, Fate::Ran),
        (None, Fate::Skipped) => {}
    }
}

/// `3 tests, 1 skipped, 1 failure in 0.1s`
fn gotestsum(rest: &str, ran: &mut TestsRan) {
    let Some((list, _)) = rest.rsplit_once(" in ") else { return };
    let Some(list) = listed(list, ",") else { return };
    let (all, skipped) = (sum(&list, &["tests", "test"]), sum(&list, &["skipped"]));
    ran.count(GOTESTSUM, all.saturating_sub(skipped), skipped);
}
