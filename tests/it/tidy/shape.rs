//! Lengths, headers, and where tests stand.

use super::exceptions::Long;
use super::source::{Source, is_word, words};

/// A function fits a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// A file fits a mind; its tests are not counted.
const FILE_LINES_MAX: usize = 400;

/// A function: its name, its first line, its number of lines.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Functions and files over their limit, and exceptions that nobody needs.
pub(crate) fn too_long(sources: &[Source], exceptions: &[Long]) -> Vec<String> {
    let mut needed = vec![false; exceptions.len()];
    let mut findings = Vec::new();
    let mut excused = |path: &str, function: Option<&str>| {
        let found = exceptions.iter().position(|it| it.path == path && it.function == function);
        found.inspect(|at| needed[*at] = true).is_some()
    };
    for source in sources {
        let lines = length(source);
        if lines > FILE_LINES_MAX && !excused(&source.path, None) {
            let what = format!("the file has {lines} lines before its tests, {FILE_LINES_MAX} may");
            findings.push(source.finding(1, &what));
        }
        for Function { name, line, lines } in functions(&source.code) {
            if lines > FUNCTION_LINES_MAX && !excused(&source.path, Some(&name)) {
                let what = format!("`{name}` has {lines} lines, {FUNCTION_LINES_MAX} may");
                findings.push(source.finding(line, &what));
            }
        }
    }
    let needless = exceptions.iter().zip(needed).filter(|(_, needed)| !needed);
    findings.extend(needless.map(|(it, _)| {
        let what = it.function.unwrap_or("the file");
        format!("{}: {what} is short enough now, take away its exception ({})", it.path, it.reason)
    }));
    findings
}

/// Modules that do not begin with what they are for.
pub(crate) fn without_header(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| {
            let first = source.text.lines().find(|line| !line.trim().is_empty());
            !first.is_some_and(|line| line.starts_with("//! ") && line.len() > "//! ".len())
        })
        .map(|source| source.finding(1, "begin with `//!`: what the module is for"))
        .collect()
}

/// Parameters that say nothing at the call: `f(true)`.
pub(crate) fn flags(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (name, line, rest) in declarations(&source.code) {
            // `visit_bool` is serde's, and a test's table may say what it expects.
            let excused = name == "visit_bool" || line > source.production_lines();
            if !excused && parameters(rest).contains(": bool") {
                let what = format!("`{name}` takes a `bool`: an enum, or two functions");
                findings.push(source.finding(line, &what));
            }
        }
    }
    findings
}

/// `cfg(test)` that is not `mod tests`: production code that knows it is tested.
pub(crate) fn test_hooks(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if !names_test_configuration(line) {
                continue;
            }
            let next = lines[at + 1..].iter().find(|line| !line.trim().is_empty());
            let module = next.is_some_and(|next| words(next).take(2).eq(["mod", "tests"]));
            if line.trim() != "#[cfg(test)]" || !module {
                findings.push(source.finding(at + 1, "`cfg(test)` belongs to `mod tests` alone"));
            }
        }
    }
    findings
}

fn names_test_configuration(line: &str) -> bool {
    let conditional = line.contains("cfg(") || line.contains("cfg!(") || line.contains("cfg_attr(");
    conditional && words(line).any(|word| word == "test")
}

/// A test file counts whole: nobody reads 1,000 lines of tests either.
fn length(source: &Source) -> usize {
    if source.is_test() {
        let own_tests = source.code.lines().position(|line| line.trim() == "#[cfg(test)]");
        own_tests.unwrap_or_else(|| source.code.lines().count())
    } else {
        source.production_lines()
    }
}

fn functions(code: &str) -> Vec<Function> {
    let measured = declarations(code).filter_map(|(name, line, rest)| {
        let lines = rest[..body_end(rest)?].matches('\n').count() + 1;
        Some(Function { name: name.to_owned(), line, lines })
    });
    measured.collect()
}

/// Every `fn NAME`: its name, its line, and the code from the name on.
fn declarations(code: &str) -> impl Iterator<Item = (&str, usize, &str)> {
    code.match_indices("fn ").filter_map(|(at, keyword)| {
        let within_a_word = code[..at].chars().next_back().is_some_and(is_word);
        let rest = &code[at + keyword.len()..];
        let name = rest.split(|c| !is_word(c)).next().filter(|name| !name.is_empty())?;
        (!within_a_word).then(|| (name, code[..at].matches('\n').count() + 1, rest))
    })
}

