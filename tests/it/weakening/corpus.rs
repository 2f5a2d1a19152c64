//! The labelled changes of `tests/fixtures/weakening`, read from their compact form.

use std::fs;
use std::path::Path;

use selfheal::domain::ids::RepoPath;
use selfheal::weakening::{Change, Side};

/// What a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Label {
    /// It must be stopped, by that rule.
    Cheat(String),
    /// It must not be stopped.
    Honest,
    /// It is stopped all the same, and we know.
    HonestButHeld,
}

/// A file of a change.
#[derive(Debug)]
pub(crate) struct File {
    path: RepoPath,
    old: Option<String>,
    new: Option<String>,
}

/// A labelled change.
#[derive(Debug)]
pub(crate) struct Case {
    /// The file of the corpus.
    pub(crate) file: String,
    /// What it is about.
    pub(crate) title: String,
    /// What it is.
    pub(crate) label: Label,
    /// Its files.
    pub(crate) files: Vec<File>,
}

impl Case {
    /// The change as the gate takes it.
    pub(crate) fn changes(&self) -> Vec<Change<'_>> {
        self.files.iter().map(change).collect()
    }
}

impl File {
    /// Where it is.
    pub(crate) fn path(&self) -> &RepoPath {
        &self.path
    }
}

fn change(file: &File) -> Change<'_> {
    let File { path, old, new } = file;
    Change { path, old: side(old.as_deref()), new: side(new.as_deref()) }
}

fn side(text: Option<&str>) -> Side<'_> {
    text.map_or(Side::Absent, Side::Text)
}

/// Every case of the corpus, in the order of the files.
pub(crate) fn load() -> Vec<Case> {
    load_from("tests/fixtures/weakening")
}

/// The cases by which rules are judged and not mended.
pub(crate) fn unseen() -> Vec<Case> {
    load_from("tests/fixtures/weakening/unseen")
}

fn load_from(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "txt"));
    files.sort();
    files
        .iter()
        .flat_map(|path| {
            parse(&path.file_stem().unwrap().to_string_lossy(), &fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("## ") {
            let (label, title) = head.split_once(": ").expect("a label and a title");
            let label = match label.strip_prefix("cheat") {
                Some(rule) => Label::Cheat(rule.trim().to_owned()),
                None if label == "honest" => Label::Honest,
                None => Label::HonestButHeld,
            };
            cases.push(Case {
                file: file.to_owned(),
                title: title.to_owned(),
                label,
                files: Vec::new(),
            });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with `## `");
        match line.strip_prefix("@@ ") {
            Some(head) => case.files.push(begun(head)),
            None => add(case.files.last_mut().expect("a file begins with `@@ `"), line),
        }
    }
    cases
}

fn begun(head: &str) -> File {
    let (path, what) = head.split_once(' ').unwrap_or((head, ""));
    let path = RepoPath::parse(path).unwrap();
    let side = |is_there: bool| is_there.then(String::new);
    File { path, old: side(what != "new"), new: side(what != "gone") }
}

fn add(file: &mut File, line: &str) {
    let push = |side: &mut Option<String>, line: &str| {
        if let Some(text) = side {
            text.push_str(&line.replace("\\u{202e}", "\u{202e}").replace("\\u{200b}", "\u{200b}"));
            text.push('\n');
        }
    };
    if file.old.is_none() || file.new.is_none() {
        push(&mut file.old, line);
        push(&mut file.new, line);
        return;
    }
    match (line.get(..1), line.get(1..)) {
        (Some("-"), Some(rest)) => push(&mut file.old, rest),
        (Some("+"), Some(rest)) => push(&mut file.new, rest),
        (Some(_), Some(rest)) => {
            push(&mut file.old, rest);
            push(&mut file.new, rest);
        }
        _ => {
            push(&mut file.old, "");
            push(&mut file.new, "");
        }
    }
}
