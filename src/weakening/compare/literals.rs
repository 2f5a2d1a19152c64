//! Values as they are written: a list, a record, a call that makes one, taken apart into what is in
//! them.
//!
//! Not a parser of any language: the words of a file (`tokens::words`) are all that is looked at, and
//! what cannot be taken apart is one value. Every loop goes forward, so that work is linear.

/// One value in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called there: a field, a key, a keyword; empty where it is such a name itself.
    pub key: Option<String>,
    /// Its words, in the form of [`plain`].
    pub value: String,
}

/// The longest text that is taken apart.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// The tokens of words: texts in quotes are one.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut rest = text.get(..TEXT_BYTES_MAX).map_or(text, |_| "");
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return found;
        }
        let end = end_of_token(rest);
        let (token, after) = rest.split_at(end);
        found.push(token);
        rest = after;
    }
}

fn end_of_token(text: &str) -> usize {
    let start = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '@' | '$' | '#' | '%')));
    let start = start.unwrap_or(text.len());
    let close = match text.as_bytes().get(start) {
        Some(quote @ (b'"' | b'\'' | b'`')) if start < 4 => *quote,
        Some(b'[') if text.starts_with('%') => b']',
        Some(b'(') if text.starts_with('%') => b')',
        _ => return text.find(' ').unwrap_or(text.len()),
    };
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(start + 1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            byte if byte == close => {
                let after = text.get(at + 1..).unwrap_or_default();
                return at + 1 + after.find(' ').unwrap_or(after.len());
            }
            _ => {}
        }
    }
    text.len()
}

/// Calls at the end of a value that only make it another type of text.
const CONVERSIONS: &[&[&str]] = &[
    &[".", "into", "(", ")"],
    &[".", "to_string", "(", ")"],
    &[".", "to_owned", "(", ")"],
    &[".", "to_vec", "(", ")"],
    &[".", "freeze"],
];

/// A value in one form: no spaces, one kind of quotes, no brackets around all of it, no sign that
/// it is only borrowed or converted; one word for nothing.
pub fn plain(text: &str) -> String {
    of_tokens(&tokens(text))
}

fn of_tokens(all: &[&str]) -> String {
    let mut rest = all;
    loop {
        let before = rest.len();
        while let [first @ ("&" | "*" | "await" | "@"), after @ ..] = rest {
            let is_name = after.first().is_some_and(|next| is_name(next)) && *first == "@";
            if is_name {
                break;
            }
            rest = after;
        }
        if let ["(", inside @ .., ")"] = rest
            && closing(rest, 0) + 1 == rest.len()
            && split(inside).len() == 1
        {
            rest = inside;
        }
        for end in CONVERSIONS {
            rest = rest.strip_suffix(*end).unwrap_or(rest);
        }
        if let ["String", "::", "from", "(", inside @ .., ")"] = rest {
            rest = inside;
        }
        if rest.len() == before {
            break;
        }
    }
    match rest {
        ["None" | "null" | "nil"] => return "null".to_owned(),
        ["True"] => return "true".to_owned(),
        ["False"] => return "false".to_owned(),
        _ => {}
    }
    let one = |token: &&str| match token.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')) {
        Some(inside) if !inside.contains('"') => format!("\"{inside}\""),
        _ => (*token).to_owned(),
    };
    let mut out = String::new();
    for token in rest.iter().map(one) {
        // Two words that stand beside each other are not one.
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if is_word(out.chars().last()) && is_word(token.chars().next()) {
            out.push(' ');
        }
        out.push_str(&token);
    }
    out
}

/// Whether a token is a name.
pub fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
        && !token.contains(['"', '\'', '`'])
}

/// Where the bracket closes that opens at `at`; the end when it does not.
pub fn closing(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0_usize;
    for (end, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "(" | "[" | "{" | "#{" | "${" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return end;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Splits tokens at commas outside of all brackets.
pub fn split<'t, 's>(tokens: &'t [&'s str]) -> Vec<&'t [&'s str]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," | ";" if depth == 0 => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// What a value is made of: how it begins, and what is in it.
#[derive(Debug)]
pub struct Made {
    /// The words before its bracket: a type, a macro, a function; empty for a bare list or record.
    pub by: String,
    /// The bracket that it begins with.
    pub bracket: char,
    /// What is in it.
    pub parts: Vec<Part>,
}

impl Made {
    /// Whether it is a list, whose length and order are known.
    pub fn is_list(&self) -> bool {
        const LISTS: &[&str] = &[
            "vec!",
            "List.of",
            "Arrays.asList",
            "ImmutableList.of",
            "Set.of",
            "set",
            "list",
            "containsExactly",
            "Vec::from",
            "Array.of",
        ];
        let by = self.by.as_str();
        self.bracket == '[' && (by.is_empty() || by == "vec!" || by == "%")
            || LISTS.contains(&by)
            || self.bracket == '{'
                && (by.starts_with("[]")
                    || by.starts_with("new[]")
                    || by.starts_with("new string["))
            || by.starts_with("newList<")
    }
}

