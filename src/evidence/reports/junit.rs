//! JUnit XML, which never was a standard: what Surefire, Gradle, pytest, Jest, gotestsum, PHPUnit,
//! Mocha and many others write under that name.
//!
//! Suites may lie in each other or be the root; every attribute may be missing. A test is at fault
//! when a `failure` or `error` is in it; a flaky one passed in the end. The place is the frame in
//! the text that is the repository's, else what the attributes say.

use super::xml::{Edge, Node, Tag, Xml};
use super::{Found, draft, frames, go};
use crate::domain::failure::FailureKind;
use crate::evidence::draft::Draft;

/// How many lines of a failure's text become its message.
const MESSAGE_LINES_MAX: usize = 40;

/// What the suites around a test say.
#[derive(Debug, Clone, Default)]
struct Suite {
    name: String,
    tool: &'static str,
    file: Option<String>,
}

/// Reads the document whose root was just opened.
pub(super) fn read(xml: &mut Xml<'_>, root: Tag, found: &mut Found<'_>) {
    let ground = xml.depth();
    let mut suites: Vec<Suite> = Vec::new();
    let mut opened = Some(root);
    // Mocha names the file on the suite before those of its tests.
    let mut root_file = None;
    loop {
        let edge = match opened.take() {
            Some(tag) => Some(Edge::Open(tag)),
            None => xml.next(),
        };
        match edge {
            Some(Edge::Open(tag)) => match tag.name.as_str() {
                "testsuites" | "testsuite" => {
                    let suite = suite_of(&tag, suites.last(), root_file.as_ref());
                    if tag.get("name").is_some_and(|name| name.starts_with("Root Suite")) {
                        root_file.clone_from(&suite.file);
                    }
                    suites.push(suite);
                }
                "testcase" => {
                    let case = xml.node(tag);
                    read_case(&case, suites.last(), found);
                }
                "failure" | "error" => {
                    let fault = xml.node(tag);
                    let case = Node::default();
                    found.push(
                        fault_draft(&fault, &case, suites.last(), found.roots),
                        fault.tag.line,
                    );
                }
                // Gradle's and pytest's properties say which tool it was.
                "property" => {
                    let is_go = tag.get("name").is_some_and(|name| name == "go.version");
                    if let Some(suite) = suites.last_mut().filter(|_| is_go) {
                        suite.tool = "go test";
                    }
                    xml.skip();
                }
                "properties" => {}
                _ => xml.skip(),
            },
            Some(Edge::Close) => {
                if xml.depth() < ground {
                    return;
                }
                // The end of `properties` closes no suite.
                suites.truncate((xml.depth() + 1).saturating_sub(ground));
            }
            None => return,
        }
        if xml.depth() < ground {
            return;
        }
    }
}

fn suite_of(tag: &Tag, outer: Option<&Suite>, root_file: Option<&String>) -> Suite {
    let name = tag.get("name").unwrap_or("").to_owned();
    let known = match name.as_str() {
        "pytest" => "pytest",
        "jest tests" => "jest",
        "vitest tests" => "vitest",
        "Mocha Tests" => "mocha",
        "rspec" => "rspec",
        "nextest-run" => "cargo test",
        _ => outer.map_or("", |outer| outer.tool),
    };
    let is_surefire =
        tag.get("noNamespaceSchemaLocation").is_some_and(|schema| schema.contains("surefire"));
    let file = tag.get("file").or_else(|| tag.get("filepath")).map(str::to_owned);
    Suite {
        name,
        tool: if is_surefire { "surefire" } else { known },
        file: file
            .or_else(|| outer.and_then(|outer| outer.file.clone()))
            .or_else(|| root_file.cloned()),
    }
}

fn read_case(case: &Node, suite: Option<&Suite>, found: &mut Found<'_>) {
    let mut failed = 0;
    for fault in &case.children {
        if matches!(fault.tag.name.as_str(), "failure" | "error") {
            failed += 1;
            found.push(fault_draft(fault, case, suite, found.roots), fault.tag.line);
        }
    }
    let is_flaky = case.children.iter().any(|child| child.tag.name.starts_with("flaky"));
    if failed == 0 && is_flaky {
        found.note("tests that passed when they were run again are no failures");
    }
    // Some write no child but a status.
    let status = case.tag.get("status").or_else(|| case.tag.get("result"));
    if failed == 0 && !is_flaky && matches!(status, Some("failed" | "failure" | "error" | "fail")) {
        let fault = Node::default();
        found.push(fault_draft(&fault, case, suite, found.roots), case.tag.line);
    }
}

