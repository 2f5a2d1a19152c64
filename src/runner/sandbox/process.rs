//! One process: started, read, limited, and gone at the end with everything that it started.
//!
//! A command that is only run has one time limit. One that is talked with may go on for as long as it
//! says something: its limit is silence, and whoever waits for it bounds the whole.
//!
//! Races and their endings: the command ends while its output is still coming: reading goes on for a
//! moment, then stops. Output overflows, time runs out or a limit is hit: the tree is killed. This
//! future is dropped (the attempt is stopped): the guard kills the tree. The runner itself is
//! killed: bubblewrap's death signal takes the namespace with it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::cgroup::Group;
use super::talk::{self, Conversation, Ears, Mouth, Talk};
use super::watch::usage_of;
use super::{Isolation, NoSandbox, SandboxError, find_program};
use crate::domain::agent::Answer;
use crate::domain::brief::RunLimits;
use crate::domain::outcome::Ended;

/// How long output may still come after the command has ended: what was in the pipe comes at once.
const DRAIN_MS: u64 = 500;

/// How often a tree without a control group is looked at.
const WATCH_MS: u64 = 200;

/// The largest file that a command may write; more than any build product we know of.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// The programs that wrap every command.
#[derive(Debug, Clone)]
pub(super) struct Wrapper {
    bwrap: Option<PathBuf>,
    prlimit: Option<PathBuf>,
}

impl Wrapper {
    pub(super) fn find(isolation: Isolation) -> Result<Self, NoSandbox> {
        let bwrap = match isolation {
            Isolation::None => None,
            Isolation::Bubblewrap if !cfg!(target_os = "linux") => {
                let why = "bubblewrap works on Linux only; here there is only `--sandbox none`";
                return Err(NoSandbox(why.to_owned()));
            }
            Isolation::Bubblewrap => Some(find_program("bwrap").ok_or_else(|| {
                NoSandbox(format!("bwrap is not installed{}", super::bubblewrap::HINT))
            })?),
        };
        let prlimit = find_program("prlimit");
        if prlimit.is_none() && cfg!(target_os = "linux") {
            return Err(NoSandbox("prlimit is not installed (package util-linux)".to_owned()));
        }
        Ok(Self { bwrap, prlimit })
    }

    pub(super) fn bwrap(&self) -> &Path {
        self.bwrap.as_deref().unwrap_or(Path::new("bwrap"))
    }

    /// The command under resource limits, which hold per process; `prlimit` answers 127 for a
    /// program that is not there.
    pub(super) fn limited(
        &self,
        limits: &RunLimits,
        group: &Group,
        argv: Vec<String>,
    ) -> Vec<String> {
        let Some(prlimit) = &self.prlimit else { return argv };
        let mut limited = vec![prlimit.display().to_string(), "--core=0".to_owned()];
        let mut limit = |name: &str, resource: Resource, wanted: u64| {
            // Raising a hard limit is for the privileged; lowering is what is wanted.
            let possible = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            limited.push(format!("--{name}={}", wanted.min(possible)));
        };
        limit("fsize", Resource::Fsize, FILE_BYTES_MAX);
        limit("nproc", Resource::Nproc, limits.processes_max.into());
        // Address space is what runtimes reserve, not what they use: only writable data counts.
        if !group.limits_memory() {
            limit("data", Resource::Data, limits.memory_bytes);
        }
        limited.extend(argv);
        limited
    }

    /// The command that enters its control group before it becomes the other one.
    pub(super) fn entering(group: &Group, argv: Vec<String>) -> Vec<String> {
        let doors: Vec<String> = group.doors().map(|door| door.display().to_string()).collect();
        if doors.is_empty() {
            return argv;
        }
        let script = "n=$1; shift; while [ $n -gt 0 ]; do echo $$ > \"$1\" || exit 125; shift; \
                      n=$((n-1)); done; exec \"$@\"";
        let mut entering: Vec<String> =
            ["/bin/sh", "-c", script, "enter"].map(str::to_owned).to_vec();
        entering.push(doors.len().to_string());
        entering.extend(doors);
        entering.extend(argv);
        entering
    }
}

/// What is started.
pub(super) struct Start<'a, 'c> {
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) dir: &'a Path,
    pub(super) stdin: Option<&'a Path>,
    pub(super) isolation: Isolation,
    /// Who talks with it, if anybody does.
    pub(super) conversation: Option<&'c mut (dyn Conversation + 'c)>,
}

/// How it went.
pub(super) struct Ran {
    pub(super) ended: Ended,
    pub(super) duration_ms: u64,
    pub(super) output: Vec<u8>,
}

/// Runs a command to its end within its limits.
pub(super) async fn run(
    mut start: Start<'_, '_>,
    limits: &RunLimits,
    group: Group,
) -> Result<Ran, SandboxError> {
    let began = Instant::now();
    let (mut child, pipe) = match spawn(&start) {
        Ok(spawned) => spawned,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let output = format!("{}: not found\n", start.argv.first().map_or("", |word| word));
            return Ok(Ran { ended: Ended::NotFound, duration_ms: 0, output: output.into() });
        }
        Err(error) => return Err(SandboxError::Place(error)),
    };
    let output_max = usize::try_from(limits.output_bytes).unwrap_or(usize::MAX);
    let talk = start.conversation.take().map(|conversation| Talk::with(&mut child, conversation));
    let leader = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let mut tree = Tree { child, leader, group, isolation: start.isolation, is_reaped: false };
    let mut reader = Reader { pipe, output: Vec::new(), output_max };
    let ended = follow(&mut tree, &mut reader, talk, limits).await;
    let was_hit = tree.group.was_hit();
    drop(tree);
    let ended = if was_hit && !ended.is_green() { Ended::OverLimit } else { ended };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Ran { ended, duration_ms, output: reader.output })
}

