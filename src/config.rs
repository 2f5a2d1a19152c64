//! Configuration: what a repository wants ([`repository`]), what an operator sets ([`server`]), and
//! what models cost ([`prices`]).
//!
//! All go the same way: read as written, then checked against one table of keys, and what comes
//! out has no open questions left. Help, reference pages and schemas are derived from the same
//! tables, so that none of them can say something else than the checks do. Nothing in here decides
//! anything about a case.

pub mod app_manifest;
pub mod prices;
pub mod repository;
pub mod server;

/// How many edits a misspelt word may be away from the one we suggest; past that it is a guess.
const EDITS_MAX: usize = 3;

/// The known word that a misspelt one was probably meant to be.
fn nearest<'a>(misspelt: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = EDITS_MAX.min(misspelt.chars().count() / 2);
    known
        .into_iter()
        .map(|word| (edits_between(misspelt, word), word))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
fn edits_between(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, one) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(one != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

/// The most characters of a wrong value that a message repeats: enough to recognise it.
const VALUE_CHARS_MAX: usize = 60;

/// The most characters of another library's message that we repeat: a sentence.
const SENTENCE_CHARS_MAX: usize = 240;

/// Hostile text as a message may show it: one line, bounded, unable to end a code span around it.
fn shown(text: &str, chars_max: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(chars_max)
        .map(|c| if c.is_control() { ' ' } else { c })
        .map(|c| if c == '`' { '\'' } else { c })
        .collect();
    if text.chars().nth(chars_max).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds a generated file in the repository against what the code says now.
    ///
    /// With `BLESS=1` in the environment the file is written instead.
    #[track_caller]
    pub(in crate::config) fn assert_current(path: &str, text: &str) {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == text,
            "{path} is not current: run `BLESS=1 cargo test --lib config::` and commit it"
        );
    }

    #[track_caller]
    fn check(misspelt: &str, expected: Option<&str>) {
        let known = ["attempts", "fixers", "verify", "forks", "labels"];
        assert_eq!(nearest(misspelt, known), expected, "{misspelt}");
    }

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_a_foreign_one_does_not() {
        check("atempts", Some("attempts"));
        check("attempt", Some("attempts"));
        check("fixer", Some("fixers"));
        check("lables", Some("labels"));
        check("agents", None);
        check("x", None);
        check("", None);
    }

    #[test]
    fn a_shown_value_is_short_and_on_one_line() {
        assert_eq!(shown("a\nb`c", VALUE_CHARS_MAX), "a b'c");
        assert_eq!(shown(&"x".repeat(9), 4), "xxxx…");
    }
}
