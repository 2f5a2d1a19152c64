//! Tokens: the leaves of a syntax tree in order, and what can be told from them without a grammar.
//!
//! Calls look alike in all our languages once they are tokens, so chains, arguments and operators
//! are read here, once. The invariant: every loop goes forward, so reading is linear in the tokens.

use tree_sitter::Node;

/// The most tokens of one expression that are looked at; a longer one is cut, and compared as cut.
const TOKENS_MAX: usize = 4_000;

/// A leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'s> {
    /// Its text.
    pub text: &'s str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Its line, counted from 1.
    pub line: u32,
}

impl Token<'_> {
    /// Whether it is a name.
    pub fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
    }
}

/// The line of a node, counted from 1.
pub fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

/// The line on which a node ends, counted from 1.
pub fn last_line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.end_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

/// Whether a node is a text in quotes, whose parts are of no interest.
fn is_text(kind: &str) -> bool {
    (kind.contains("string") && !kind.ends_with("_start") && !kind.ends_with("_end"))
        || matches!(kind, "character_literal" | "char_literal" | "rune_literal" | "regex")
}

/// The tokens of a node, without comments.
pub fn tokens<'s>(source: &'s str, node: Node<'_>) -> Vec<Token<'s>> {
    let mut found = Vec::new();
    let mut cursor = node.walk();
    loop {
        let at = cursor.node();
        let is_comment = at.is_extra() && at.kind().contains("comment");
        let is_leaf = is_comment || at.child_count() == 0 || is_text(at.kind());
        if is_leaf && !is_comment {
            let text = source.get(at.byte_range()).unwrap_or_default();
            if !text.trim().is_empty() {
                found.push(Token { text, start: at.start_byte(), line: line_of(at) });
            }
            if found.len() >= TOKENS_MAX {
                return found;
            }
        }
        if !is_leaf && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

/// The words of tokens: one space between them, one kind of quotes, no trailing comma.
pub fn words(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map(|next| next.text);
        if token.text == "," && matches!(next, None | Some(")" | "]" | "}")) {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        match token.text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(inside) if !inside.contains('"') => {
                out.push('"');
                out.push_str(inside);
                out.push('"');
            }
            _ => out.push_str(token.text),
        }
    }
    out
}

/// Words of tokens for people: without the spaces that nobody writes, as around a dot.
pub fn tight(words: &str) -> String {
    let hugs_next = |word: &str| matches!(word, "." | "(" | "[" | "@" | "#" | "::" | "!");
    let hugs_last = |word: &str| matches!(word, "." | "(" | ")" | "]" | "," | ";" | "::" | "!");
    let mut out = String::with_capacity(words.len());
    let mut last = None;
    for word in words.split(' ') {
        if last.is_some_and(|last| !hugs_next(last) && !hugs_last(word)) {
            out.push(' ');
        }
        out.push_str(word);
        last = Some(word);
    }
    out
}

/// A digest of the words of tokens (FNV-1a): equal for equal words, and the same on every machine.
pub fn digest(tokens: &[Token<'_>]) -> u64 {
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in words(tokens).bytes() {
        digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    digest
}

fn opens(text: &str) -> bool {
    matches!(text, "(" | "[" | "{" | "#{" | "${")
}

fn closes(text: &str) -> bool {
    matches!(text, ")" | "]" | "}")
}

/// Splits tokens where `is_break` says so, outside of all brackets.
pub fn split<'t, 's>(
    tokens: &'t [Token<'s>],
    is_break: impl Fn(&str) -> bool,
) -> Vec<&'t [Token<'s>]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        if opens(token.text) {
            depth += 1;
        } else if closes(token.text) {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && is_break(token.text) {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// The arguments between brackets: tokens split by commas; none for nothing.
pub fn arguments<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut parts = split(tokens, |text| text == ",");
    parts.retain(|part| !part.is_empty());
    parts
}

/// One step of a chain of calls: `expect(x)`, `not`, `toBe(3)`.
#[derive(Debug, Clone)]
pub struct Link<'t, 's> {
    /// Its name.
    pub name: &'s str,
    /// What it is called with; `None` when it is not called.
    pub args: Option<&'t [Token<'s>]>,
}

/// A chain of calls read from its tokens, and what is left over after it.
pub fn chain<'t, 's>(tokens: &'t [Token<'s>]) -> (Vec<Link<'t, 's>>, &'t [Token<'s>]) {
    let mut links: Vec<Link<'t, 's>> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "." | "?." | "::" | "->" | "&." | "!" | "?" | "await" | "new" | "&" | "*" => at += 1,
            "(" | "[" | "{" if !links.is_empty() => {
                let end = closing(tokens, at);
                let inside = tokens.get(at + 1..end).unwrap_or_default();
                if let Some(link) = links.last_mut().filter(|link| link.args.is_none()) {
                    link.args = Some(inside);
                }
                at = end + 1;
            }
            "<" if !links.is_empty() => match type_arguments(tokens, at) {
                Some(end) => at = end + 1,
                None => return (links, &tokens[at..]),
            },
            _ if token.is_name() => {
                let follows = at == 0 || is_joint(tokens[at - 1].text);
                if !follows {
                    return (links, &tokens[at..]);
                }
                links.push(Link { name: token.text, args: None });
                at += 1;
            }
            _ => return (links, &tokens[at..]),
        }
    }
    (links, &[])
}

fn is_joint(text: &str) -> bool {
    matches!(text, "." | "?." | "::" | "->" | "&." | "await" | "new" | "&" | "*")
}

/// Where type arguments end that begin here; `None` when it is a comparison.
fn type_arguments(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    const LOOK_TOKENS: usize = 24;
    let mut depth = 0_usize;
    for (end, token) in tokens.iter().enumerate().skip(at).take(LOOK_TOKENS) {
        match token.text {
            "<" => depth += 1,
            ">" => depth = depth.saturating_sub(1),
            ">>" => depth = depth.saturating_sub(2),
            "," | "." | "::" | "[" | "]" | "?" | "&" | "*" | "|" => {}
            _ if token.is_name() => {}
            _ => return None,
        }
        if depth == 0 {
            return tokens
                .get(end + 1)
                .filter(|next| next.text == "(" || next.text == ".")
                .map(|_| end);
        }
    }
    None
}

/// Where the bracket closes that opens at `at`; the end when it does not.
pub fn closing(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0_usize;
    for (end, token) in tokens.iter().enumerate().skip(at) {
        if opens(token.text) {
            depth += 1;
        } else if closes(token.text) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return end;
            }
        }
    }
    tokens.len()
}

/// A number as it is written in any of our languages: `1_000`, `0.5f`, `30L`.
pub fn number(text: &str) -> Option<f64> {
    let clean: String = text.chars().filter(|c| *c != '_').collect();
    let is_hex = clean.starts_with("0x") || clean.starts_with("0X");
    if is_hex {
        return None;
    }
    let end = clean
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+')))
        .unwrap_or(clean.len());
    let digits = clean.get(..end)?.trim_end_matches(['.', 'e', 'E', '-', '+']);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shown_as_people_write_them() {
        for (words, shown) in [
            ("@ pytest . mark . skip", "@pytest.mark.skip"),
            ("# [ ignore ]", "#[ignore]"),
            ("it . skip ( \"a b\" , x )", "it.skip(\"a b\", x)"),
            ("a + b", "a + b"),
            ("", ""),
        ] {
            assert_eq!(tight(words), shown);
        }
    }
}
