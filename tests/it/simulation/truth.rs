//! The world of a history: what is so on the forge, whatever anybody knows of it.
//!
//! Everything that changes it goes through here, leaves a [`Deed`] for the oracle, tells of itself
//! by webhook, and puts what follows by itself (CI, runners) on the agenda.

mod changes;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;
use selfheal::domain::ask::AskKind;
use selfheal::domain::event::Event;
use selfheal::domain::ids::{
    AttemptId, Branch, CheckRunId, CommentId, DeliveryId, InstallationId, Label, Login, PrNumber,
    RepoId, RepoSlug, RunId, Sha, UserId,
};
use selfheal::domain::pull::{Actor, AutoMerge, Head, PullState, Repo};
use selfheal::domain::view::{CheckStatus, Reaction};

use super::dice::Dice;
use super::plan::Rates;

/// What CI makes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Green.
    Good,
    /// Red, because of the code.
    Broken,
    /// Red the first time, because of the machine.
    Flaky,
    /// Red whenever it runs, because of the machine.
    Outage,
    /// CI never runs.
    Silent,
}

/// Who made a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Person,
    Us(AttemptId),
    /// Us, who took what came before back because somebody asked.
    Undo,
}

#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) sha: Sha,
    pub(crate) by: By,
    pub(crate) parent: Option<Sha>,
    pub(crate) nature: Nature,
    pub(crate) message: String,
    /// The content of the one file that every commit changes: whose commit it is from.
    pub(crate) blob: Sha,
}

#[derive(Debug, Clone)]
pub(crate) struct SimPull {
    pub(crate) number: PrNumber,
    pub(crate) state: PullState,
    pub(crate) commits: Vec<Commit>,
    pub(crate) labels: Vec<Label>,
    pub(crate) auto_merge: Option<AutoMerge>,
    pub(crate) updated_at: i64,
    /// Until when readers are shown the head before the last push, and since when that was so.
    pub(crate) stale: (i64, i64),
}

impl SimPull {
    pub(crate) fn head(&self) -> &Commit {
        self.commits.last().unwrap()
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Queued,
    Green,
    Red,
}

/// What a run is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The repository's own CI.
    Ci,
    /// A runner of ours, for that attempt.
    Attempt(AttemptId),
}

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) sha: Sha,
    pub(crate) attempt: u32,
    pub(crate) progress: Progress,
    pub(crate) purpose: Purpose,
}

#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) id: CheckRunId,
    pub(crate) head: Sha,
    pub(crate) external_id: String,
    pub(crate) status: CheckStatus,
    pub(crate) title: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: CommentId,
    pub(crate) number: PrNumber,
    pub(crate) by: String,
    pub(crate) body: String,
}

impl Comment {
    pub(crate) fn is_ours(&self) -> bool {
        self.by == BOT
    }
}

/// A try to tell of something by webhook, as the forge remembers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logged {
    /// The number of the event.
    pub(crate) event: usize,
    pub(crate) at: i64,
    /// The HTTP status of the answer; `None` when none came.
    pub(crate) answer: Option<u16>,
}

/// What happens by itself, in its time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// A webhook arrives.
    Deliver(usize),
    /// CI shows up on a commit.
    CiStarts(PrNumber, String),
    /// An attempt of a run ends.
    CiEnds(RunId, u32),
    /// A runner takes its next step.
    RunnerActs(RunId, u8),
    /// What the plan has at that place.
    Planned(usize),
    /// From now on nothing fails any more.
    FaultsEnd,
    /// One period of reconciling has passed since.
    PeriodEnds,
}

/// Something that was done and cannot be undone; the oracle's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A person's commit.
    Pushed(PrNumber, Sha),
    /// A commit of ours.
    Committed(PrNumber, AttemptId, Sha),
    /// A commit that takes ours back.
    Undid(PrNumber, Sha),
    /// A commit of ours took that one off the branch.
    Overwrote(PrNumber, Sha),
    Dispatched(PrNumber, AttemptId, RunId),
    Reran(RunId, u32),
    /// A person gave a command.
    Asked(PrNumber, AskKind, Option<CommentId>),
    Reacted(CommentId, Reaction),
    Closed(PrNumber),
    Reopened(PrNumber),
    Labelled(PrNumber, Label),
    Unlabelled(PrNumber, Label),
}

