//! NUnit's own XML: `test-run` of version 3, `test-results` of version 2.

use super::xml::{Edge, Node, Xml};
use super::{Found, draft, frames};
use crate::domain::failure::FailureKind;

/// Reads the document whose root was just opened.
pub(super) fn read(xml: &mut Xml<'_>, found: &mut Found<'_>) {
    let ground = xml.depth();
    while let Some(edge) = xml.next() {
        match edge {
            Edge::Open(tag) => match tag.name.as_str() {
                "test-case" => {
                    let node = xml.node(tag);
                    read_case(&node, found);
                }
                // A suite's own failure repeats that a child failed.
                "test-suite" | "results" => {}
                _ => xml.skip(),
            },
            Edge::Close if xml.depth() < ground => return,
            Edge::Close => {}
        }
    }
}

fn read_case(case: &Node, found: &mut Found<'_>) {
    let result = case.tag.get("result").unwrap_or("");
    if !matches!(result, "Failed" | "Failure" | "Error") {
        return;
    }
    let mut draft = draft(FailureKind::TestFailure, "nunit");
    let name = case.tag.get("fullname").or_else(|| case.tag.get("name"));
    draft.failure.test = name.map(str::to_owned);
    let said = case.text_at(&["failure", "message"]);
    draft.say(said.unwrap_or("the test failed"));
    let trace = case.text_at(&["failure", "stack-trace"]).unwrap_or("");
    if let Some(place) = frames::place_in(trace, case.tag.get("classname"), found.roots) {
        place.put(&mut draft);
    }
    found.push(draft, case.tag.line);
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Nunit;
    use crate::evidence::reports::tests::check;

    #[test]
    fn both_versions_are_read() {
        check(
            Nunit,
            r#"<test-run id="2" result="Failed"><test-suite type="Assembly" result="Failed"><failure>
<message>One or more child tests had errors</message></failure><test-case fullname="Shop.T.Adds"
result="Failed"><failure><message><![CDATA[  Expected: 5]]></message><stack-trace><![CDATA[
   at Shop.T.Adds() in /home/runner/work/s/s/T.cs:line 9]]></stack-trace></failure></test-case>
<test-case fullname="Shop.T.Ok" result="Passed"/></test-suite></test-run>"#,
            "test_failure T.cs:9 {Shop.T.Adds} Expected: 5",
        );
        check(
            Nunit,
            r#"<test-results><test-suite><results><test-case name="Shop.T.B" executed="True"
result="Error"><failure><message>x</message></failure></test-case></results></test-suite>
</test-results>"#,
            "test_failure {Shop.T.B} x",
        );
    }
}
