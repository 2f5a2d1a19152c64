//! Reports of tests that a command left in its workspace: JUnit XML, which most tools can write, and
//! Visual Studio's results.

use super::{Fate, TestsRan};
use crate::evidence::decode::decoded;
use crate::evidence::reports::Element;

const JUNIT: &str = "JUnit reports";
const TRX: &str = "test results (trx)";

/// Reads a report; one that is none of tests says nothing.
pub(super) fn read(report: &[u8], ran: &mut TestsRan) {
    let text = decoded(report);
    let text = String::from_utf8_lossy(&text);
    if !text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']).starts_with('<') {
        return;
    }
    Element::each(&text, &["testcase", "UnitTestResult"], |test| match test.name() {
        "testcase" => junit(test, ran),
        _ => trx(test, ran),
    });
}

fn junit(test: &Element, ran: &mut TestsRan) {
    // pytest names the file alone, without a class, where it could not load it.
    if test.get("classname").is_none() && test.has("error") {
        return;
    }
    let class = test.get("classname").or_else(|| test.get("class")).unwrap_or("");
    let name = test.get("name").unwrap_or("");
    let is_skipped = test.has("skipped")
        || matches!(test.get("status").or_else(|| test.get("result")), Some("skipped" | "notrun"));
    let fate = if is_skipped { Fate::Skipped } else { Fate::Ran };
    ran.name(JUNIT, &format!("{class} {name}"), fate);
}

fn trx(test: &Element, ran: &mut TestsRan) {
    let Some(name) = test.get("testName") else { return };
    let fate = match test.get("outcome") {
        Some("NotExecuted" | "NotRunnable" | "Inconclusive") => Fate::Skipped,
        Some(_) | None => Fate::Ran,
    };
    ran.name(TRX, name, fate);
}