/// A failure of a test; of a suite where there is no test.
fn fault_draft(fault: &Node, case: &Node, suite: Option<&Suite>, roots: &[String]) -> Draft {
    let tool = suite.map_or("", |suite| suite.tool);
    let mut draft = draft(FailureKind::TestFailure, if tool.is_empty() { "junit" } else { tool });
    let class = case.tag.get("classname").or_else(|| case.tag.get("class"));
    let suite_name = suite.map(|suite| suite.name.as_str()).filter(|name| !name.is_empty());
    draft.failure.test = match case.tag.get("name") {
        Some(name) => Some(full_name(class, name)),
        None => class.or(suite_name).map(str::to_owned),
    };
    draft.failure.code = fault.tag.get("type").filter(|code| says_more(code)).map(str::to_owned);
    let line = case.tag.number("line").or_else(|| case.tag.number("lineno"));
    let file = case.tag.get("file").or_else(|| case.tag.get("filepath")).map(str::to_owned);
    if let Some(file) = file.or_else(|| suite.and_then(|suite| suite.file.clone())) {
        // pytest counts lines from 0.
        let line = if tool == "pytest" { line.map(|line| line + 1) } else { line };
        draft.place(&file, line, None);
    }
    say(&mut draft, fault, roots);
    if let Some(place) = frames::place_in(&fault.text, class.or(suite_name), roots) {
        // A frame of the JVM has no directory, an attribute may.
        let same = draft.path.as_ref().filter(|path| path.ends_with(&format!("/{}", place.path)));
        let path = same.cloned();
        place.put(&mut draft);
        draft.path = path.or(draft.path);
    }
    if is_timeout(fault) {
        draft.failure.kind = FailureKind::Timeout;
    }
    draft
}

fn is_timeout(fault: &Node) -> bool {
    let code = fault.tag.get("type").unwrap_or("");
    code.ends_with("TestTimedOutException") || code == "test timeout" || code == "timeout"
}

/// Some types are words for "it failed".
fn says_more(code: &str) -> bool {
    let said = code.to_ascii_lowercase();
    !matches!(said.as_str(), "failure" | "error" | "failed" | "failed:" | "test failure" | "")
}

/// `classname.name`, unless one of them already says the other.
fn full_name(class: Option<&str>, name: &str) -> String {
    match class {
        Some(class) if name.starts_with(class) || name.ends_with(class) => name.to_owned(),
        Some(class) if class.ends_with(name) => class.to_owned(),
        Some(class) if class.contains(' ') => format!("{class} {name}"),
        Some(class) => format!("{class}.{name}"),
        None => name.to_owned(),
    }
}