fn spawn(start: &Start<'_, '_>) -> std::io::Result<(Child, pipe::Receiver)> {
    let (receiver, sender) = std::io::pipe()?;
    let (stdin, stdout) = match (&start.conversation, start.stdin) {
        (Some(_), _) => (Stdio::piped(), Stdio::piped()),
        // One pipe for both streams, so that lines keep their order.
        (None, Some(path)) => (std::fs::File::open(path)?.into(), sender.try_clone()?.into()),
        (None, None) => (Stdio::null(), sender.try_clone()?.into()),
    };
    let (program, args) = start.argv.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .envs(start.env.iter().map(|(name, value)| (name, value)))
        .current_dir(start.dir)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(sender)
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn()?;
    // The command holds the pipe's writing end; without it the end of output would never come.
    drop(command);
    Ok((child, pipe::Receiver::from_owned_fd(receiver.into())?))
}

/// A process with everything below it; killed with this value.
struct Tree {
    child: Child,
    leader: Option<Pid>,
    group: Group,
    isolation: Isolation,
    is_reaped: bool,
}

impl Tree {
    fn kill(&self) {
        // Once bubblewrap is reaped its namespace is gone, and its number may be someone else's.
        let is_gone = self.is_reaped && self.isolation == Isolation::Bubblewrap;
        if let Some(leader) = self.leader.filter(|_| !is_gone) {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        self.group.kill();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Reader {
    pipe: pipe::Receiver,
    output: Vec<u8>,
    output_max: usize,
}

enum Read {
    More,
    End,
    Overflow,
}

impl Reader {
    /// Reads on; nothing is lost when the future is dropped.
    async fn more(&mut self) -> Read {
        match self.pipe.read_buf(&mut self.output).await {
            Ok(0) | Err(_) => Read::End,
            Ok(_) if self.output.len() > self.output_max => {
                self.output.truncate(self.output_max);
                Read::Overflow
            }
            Ok(_) => Read::More,
        }
    }
}

async fn follow(
    tree: &mut Tree,
    reader: &mut Reader,
    talk: Option<Talk<'_>>,
    limits: &RunLimits,
) -> Ended {
    let patience = Duration::from_secs(limits.command_secs);
    let (mut ears, mut mouth): (Option<Ears<'_>>, Option<Mouth>) =
        talk.map(|talk| (talk.ears, talk.mouth)).unzip();
    let mut deadline = tokio::time::Instant::now() + patience;
    let mut is_left = false;
    let mut watch = tokio::time::interval(Duration::from_millis(WATCH_MS));
    watch.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut ended, mut is_open) = (None, true);
    loop {
        tokio::select! {
            read = reader.more(), if is_open => match read {
                Read::More => {}
                Read::End => is_open = false,
                Read::Overflow => return Ended::OverLimit,
            },
            answers = talk::hear(ears.as_mut()) => {
                if ears.as_ref().is_some_and(|ears| ears.bytes > limits.output_bytes) {
                    return Ended::OverLimit;
                }
                if ended.is_none() && !is_left {
                    deadline = tokio::time::Instant::now() + patience;
                }
                for answer in answers {
                    if let Some(leave) = mouth.as_mut().and_then(|mouth| mouth.takes(answer)) {
                        (deadline, is_left) = (leave, true);
                    }
                }
            }
            () = talk::speak(mouth.as_mut()) => {}
            status = tree.child.wait(), if ended.is_none() => {
                ended = Some(status.map_or(Ended::NotFound, how));
                tree.kill();
                tree.is_reaped = true;
                let drained = tokio::time::Instant::now() + Duration::from_millis(DRAIN_MS);
                deadline = deadline.min(drained);
            }
            () = tokio::time::sleep_until(deadline) => {
                // Who has been told goodbye and stays is sent away; that is no fault of the work.
                let late = if is_left { Ended::Exit(0) } else { Ended::TimedOut };
                return ended.unwrap_or(late);
            }
            _ = watch.tick(), if ended.is_none() => {
                if is_beyond(tree, limits) {
                    return Ended::OverLimit;
                }
                if !is_left && ears.as_ref().is_some_and(Ears::have_enough) {
                    let leave = mouth.as_mut().and_then(|mouth| mouth.takes(Answer::Leave));
                    (deadline, is_left) = (leave.unwrap_or(deadline), true);
                }
            }
        }
        let is_silent = !is_open && ears.as_ref().is_none_or(Ears::is_over);
        if let (Some(ended), true) = (ended, is_silent) {
            return ended;
        }
    }
}

/// Whether a tree without a control group uses more than it may.
fn is_beyond(tree: &Tree, limits: &RunLimits) -> bool {
    if tree.group.limits_memory() && tree.group.limits_processes() {
        return false;
    }
    let usage = tree.child.id().map(usage_of).unwrap_or_default();
    usage.memory_bytes > limits.memory_bytes || usage.threads > limits.processes_max.into()
}

fn how(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::NotFound,
    }
}
