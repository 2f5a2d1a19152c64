//! The layer rule: which top-level module of the library may use which.
//!
//! Read from paths that begin with `crate::`, and from chains of `super::` that climb to the crate's
//! root. Test code keeps to its module's layer too: what needs more than that is an integration
//! test. The programs, `lib.rs` and `app.rs` stand above everything.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, is_word};

/// What each module may use, besides itself. A module that is not here is a finding.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("evidence", &["domain"]),
    ("weakening", &["domain"]),
    ("report", &["domain"]),
    ("config", &["domain"]),
    ("documents", &["domain", "evidence"]),
    ("models", &["domain"]),
    ("telemetry", &["config"]),
    ("ports", &["domain"]),
    // Adapters never see each other.
    ("forge", &["domain", "ports"]),
    ("store", &["domain", "ports"]),
    ("compute", &["domain", "ports"]),
    ("providers", &["domain", "ports"]),
    (
        "service",
        &["domain", "evidence", "weakening", "report", "config", "documents", "models", "ports"],
    ),
    ("http", &["domain", "evidence", "report", "config", "models", "ports", "service"]),
    // The untrusted side: it knows no port, no store, no forge.
    ("runner", &["domain", "evidence", "config", "documents"]),
    // `selfheal heal` is the runner at a terminal; `serve` starts the whole.
    (
        "cli",
        &[
            "domain",
            "evidence",
            "weakening",
            "report",
            "config",
            "ports",
            "documents",
            "service",
            "runner",
            "telemetry",
            "app",
        ],
    ),
];

/// Composition roots: they may use everything.
const ROOTS: &[&str] = &["app", "lib", "main", "bin"];

/// Uses that go up or sideways, and modules that the table does not know.
pub(crate) fn findings(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(of_one).collect()
}

fn of_one(source: &Source) -> Vec<String> {
    let module = module_of(&source.path);
    if ROOTS.contains(&module) {
        return Vec::new();
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![source.finding(1, &format!("`{module}` has no place in the layers"))];
    };
    uses(source)
        .into_iter()
        .filter(|(_, used)| used != module && !allowed.contains(&used.as_str()))
        .map(|(line, used)| source.finding(line, &format!("`{module}` may not use `{used}`")))
        .collect()
}

/// Modules that use each other, directly or round a corner.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let module = module_of(&source.path).to_owned();
        let used = uses(source).into_iter().map(|(_, used)| used);
        graph.entry(module.clone()).or_default().extend(used.filter(|used| *used != module));
    }
    // The composition root and the command line call each other: one starts the other.
    for root in ROOTS {
        graph.remove(*root);
    }
    graph
        .keys()
        .filter(|module| reaches(&graph, module, module))
        .map(|module| format!("`{module}` uses itself through other modules"))
        .collect()
}

fn reaches(graph: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for used in graph.get(module).into_iter().flatten() {
            if used == to {
                return true;
            }
            if seen.insert(used) {
                next.push(used);
            }
        }
    }
    false
}

/// The top-level module that a file of `src` belongs to: `a` for `src/a.rs` and `src/a/b.rs`.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let first = inside.split('/').next().unwrap_or(inside);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// How deep a file's module lies: one for `src/a.rs`, two for `src/a/b.rs`.
fn depth(path: &str) -> usize {
    path.strip_prefix("src/").unwrap_or(path).split('/').count()
}

/// The top-level modules that a file names, each with its line.
fn uses(source: &Source) -> Vec<(usize, String)> {
    let tests_from = source.production_lines();
    let code = &source.code;
    let mut found = Vec::new();
    for (at, _) in code.match_indices("::") {
        let head = &code[..at];
        if head.ends_with("::super") || head.ends_with("::crate") {
            continue; // counted from the first word of the chain
        }
        let line = code[..at].matches('\n').count() + 1;
        let inside_tests = usize::from(!source.is_test() && line > tests_from);
        let climbed = if ends_in_word(head, "crate") {
            Some(&code[at + 2..])
        } else if ends_in_word(head, "super") {
            let (supers, rest) = climb(&code[at + 2..]);
            (1 + supers >= depth(&source.path) + inside_tests).then_some(rest)
        } else {
            None
        };
        found.extend(climbed.into_iter().flat_map(first_names).map(|name| (line, name)));
    }
    found
}

