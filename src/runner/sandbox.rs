//! The sandbox: where repository code and fixers run, and nothing else does.
//!
//! One function, [`Sandbox::run`], runs one command and takes its whole process tree down with it.
//! Inside there is a system that can be read (`/usr`, a made-up `/etc`), the toolchains on the search
//! path, the workspace, a home and a `/tmp` that are new for every command. There is no token, no
//! variable of the outer process, no other home and, unless the policy opens it, no network.
//!
//! How: bubblewrap makes user, mount, PID, network, IPC, UTS and cgroup namespaces, drops every
//! capability and forbids new user namespaces; killing its first process kills the PID namespace, so
//! nothing survives a command, a time-out or the death of the runner itself. Memory and processes
//! are limited by a cgroup of their own where one can be made ([`cgroup`]), else by resource limits
//! (`prlimit`) and by [`watch`]; output by the reader; time from outside.
//!
//! Not used: seccomp and Landlock. The mounts already say what Landlock would say, and more; a system
//! call filter would need a crate and a list to keep, for a kernel surface that no capability and no
//! nested namespace leaves small. Whoever wants a wall beyond the kernel starts runners in virtual
//! machines, as hosted Actions runners are.
//!
//! Where bubblewrap cannot work there is no sandbox, and no attempt, unless the operator chose
//! [`Isolation::None`]: then commands run as the runner's own user in a process group of their own,
//! with a cleared environment and the same limits, and *can* read what that user can read.

mod bubblewrap;
mod cgroup;
mod environment;
mod place;
mod process;
mod talk;
mod toolchain;
mod watch;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::documents;
use crate::domain::brief::{Network, RunLimits};
use crate::domain::outcome::{CommandRun, Ended, OUTPUT_TAIL_BYTES_MAX};
use crate::evidence;

use self::place::Place;

pub use self::talk::{Conversation, LINE_BYTES_MAX};
pub use self::toolchain::find_program;

/// How commands are kept apart from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Isolation {
    /// Linux namespaces, made by bubblewrap.
    Bubblewrap,
    /// Nothing but a process group, limits and a cleared environment.
    None,
}

impl Isolation {
    /// The name in settings and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bubblewrap",
            Self::None => "none",
        }
    }
}

/// Why no sandbox can be made, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no sandbox can be made: {0}")]
pub struct NoSandbox(pub String);

/// Why a command could not be run at all; how it ended is never an error.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// A directory or file for the command could not be made.
    #[error("the place for a command could not be made")]
    Place(#[source] std::io::Error),
    /// The sandbox itself did not start.
    #[error("the sandbox did not start: {0}")]
    NotStarted(String),
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A line for `sh -c`.
    Shell(String),
    /// A program with its arguments.
    Argv(Vec<String>),
}

impl Program {
    /// As a person would type it.
    pub fn shown(&self) -> String {
        match self {
            Self::Shell(line) => line.clone(),
            Self::Argv(words) => words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
        }
    }

    fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
            Self::Argv(words) => words.clone(),
        }
    }
}

/// A word as `sh` reads it back unchanged.
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Something of the machine that a command may read besides the system and the toolchains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnly {
    /// Where it is.
    pub from: PathBuf,
    /// Where the command sees it; relative to the workspace, or absolute.
    pub to: PathBuf,
}

/// One command to run.
#[derive(Debug, Clone)]
pub struct CommandSpec {
    /// What is run.
    pub program: Program,
    /// The directory of the machine that becomes the workspace, writable.
    pub workspace: PathBuf,
    /// Variables besides the sandbox's own.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Limits.
    pub limits: RunLimits,
    /// What it may reach.
    pub network: Network,
    /// What it may read besides.
    pub read_only: Vec<ReadOnly>,
    /// A file that it is given, named by a variable.
    pub given: Option<Given>,
    /// cargo's home on this machine; of it only downloaded crates are seen, and only when the
    /// network is closed (cargo would write there otherwise).
    pub cargo_home: Option<PathBuf>,
    /// A directory of this machine that is its home, for what has to outlive the command.
    pub home: Option<PathBuf>,
    /// The one way out of a closed network, if it has one.
    pub bridge: Option<Bridge>,
}

/// A loopback address inside that leads to a socket outside ([`super::bridge`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// The program of ours that carries the bytes inside.
    pub program: PathBuf,
    /// The socket outside.
    pub socket: PathBuf,
}

