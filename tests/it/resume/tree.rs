//! The processes of an attempt, as the machine sees them.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

/// A process and when it began, which together are nobody else's ever.
pub(crate) type Process = (u32, u64);

/// A number of `/proc/PID/stat`, counted from the state (the third field) on.
fn stat(pid: u32) -> Option<(u32, u64, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let state = fields.first()?.chars().next()?;
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?, state))
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Everything that a process started, at any depth, and itself.
pub(crate) fn below(pid: u32) -> BTreeSet<Process> {
    let known: Vec<(u32, u32, u64)> = all()
        .into_iter()
        .filter_map(|pid| stat(pid).map(|(parent, began, _)| (pid, parent, began)))
        .collect();
    let mut tree: BTreeSet<u32> = BTreeSet::from([pid]);
    loop {
        let more: Vec<u32> = known
            .iter()
            .filter(|(pid, parent, _)| tree.contains(parent) && !tree.contains(pid))
            .map(|(pid, _, _)| *pid)
            .collect();
        if more.is_empty() {
            let of = known.iter().filter(|(pid, _, _)| tree.contains(pid));
            return of.map(|(pid, _, began)| (*pid, *began)).collect();
        }
        tree.extend(more);
    }
}

fn is_alive((pid, began): Process) -> bool {
    stat(pid).is_some_and(|(_, now, state)| now == began && !matches!(state, 'Z' | 'X'))
}

/// Kills a process that began then.
pub(crate) fn kill(process: Process) {
    let pid = i32::try_from(process.0).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid.filter(|_| is_alive(process)) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The first process of a tree whose program has that name.
pub(crate) fn named(tree: &BTreeSet<Process>, program: &str) -> Option<Process> {
    let is_it = |pid: u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let first = String::from_utf8_lossy(first).into_owned();
        first.rsplit('/').next() == Some(program)
    };
    tree.iter().find(|(pid, _)| is_it(*pid)).copied()
}

/// Waits until none of them is there any more; those that are, when it takes too long.
pub(crate) async fn gone(tree: &BTreeSet<Process>) -> Result<(), Vec<Process>> {
    let empty = async {
        while tree.iter().any(|process| is_alive(*process)) {
            tokio::task::yield_now().await;
        }
    };
    let left = || tree.iter().copied().filter(|process| is_alive(*process)).collect();
    timeout(Duration::from_secs(20), empty).await.map_err(|_| left())
}
