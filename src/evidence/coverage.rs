//! How much of each file tests covered, as coverage tools write it: lcov, Cobertura, `JaCoCo`, coverage.py,
//! Istanbul, Go's profiles.
//!
//! A report is recognised by its content. Lines are counted where it has lines, statements where it
//! has only those: only two reports of one tool are ever compared. Reports name files in their own
//! ways (absolute, by module, by package), so a file of the repository is found by the end of its
//! path, and not at all where two entries could be it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decode::decoded;
use super::reports::Element;
use super::text::floor;
use crate::domain::ids::RepoPath;
use crate::domain::proof::{CoverageChange, Covered};

/// Files of one report that are kept: far more than any repository tests.
const FILES_MAX: usize = 200_000;

/// How much of a path is kept.
const PATH_BYTES_MAX: usize = 1024;

/// The most lines of one file that are told apart.
const LINES_MAX: usize = 1_000_000;

/// What reports say of files, by their names for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage(BTreeMap<String, Covered>);

impl Coverage {
    /// Adds a report; one that is none of coverage adds nothing.
    pub fn add_report(&mut self, report: &[u8]) {
        let text = decoded(report);
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
        match text.as_bytes().first() {
            Some(b'<') => self.xml(text),
            Some(b'{') => {
                if let Ok(value) = serde_json::from_str(text) {
                    self.json(&value);
                }
            }
            Some(_) if text.starts_with("mode: ") => self.go(text),
            Some(_) => self.lcov(text),
            None => {}
        }
    }

    /// Adds what is known by another report.
    pub fn add(&mut self, other: &Self) {
        for (file, covered) in &other.0 {
            let lines = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            self.put(file, lines(covered.lines), lines(covered.hit));
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is said of a file; nothing where two entries could be it.
    pub fn of(&self, file: &RepoPath) -> Option<Covered> {
        if let Some(covered) = self.0.get(file.as_str()) {
            return Some(*covered);
        }
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|before| before.ends_with(['/', '\\']))
        };
        let mut fitting = self.0.iter().filter(|(name, _)| {
            let is_longer = ends(name, file.as_str());
            // A package's path alone, as JaCoCo names files, has at least one directory.
            is_longer || (name.contains('/') && ends(file.as_str(), name))
        });
        let (_, covered) = fitting.next()?;
        fitting.next().is_none().then_some(*covered)
    }