/// The forge as it is.
pub(crate) struct Truth {
    pub(crate) now: i64,
    pub(crate) rates: Rates,
    /// Until then the forge answers nothing.
    pub(crate) down_until: i64,
    /// Until then the store answers nothing.
    pub(crate) store_down_until: i64,
    pub(crate) dice: Dice,
    pub(crate) pulls: Vec<SimPull>,
    pub(crate) runs: Vec<Run>,
    pub(crate) checks: Vec<Check>,
    pub(crate) comments: Vec<Comment>,
    /// Everything that was told of by webhook, by number of delivery.
    pub(crate) events: Vec<Event>,
    /// What became of each try to tell, oldest first.
    pub(crate) log: Vec<Logged>,
    pub(crate) deeds: Vec<(i64, Deed)>,
    pub(crate) agenda: BinaryHeap<Reverse<(i64, u64, Act)>>,
    counted: u64,
}

/// The repository that histories are about.
pub(crate) fn repo() -> Repo {
    Repo {
        id: RepoId::new(7),
        slug: RepoSlug::parse("acme/widget").unwrap(),
        installation: InstallationId::new(1),
    }
}

/// The id of the delivery that tells of an event, however often it is sent.
pub(crate) fn delivery_id(event: usize) -> DeliveryId {
    DeliveryId::parse(&format!("hook-{event}")).unwrap()
}

/// The body of that delivery: the event's number.
pub(crate) fn delivery_body(event: usize) -> Bytes {
    event.to_string().into_bytes().into()
}

/// The name that all simulated events have in a webhook's header.
pub(crate) const EVENT_NAME: &str = "simulated";

/// The commit that pull requests begin from; its branch never moves.
pub(crate) fn base_sha() -> Sha {
    Sha::parse(&"0".repeat(40)).unwrap()
}

pub(crate) fn label(name: &str) -> Label {
    Label::parse(name).unwrap()
}

pub(crate) fn branch(name: &str) -> Branch {
    Branch::parse(name).unwrap()
}

/// Somebody: our bot has the number 1000.
pub(crate) fn actor(name: &str) -> Actor {
    let is_bot = name == BOT;
    let id = UserId::new(if is_bot { 1_000 } else { 1 });
    Actor { id, login: Login::parse(name).unwrap(), is_bot }
}

/// Our bot's login.
pub(crate) const BOT: &str = "selfheal[bot]";

/// Who may write in the repository.
pub(crate) const WRITER: &str = "mona";

/// The label that says hands off.
pub(crate) const STOP_LABEL: &str = "selfheal:stop";

impl Truth {
    pub(crate) fn new(now: i64, rates: Rates, dice: Dice) -> Self {
        Self {
            now,
            rates,
            down_until: 0,
            store_down_until: 0,
            dice,
            pulls: Vec::new(),
            runs: Vec::new(),
            checks: Vec::new(),
            comments: Vec::new(),
            events: Vec::new(),
            log: Vec::new(),
            deeds: Vec::new(),
            agenda: BinaryHeap::new(),
            counted: 0,
        }
    }

    /// A number that was not handed out before.
    pub(crate) fn next(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    pub(crate) fn schedule(&mut self, in_ms: i64, act: Act) {
        let counted = self.next();
        self.agenda.push(Reverse((self.now + in_ms, counted, act)));
    }

    pub(crate) fn did(&mut self, deed: Deed) {
        self.deeds.push((self.now, deed));
    }

    /// Remembers what became of a try to tell.
    pub(crate) fn logged(&mut self, event: usize, answer: Option<u16>) {
        self.log.push(Logged { event, at: self.now, answer });
    }

    pub(crate) fn pull(&self, number: PrNumber) -> Option<&SimPull> {
        self.pulls.iter().find(|pull| pull.number == number)
    }

    pub(crate) fn pull_mut(&mut self, number: PrNumber) -> Option<&mut SimPull> {
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }

    pub(crate) fn run_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// The newest CI run of a commit.
    pub(crate) fn ci_run(&self, sha: &Sha) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.purpose == Purpose::Ci && run.sha == *sha)
    }
}

/// A commit as the head of a pull request.
pub(crate) fn head_of(pull: &SimPull, commit: &Commit) -> Head {
    Head {
        sha: commit.sha.clone(),
        branch: branch(&format!("topic-{}", pull.number)),
        repo: Some(repo().id),
    }
}
