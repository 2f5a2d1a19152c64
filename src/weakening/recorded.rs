//! Recorded data that is written down in another format, or in another place, and says the same.
//!
//! Not a parser of formats: the words of both are compared in their order, so that a value which
//! changes, is lost or changes places is never the same. The invariant: data counts as rewritten
//! only where a changed test reads the new file, and none that changes reads the old one.

use std::collections::{BTreeSet, HashMap};

use super::{Change, Side, paths};

/// The largest file whose words are compared.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// The most new files that are held against one that is gone.
const CANDIDATES_MAX: usize = 20;

/// Which of the changes take away data that another one brings in, in other words.
pub fn rewritten(changes: &[&Change<'_>]) -> BTreeSet<usize> {
    let is_data = |change: &Change<'_>| {
        let path = change.path.as_str();
        paths::is_fixture(path) && !paths::has_test_name(path)
    };
    let is_read = |side: Side<'_>| (1..FILE_BYTES_MAX).contains(&side.text().len());
    let mut fresh: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
    let mut of_stem: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        if is_data(change) && change.old == Side::Absent && is_read(change.new) {
            fresh.entry(words(change.new.text())).or_default().push(at);
            of_stem.entry(stem(change.path.as_str())).or_default().push(at);
        }
    }
    let mut found = BTreeSet::new();
    for (at, change) in changes.iter().enumerate() {
        let is_gone = is_data(change) && change.new == Side::Absent && is_read(change.old);
        if fresh.is_empty() || !is_gone {
            continue;
        }
        let path = change.path.as_str();
        let same = fresh.get(&words(change.old.text())).into_iter().flatten();
        let is_table = path.ends_with(".csv") || path.ends_with(".tsv");
        let named = of_stem.get(stem(path)).into_iter().flatten();
        let as_rows = named
            .filter(|now| is_table && is_same_table(change.old.text(), changes[**now].new.text()));
        let mut all = same.chain(as_rows).take(CANDIDATES_MAX);
        if all.any(|now| is_followed(changes, name(path), name(changes[*now].path.as_str()))) {
            found.insert(at);
        }
    }
    found
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

/// Whether the tests of a change read the new file in the place of the old one.
fn is_followed(changes: &[&Change<'_>], old: &str, new: &str) -> bool {
    let mut tests = changes.iter().filter(|change| paths::is_test(change.path.as_str()));
    let is_read = |text: &str, name: &str| text.contains(name);
    old != new
        && tests.clone().any(|test| is_read(test.new.text(), new) && is_read(test.old.text(), old))
        && !tests.any(|test| is_read(test.new.text(), old))
}

/// The words of data, without what only holds them together.
fn words(text: &str) -> Vec<String> {
    let is_between = |c: char| c.is_whitespace() || "{}[](),:;\"'".contains(c);
    let words = text.split(is_between).flat_map(|word| word.split(['<', '>']));
    // A sign belongs to a number, and alone it begins an entry of a list.
    let says = |word: &&str| word.chars().any(char::is_alphanumeric);
    words.filter(says).map(str::to_owned).collect()
}

/// Whether data says the rows of a table whose columns it names again and again.
fn is_same_table(table: &str, now: &str) -> bool {
    let (head, rows) = table.split_once('\n').unwrap_or((table, ""));
    let names: BTreeSet<String> = words(head).into_iter().collect();
    let is_value = |word: &String| !names.contains(word);
    let values = |text: &str| words(text).into_iter().filter(is_value).collect::<Vec<_>>();
    let wanted = words(rows);
    let count = |text: &[String]| text.iter().filter(|word| names.contains(*word)).count();
    // A value that is called like a column would not be seen.
    !wanted.is_empty() && count(&wanted) == 0 && wanted == values(now)
}
