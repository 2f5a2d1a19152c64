//! What tools mean by their words for how bad a finding is.
//!
//! One table for rules, reports and problem matchers, so that a word means the same wherever it is
//! read. The invariant: a word that is not known is nobody's guess here; the caller says what then.

use crate::domain::failure::Severity;

/// The severity that a tool's word or letter means, in any case; `None` where it is none.
pub(super) fn of_word(word: &str) -> Option<Severity> {
    match word.trim().to_ascii_lowercase().as_str() {
        "error" | "err" | "fatal" | "fatal error" | "e" | "f" => Some(Severity::Error),
        "warning" | "warn" | "minor" | "w" => Some(Severity::Warning),
        // Pylint's conventions and refactorings are `c` and `r`.
        "note" | "notice" | "info" | "information" | "informational" | "hint" | "suggestion"
        | "none" | "n" | "i" | "c" | "r" => Some(Severity::Note),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], expected: Option<Severity>) {
        for word in words {
            assert_eq!(of_word(word), expected, "{word}");
        }
    }

    #[test]
    fn a_tools_words_are_understood_in_any_case() {
        check(&["error", " Error ", "FATAL", "fatal error", "E"], Some(Severity::Error));
        check(&["warning", "WARN", "minor", "w"], Some(Severity::Warning));
        check(&["note", "Notice", "information", "hint", "none", "C", "r"], Some(Severity::Note));
        check(&["", "2", "errors", "blocker"], None);
    }
}