    fn put(&mut self, file: &str, lines: usize, hit: usize) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let covered = Covered { lines: number(lines), hit: number(hit.min(lines)) };
        if lines == 0 || (self.0.len() >= FILES_MAX && !self.0.contains_key(file)) {
            return;
        }
        let kept = self.0.entry(floor(file, PATH_BYTES_MAX).to_owned()).or_insert(covered);
        // Of two reports on one file the one that covers more stands for what tests do.
        if covered.hit > kept.hit {
            *kept = covered;
        }
    }

    /// `SF:path`, `DA:line,hits`, `LF:` and `LH:`, `end_of_record`
    fn lcov(&mut self, text: &str) {
        let (mut file, mut lines) = (None, Lines::default());
        let (mut found, mut hit) = (0usize, 0usize);
        for line in text.lines() {
            let Some((key, value)) = line.trim_end().split_once(':') else {
                if let Some(file) = file.take().filter(|_| line.trim_end() == "end_of_record") {
                    let (all, covered) = lines.numbers().unwrap_or((found, hit));
                    self.put(file, all, covered);
                }
                continue;
            };
            match key {
                "SF" => (file, lines, found, hit) = (Some(value), Lines::default(), 0, 0),
                "DA" => {
                    let mut parts = value.split(',');
                    let number = parts.next().and_then(|number| number.parse().ok());
                    let hits = parts.next().is_some_and(|hits| hits != "0");
                    lines.put(number, u64::from(hits));
                }
                "LF" => found = value.parse().unwrap_or(0),
                "LH" => hit = value.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// `example.org/shop/cart.go:3.14,5.2 1 1`: statements of a block, and how often it ran.
    fn go(&mut self, text: &str) {
        let mut files: BTreeMap<&str, BTreeMap<&str, (usize, bool)>> = BTreeMap::new();
        for line in text.lines().skip(1).take(LINES_MAX) {
            let Some((file, rest)) = line.rsplit_once(':') else { continue };
            let mut parts = rest.split(' ');
            let (Some(block), Some(statements), Some(runs)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            // Packages that are tested from several others have their blocks more than once.
            let kept = files.entry(file).or_default().entry(block).or_default();
            *kept = (statements.parse().unwrap_or(0), kept.1 || runs != "0");
        }
        for (file, blocks) in files {
            let all = blocks.values().map(|(statements, _)| statements).sum();
            let hit = blocks.values().filter(|block| block.1).map(|(statements, _)| statements);
            self.put(file, all, hit.sum());
        }
    }

    /// Cobertura's classes, and `JaCoCo`'s packages.
    fn xml(&mut self, text: &str) {
        let mut files: BTreeMap<String, Lines> = BTreeMap::new();
        Element::each(text, &["class", "package"], |element| {
            if let Some(file) = element.get("filename") {
                let lines = files.entry(file.to_owned()).or_default();
                element.within("line", &mut |line| {
                    let number = line.attribute("number").and_then(|number| number.parse().ok());
                    let hits = line.attribute("hits").and_then(|hits| hits.parse().ok());
                    lines.put(number, hits.unwrap_or(0));
                });
                return;
            }
            let package = element.get("name").unwrap_or("");
            element.within("class", &mut |class| {
                let Some(file) = class.attribute("filename") else { return };
                let lines = files.entry(file.to_owned()).or_default();
                class.each_below("line", &mut |line| {
                    let number = line.attribute("number").and_then(|number| number.parse().ok());
                    let hits = line.attribute("hits").and_then(|hits| hits.parse().ok());
                    lines.put(number, hits.unwrap_or(0));
                });
            });
            element.within("sourcefile", &mut |source| {
                let name = source.attribute("name").unwrap_or("");
                let counter = source.last_child("counter", ("type", "LINE"));
                let of = |key: &str| counter?.attribute(key)?.parse::<usize>().ok();
                if let (Some(missed), Some(covered)) = (of("missed"), of("covered")) {
                    self.put(&format!("{package}/{name}"), missed.saturating_add(covered), covered);
                }
            });
        });
        for (file, lines) in files {
            if let Some((all, hit)) = lines.numbers() {
                self.put(&file, all, hit);
            }
        }
    }

    /// coverage.py's `files`, Istanbul's statements or its summary.
    fn json(&mut self, value: &Value) {
        let number = |value: Option<&Value>| {
            value.and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
        };
        let files = value.get("files").unwrap_or(value).as_object();
        for (file, of) in files.into_iter().flatten() {
            let summary = of.get("summary").or_else(|| of.get("lines"));
            let at = |names: [&str; 2]| {
                number(names.iter().find_map(|name| summary.and_then(|it| it.get(name))))
            };
            let told = (at(["num_statements", "total"]), at(["covered_lines", "covered"]));
            if let (Some(all), Some(hit)) = told {
                if file != "total" {
                    self.put(file, all, hit);
                }
            } else if let Some(statements) = of.get("s").and_then(Value::as_object) {
                let hit = statements.values().filter(|runs| runs.as_u64() != Some(0)).count();
                self.put(file, statements.len(), hit);
            }
        }
    }
}

/// Which lines count, and which of them ran.
#[derive(Debug, Default)]
struct Lines(BTreeMap<u32, bool>);

impl Lines {
    fn put(&mut self, number: Option<u32>, hits: u64) {
        if let Some(number) = number.filter(|_| self.0.len() < LINES_MAX) {
            *self.0.entry(number).or_default() |= hits > 0;
        }
    }

    fn numbers(&self) -> Option<(usize, usize)> {
        let hit = self.0.values().filter(|is_hit| **is_hit).count();
        (!self.0.is_empty()).then_some((self.0.len(), hit))
    }
}

/// How the coverage of these files changed, where a report told of them without the patch and there is
/// a report with it.
pub fn changes<'p>(
    files: impl Iterator<Item = &'p RepoPath>,
    before: &Coverage,
    after: &Coverage,
) -> Vec<CoverageChange> {
    if after.is_empty() {
        return Vec::new();
    }
    let change = |file: &RepoPath| {
        let before = before.of(file)?;
        Some(CoverageChange { file: file.clone(), before, after: after.of(file) })
    };
    files.filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(report: &str, file: &str, expected: Option<(u32, u32)>) {
        let mut coverage = Coverage::default();
        coverage.add_report(report.as_bytes());
        let got = coverage.of(&RepoPath::parse(file).unwrap());
        assert_eq!(got.map(|covered| (covered.hit, covered.lines)), expected, "{coverage:?}");
    }

    #[test]
    fn lcov_is_read_by_its_lines_or_else_by_its_sums() {
        let lines =
            "TN:\nSF:/workspace/src/a.js\nDA:1,3\nDA:2,0\nDA:3,1\nLF:9\nLH:9\nend_of_record\n";
        check(lines, "src/a.js", Some((2, 3)));
        check("SF:src/a.js\nLF:4\nLH:3\nend_of_record\n", "src/a.js", Some((3, 4)));
        check(lines, "src/b.js", None);
        check("SF:src/a.js\nDA:1,1\n", "src/a.js", None);
    }

    #[test]
    fn cobertura_and_jacoco_are_read() {
        let cobertura = r#"<?xml version="1.0"?><coverage><packages><package name="shop"><classes>
<class name="cart.py" filename="shop/cart.py"><methods/><lines><line number="1" hits="1"/>
<line number="2" hits="0"/></lines></class></classes></package></packages></coverage>"#;
        check(cobertura, "shop/cart.py", Some((1, 2)));
        let jacoco = r#"<report name="shop"><package name="org/shop"><class name="org/shop/Cart">
<counter type="LINE" missed="9" covered="9"/></class><sourcefile name="Cart.java"><line nr="3"/>
<counter type="INSTRUCTION" missed="7" covered="1"/><counter type="LINE" missed="1" covered="4"/>
</sourcefile></package></report>"#;
        check(jacoco, "core/src/main/java/org/shop/Cart.java", Some((4, 5)));
    }

    #[test]
    fn json_of_python_and_javascript_is_read() {
        let python =
            r#"{"meta":{},"files":{"a.py":{"summary":{"covered_lines":3,"num_statements":4}}}}"#;
        check(python, "a.py", Some((3, 4)));
        check(
            r#"{"/w/src/a.js":{"path":"/w/src/a.js","s":{"0":1,"1":0}}}"#,
            "src/a.js",
            Some((1, 2)),
        );
        let summary = r#"{"total":{"lines":{"total":9,"covered":9}},
"/w/src/a.js":{"lines":{"total":4,"covered":2}}}"#;
        check(summary, "src/a.js", Some((2, 4)));
    }

    #[test]
    fn profiles_of_go_count_statements_of_a_block_once() {
        let profile = "mode: set\nx.org/shop/cart.go:3.1,5.2 2 1\nx.org/shop/cart.go:7.1,8.2 1 0\n\
                       x.org/shop/cart.go:7.1,8.2 1 0\n";
        check(profile, "cart.go", Some((2, 3)));
    }

    #[test]
    fn a_file_that_two_entries_could_be_is_not_known() {
        let two = "SF:/w/a/x.js\nDA:1,1\nend_of_record\nSF:/w/b/x.js\nDA:1,0\nend_of_record\n";
        check(two, "x.js", None);
        check(two, "b/x.js", Some((0, 1)));
    }

    #[test]
    fn what_is_no_report_says_nothing() {
        for other in ["", "<html><body/></html>", "{\"a\": 1}", "{", "[1]", "hello: world"] {
            let mut coverage = Coverage::default();
            coverage.add_report(other.as_bytes());
            assert!(coverage.is_empty(), "{other:?}: {coverage:?}");
        }
    }

    #[test]
    fn files_without_a_report_on_both_sides_are_no_change() {
        let of = |report: &str| {
            let mut coverage = Coverage::default();
            coverage.add_report(report.as_bytes());
            coverage
        };
        let path = RepoPath::parse("a.js").unwrap();
        let (some, none) = (of("SF:a.js\nDA:1,1\nend_of_record\n"), Coverage::default());
        assert!(changes([&path].into_iter(), &some, &none).is_empty());
        assert!(changes([&path].into_iter(), &none, &some).is_empty());
        let other = of("SF:b.js\nDA:1,1\nend_of_record\n");
        let gone = changes([&path].into_iter(), &some, &other);
        assert_eq!(gone[0].after, None);
    }
}
