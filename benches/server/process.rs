//! Processes under measurement: which core they live on, and what they took.

use std::process::Command;

/// What starts servers where they run: a core of their own.
pub(crate) const ON_SERVER_CORE: &str = "taskset -c 0";

/// Where load comes from.
pub(crate) const LOAD_CORE: &str = "1";

/// Clock ticks in a second, as `/proc` counts them on every Linux that Rust runs on.
const TICKS_PER_S: f64 = 100.0;

/// Moves this process to a core.
pub(crate) fn live_on(core: &str) {
    let pid = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-cp", core, &pid]).output();
    assert!(moved.is_ok_and(|moved| moved.status.success()), "`taskset` of util-linux is needed");
}

/// A command that runs on the servers' core.
pub(crate) fn on_server_core(program: &str) -> Command {
    let mut words = ON_SERVER_CORE.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).arg(program);
    command
}

/// What a process has in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) now_kb: u64,
    pub(crate) most_kb: u64,
}

/// What a process has in memory.
pub(crate) fn memory(pid: u32) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
    };
    Memory { now_kb: of("VmRSS:"), most_kb: of("VmHWM:") }
}

/// From now on the most that this process had in memory counts anew (proc(5), `clear_refs`).
pub(crate) fn forget_most_memory() {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux counts anew when it is asked");
}

/// The processor time of a process and of those that it started, living or ended.
pub(crate) fn processor_s(pid: u32) -> f64 {
    let own = ticks(pid).map_or(0, |(_, own, ended)| own + ended);
    let of_children: u64 = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(ticks)
        .filter(|(parent, ..)| *parent == pid)
        .map(|(_, own, _)| own)
        .sum();
    f64::from(u32::try_from(own + of_children).unwrap_or(u32::MAX)) / TICKS_PER_S
}

/// A process' parent, its ticks, and those of its ended children (proc(5), `/proc/PID/stat`).
fn ticks(pid: u32) -> Option<(u32, u64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let parent = u32::try_from(number(1)?).ok()?;
    Some((parent, number(11)? + number(12)?, number(13)? + number(14)?))
}
