//! Rules for files that are not Rust: pages, manifests, migrations, and every file's manners.

use super::tree::Text;

/// What somebody reads in one sitting.
const PAGE_LINES_MAX: usize = 250;
/// A page that says this near its top is written by a program, and as long as it must be.
const GENERATED: &str = "generated";
/// How near the top.
const GENERATED_LINES: usize = 5;
/// Absolute folders of machines on which people and CI build. Taken apart, so that this file does
/// not find itself.
const MACHINE_FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];
/// Ends of files that tools leave behind.
const LITTER: &[&str] = &[".snap.new", ".pending-snap", ".orig", ".rej", ".bak", "~", ".DS_Store"];

/// Pages that nobody will read to their end.
pub(crate) fn too_long(pages: &[Text]) -> Vec<String> {
    pages
        .iter()
        .filter(|page| !page.text.lines().take(GENERATED_LINES).any(says_generated))
        .filter(|page| page.text.lines().count() > PAGE_LINES_MAX)
        .map(|page| format!("{}: more than {PAGE_LINES_MAX} lines", page.path))
        .collect()
}

/// Links to files of the project that are not there.
pub(crate) fn broken_links(pages: &[Text], paths: &[String]) -> Vec<String> {
    let there = |path: &str| {
        path.is_empty() || paths.iter().any(|it| it == path || it.starts_with(&format!("{path}/")))
    };
    let mut findings = Vec::new();
    for page in pages {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, line) in page.text.lines().enumerate() {
            let broken = links(line).filter(|link| !there(&joined(folder, link)));
            findings.extend(broken.map(|link| format!("{}:{}: no `{link}`", page.path, at + 1)));
        }
    }
    findings
}

/// Migrations that one engine has and the other has not.
pub(crate) fn unlike_migrations(sqlite: &[String], postgres: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], engine: &str| -> Vec<String> {
        let missing = these.iter().filter(|name| !those.contains(name));
        missing.map(|name| format!("{name}: only for {engine}")).collect()
    };
    [only(sqlite, postgres, "SQLite"), only(postgres, sqlite, "PostgreSQL")].concat()
}

/// Dependencies without a word on what they are for.
pub(crate) fn unexplained_dependencies(manifests: &[Text]) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in manifests {
        let (mut in_dependencies, mut explained) = (false, false);
        for (at, line) in manifest.text.lines().enumerate() {
            if let Some(section) = line.strip_prefix('[') {
                in_dependencies = section.contains("dependencies");
            } else if in_dependencies && is_entry(line) && !explained && !has_comment(line) {
                let name = line.split([' ', '=']).next().unwrap_or(line);
                findings.push(format!("{}:{}: what is `{name}` for?", manifest.path, at + 1));
            }
            explained = line.starts_with('#');
        }
    }
    findings
}

/// Files that name a folder of the machine they were written on, and needless exceptions.
pub(crate) fn machine_paths(texts: &[Text], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut needed = vec![false; exceptions.len()];
    let mut findings = Vec::new();
    for text in texts {
        let excused = exceptions.iter().position(|(path, _)| *path == text.path);
        for (at, line) in text.text.lines().enumerate() {
            let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| names(line, folder)) else {
                continue;
            };
            match excused {
                Some(exception) => needed[exception] = true,
                None => findings.push(format!("{}:{}: `{folder}`", text.path, at + 1)),
            }
        }
    }
    let here = |path: &str| texts.iter().any(|text| text.path == path);
    let needless =
        exceptions.iter().zip(needed).filter(|((path, _), needed)| !needed && here(path));
    findings.extend(needless.map(|((path, why), _)| format!("{path}: needless exception ({why})")));
    findings
}

/// Files that tools left behind.
pub(crate) fn litter(paths: &[String]) -> Vec<String> {
    paths
        .iter()
        .filter(|path| LITTER.iter().any(|end| path.ends_with(end)))
        .map(|path| format!("{path}: left behind by a tool"))
        .collect()
}

/// The targets of `[text](target)` that are files of ours, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, open)| {
        let (target, _) = line[at + open.len()..].split_once(')')?;
        let file = target.split('#').next().unwrap_or(target);
        let ours = !file.is_empty() && !file.contains(':') && !file.contains(' ');
        ours.then_some(file)
    })
}

