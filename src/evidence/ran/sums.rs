//! Test runners that are known by one line: the sum that they print at the end.
//!
//! Gradle is not here: it prints a sum only when something failed. Its reports say which tests ran.

use super::{Fate, TestsRan, listed, number_of, sum};

const SUREFIRE: &str = "surefire";
const RSPEC: &str = "rspec";
const MINITEST: &str = "minitest";
const PHPUNIT: &str = "phpunit";
const EXUNIT: &str = "exunit";
const DOTNET: &str = "dotnet test";
const PROVE: &str = "prove";
const CTEST: &str = "ctest";
const GOOGLETEST: &str = "googletest";

/// What was named before its sum.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Tests that dotnet named, which it does when it was told to.
    dotnet: Vec<(String, Fate)>,
}

/// Names of dotnet's that wait for its sum; more are not kept.
const WAITING_MAX: usize = 100_000;

impl Reader {
    pub(super) fn line(&mut self, line: &str, ran: &mut TestsRan) {
        let text = line.trim();
        match text.as_bytes().first() {
            Some(b'[') => {
                surefire(text, ran);
                googletest(text, ran);
            }
            Some(b'0'..=b'9') => {
                ruby(text, ran);
                exunit(text, ran);
                ctest(text, ran);
            }
            Some(b'T') => {
                surefire(text, ran);
                phpunit(text, ran);
                dotnet_summary(text, ran);
            }
            Some(b'O') => phpunit(text, ran),
            Some(b'P' | b'F' | b'S') => {
                self.dotnet(text, ran);
                prove(text, ran);
            }
            Some(_) | None => {}
        }
    }

    /// `Passed!  - Failed:     0, Passed:     3, Skipped:     1, Total:     4, Duration: 5 ms - Shop.dll`
    fn dotnet(&mut self, text: &str, ran: &mut TestsRan) {
        if let Some((_, numbers)) = text.split_once("!  - ").or_else(|| text.split_once("! - ")) {
            let of = |key: &str| keyed(numbers, key, ':');
            let (Some(failed), Some(passed), Some(skipped)) =
                (of("Failed"), of("Passed"), of("Skipped"))
            else {
                return;
            };
            ran.count(DOTNET, failed.saturating_add(passed), skipped);
            for (name, fate) in self.dotnet.drain(..) {
                ran.name(DOTNET, &name, fate);
            }
            return;
        }
        let Some((word, rest)) = text.split_once(' ') else { return };
        let fate = match word {
            "Passed" | "Failed" => Fate::Ran,
            "Skipped" => Fate::Skipped,
            _ => return,
        };
        let timed = rest.rsplit_once(" [").filter(|(_, time)| time.ends_with("s]"));
        let name = match (timed, fate) {
            (Some((name, _)), _) => name,
            (None, Fate::Skipped) => rest,
            (None, Fate::Ran) => return,
        };
        if self.dotnet.len() < WAITING_MAX {
            self.dotnet.push((name.to_owned(), fate));
        }
    }
}

/// The number behind a key, as in `Tests: 3` or `Tests=3`.
fn keyed(text: &str, key: &str, sign: char) -> Option<u32> {
    text.split([',', ';']).find_map(|part| {
        let (found, number) = part.split_once(sign)?;
        (found.trim() == key).then(|| number.trim().trim_end_matches('.').parse().ok()).flatten()
    })
}

/// `[INFO] Tests run: 3, Failures: 1, Errors: 0, Skipped: 1`: the module's sum has no time.
fn surefire(text: &str, ran: &mut TestsRan) {
    let text = text.split_once("] ").map_or(text, |(_, rest)| rest);
    if !text.starts_with("Tests run:") || text.contains("Time elapsed") {
        return;
    }
    let of = |key: &str| keyed(text, key, ':');
    let (Some(all), Some(skipped)) = (of("Tests run"), of("Skipped")) else { return };
    ran.count(SUREFIRE, all.saturating_sub(skipped), skipped);
}

