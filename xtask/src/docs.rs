//! The generated pages of `docs/`: written by the program itself, checked by us.
//!
//! `selfheal docs --out DIR` writes every generated page under `DIR`. `write` lets it write into
//! `docs/`; `check` lets it write beside and compares, so a check never changes the tree. A page
//! in [`ONLY_GENERATED`] that the program no longer writes is found too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::place::Place;
use crate::run;

/// Folders of `docs/` that hold nothing written by hand.
const ONLY_GENERATED: &[&str] = &["schemas"];

/// Pages by their path under the folder that was read.
type Pages = BTreeMap<PathBuf, String>;

/// Write the pages into `docs/`.
///
/// # Errors
/// When the program does not build or cannot write.
pub(crate) fn write(place: &Place) -> anyhow::Result<()> {
    generate(place, &place.root.join("docs"))
}

/// See that `docs/` holds what would be written.
///
/// # Errors
/// When a page differs, is missing or is left over; the error names each.
pub(crate) fn check(place: &Place) -> anyhow::Result<()> {
    let fresh = place.target.join("xtask-docs");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).context("yesterday's pages cannot be removed")?;
    }
    fs::create_dir_all(&fresh).context("the target directory cannot be written")?;
    generate(place, &fresh)?;
    let generated = read(&fresh)?;
    anyhow::ensure!(!generated.is_empty(), "`selfheal docs` wrote nothing");
    let wrong = compare(&generated, &read(&place.root.join("docs"))?);
    anyhow::ensure!(
        wrong.is_empty(),
        "generated pages are not current: {}. `cargo xtask docs` writes them",
        wrong.join("; ")
    );
    Ok(())
}

fn generate(place: &Place, out: &Path) -> anyhow::Result<()> {
    let words = ["run", "--locked", "--quiet", "--bin", "selfheal", "--", "docs", "--out"];
    run::succeed(run::cargo(place)?.args(words).arg(out))
}

fn read(folder: &Path) -> anyhow::Result<Pages> {
    let mut pages = Pages::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("no {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                // A picture is no page; it is compared with nothing.
                let Ok(text) = fs::read_to_string(&path) else { continue };
                pages.insert(path.strip_prefix(folder)?.to_owned(), text);
            }
        }
    }
    Ok(pages)
}

fn compare(generated: &Pages, committed: &Pages) -> Vec<String> {
    let differing = generated.iter().filter_map(|(path, fresh)| match committed.get(path) {
        Some(old) if old == fresh => None,
        Some(old) => {
            Some(format!("{} differs from line {}", path.display(), first_difference(old, fresh)))
        }
        None => Some(format!("{} is missing", path.display())),
    });
    let left_over = committed
        .keys()
        .filter(|path| ONLY_GENERATED.iter().any(|folder| path.starts_with(folder)))
        .filter(|path| !generated.contains_key(*path))
        .map(|path| format!("{} is left over", path.display()));
    differing.chain(left_over).collect()
}

fn first_difference(old: &str, fresh: &str) -> usize {
    old.lines().zip(fresh.lines()).take_while(|(old, fresh)| old == fresh).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_are_current_pass_and_pages_by_hand_are_nobodys_business() {
        check(&[("a.md", "1")], &[("a.md", "1"), ("by-hand.md", "x")], &[]);
    }

    #[test]
    fn pages_that_differ_are_missing_or_left_over_are_named() {
        check(&[("a.md", "1\n2\n")], &[("a.md", "1\n3\n")], &["a.md differs from line 2"]);
        check(&[("a.md", "1\n2\n")], &[("a.md", "1\n")], &["a.md differs from line 2"]);
        check(&[("a.md", "1")], &[], &["a.md is missing"]);
        check(&[], &[("schemas/old.json", "{}")], &["schemas/old.json is left over"]);
    }

    #[track_caller]
    fn check(generated: &[(&str, &str)], committed: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(compare(&pages(generated), &pages(committed)), expected);
    }

    fn pages(of: &[(&str, &str)]) -> Pages {
        of.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
    }
}
