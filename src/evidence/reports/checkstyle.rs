//! Checkstyle's XML, which ktlint, detekt, PHP_CodeSniffer, golangci-lint, ESLint and many others
//! write as well.

use super::xml::{Edge, Node, Xml};
use super::{Found, draft, kind_of_tool, severity_of};
use crate::domain::failure::Severity;

/// Reads the document whose root was just opened.
pub(super) fn read(xml: &mut Xml<'_>, found: &mut Found<'_>) {
    let ground = xml.depth();
    let mut file = None;
    while let Some(edge) = xml.next() {
        match edge {
            Edge::Open(tag) if tag.name == "file" => file = tag.get("name").map(str::to_owned),
            Edge::Open(tag) if matches!(tag.name.as_str(), "error" | "exception") => {
                let node = xml.node(tag);
                read_error(&node, file.as_deref(), found);
            }
            Edge::Open(_) => xml.skip(),
            Edge::Close if xml.depth() < ground => return,
            Edge::Close => {}
        }
    }
}

fn read_error(node: &Node, file: Option<&str>, found: &mut Found<'_>) {
    let tag = &node.tag;
    let severity = tag.get("severity");
    if severity == Some("ignore") {
        return;
    }
    let source = tag.get("source").unwrap_or("");
    let tool = tool_of(source);
    let mut draft = draft(kind_of_tool(tool), tool);
    if let Some(file) = file {
        draft.place(file, tag.number("line"), tag.number("column"));
    }
    // Checkstyle's own rules are classes.
    let code = source.strip_prefix("com.puppycrawl.tools.checkstyle.checks.").unwrap_or(source);
    draft.failure.code = Some(code.to_owned()).filter(|code| !code.is_empty());
    draft.failure.severity = severity.map_or(Severity::Error, severity_of);
    draft.say(tag.get("message").unwrap_or(&node.text).trim());
    if draft.failure.message.is_empty() {
        draft.say(code);
    }
    found.push(draft, tag.line);
}

/// Which tool a rule's name belongs to.
fn tool_of(source: &str) -> &'static str {
    let begins = [
        ("com.puppycrawl.", "checkstyle"),
        ("detekt.", "detekt"),
        ("eslint.", "eslint"),
        ("standard:", "ktlint"),
        ("PSR", "phpcs"),
        ("Squiz.", "phpcs"),
        ("Generic.", "phpcs"),
        ("ShellCheck.", "shellcheck"),
        ("SC", "shellcheck"),
        ("DL", "hadolint"),
    ];
    let known = begins.iter().find(|(begin, _)| source.starts_with(begin));
    known.map_or("checkstyle", |(_, tool)| tool)
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Checkstyle;
    use crate::evidence::reports::tests::check;

    #[test]
    fn errors_of_files_are_read() {
        check(
            Checkstyle,
            r#"<?xml version="1.0" encoding="utf-8"?>
<checkstyle version="10.0"><file name="/home/runner/work/s/s/src/A.java">
<error line="3" column="5" severity="error" message="Missing a &quot;Javadoc&quot; comment."
 source="com.puppycrawl.tools.checkstyle.checks.javadoc.MissingJavadocMethodCheck"/>
<error line="9" severity="warning" message="long" source="x.LineLength"></error>
<error line="9" severity="ignore" message="not me" source="x.LineLength"/>
</file><file name="src/B.kt"><error line="1" column="1" severity="error" message="Unused import"
 source="standard:no-unused-imports" /></file></checkstyle>"#,
            concat!(
                "lint src/A.java:3:5 [javadoc.MissingJavadocMethodCheck] ",
                "Missing a \"Javadoc\" comment.\n",
                "lint src/B.kt:1:1 [standard:no-unused-imports] Unused import\n",
                "warning lint src/A.java:9 [x.LineLength] long",
            ),
        );
        check(Checkstyle, "<checkstyle><file name='a.c'><error line='1' message='m'/><err", {
            "lint a.c:1 m"
        });
        check(Checkstyle, "<checkstyle version='5'></checkstyle>", "");
    }
}