/// A relative path seen from a folder, without `.` and `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn says_generated(line: &str) -> bool {
    line.to_lowercase().contains(GENERATED)
}

fn is_entry(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_alphabetic()) && line.contains('=')
}

/// A `#` outside quotes with something after it.
fn has_comment(line: &str) -> bool {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return !line[at + 1..].trim().is_empty(),
            _ => {}
        }
    }
    false
}

/// Whether the folder begins an absolute path, and not the middle of a longer one.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "._-}~/*>".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_nobody_will_finish_is_found() {
        let page = |lines: usize| text("docs/a.md", &"x\n".repeat(lines));
        assert_eq!(too_long(&[page(PAGE_LINES_MAX)]).len(), 0);
        assert_eq!(too_long(&[page(PAGE_LINES_MAX + 1)]).len(), 1);
        let generated =
            format!("<!-- Generated from the code -->\n{}", "x\n".repeat(PAGE_LINES_MAX));
        assert_eq!(too_long(&[text("docs/a.md", &generated)]).len(), 0);
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        broken("docs/a.md", "[b](b.md#part), [here](#part), [far](https://example.com/x.md)", 0);
        broken("docs/a.md", "[readme](../README.md) and [all](../docs)", 0);
        broken("docs/a.md", "[b](b.md) [c](c.md)", 1);
        broken("README.md", "[b](b.md)", 1);
    }

    #[test]
    fn a_migration_for_one_engine_only_is_found() {
        let names = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(unlike_migrations(&names(&["1_a.sql"]), &names(&["1_a.sql"])).len(), 0);
        assert_eq!(unlike_migrations(&names(&["1_a.sql"]), &names(&["1_b.sql"])).len(), 2);
        assert_eq!(unlike_migrations(&names(&["1_a.sql"]), &[]), ["1_a.sql: only for SQLite"]);
    }

    #[test]
    fn a_dependency_that_nobody_explains_is_found() {
        unexplained("[dependencies]\na = \"1\"   # for this\n", 0);
        unexplained("[dependencies]\n# for that\na = \"1\"\n", 0);
        unexplained("[package]\na = \"1\"\n", 0);
        unexplained("[dependencies]\na = \"1\"\n", 1);
        unexplained("[dev-dependencies]\na = \"1\" #\n", 1);
        unexplained("[target.'cfg(unix)'.dependencies]\na = { git = \"x#y\" }\n", 1);
    }

    #[test]
    fn a_folder_of_one_machine_is_found() {
        let (work, root) = (MACHINE_FOLDERS[0], MACHINE_FOLDERS[1]);
        paths(&format!("see {work}main"), &[], 1);
        paths(&format!("\"{root}.cargo\""), &[], 1);
        paths(&format!("/home/runner{work}a"), &[], 0);
        paths(&format!("${{GITHUB_WORKSPACE}}{work}a"), &[], 0);
        paths(&format!("see {work}main"), &[("a.txt", "because")], 0);
        paths("nothing", &[("a.txt", "because")], 1);
    }

    #[test]
    fn what_a_tool_left_behind_is_found() {
        let found = |path: &str| litter(&[path.to_owned()]).len();
        assert_eq!(found("src/a.rs"), 0);
        assert_eq!(found("src/snapshots/a.snap"), 0);
        assert_eq!(found("src/snapshots/a.snap.new"), 1);
        assert_eq!(found("src/.a.rs.pending-snap"), 1);
    }

    #[track_caller]
    fn broken(path: &str, line: &str, expected: usize) {
        let paths = ["README.md", "docs/a.md", "docs/b.md"].map(str::to_owned);
        let found = broken_links(&[text(path, line)], &paths);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[track_caller]
    fn unexplained(manifest: &str, expected: usize) {
        let found = unexplained_dependencies(&[text("Cargo.toml", manifest)]);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[track_caller]
    fn paths(line: &str, exceptions: &[(&str, &str)], expected: usize) {
        let found = machine_paths(&[text("a.txt", line)], exceptions);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    fn text(path: &str, text: &str) -> Text {
        Text { path: path.to_owned(), text: text.to_owned() }
    }
}
