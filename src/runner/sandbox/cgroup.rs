//! Control groups: a limit on memory and processes of a whole tree, where one can be set.
//!
//! Works with version 2 where a group is delegated to us, with version 1 where its hierarchies can
//! be written, and not at all elsewhere (hosted Actions runners): then [`watch`](super::watch) stands
//! in. Groups are named after this process; those of processes that are gone are removed at start.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::domain::brief::RunLimits;

/// Where control groups are mounted on every current system.
const ROOT: &str = "/sys/fs/cgroup";

/// The beginning of our groups' names; the process's number follows.
const PREFIX: &str = "selfheal-";

/// How often a dying group is looked at again before it is left to the next start.
const REMOVAL_TRIES: u32 = 50;

/// Where groups can be made.
#[derive(Debug, Clone, Default)]
pub(super) struct Cgroups {
    parents: Vec<Parent>,
}

/// A group in which ours can be made.
#[derive(Debug, Clone)]
struct Parent {
    dir: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Version 2, which limits both.
    Unified,
    /// Version 1, memory.
    Memory,
    /// Version 1, processes.
    Pids,
}

impl Kind {
    /// The files that must be there for the limits to hold.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Unified => &["memory.max", "pids.max", "cgroup.procs"],
            Self::Memory => &["memory.limit_in_bytes", "cgroup.procs"],
            Self::Pids => &["pids.max", "cgroup.procs"],
        }
    }
}

impl Cgroups {
    /// Finds out where groups can be made, by making one.
    pub(super) fn find() -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut parents = Vec::new();
        for line in own.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let path = path.trim_start_matches('/');
            let (kind, mounts) = match controllers {
                "" => (Kind::Unified, ["", "unified"]),
                "memory" => (Kind::Memory, ["memory", "memory"]),
                "pids" => (Kind::Pids, ["pids", "pids"]),
                _ => continue,
            };
            let dirs = mounts.map(|mount| Path::new(ROOT).join(mount).join(path));
            if let Some(dir) = dirs.into_iter().find(|dir| can_make(dir, kind)) {
                sweep(&dir);
                parents.push(Parent { dir, kind });
            }
        }
        Self { parents }
    }

    /// A group with these limits; without any effect where none can be made.
    pub(super) fn make(&self, limits: &RunLimits) -> Group {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = self.parents.iter().filter_map(|parent| {
            let dir = parent.dir.join(&name);
            fs::create_dir(&dir).ok()?;
            limit(&dir, parent.kind, limits);
            Some(Parent { dir, kind: parent.kind })
        });
        Group { parts: made.collect() }
    }
}

/// Whether a group made there has what it needs.
fn can_make(parent: &Path, kind: Kind) -> bool {
    let dir = parent.join(format!("{PREFIX}{}-probe", std::process::id()));
    if fs::create_dir(&dir).is_err() {
        return false;
    }
    let writable = |name: &&str| fs::OpenOptions::new().write(true).open(dir.join(name)).is_ok();
    let works = kind.files().iter().all(writable);
    let _ = fs::remove_dir(&dir);
    works
}

/// Removes what processes left behind that are gone; a group that is in use cannot be removed.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn limit(dir: &Path, kind: Kind, limits: &RunLimits) {
    let write = |name: &str, value: u64| {
        // Optional files (swap accounting) may be missing; the needed ones were probed.
        let _ = fs::write(dir.join(name), value.to_string());
    };
    match kind {
        Kind::Unified => {
            write("memory.max", limits.memory_bytes);
            write("memory.swap.max", 0);
            write("memory.oom.group", 1);
            write("pids.max", limits.processes_max.into());
        }
        Kind::Memory => {
            write("memory.limit_in_bytes", limits.memory_bytes);
            write("memory.memsw.limit_in_bytes", limits.memory_bytes);
        }
        Kind::Pids => write("pids.max", limits.processes_max.into()),
    }
}

/// One command's group; killed and removed with this value.
#[derive(Debug)]
pub(super) struct Group {
    parts: Vec<Parent>,
}

impl Group {
    /// The files into which a process writes its number to enter.
    pub(super) fn doors(&self) -> impl Iterator<Item = PathBuf> {
        self.parts.iter().map(|part| part.dir.join("cgroup.procs"))
    }

    /// Whether memory is limited by it.
    pub(super) fn limits_memory(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.kind, Kind::Unified | Kind::Memory))
    }

    /// Whether processes are limited by it.
    pub(super) fn limits_processes(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.kind, Kind::Unified | Kind::Pids))
    }

    /// Whether a limit was hit.
    pub(super) fn was_hit(&self) -> bool {
        self.parts.iter().any(|part| match part.kind {
            Kind::Unified => {
                counted(&part.dir.join("memory.events"), "oom_kill")
                    || counted(&part.dir.join("pids.events"), "max")
            }
            Kind::Memory => counted(&part.dir.join("memory.oom_control"), "oom_kill"),
            Kind::Pids => counted(&part.dir.join("pids.events"), "max"),
        })
    }

    /// Kills every process in it, also such as left their process group.
    pub(super) fn kill(&self) {
        for part in &self.parts {
            if part.kind == Kind::Unified && fs::write(part.dir.join("cgroup.kill"), "1").is_ok() {
                continue;
            }
            let Ok(members) = fs::read_to_string(part.dir.join("cgroup.procs")) else { continue };
            let members = members.lines().filter_map(|line| line.parse().ok());
            for pid in members.filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Whether a counter of an events file is above zero.
fn counted(file: &Path, name: &str) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    value.is_some_and(|count| count > 0)
}

impl Drop for Group {
    #[expect(
        clippy::disallowed_methods,
        reason = "a drop cannot wait otherwise, and it is a few milliseconds"
    )]
    fn drop(&mut self) {
        for _ in 0..REMOVAL_TRIES {
            self.kill();
            self.parts.retain(|part| fs::remove_dir(&part.dir).is_err());
            if self.parts.is_empty() {
                return;
            }
            // Killed processes take a moment to leave.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
