//! The watch: adds up memory and processes of a tree where no control group does.
//!
//! It looks a few times a second, so a fast hog gets a little beyond its limit before it is killed;
//! the per-process limits stand behind it. Processes that left the tree of a command without a
//! sandbox are not found here; inside a sandbox nothing can leave.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Pages of this size are what `/proc/PID/statm` counts on every system that we support.
const PAGE_BYTES: u64 = 4096;

/// What a tree uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) memory_bytes: u64,
    pub(super) threads: u64,
}

/// What a process and everything below it use; nothing where there is no `/proc`.
pub(super) fn usage_of(root: u32) -> Usage {
    let Ok(entries) = fs::read_dir("/proc") else { return Usage::default() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let stats: BTreeMap<u32, Stat> =
        pids.filter_map(|pid| Some((pid, stat(&read(pid, "stat")?)?))).collect();
    let tree = tree_of(root, &stats);
    let mut usage = Usage::default();
    for pid in tree {
        usage.threads += stats.get(&pid).map_or(0, |stat| stat.threads);
        let pages = read(pid, "statm").and_then(|text| resident(&text)).unwrap_or(0);
        usage.memory_bytes = usage.memory_bytes.saturating_add(pages * PAGE_BYTES);
    }
    usage
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    threads: u64,
}

fn read(pid: u32, name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/{name}")).ok()
}

/// Parent and threads in a `stat` line; the name in parentheses may hold anything.
fn stat(text: &str) -> Option<Stat> {
    let rest = text.get(text.rfind(')')? + 1..)?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat { parent: words.get(1)?.parse().ok()?, threads: words.get(17)?.parse().ok()? })
}

/// Resident pages that are not shared with files, in a `statm` line.
fn resident(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace().skip(1);
    let resident: u64 = words.next()?.parse().ok()?;
    let shared: u64 = words.next()?.parse().ok()?;
    Some(resident.saturating_sub(shared))
}

fn tree_of(root: u32, stats: &BTreeMap<u32, Stat>) -> BTreeSet<u32> {
    let mut tree = BTreeSet::from([root]);
    loop {
        let found: Vec<u32> = stats
            .iter()
            .filter(|(pid, stat)| tree.contains(&stat.parent) && !tree.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if found.is_empty() {
            return tree;
        }
        tree.extend(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let line = "7 (a) R 1 (b)) S 4 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 100 1 1";
        assert_eq!(stat(line), Some(Stat { parent: 4, threads: 3 }));
        assert_eq!(stat("garbage"), None);
    }

    #[test]
    fn a_tree_is_everything_below_its_root() {
        let of = |parent| Stat { parent, threads: 1 };
        let stats = BTreeMap::from([(2, of(1)), (3, of(2)), (4, of(1)), (5, of(3))]);
        assert_eq!(tree_of(2, &stats), BTreeSet::from([2, 3, 5]));
    }

    #[test]
    fn this_process_uses_something() {
        let usage = usage_of(std::process::id());
        assert!(usage.memory_bytes > 0 && usage.threads > 0, "{usage:?}");
    }
}
