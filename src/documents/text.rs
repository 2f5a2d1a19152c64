//! Text for people: hostile parts fenced, long parts cut.

/// A text as a code block that it cannot leave, however many backticks it has.
pub fn fenced(text: &str) -> String {
    let mut longest = 0;
    let mut current = 0;
    for c in text.chars() {
        current = if c == '`' { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// The beginning of a text, at most that many bytes, at a character's end.
pub fn short(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The end of a text, at most that many bytes, from a character's beginning.
pub fn tail(text: &str, bytes_max: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fenced_text_cannot_leave_its_fence() {
        assert_eq!(fenced("a\n"), "```text\na\n```\n");
        assert_eq!(fenced("```\nx"), "````text\n```\nx\n````\n");
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(short("aü", 2), "a");
        assert_eq!(short("aü", 3), "aü");
        assert_eq!(tail("üa", 2), "a");
        assert_eq!(tail("üa", 3), "üa");
    }
}