/// `3 examples, 1 failure, 1 pending`; `3 runs, 5 assertions, 1 failures, 0 errors, 1 skips`, and
/// test-unit's `3 tests, 5 assertions, …, 0 pendings, 1 omissions`.
fn ruby(text: &str, ran: &mut TestsRan) {
    let Some(list) = first_parts(text) else { return };
    let words = |word: &str| list.iter().any(|(_, known)| *known == word);
    let of = |words: &[&str]| sum(&list, words);
    if words("examples") || words("example") {
        let skipped = of(&["pending"]);
        ran.count(RSPEC, of(&["examples", "example"]).saturating_sub(skipped), skipped);
    } else if words("assertions") && (words("runs") || words("tests")) {
        let skipped = of(&["skips", "pendings", "omissions"]);
        ran.count(MINITEST, of(&["runs", "tests"]).saturating_sub(skipped), skipped);
    }
}

/// `2 doctests, 3 tests, 1 failure, 1 excluded, 1 skipped`
fn exunit(text: &str, ran: &mut TestsRan) {
    let Some(list) = first_parts(text) else { return };
    let has = |words: &[&str]| list.iter().any(|(_, known)| words.contains(known));
    if !has(&["failure", "failures"])
        || !has(&["test", "tests", "doctests"])
        || has(&["assertions"])
    {
        return;
    }
    let tests = ["test", "tests", "doctest", "doctests", "property", "properties"];
    let skipped = sum(&list, &["skipped", "excluded"]);
    ran.count(EXUNIT, sum(&list, &tests).saturating_sub(skipped), skipped);
}

/// A sum's numbers; what follows them in words is left out.
fn first_parts(text: &str) -> Option<Vec<(u32, &str)>> {
    let parts = text.split(", ").map_while(|part| listed(part, ","));
    let list: Vec<(u32, &str)> = parts.flatten().collect();
    (list.len() > 1).then_some(list)
}

/// `OK (3 tests, 4 assertions)`; `Tests: 3, Assertions: 4, Failures: 1, Skipped: 1.`
fn phpunit(text: &str, ran: &mut TestsRan) {
    if let Some(list) = text.strip_prefix("OK (").and_then(|rest| rest.strip_suffix(')')) {
        let Some(list) = listed(list, ",") else { return };
        if list.iter().any(|(_, word)| word.starts_with("assertion")) {
            ran.count(PHPUNIT, sum(&list, &["tests", "test"]), 0);
        }
        return;
    }
    if !text.starts_with("Tests: ") || !text.contains("Assertions: ") {
        return;
    }
    let Some(all) = keyed(text, "Tests", ':') else { return };
    let of = |key: &str| keyed(text, key, ':').unwrap_or(0);
    let skipped = of("Skipped").saturating_add(of("Incomplete"));
    ran.count(PHPUNIT, all.saturating_sub(skipped), skipped);
}

/// `Test summary: total: 3, failed: 1, succeeded: 2, skipped: 0, duration: 1.2s`
fn dotnet_summary(text: &str, ran: &mut TestsRan) {
    let Some(numbers) = text.strip_prefix("Test summary: ") else { return };
    let of = |key: &str| keyed(numbers, key, ':');
    let (Some(total), Some(skipped)) = (of("total"), of("skipped")) else { return };
    ran.count(DOTNET, total.saturating_sub(skipped), skipped);
}

/// `Files=1, Tests=3,  0 wallclock secs`
fn prove(text: &str, ran: &mut TestsRan) {
    if text.starts_with("Files=")
        && let Some(tests) = keyed(text, "Tests", '=')
    {
        ran.count(PROVE, tests, 0);
    }
}

/// `67% tests passed, 1 tests failed out of 3`
fn ctest(text: &str, ran: &mut TestsRan) {
    if !text.contains("% tests passed") {
        return;
    }
    let of = text.rsplit_once(" out of ").and_then(|(_, all)| all.trim().parse().ok());
    if let Some(all) = of {
        ran.count(CTEST, all, 0);
    }
}

/// `[       OK ] Cart.adds (0 ms)`
fn googletest(text: &str, ran: &mut TestsRan) {
    let Some((mark, rest)) = text.trim_start_matches('[').split_once("] ") else { return };
    let fate = match mark.trim() {
        "OK" | "FAILED" => Fate::Ran,
        "SKIPPED" | "DISABLED" => Fate::Skipped,
        _ => return,
    };
    let name = rest.split([' ', ',']).next().unwrap_or("");
    if name.contains('.') && number_of(rest, &["tests.", "test."]).is_none() {
        ran.name_once(GOOGLETEST, name, fate);
    }
}
