//! cargo's own test harness, and nextest.

use super::{Fate, TestsRan, listed, number_of, sum};

const CARGO: &str = "cargo test";
const NEXTEST: &str = "nextest";

/// Which test binary speaks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    binary: String,
}

impl Reader {
    pub(super) fn line(&mut self, line: &str, ran: &mut TestsRan) {
        let text = line.trim_start();
        if let Some(rest) = text.strip_prefix("Running ") {
            if let Some((_, program)) = rest.rsplit_once(" (") {
                self.binary = binary(program.trim_end_matches(')'));
            }
        } else if let Some(name) = text.strip_prefix("Doc-tests ") {
            self.binary = format!("{name} (doc)");
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            result(rest, ran);
        } else if let Some(rest) = line.strip_prefix("test ") {
            self.test(rest, ran);
        } else {
            nextest(text, ran);
        }
    }

    /// `name ... ok`
    fn test(&self, rest: &str, ran: &mut TestsRan) {
        let Some((name, verdict)) = rest.split_once(" ... ") else { return };
        let fate = match verdict.split([',', ' ', '<', '(']).next().unwrap_or("").trim() {
            "ok" | "FAILED" | "bench:" => Fate::Ran,
            "ignored" => Fate::Skipped,
            _ => return,
        };
        let name = name.strip_suffix(" - should panic").unwrap_or(name);
        let name =
            if self.binary.is_empty() { name.to_owned() } else { [&self.binary, name].join(" ") };
        ran.name(CARGO, &name, fate);
    }
}

/// `ok. 3 passed; 1 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s`
fn result(rest: &str, ran: &mut TestsRan) {
    let Some((_, numbers)) = rest.split_once(". ") else { return };
    let numbers = numbers.split("; finished in").next().unwrap_or(numbers);
    if let Some(list) = listed(numbers, ";") {
        let all_ran = sum(&list, &["passed", "failed", "measured"]);
        ran.count(CARGO, all_ran, sum(&list, &["ignored"]));
    }
}

/// The name of a test binary, without cargo's hash: it is new with every compiler.
fn binary(program: &str) -> String {
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let name = file.strip_suffix(".exe").unwrap_or(file);
    name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned()
}

/// `PASS [   0.005s] (1/3) tiny tests::works`, `Summary [   0.1s] 3 tests run: 2 passed, 1 failed`
fn nextest(text: &str, ran: &mut TestsRan) {
    let Some((head, rest)) = text.split_once(" [") else { return };
    let Some((time, rest)) = rest.split_once("] ") else { return };
    if !time.trim().ends_with('s') {
        return;
    }
    match head.trim() {
        "Summary" => {
            let Some((run, rest)) = rest.trim().split_once(": ") else { return };
            let run = run.split_once('/').map_or(run.to_owned(), |(some, rest)| {
                // `2/3 tests run`: it stopped early.
                format!("{some} {}", rest.split_once(' ').map_or("", |(_, words)| words))
            });
            let Some(all_ran) = number_of(&run, &["tests run", "test run"]) else { return };
            let list = listed(rest, ",").unwrap_or_default();
            ran.count(NEXTEST, all_ran, sum(&list, &["skipped"]));
        }
        "PASS" | "FAIL" | "LEAK" | "FLAKY" | "TIMEOUT" | "ABORT" => {
            let rest = rest.trim_start();
            let name = match rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
                Some((_, name)) => name,
                None => rest,
            };
            // Those that failed are named again at the end.
            ran.name_once(NEXTEST, name, Fate::Ran);
        }
        _ => {}
    }
}