/// A file that a command is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The variable that names the file inside.
    pub variable: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}

impl CommandSpec {
    /// A shell line in a workspace, without input and network.
    pub fn shell(line: impl Into<String>, workspace: &Path, limits: RunLimits) -> Self {
        Self {
            program: Program::Shell(line.into()),
            workspace: workspace.to_owned(),
            env: Vec::new(),
            stdin: Vec::new(),
            limits,
            network: Network::Closed,
            read_only: Vec::new(),
            given: None,
            cargo_home: None,
            home: None,
            bridge: None,
        }
    }
}

/// A command that was run, with all of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended, for reports.
    pub run: CommandRun,
    /// What it printed on both streams, in order; at most the limit of its specification.
    pub output: Vec<u8>,
}

/// A place where commands can be run.
#[derive(Debug)]
pub struct Sandbox {
    isolation: Isolation,
    tools: toolchain::Toolchain,
    groups: cgroup::Cgroups,
    wrapper: process::Wrapper,
    scratch: PathBuf,
}

/// Where the workspace is inside: the same for every attempt, so that caches and messages agree.
pub const WORKSPACE: &str = "/workspace";

/// Where our own program is inside, and the socket that it leads to.
const BRIDGE_PROGRAM: &str = "/selfheal/bridge";
const BRIDGE_SOCKET: &str = "/selfheal/socket";

/// Where home is inside.
const HOME: &str = "/home/selfheal";

impl Sandbox {
    /// Makes sure that commands can be run in that isolation; scratch files go below `scratch`.
    ///
    /// # Errors
    /// [`NoSandbox`] with what is missing and how to get it.
    pub async fn probe(isolation: Isolation, scratch: &Path) -> Result<Self, NoSandbox> {
        let tools = toolchain::Toolchain::of_this_process();
        let wrapper = process::Wrapper::find(isolation)?;
        let groups = cgroup::Cgroups::find();
        let sandbox = Self { isolation, tools, groups, wrapper, scratch: scratch.to_owned() };
        let place = tempfile::tempdir_in(scratch)
            .map_err(|error| NoSandbox(format!("{}: {error}", scratch.display())))?;
        let spec = CommandSpec::shell("exit 0", place.path(), RunLimits::default());
        let hint = match isolation {
            Isolation::Bubblewrap => bubblewrap::HINT,
            Isolation::None => "",
        };
        match sandbox.run(&spec).await {
            Ok(finished) if finished.run.ended.is_green() => Ok(sandbox),
            Ok(finished) => {
                let said = String::from_utf8_lossy(&finished.output);
                Err(NoSandbox(format!("{}{hint}", said.trim())))
            }
            Err(error) => Err(NoSandbox(format!("{error}{hint}"))),
        }
    }

    /// How commands are kept apart.
    pub const fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Where the workspace is, as a command sees it.
    pub fn workspace_inside(&self, workspace: &Path) -> PathBuf {
        match self.isolation {
            Isolation::Bubblewrap => PathBuf::from(WORKSPACE),
            Isolation::None => workspace.to_owned(),
        }
    }

    /// Runs one command to its end and takes everything down that it started.
    ///
    /// # Errors
    /// [`SandboxError`] when it could not be started; how it ended is in the answer.
    pub async fn run(&self, spec: &CommandSpec) -> Result<Finished, SandboxError> {
        self.carry_out(spec, None).await
    }

