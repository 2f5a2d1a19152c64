//! What makes checks silent: comments that tell a tool not to look, and helpers for what languages
//! say by syntax.
//!
//! Comments are found by the tools' documented words. Each has a family; within one a narrower
//! comment may stand for a wider one, so making a suppression more exact is not adding one.

use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::model::{Amount, Mark, Silence};
use super::patterns;
use super::reader::Reader;
use super::tokens::{line_of, number};

/// Families of comments, and what they look like.
static COMMENTS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let families = patterns::sections().filter_map(|section| {
        let family = section.name.strip_prefix("@comment ")?;
        Some((family, section.joined()))
    });
    families.collect()
});

/// The family and the words of a suppression in a line of comment.
pub fn suppression(text: &str) -> Option<(&'static str, String)> {
    COMMENTS.iter().find_map(|(family, shape)| {
        let found = shape.find(text)?;
        let words: Vec<&str> = text.get(found.start()..)?.split_whitespace().collect();
        Some((*family, words.join(" ")))
    })
}

/// Takes up what a comment suppresses.
pub fn of_comment(reader: &mut Reader<'_>, node: Node<'_>) {
    let first = line_of(node);
    for (line, text) in (first..).zip(reader.text(node).lines()) {
        if let Some((family, text)) = suppression(text) {
            reader.silence(Silence::Suppression, family, Mark { text, line });
        }
    }
}

/// Whether a block has no statement: nothing, or only comments.
pub fn is_empty(block: Node<'_>) -> bool {
    let mut cursor = block.walk();
    block
        .named_children(&mut cursor)
        .all(|child| child.kind().contains("comment") || child.kind() == "empty_statement")
}

/// The number of an attribute or decorator, as what it is the number of.
pub fn amount_of(of: &str, mark: &Mark) -> Option<Amount> {
    let scale = mark.text.split(' ').map(super::habits::unit_of).product::<f64>();
    let value = mark.text.split(' ').find_map(number);
    let value = if of == "retry" { Some(value.unwrap_or(1.0)) } else { value };
    value.map(|value| Amount { of: of.to_owned(), value: value * scale, line: mark.line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comment: &str, family: Option<&str>) {
        assert_eq!(suppression(comment).map(|(family, _)| family), family, "{comment}");
    }

    #[test]
    fn comments_that_silence_a_tool_are_told_from_those_that_speak_of_one() {
        check("x = 1  # noqa: E501", Some("noqa"));
        check("# type: ignore[arg-type]", Some("type-ignore"));
        check("// @ts-expect-error", Some("typescript"));
        check("/* eslint-disable no-console */", Some("eslint"));
        check("//nolint:errcheck", Some("nolint"));
        check("# rubocop:disable Metrics", Some("rubocop"));
        check("// the type is ignored here on purpose", None);
        check("# lint the file", None);
    }
}
