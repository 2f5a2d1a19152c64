//! A Rust file, read just well enough to judge it: what is code, what is comment, what is test.
//!
//! A small scanner blanks out what is not code (comments, the insides of strings and characters),
//! and line numbers stay as they are. It is no parser: it needs code that compiles.

/// A Rust file in three views, all of the same shape.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// As written.
    pub(crate) text: String,
    /// Code alone; the rest is blank.
    pub(crate) code: String,
    /// Comments alone; the rest is blank.
    pub(crate) comments: String,
}

impl Source {
    /// Read one file.
    pub(crate) fn read(path: &str, text: &str) -> Self {
        let (code, comments) = views(text);
        Self { path: path.to_owned(), text: text.to_owned(), code, comments }
    }

    /// Whether the whole file is test: an integration test, or `mod tests` in a file of its own.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }

    /// The number of lines before `#[cfg(test)]`: none in a test, all in a file without tests.
    pub(crate) fn production_lines(&self) -> usize {
        if self.is_test() {
            return 0;
        }
        self.code
            .lines()
            .position(|line| line.trim() == "#[cfg(test)]")
            .unwrap_or_else(|| self.code.lines().count())
    }

    /// The lines of production code with their numbers, which begin at one.
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().take(self.production_lines()).enumerate().map(|(at, line)| (at + 1, line))
    }

    /// The lines of test code with their numbers.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().skip(self.production_lines()).map(|(at, line)| (at + 1, line))
    }

    /// A finding in this file.
    pub(crate) fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// The parts of a line that could be a name: `[A-Za-z0-9_]+`.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty())
}

/// Whether a character belongs to a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What a character of a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Comment,
    Literal,
}

fn views(text: &str) -> (String, String) {
    let (mut code, mut comments) = (String::new(), String::new());
    let mut rest = text;
    while !rest.is_empty() {
        let (part, length) = next(rest, code.chars().next_back());
        let (piece, after) = rest.split_at(length);
        for c in piece.chars() {
            let blank = if c == '\n' { '\n' } else { ' ' };
            code.push(if part == Part::Code { c } else { blank });
            comments.push(if part == Part::Comment { c } else { blank });
        }
        rest = after;
    }
    (code, comments)
}

/// The part that `rest` begins with, and its length in bytes.
fn next(rest: &str, before: Option<char>) -> (Part, usize) {
    if rest.starts_with("//") {
        return (Part::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Part::Comment, block_comment(rest));
    }
    // The letter of `br"` and `c"` is code before the literal; that of an identifier is none.
    let raw = rest.strip_prefix('r').filter(|_| !before.is_some_and(|c| is_word(c) && c != 'b'));
    if let Some(length) = raw.and_then(raw_string) {
        return (Part::Literal, 1 + length);
    }
    match rest.as_bytes()[0] {
        b'"' => (Part::Literal, quoted(rest, '"').unwrap_or(rest.len())),
        b'\'' => match character(rest) {
            Some(length) => (Part::Literal, length),
            None => (Part::Code, 1), // a lifetime
        },
        _ => (Part::Code, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of `#"…"#` with any number of `#`, the `r` before it not counted.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    let body = rest[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(hashes + 1 + body.find(&end)? + end.len())
}

fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The length of a character literal; none when the quote begins a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    match chars.next()?.1 {
        '\\' => quoted(rest, '\''),
        _ => chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_characters_are_not_code() {
        code(r#"let a = "x"; b"#, "let a =    ; b");
        code(r#"f("a\"b", 1)"#, "f(      , 1)");
        code("f('\"', '\\'', 'ä', x)", "f(   ,     ,    , x)");
        code("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        code(r##"g(r#"a "b" c"#, br"d")"##, "g(            , b    )");
        code("for x in y { r(x) }", "for x in y { r(x) }");
    }

    #[test]
    fn comments_are_not_code_and_code_is_no_comment() {
        code("a // b \"c\nd", "a        \nd");
        code("a /* b /* c */ d */ e", "a                   e");
        assert_eq!(Source::read("src/a.rs", "a // b\nc \"// d\"").comments, "  // b\n        ");
    }

    #[test]
    fn production_ends_where_the_tests_begin() {
        lines("src/a.rs", "a\nb\n", 2);
        lines("src/a.rs", "a\n#[cfg(test)]\nmod tests {\n}\n", 1);
        lines("src/a.rs", "a\n// #[cfg(test)]\nb\n", 3);
        lines("src/a/tests.rs", "a\nb\n", 0);
        lines("tests/it/a.rs", "a\nb\n", 0);
    }

    #[track_caller]
    fn code(text: &str, expected: &str) {
        assert_eq!(Source::read("src/a.rs", text).code, expected);
    }

    #[track_caller]
    fn lines(path: &str, text: &str, expected: usize) {
        assert_eq!(Source::read(path, text).production_lines(), expected);
    }
}