fn ends_in_word(head: &str, word: &str) -> bool {
    head.strip_suffix(word).is_some_and(|before| !before.chars().next_back().is_some_and(is_word))
}

/// How many further `super::` follow, and what comes after them.
fn climb(mut rest: &str) -> (usize, &str) {
    let mut supers = 0;
    while let Some(after) = rest.strip_prefix("super::") {
        (supers, rest) = (supers + 1, after);
    }
    (supers, rest)
}

/// The first name of each path of a tree: `a` and `c` of `{a::b, c::{d, e}}`.
fn first_names(tree: &str) -> Vec<String> {
    let Some(group) = tree.strip_prefix('{') else {
        return name_at(tree).into_iter().collect();
    };
    let (mut depth, mut names, mut start) = (0_usize, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && is_word(c) => {
                names.extend(name_at(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

/// A module's name; a type or a constant of the crate's root is none.
fn name_at(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| is_word(*c)).collect();
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_the_module_they_name() {
        check("src/a/b.rs", "use crate::domain::ids::Sha;", &["domain"]);
        check(
            "src/a/b.rs",
            "use crate::{domain::ids, ports::{Forge, Store}};",
            &["domain", "ports"],
        );
        check("src/a/b.rs", "fn f() -> crate::store::Db {}", &["store"]);
        check("src/a/b.rs", "use super::b;", &[]);
        check("src/a/b.rs", "use super::super::store::Db;", &["store"]);
        check("src/a.rs", "use super::store::Db;", &["store"]);
        check("src/a.rs", "#[cfg(test)]\nmod tests {\n use super::*;\n use super::b::C;\n}", &[]);
        check("src/a.rs", "#[cfg(test)]\nmod tests {\n use super::super::store;\n}", &["store"]);
        check("src/a.rs", "// crate::store\nlet s = \"crate::store\";", &[]);
        check("src/a.rs", "use mycrate::store; use crate::VERSION;", &[]);
    }

    #[test]
    fn going_up_sideways_or_nowhere_is_found() {
        finds("src/domain/a.rs", "use crate::ports::Clock;", "`domain` may not use `ports`");
        finds("src/store/a.rs", "\nuse crate::forge::Github;", "`store` may not use `forge`");
        finds("src/runner.rs", "use crate::service::Healing;", "`runner` may not use `service`");
        finds("src/attic.rs", "", "`attic` has no place in the layers");
        assert_eq!(
            findings(&[Source::read("src/app.rs", "use crate::store;")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_circle_is_found_however_long() {
        let circle = [
            Source::read("src/a.rs", "use crate::b;"),
            Source::read("src/b/x.rs", "use crate::c;"),
            Source::read("src/c.rs", "use crate::a;"),
            Source::read("src/d.rs", "use crate::a;"),
        ];
        assert_eq!(circles(&circle).len(), 3, "a, b and c, not d");
        assert_eq!(circles(&circle[1..]), Vec::<String>::new());
    }

    #[test]
    fn the_table_itself_has_no_circle() {
        let graph = LAYERS
            .iter()
            .map(|(module, used)| {
                let used = used.iter().filter(|used| !ROOTS.contains(used));
                ((*module).to_owned(), used.map(|used| (*used).to_owned()).collect())
            })
            .collect();
        let circular = LAYERS.iter().find(|(module, _)| reaches(&graph, module, module));
        assert_eq!(circular.map(|(module, _)| *module), None);
    }

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let used: Vec<String> =
            uses(&Source::read(path, text)).into_iter().map(|(_, module)| module).collect();
        assert_eq!(used, expected);
    }

    #[track_caller]
    fn finds(path: &str, text: &str, expected: &str) {
        let found = findings(&[Source::read(path, text)]);
        assert!(found.len() == 1 && found[0].ends_with(expected), "{found:?}");
    }
}