/// The parameters: what stands in the first round brackets behind the name and its generics.
fn parameters(declaration: &str) -> &str {
    let (mut round, mut angle, mut start) = (0_i32, 0_i32, 0);
    let mut before = ' ';
    for (at, c) in declaration.char_indices() {
        match c {
            '<' => angle += 1,
            '>' if before != '-' => angle -= 1,
            '(' if angle == 0 => {
                round += 1;
                start = if round == 1 { at + 1 } else { start };
            }
            ')' if angle == 0 && round == 1 => return &declaration[start..at],
            ')' if angle == 0 => round -= 1,
            _ => {}
        }
        before = c;
    }
    ""
}

/// Where the body ends that follows a signature; none when there is only a signature.
fn body_end(signature: &str) -> Option<usize> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (at, c) in signature.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && curly == 0 => return None,
            '{' => curly += 1,
            '}' if curly == 1 && round == 0 => return Some(at),
            '}' => curly -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_their_name_to_their_brace() {
        check("fn a() {}", &[("a", 1, 1)]);
        check("fn a() {\n  if b {\n  }\n}\n\nfn c() {\n}", &[("a", 1, 4), ("c", 6, 2)]);
        check("trait T {\n fn a(&self);\n fn b(x: [u8; 2]) {\n }\n}", &[("b", 3, 2)]);
        check("fn a<F: Fn(u8)>(f: F) -> [u8; { 1 }]\nwhere\n F: Copy,\n{\n}", &[("a", 1, 5)]);
        check("type F = fn(u8); let f: fn (u8);", &[]);
    }

    #[test]
    fn what_is_over_its_limit_is_found_and_may_be_excepted() {
        let long = "x;\n".repeat(FUNCTION_LINES_MAX - 1);
        let source = |text: String| [Source::read("src/a.rs", &text)];
        let exception = Long { path: "src/a.rs", function: Some("f"), reason: "r" };
        let whole = Long { function: None, ..exception };

        assert_eq!(too_long(&source(format!("fn f() {{\n{long}}}")), &[]).len(), 1);
        assert_eq!(too_long(&source(format!("fn f() {{\n{long}}}")), &[exception]).len(), 0);
        assert_eq!(too_long(&source("fn f() {}".into()), &[exception]).len(), 1, "needless");
        assert_eq!(too_long(&source("\n".repeat(FILE_LINES_MAX)), &[]).len(), 0);
        assert_eq!(too_long(&source("\n".repeat(FILE_LINES_MAX + 1)), &[]).len(), 1);
        assert_eq!(too_long(&source("\n".repeat(FILE_LINES_MAX + 1)), &[whole]).len(), 0);
        let tests = format!("a\n#[cfg(test)]\nmod tests {{\n{}}}", "\n".repeat(FILE_LINES_MAX));
        assert_eq!(too_long(&source(tests), &[]).len(), 0, "tests are not counted");
    }

    #[test]
    fn a_module_without_its_first_sentence_is_found() {
        let found = |text| without_header(&[Source::read("src/a.rs", text)]).len();
        assert_eq!(found("//! What it is for.\nuse x;"), 0);
        assert_eq!(found("use x;"), 1);
        assert_eq!(found("//!\n//! Late."), 1);
        assert_eq!(found("// Not a header.\n"), 1);
        assert_eq!(found(""), 1);
    }

    #[test]
    fn a_bool_parameter_is_found() {
        let found = |text| flags(&[Source::read("src/a.rs", text)]).len();
        assert_eq!(found("fn f(a: u8) -> bool { let b: bool; }"), 0);
        assert_eq!(found("fn f<F: Fn(u8) -> bool>(f: F) {}"), 0);
        assert_eq!(found("fn visit_bool<E>(self, flag: bool) {}"), 0);
        assert_eq!(found("fn f(\n    a: Vec<(u8, u8)>,\n    b: bool,\n);"), 1);
        assert_eq!(found("#[cfg(test)]\nmod tests {\n fn check(expected: bool) {}\n}"), 0);
    }

    #[test]
    fn a_test_hook_is_found() {
        let found = |text| test_hooks(&[Source::read("src/a.rs", text)]).len();
        assert_eq!(found("#[cfg(test)]\nmod tests {}"), 0);
        assert_eq!(found("#[cfg(test)]\nmod tests;"), 0);
        assert_eq!(found("#[cfg(unix)]\nfn f() {}"), 0);
        assert_eq!(found("#[cfg(test)]\nfn f() {}"), 1);
        assert_eq!(found("#[cfg(test)]\nmod support;"), 1);
        assert_eq!(found("#[cfg(not(test))]\nfn f() {}"), 1);
        assert_eq!(found("if cfg!(test) {}"), 1);
    }

    #[track_caller]
    fn check(code: &str, expected: &[(&str, usize, usize)]) {
        let found = functions(code);
        let found: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.line, it.lines)).collect();
        assert_eq!(found, expected);
    }
}
