//! TRX: the test results of Visual Studio's and .NET's test runners.

use std::collections::HashMap;

use super::xml::{Edge, Node, Xml};
use super::{Found, draft, frames};
use crate::domain::failure::FailureKind;

/// How many tests' classes are remembered.
const TESTS_MAX: usize = 100_000;

/// Reads the document whose root was just opened.
pub(super) fn read(xml: &mut Xml<'_>, found: &mut Found<'_>) {
    let ground = xml.depth();
    let before = found.drafts.len();
    // Definitions stand behind the results: draft to test id, test id to class.
    let mut ids: Vec<(usize, String)> = Vec::new();
    let mut classes: HashMap<String, String> = HashMap::new();
    while let Some(edge) = xml.next() {
        match edge {
            Edge::Open(tag) => match tag.name.as_str() {
                "UnitTestResult" => {
                    let node = xml.node(tag);
                    if let Some(id) = node.tag.get("testId") {
                        ids.push((found.drafts.len(), id.to_owned()));
                    }
                    read_result(&node, found);
                }
                "UnitTest" => {
                    let node = xml.node(tag);
                    let method = node.child("TestMethod");
                    let class = method.and_then(|method| method.tag.get("className"));
                    if let (Some(id), Some(class)) = (node.tag.get("id"), class)
                        && classes.len() < TESTS_MAX
                    {
                        // An assembly's name may follow.
                        let class = class.split(',').next().unwrap_or(class);
                        classes.insert(id.to_owned(), class.to_owned());
                    }
                }
                "RunInfo" => {
                    let node = xml.node(tag);
                    let is_error = node.tag.get("outcome") == Some("Error");
                    if let Some(said) = node.text_at(&["Text"]).filter(|_| is_error) {
                        let mut draft = draft(FailureKind::TestFailure, "dotnet test");
                        draft.say(said);
                        found.push(draft, node.tag.line);
                    }
                }
                "Results" | "TestDefinitions" | "ResultSummary" | "RunInfos" => {}
                _ => xml.skip(),
            },
            Edge::Close if xml.depth() < ground => break,
            Edge::Close => {}
        }
    }
    for (at, id) in ids {
        let (Some(class), Some(draft)) = (classes.get(&id), found.drafts.get_mut(at)) else {
            continue;
        };
        let test = draft.failure.test.get_or_insert_default();
        if at >= before && !test.starts_with(class.as_str()) {
            *test = format!("{class}.{test}");
        }
    }
}

fn read_result(result: &Node, found: &mut Found<'_>) {
    let outcome = result.tag.get("outcome").unwrap_or("");
    if !matches!(outcome, "Failed" | "Error" | "Timeout" | "Aborted") {
        return;
    }
    let kind = if outcome == "Timeout" { FailureKind::Timeout } else { FailureKind::TestFailure };
    let mut draft = draft(kind, "dotnet test");
    draft.failure.test = result.tag.get("testName").map(str::to_owned);
    let said = result.text_at(&["Output", "ErrorInfo", "Message"]);
    draft.say(said.unwrap_or("the test failed"));
    let trace = result.text_at(&["Output", "ErrorInfo", "StackTrace"]).unwrap_or("");
    if let Some(place) = frames::place_in(trace, None, found.roots) {
        place.put(&mut draft);
    }
    found.push(draft, result.tag.line);
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Trx;
    use crate::evidence::reports::tests::check;

    #[test]
    fn failed_results_have_their_class_and_frame() {
        check(
            Trx,
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>
<TestRun id=\"1\" xmlns=\"http://microsoft.com/schemas/VisualStudio/TeamTest/2010\"><Results>
<UnitTestResult testId=\"a\" testName=\"Adds\" outcome=\"Failed\"><Output><StdOut>noise</StdOut>
<ErrorInfo><Message>Assert.Equal() Failure
Expected: 5</Message><StackTrace>   at Xunit.Assert.Equal()
   at Shop.CartTests.Adds() in D:\\a\\shop\\shop\\CartTests.cs:line 12</StackTrace></ErrorInfo>
</Output></UnitTestResult><UnitTestResult testId=\"b\" testName=\"Ok\" outcome=\"Passed\" />
</Results><TestDefinitions><UnitTest name=\"Adds\" id=\"a\"><TestMethod
className=\"Shop.CartTests, Shop\" name=\"Adds\" /></UnitTest></TestDefinitions>
<ResultSummary outcome=\"Failed\"><RunInfos><RunInfo outcome=\"Error\"><Text>host crashed</Text>
</RunInfo></RunInfos></ResultSummary></TestRun>",
            concat!(
                "test_failure CartTests.cs:12 {Shop.CartTests.Adds} Assert.Equal() Failure\n",
                "test_failure host crashed",
            ),
        );
    }
}