/// A value taken apart; nothing where it is one that has no parts.
pub fn made(text: &str) -> Option<Made> {
    let all = tokens(text);
    let mut rest = all.as_slice();
    while let ["&" | "*" | "await", after @ ..] = rest {
        rest = after;
    }
    if let ["(", inside @ .., ")"] = rest
        && closing(rest, 0) + 1 == rest.len()
        && split(inside).len() == 1
    {
        rest = inside;
    }
    if let [word] = rest
        && let Some(inside) = word.strip_prefix("%w").or_else(|| word.strip_prefix("%i"))
    {
        let of_word = |text: &str| {
            let value =
                if word.starts_with("%w") { format!("\"{text}\"") } else { format!(":{text}") };
            Part { key: None, value }
        };
        let parts = inside.trim_matches(['[', ']', '(', ')']).split_whitespace().map(of_word);
        return Some(Made { by: "%".to_owned(), bracket: '[', parts: parts.collect() });
    }
    let last = *rest.last()?;
    let open = opening(rest)?;
    let (head, inside) = (&rest[..open], rest.get(open + 1..rest.len() - 1)?);
    let is_head = head.iter().all(|token| {
        is_name(token)
            || matches!(*token, "." | "::" | "!" | "[" | "]" | "<" | ">" | "," | "*")
            || token.chars().all(|c| c.is_ascii_digit())
    });
    if !is_head || !matches!(last, ")" | "]" | "}") {
        return None;
    }
    let bracket = rest[open].chars().next()?;
    let parts = split(inside).into_iter().map(part).collect();
    Some(Made { by: of_tokens(head), bracket, parts })
}

/// Where the bracket opens that closes at the end.
pub fn opening(tokens: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().rev() {
        match *token {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// One part: `key : value`, `key => value`, `key = value`, `"key" : value`, or a value.
fn part(tokens: &[&str]) -> Part {
    let (key, value) = keyed(tokens);
    Part { key: key.map(unquoted), value: of_tokens(value) }
}

/// A key and its value; a value without one.
fn keyed<'t, 's>(tokens: &'t [&'s str]) -> (Option<&'s str>, &'t [&'s str]) {
    match tokens {
        [key, ":" | "=>" | "=", value @ ..] if !value.is_empty() => (Some(*key), value),
        // Ruby's `key:` is one token or two.
        [key, value @ ..] if key.ends_with(':') && key.len() > 1 && !value.is_empty() => {
            (Some(*key), value)
        }
        value => (None, value),
    }
}

fn unquoted(key: &str) -> String {
    key.trim_matches(['"', '\'', ':']).to_owned()
}

/// The columns of a row: what is in it, lists in it taken apart as well, and a text with commas
/// (`"DE, 19"`) where the row is nothing else.
pub fn columns(row: &str) -> Vec<Part> {
    const COLUMNS_MAX: usize = 40;
    let attribute = row.strip_prefix("# [ ").and_then(|row| row.strip_suffix(" ]"));
    let all = tokens(attribute.unwrap_or(row));
    if let [text] = all.as_slice()
        && let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
    {
        let cells = inside
            .split([',', '|'])
            .map(|cell| Part { key: None, value: format!("~{}", cell.trim().trim_matches('\'')) });
        return cells.take(COLUMNS_MAX).collect();
    }
    let mut found = Vec::new();
    let mut open = vec![all.as_slice()];
    while let Some(tokens) = open.pop() {
        if found.len() >= COLUMNS_MAX {
            break;
        }
        let parts = split(tokens);
        if let [only] = parts.as_slice() {
            let (key, value) = keyed(only);
            if let Some(key) = key {
                let is_field = is_name(key).then(String::new);
                found.push(Part { key: is_field, value: of_tokens(&[key]) });
            }
            let inside = match value {
                ["(" | "[" | "{", inside @ .., ")" | "]" | "}"]
                    if closing(value, 0) + 1 == value.len() =>
                {
                    Some(inside)
                }
                _ => row_of(value).filter(|_| found.is_empty()),
            };
            found.push(Part { key: key.map(unquoted), value: of_tokens(value) });
            open.extend(inside.filter(|inside| !inside.is_empty()));
            continue;
        }
        open.extend(parts.into_iter().rev());
    }
    found
}

/// What stands in the brackets of a row that is made by name: `InlineData ( 1 , "I" )`,
/// `Case { text : "80" }`, `Arguments . of ( … )`.
fn row_of<'t, 's>(value: &'t [&'s str]) -> Option<&'t [&'s str]> {
    let open = opening(value)?;
    let is_head = value[..open].iter().all(|token| {
        is_name(token) || matches!(*token, "." | "::" | "#" | "[" | "]" | "new" | "<" | ">")
    });
    (is_head && open > 0).then(|| &value[open + 1..value.len() - 1])
}
