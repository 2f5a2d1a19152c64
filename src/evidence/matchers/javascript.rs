//! JavaScript's regular expressions in the words of `regex`.
//!
//! Only what both know but write differently; what `regex` does not know at all, it refuses itself.

use std::fmt::Write as _;

/// What JavaScript writes otherwise: an unescaped `[` in a class, `\/`, `\d` without Unicode.
pub(super) fn translated(regexp: &str) -> String {
    let mut out = String::with_capacity(regexp.len() + 8);
    let mut in_class = false;
    let mut chars = regexp.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                // JavaScript's digits and word characters are ASCII's.
                Some('d') if in_class => out.push_str("0-9"),
                Some('d') => out.push_str("[0-9]"),
                Some('w') if in_class => out.push_str("0-9A-Za-z_"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some(mark) if mark.is_ascii_punctuation() => {
                    let _ = write!(out, "\\{mark}");
                }
                // An escape without a meaning is the character itself.
                Some(
                    letter
                    @ ('e' | 'g'..='j' | 'l' | 'm' | 'o'..='q' | 'y' | 'a' | 'z' | 'A' | 'Z'),
                ) => {
                    out.push(letter);
                }
                Some('c' | 'C') => out.push_str("\\\\c"),
                Some(other) => {
                    let _ = write!(out, "\\{other}");
                }
                None => out.push_str("\\\\"),
            },
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
                // An empty class matches nothing, `[^]` everything.
                if chars.peek() == Some(&']') {
                    chars.next();
                    in_class = false;
                    let is_negated = out.ends_with('^');
                    out.truncate(out.len() - if is_negated { 2 } else { 1 });
                    out.push_str(if is_negated { r"[\s\S]" } else { r"[^\s\S]" });
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // Set operations are ours alone.
            '&' | '~' if in_class => {
                let _ = write!(out, "\\{c}");
            }
            '-' if in_class && chars.peek() == Some(&'-') => out.push_str("\\-"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn javascripts_expressions_mean_the_same_here() {
        for (regexp, text, is_match) in [
            (r"^[[\]x]+$", "[x]", true),
            (r"^a\/b\-c$", "a/b-c", true),
            (r"^\d$", "\u{0663}", false),
            (r"^[\w-]+$", "a-b_1", true),
            (r"^[^]$", "x", true),
            (r"[]", "x", false),
            (r"^[a&&b]+$", "a&b", true),
            (r"^\y$", "y", true),
        ] {
            let regex = Regex::new(&translated(regexp)).unwrap();
            assert_eq!(regex.is_match(text), is_match, "{regexp} {text}");
        }
    }
}
