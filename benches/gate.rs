//! How long the gate takes for a large change, beside parsing the same files and nothing else.
//!
//! The change is 2,000 lines of tests in eight languages, every one edited, so that nothing can
//! be passed over. `cargo bench --bench gate` runs it; `docs/performance.md` records a run.

use std::io::Write as _;
use std::time::{Duration, Instant};

use selfheal::domain::ids::RepoPath;
use selfheal::weakening::{Change, Side, findings};

/// Lines that the change adds and removes together, at least.
const LINES: usize = 2_000;

/// How often each method takes its turn; the fastest counts.
const TURNS: usize = 30;

/// A test in a language: `N` is its number, `V` the value that is edited.
const TESTS: &[(&str, &str)] = &[
    (
        "tests/a.rs",
        concat!(
            "#[test]\n",
            "fn test_N() {\n",
            "    let sum = total(&[N, 20]);\n",
            "    assert_eq!(sum, V);\n",
            "}\n",
        ),
    ),
    (
        "a.test.js",
        concat!(
            "it('adds N', () => {\n",
            "  const sum = total([N, 20]);\n",
            "  expect(sum).toBe(V);\n",
            "});\n",
        ),
    ),
    (
        "b.test.ts",
        concat!(
            "it('adds N', () => {\n",
            "  const sum: number = total([N, 20]);\n",
            "  expect(sum).toBe(V);\n",
            "});\n",
        ),
    ),
    (
        "test_a.py",
        concat!(
            "def test_N():\n",
            "    result = total([N, 20])\n",
            "    assert result == V\n",
            "\n",
        ),
    ),
    (
        "a_test.go",
        concat!(
            "func TestN(t *testing.T) {\n",
            "\tgot := Total(N, 20)\n",
            "\tif got != V {\n",
            "\t\tt.Errorf(\"got %d\", got)\n",
            "\t}\n",
            "}\n",
        ),
    ),
    (
        "ATest.java",
        concat!(
            "@Test\n",
            "void addsN() {\n",
            "    int sum = total(N, 20);\n",
            "    assertEquals(V, sum);\n",
            "}\n",
        ),
    ),
    (
        "a_spec.rb",
        concat!(
            "it \"adds N\" do\n",
            "  sum = total(N, 20)\n",
            "  expect(sum).to eq(V)\n",
            "end\n",
        ),
    ),
    (
        "ATests.cs",
        concat!(
            "[Fact]\n",
            "public void AddsN()\n",
            "{\n",
            "    var sum = Total(N, 20);\n",
            "    Assert.Equal(V, sum);\n",
            "}\n",
        ),
    ),
];

/// What stands around the tests of a file.
fn around(path: &str, tests: &str) -> String {
    match path.rsplit('.').next() {
        Some("java") => format!("class ATest {{\n{tests}}}\n"),
        Some("cs") => format!("public class ATests\n{{\n{tests}}}\n"),
        Some("go") => format!("package a\n\n{tests}"),
        Some("rb") => format!("RSpec.describe Price do\n{tests}end\n"),
        _ => tests.to_owned(),
    }
}

fn side(path: &str, test: &str, value: usize) -> String {
    // Every test has one line that is taken away and one that is added.
    let count = LINES / 2 / TESTS.len();
    let one = |n: usize| test.replace('N', &n.to_string()).replace('V', &(n + value).to_string());
    around(path, &(0..count).map(one).collect::<String>())
}

fn best(mut work: impl FnMut()) -> Duration {
    let turn = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..TURNS).map(turn).min().unwrap_or_default()
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    if words.peek().is_some() && !words.any(|word| "gate".contains(&word)) {
        return;
    }
    let files: Vec<(RepoPath, String, String)> = TESTS
        .iter()
        .map(|(path, test)| {
            let path = RepoPath::parse(path).expect("a path");
            (path.clone(), side(path.as_str(), test, 20), side(path.as_str(), test, 21))
        })
        .collect();
    let changes: Vec<Change<'_>> = files
        .iter()
        .map(|(path, old, new)| Change { path, old: Side::Text(old), new: Side::Text(new) })
        .collect();
    let bytes: usize = files.iter().map(|(_, old, new)| old.len() + new.len()).sum();
    let found = findings(&changes);
    assert!(found.iter().any(|finding| finding.rule == "expected-edited"), "the gate saw nothing");
    assert!(found.iter().all(|finding| finding.rule != "unread-test"), "{found:?}");
    let gate = best(|| drop(findings(&changes)));
    let parse = best(|| {
        for (path, old, new) in &files {
            parsed(path.as_str(), old);
            parsed(path.as_str(), new);
        }
    });
    let mut out = std::io::stdout().lock();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let ratio = gate.as_secs_f64() / parse.as_secs_f64();
    let _ = writeln!(
        out,
        "a change of {LINES} lines in {} files, {} KB on both sides:",
        files.len(),
        bytes / 1_000
    );
    let _ = writeln!(out, "the gate          {:6.1} ms", ms(gate));
    let _ = writeln!(out, "parsing alone     {:6.1} ms ({ratio:.2} times)", ms(parse));
}

fn parsed(path: &str, text: &str) {
    let language: tree_sitter::Language = match path.rsplit('.').next() {
        Some("rs") => tree_sitter_rust::LANGUAGE.into(),
        Some("js") => tree_sitter_javascript::LANGUAGE.into(),
        Some("ts") => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        Some("py") => tree_sitter_python::LANGUAGE.into(),
        Some("go") => tree_sitter_go::LANGUAGE.into(),
        Some("java") => tree_sitter_java::LANGUAGE.into(),
        Some("rb") => tree_sitter_ruby::LANGUAGE.into(),
        _ => tree_sitter_c_sharp::LANGUAGE.into(),
    };
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&language).expect("the grammar fits");
    let tree = parser.parse(text, None).expect("no limit was set");
    assert!(!tree.root_node().has_error(), "{path}");
}
