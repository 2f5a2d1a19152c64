//! Prefixes that programs put before each other's lines: `#19 11.02 `, `[worker] `, `web_1  | `.
//!
//! They stack. The invariant: what is taken off is a beginning of the line. Nothing may remain: a
//! blank line behind a prefix is one.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// How many prefixes may be stacked: build log, container, package, tool.
pub(super) const PEELS_MAX: u8 = 4;

/// Whether a line begins as only a container build's log does: `#19 11.02 `, `42.1 `.
pub(super) fn is_prefixed(text: &str) -> bool {
    let Some((word, rest)) = text.trim_start().split_once(' ') else { return false };
    let numeric =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !rest.is_empty()
        && match word.strip_prefix('#') {
            Some(number) => numeric(number),
            None => word.contains('.') && numeric(word),
        }
}

/// What stands behind one prefix that some program put before another one's line.
pub(super) fn peel(text: &str) -> Option<&str> {
    static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let forms = [
            r"#[0-9]+ (?:[0-9]+\.[0-9]+ )?", // BuildKit: `#19 11.02 `
            r"[0-9]+\.[0-9]{1,3} ",          // BuildKit's summary
            r"\[[^\]]{1,60}\]:? +(?:▸ +)?",  // `[worker] `, `[08:38:44]: ▸ `
            r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[ T][0-9:]{8}(?:[.,][0-9]+)?(?:Z|[+-][0-9:]{4,5})? ",
            r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)? ",
            r"[A-Za-z][A-Za-z0-9_.-]* +\| ?", // compose: `web_1  | `
            r"@?[A-Za-z0-9_./-]+(?: [A-Za-z0-9_:.-]+|:[A-Za-z0-9_:-]+)(?::|\$) ", // pnpm, turbo
            r"\((?:pid|rank)=[^)]{1,40}\) ",
            r"(?:│|║|┃|#|>) ?", // boxes: `│ `, opam: `# `
        ];
        Regex::new(&format!(r"(?-u)^ {{0,8}}(?:{})", forms.join("|"))).ok()
    });
    let end = PREFIX.as_ref()?.find(text.as_bytes())?.end();
    text.get(end..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_peel(text: &str, expected: Option<&str>) {
        assert_eq!(peel(text), expected, "{text:?}");
    }

    #[test]
    fn what_programs_put_before_each_others_lines_is_taken_off() {
        check_peel("#19 11.02 src/a.c:1:2: error: x", Some("src/a.c:1:2: error: x"));
        check_peel("[worker] FAIL x", Some("FAIL x"));
        check_peel("[08:38:44]: ▸ error", Some("error"));
        check_peel("web_1  | error", Some("error"));
        check_peel("packages/x lint: error", Some("error"));
        check_peel("@a/b:test: error", Some("error"));
        check_peel("2026/08/07 06:03:50 --- FAIL", Some("--- FAIL"));
        check_peel("│ Error: x", Some("Error: x"));
        check_peel("@a/b:test: ", Some(""));
        check_peel("error", None);
        check_peel("", None);
    }
}
