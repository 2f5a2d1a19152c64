//! Markdown that hostile text cannot break out of.
//!
//! Logs, test names and fixers' words are written by strangers. Before they are shown they lose
//! control and direction characters, cannot mention anybody, cannot end a code block or a table
//! cell, and are cut at a character.

use crate::domain::invisible::is_invisible;

/// The text with nothing but what people can see; new lines become spaces.
pub fn visible(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(' '),
            '\r' => None,
            c if c.is_control() || is_invisible(c) => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect()
}

/// The beginning of a text, at most that many characters, with `…` when something is missing.
pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((at, _)) => {
            let mut cut = text[..at].to_owned();
            cut.pop();
            cut.push('…');
            cut
        }
    }
}

/// Inline code: whatever the text holds, it stays one code span on one line.
pub fn code(text: &str) -> String {
    let text = visible(text);
    let ticks = longest_run(&text, '`') + 1;
    let fence = "`".repeat(ticks);
    let pad =
        if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code block whose fence is longer than any in the text.
pub fn block(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
    let body: String = text
        .chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(c),
            '\r' => None,
            c if c.is_control() || is_invisible(c) => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect();
    format!("{fence}{language}\n{}\n{fence}\n", body.trim_end_matches('\n'))
}

/// Words of a stranger in a sentence or a table cell: no markup, no mention, no HTML, one line.
pub fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in visible(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            c => out.push(c),
        }
    }
    out
}

/// The text, cut so that the whole stays within a limit of the forge.
pub fn within(text: String, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text;
    }
    let ending = "\n\n… cut: the whole is too long for this place.\n";
    let kept = cut(&text, chars_max.saturating_sub(ending.chars().count() + 8));
    let open_fence = kept.lines().filter(|line| line.starts_with("```")).count() % 2 == 1;
    let close = if open_fence { "\n````\n" } else { "" };
    format!("{kept}{close}{ending}")
}

fn longest_run(text: &str, of: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(got: impl AsRef<str>, expected: &str) {
        assert_eq!(got.as_ref(), expected);
    }

    #[test]
    fn hostile_words_have_no_effect() {
        same(words("ping @octocat in #12"), "ping &#64;octocat in &#35;12");
        same(words("<img src=x>"), "&lt;img src=x&gt;");
        same(words("a | b\n| c"), "a \\| b \\| c");
        same(words("[x](http://evil)"), "\\[x\\](http://evil)");
        same(words("a\u{202e}b\u{1b}[31m"), "a\u{fffd}b\u{fffd}\\[31m");
    }

    #[test]
    fn code_cannot_be_ended_from_inside() {
        same(code("a`b"), "``a`b``");
        same(code("`"), "`` ` ``");
        same(code("a\nb"), "`a b`");
        same(block("x\n```\ny", "text"), "````text\nx\n```\ny\n````\n");
    }

    #[test]
    fn a_cut_text_stays_within_and_closes_its_block() {
        let long = format!("```text\n{}\n```\n", "ü".repeat(500));
        let cut = within(long, 200);
        assert!(cut.chars().count() <= 200);
        assert!(cut.contains("````"));
        same(within("short".into(), 200), "short");
    }
}