    /// Runs one command, talks with it while it runs, and takes everything down that it started.
    ///
    /// Its standard output goes to the conversation, so that [`Finished::output`] is what it wrote to
    /// standard error. It may go on for as long as it is not silent for longer than a command may
    /// take; who calls bounds the whole by dropping the future.
    ///
    /// # Errors
    /// [`SandboxError`] when it could not be started; how it ended is in the answer.
    pub async fn converse<'c>(
        &self,
        spec: &CommandSpec,
        conversation: &'c mut (dyn Conversation + 'c),
    ) -> Result<Finished, SandboxError> {
        self.carry_out(spec, Some(conversation)).await
    }

    async fn carry_out<'c>(
        &self,
        spec: &CommandSpec,
        conversation: Option<&'c mut (dyn Conversation + 'c)>,
    ) -> Result<Finished, SandboxError> {
        let place = Place::new(&self.scratch, spec).map_err(SandboxError::Place)?;
        if self.isolation == Isolation::None {
            environment::link(spec).map_err(SandboxError::Place)?;
        }
        let group = self.groups.make(&spec.limits);
        let env = environment::inside(self.isolation, &self.tools, &place, spec);
        let program = bridged(self.isolation, spec);
        let inner = self.wrapper.limited(&spec.limits, &group, program);
        let argv = match self.isolation {
            Isolation::Bubblewrap => bubblewrap::argv(self, &place, spec, &env, inner),
            Isolation::None => inner,
        };
        let outer = match self.isolation {
            // What bubblewrap has in its own environment can be read inside, so it has nothing.
            Isolation::Bubblewrap => Vec::new(),
            Isolation::None => env,
        };
        let start = process::Start {
            argv: process::Wrapper::entering(&group, argv),
            env: outer,
            dir: &spec.workspace,
            stdin: place.stdin.as_deref(),
            isolation: self.isolation,
            conversation,
        };
        let ran = process::run(start, &spec.limits, group).await?;
        if self.isolation == Isolation::Bubblewrap
            && ran.ended == Ended::Exit(1)
            && ran.output.starts_with(b"bwrap: ")
        {
            let said = String::from_utf8_lossy(&ran.output);
            return Err(SandboxError::NotStarted(said.chars().take(400).collect()));
        }
        Ok(finished(spec, ran))
    }
}

/// The command, behind our own program where that carries bytes for it.
fn bridged(isolation: Isolation, spec: &CommandSpec) -> Vec<String> {
    let argv = spec.program.argv();
    let Some(bridge) = &spec.bridge else { return argv };
    let (program, socket) = match isolation {
        Isolation::Bubblewrap => (PathBuf::from(BRIDGE_PROGRAM), PathBuf::from(BRIDGE_SOCKET)),
        Isolation::None => (bridge.program.clone(), bridge.socket.clone()),
    };
    let mut bridged = vec![program.display().to_string(), super::bridge::VERB.to_owned()];
    bridged.extend([socket.display().to_string(), "--".to_owned()]);
    bridged.extend(argv);
    bridged
}

fn finished(spec: &CommandSpec, ran: process::Ran) -> Finished {
    let run = CommandRun {
        command: spec.program.shown(),
        ended: ran.ended,
        duration_ms: ran.duration_ms,
        output_tail: tail(&ran.output),
    };
    Finished { run, output: ran.output }
}

/// The end of an output, readable: whole lines, no terminal codes, secrets redacted.
pub fn tail(output: &[u8]) -> String {
    // Terminal codes only shrink, so twice the size is more than enough to cut from.
    let start = output.len().saturating_sub(OUTPUT_TAIL_BYTES_MAX * 2);
    let text = evidence::plain(&String::from_utf8_lossy(&output[start..]));
    let text: String = evidence::redact(&text, &[])
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    let cut = documents::tail(&text, OUTPUT_TAIL_BYTES_MAX);
    let whole = match cut.find('\n').filter(|_| cut.len() < text.len()) {
        None => cut,
        Some(end) => &cut[end + 1..],
    };
    whole.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn quoted(word: &str, expected: &str) {
        assert_eq!(quote(word), expected);
    }

    #[test]
    fn a_quoted_word_is_one_word_for_the_shell() {
        quoted("src/a.rs", "src/a.rs");
        quoted("", "''");
        quoted("a b", "'a b'");
        quoted("a'b", r"'a'\''b'");
        quoted("$(rm -rf .)", "'$(rm -rf .)'");
        quoted("a;b", "'a;b'");
    }

    #[test]
    fn a_tail_is_bounded_and_begins_with_a_whole_line() {
        let long: String = (0..5000)
            .fold(String::new(), |text, n| format!("{text}line {n} \u{1b}[31mred\u{1b}[0m\n"));
        let tail = tail(long.as_bytes());
        assert!(tail.len() <= OUTPUT_TAIL_BYTES_MAX);
        assert!(tail.starts_with("line "), "{}", &tail[..20]);
        assert!(tail.ends_with("line 4999 red\n"));
        assert_eq!(super::tail(b"a\r\nb\x07"), "a\nb");
    }
}