fn say(draft: &mut Draft, fault: &Node, roots: &[String]) {
    let head = fault.tag.get("message").unwrap_or("").trim();
    if fault.text.contains("--- FAIL: ") || fault.text.contains("=== RUN ") {
        go::explain(draft, &fault.text, roots);
    }
    if draft.failure.message.is_empty() {
        let body = fault.text.trim();
        let is_vague = head.is_empty() || !says_more(head);
        if !is_vague && !body.starts_with(head) {
            draft.say(head);
        }
        let told = body.lines().take(MESSAGE_LINES_MAX).skip_while(|line| line.trim().is_empty());
        told.for_each(|line| draft.say(line));
        if draft.failure.message.is_empty() {
            draft.say(if head.is_empty() { "the test failed" } else { head });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Junit;
    use crate::evidence::reports::tests::{check, notes_of};

    #[test]
    fn surefire_and_gradle_are_read() {
        check(
            Junit,
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0"
  xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire/surefire-test-report.xsd"
  name="shop.CartTest" tests="4" errors="1" skipped="1" failures="1">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="adds" classname="shop.CartTest" time="0.01">
    <failure message="expected: &lt;5&gt; but was: &lt;4&gt;" type="AssertionFailedError"
      ><![CDATA[AssertionFailedError: expected: <5> but was: <4>
	at org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)
	at shop.CartTest.adds(CartTest.java:12)
]]></failure>
    <rerunFailure type="x" message="again"/>
    <system-out><![CDATA[error: not me]]></system-out>
  </testcase>
  <testcase name="flaky" classname="shop.CartTest"><flakyFailure message="m" type="t"/></testcase>
  <testcase name="later" classname="shop.CartTest"><skipped message="x"/></testcase>
  <testcase name="breaks" classname="shop.CartTest">
    <error type="java.lang.NullPointerException">java.lang.NullPointerException
	at shop.Cart.sum(Cart.java:3)</error></testcase>
</testsuite>"#,
            concat!(
                "test_failure CartTest.java:12 [AssertionFailedError] {shop.CartTest.adds} ",
                "expected: <5> but was: <4>\n",
                "test_failure [java.lang.NullPointerException] {shop.CartTest.breaks} ",
                "java.lang.NullPointerException",
            ),
        );
    }

    #[test]
    fn pytest_is_read() {
        check(
            Junit,
            r#"<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0"
failures="1"><testcase classname="tests.test_cart" name="test_adds" file="tests/test_cart.py"
line="10" time="0.001"><failure message="assert 4 == 5">def test_adds():
&gt;       assert add(2, 2) == 5
E       assert 4 == 5

tests/test_cart.py:12: AssertionError</failure></testcase>
<testcase classname="tests.test_cart" name="test_b" file="tests/test_cart.py" line="20">
<error message="failed on setup with &quot;x&quot;">no frame</error></testcase>
</testsuite></testsuites>"#,
            concat!(
                "test_failure tests/test_cart.py:12 {tests.test_cart.test_adds} assert 4 == 5\n",
                "test_failure tests/test_cart.py:21 {tests.test_cart.test_b} ",
                "failed on setup with \"x\"",
            ),
        );
    }

    #[test]
    fn dialects_of_javascript_are_read() {
        check(
            Junit,
            r#"<testsuites name="jest tests"><testsuite name="cart"><testcase
classname="cart adds" name="cart adds" time="0.1"><failure>Error: expect(received).toBe(expected)
    at Object.&lt;anonymous&gt; (/home/runner/work/s/s/src/cart.test.ts:4:20)</failure></testcase>
</testsuite></testsuites>"#,
            "test_failure src/cart.test.ts:4:20 {cart adds} Error: expect(received).toBe(expected)",
        );
        check(
            Junit,
            r#"<testsuites name="Mocha Tests"><testsuite name="Root Suite" file="e2e/a.cy.js"/>
<testsuite name="cart"><testcase name="cart adds" classname="adds"><failure message="no"
type="AssertionError"/></testcase></testsuite></testsuites>"#,
            "test_failure e2e/a.cy.js [AssertionError] {cart adds} no",
        );
    }

    #[test]
    fn nested_suites_and_go_are_read() {
        check(
            Junit,
            r#"<testsuites><testsuite name="all"><testsuite name="FooTest"
file="/builds/g/s/tests/FooTest.php"><testcase name="testBar" class="FooTest" classname="FooTest"
file="/builds/g/s/tests/FooTest.php" line="9"><failure type="ExpectationFailedException"
>FooTest::testBar
Failed asserting that false is true.

/builds/g/s/tests/FooTest.php:15</failure></testcase></testsuite></testsuite></testsuites>"#,
            concat!(
                "test_failure tests/FooTest.php:15 [ExpectationFailedException] {FooTest.testBar} ",
                "FooTest::testBar",
            ),
        );
        check(
            Junit,
            r#"<testsuites><testsuite name="x.org/shop"><properties><property name="go.version"
value="go1.24"></property></properties><testcase classname="x.org/shop" name="TestA/two">
<failure message="Failed" type="">=== RUN   TestA/two
    cart_test.go:12: got 3, want 4
--- FAIL: TestA/two (0.00s)
</failure></testcase></testsuite></testsuites>"#,
            "test_failure cart_test.go:12 {x.org/shop.TestA/two} got 3, want 4",
        );
    }

    #[test]
    fn bare_cut_and_joined_documents_are_read() {
        let case = r#"<testcase name="a"><failure message="no"/></testcase>"#;
        let expected = "test_failure {a} no";
        check(Junit, &format!("<testsuite>{case}</testsuite>"), expected);
        check(Junit, &format!("<testsuites><testsuite>{case}<testcase name=\"b\"><fai"), expected);
        let other = case.replace("\"a\"", "\"b\"");
        let joined = format!(
            "<?xml version=\"1.0\"?>\n<testsuite>{case}</testsuite>\n<?xml version=\"1.0\"?>\n\
             <testsuite>{other}</testsuite>"
        );
        check(Junit, &joined, "test_failure {a} no\ntest_failure {b} no");
        check(Junit, "<testsuites/>", "");
        let cut = format!("<testsuite>{case}");
        assert_eq!(notes_of(&cut).len(), 1, "a cut report says so");
        check(Junit, "<testsuite name='s'><error message='m'/></testsuite>", "test_failure {s} m");
        check(Junit, "<testsuite><testcase name='a' status='failed'/></testsuite>", {
            "test_failure {a} the test failed"
        });
    }

    #[test]
    fn entities_of_the_document_are_not_read() {
        check(
            Junit,
            r#"<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&b;"><failure message="m">&x; &#65;&lt;</failure></testcase></testsuite>"#,
            "test_failure {&b;} m",
        );
    }
}
