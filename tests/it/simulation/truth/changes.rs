//! What changes the truth, and tells of it.

use selfheal::domain::ask::AskKind;
use selfheal::domain::event::{CommentPlace, CommentRef, Event, PullChange};
use selfheal::domain::ids::{CommentId, Label, Login, PrNumber, RunId, Sha, Timestamp};
use selfheal::domain::pull::{Head, PullHead, PullState};

use super::{
    Act, By, Comment, Commit, Deed, Nature, Progress, Purpose, Run, SimPull, Truth, actor, branch,
    head_of, repo,
};
use crate::simulation::dice::Dice;

impl Truth {
    /// Tells of something by webhook, as far as the network does.
    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push(event);
        let number = self.events.len() - 1;
        if self.dice.happens(self.rates.hooks_lost) {
            self.logged(number, None);
            return;
        }
        let copies = 1 + usize::from(self.dice.happens(self.rates.hooks_doubled));
        for _ in 0..copies {
            let is_late = self.dice.happens(self.rates.hooks_late);
            let delay = self.dice.within(0, if is_late { 20 * 60_000 } else { 2_000 });
            self.schedule(delay, Act::Deliver(number));
        }
    }

    /// The forge's time has seconds only.
    const fn seconds(&self) -> i64 {
        self.now / 1_000 * 1_000
    }

    fn touch(&mut self, number: PrNumber) {
        let seconds = self.seconds();
        if let Some(pull) = self.pull_mut(number) {
            pull.updated_at = seconds;
        }
    }

    pub(crate) fn facts(&self, number: PrNumber) -> PullHead {
        let pull = self.pull(number).unwrap();
        PullHead {
            repo: repo(),
            number,
            head: head_of(pull, pull.head()),
            base: branch("main"),
            state: pull.state,
            updated_at: Timestamp::from_millis(pull.updated_at),
        }
    }

    /// Tells that a pull request has changed.
    pub(crate) fn changed(&mut self, number: PrNumber, change: PullChange, by: &str) {
        self.touch(number);
        let event = Event::PullChanged { pull: self.facts(number), change, actor: Some(actor(by)) };
        self.tell(event);
    }

    /// A person opens a pull request.
    pub(crate) fn open(&mut self, nature: Nature) -> PrNumber {
        let number = PrNumber::new(u64::try_from(self.pulls.len()).unwrap() + 1);
        self.pulls.push(SimPull {
            number,
            state: PullState::Open,
            commits: Vec::new(),
            labels: Vec::new(),
            auto_merge: None,
            updated_at: 0,
            stale: (0, 0),
        });
        self.add_commit(number, By::Person, nature, "Change it".to_owned());
        self.changed(number, PullChange::Opened, "mona");
        number
    }

    /// Puts a commit on a pull request's branch, whatever is there.
    pub(crate) fn add_commit(
        &mut self,
        number: PrNumber,
        by: By,
        nature: Nature,
        message: String,
    ) -> Sha {
        let counted = self.next();
        let mixed = Dice::of(counted, 1).throw();
        let sha = Sha::parse(&format!("{mixed:016x}{counted:024x}")).unwrap();
        let now = self.now;
        let lag = i64::from(self.rates.reads_lag_ms);
        let stale_until = if lag > 0 { now + self.dice.within(0, lag) } else { 0 };
        let pull = self.pull_mut(number).unwrap();
        let parent = pull.commits.last().map(|commit| commit.sha.clone());
        let blob = sha.clone();
        pull.commits.push(Commit { sha: sha.clone(), by, parent, nature, message, blob });
        pull.stale = (stale_until, pull.updated_at);
        self.did(match by {
            By::Person => Deed::Pushed(number, sha.clone()),
            By::Us(attempt) => Deed::Committed(number, attempt, sha.clone()),
            By::Undo => Deed::Undid(number, sha.clone()),
        });
        if nature != Nature::Silent {
            let delay = self.dice.within(0, 8_000);
            self.schedule(delay, Act::CiStarts(number, sha.as_str().to_owned()));
        }
        sha
    }

    /// A person pushes.
    pub(crate) fn push(&mut self, number: PrNumber, nature: Nature) {
        self.add_commit(number, By::Person, nature, "Change it again".to_owned());
        self.changed(number, PullChange::Synchronized, "mona");
    }

    /// CI shows up on a commit.
    pub(crate) fn start_ci(&mut self, sha: &str) {
        let id = RunId::new(self.next());
        let (sha, progress) = (Sha::parse(sha).unwrap(), Progress::Queued);
        let run = Run { id, sha, attempt: 1, progress, purpose: Purpose::Ci };
        self.runs.push(run);
        self.ci_moved(id);
        let takes = self.ci_takes();
        self.schedule(takes, Act::CiEnds(id, 1));
    }

    /// How long CI takes.
    pub(crate) fn ci_takes(&mut self) -> i64 {
        self.dice.within(1_000, 4 * 60_000)
    }

    /// An attempt of a CI run ends.
    pub(crate) fn end_ci(&mut self, id: RunId, attempt: u32) {
        let Some(run) = self.runs.iter().find(|run| run.id == id) else { return };
        if run.attempt != attempt || run.progress != Progress::Queued {
            return;
        }
        let commits = self.pulls.iter().flat_map(|pull| &pull.commits);
        let nature = commits.into_iter().find(|commit| commit.sha == run.sha).unwrap().nature;
        let progress = match nature {
            Nature::Flaky if attempt > 1 => Progress::Green,
            Nature::Good => Progress::Green,
            Nature::Broken | Nature::Flaky | Nature::Outage | Nature::Silent => Progress::Red,
        };
        self.run_mut(id).unwrap().progress = progress;
        self.ci_moved(id);
    }

    /// Tells that a run has moved.
    pub(crate) fn ci_moved(&mut self, id: RunId) {
        let run = self.runs.iter().find(|run| run.id == id).unwrap();
        let of = self.pulls.iter().find(|pull| pull.head().sha == run.sha);
        let name = of.map_or_else(|| "main".to_owned(), |pull| format!("topic-{}", pull.number));
        let head = Head { sha: run.sha.clone(), branch: branch(&name), repo: Some(repo().id) };
        let event = Event::CiMoved {
            repo: repo(),
            sha: run.sha.clone(),
            head: Some(head),
            head_owner: Some(Login::parse("acme").unwrap()),
            pulls: of.map(|pull| pull.number).into_iter().collect(),
            run: Some(id),
        };
        self.tell(event);
    }

    /// A person writes a comment.
    pub(crate) fn say(&mut self, number: PrNumber, who: &str, command: AskKind) {
        let id = CommentId::new(self.next());
        let answer = if command == AskKind::Answer { " 1: yes" } else { "" };
        let body = format!("/selfheal {}{answer}", command.as_str());
        self.comments.push(Comment { id, number, by: who.to_owned(), body: body.clone() });
        self.did(Deed::Asked(number, command, Some(id)));
        let comment = CommentRef { id, place: CommentPlace::Conversation };
        let (repo, actor) = (repo(), actor(who));
        let at = Some(Timestamp::from_millis(self.seconds()));
        self.tell(Event::Commented { repo, number, comment, body, actor, at });
    }

    /// A person presses a button of our check run, where there is one.
    pub(crate) fn press(&mut self, number: PrNumber, button: AskKind) {
        let sha = self.pull(number).unwrap().head().sha.clone();
        let Some(check) = self.checks.iter().find(|check| check.head == sha) else { return };
        let check = check.id;
        self.did(Deed::Asked(number, button, None));
        let button = button.as_str().to_owned();
        self.tell(Event::Pressed { repo: repo(), check, sha, button, actor: actor("mona") });
    }

    /// A person closes a pull request or opens it again.
    pub(crate) fn set_state(&mut self, number: PrNumber, state: PullState) {
        let pull = self.pull_mut(number).unwrap();
        if pull.state == state {
            return;
        }
        pull.state = state;
        let (deed, change) = match state {
            PullState::Open => (Deed::Reopened(number), PullChange::Reopened),
            PullState::Closed | PullState::Merged => (Deed::Closed(number), PullChange::Closed),
        };
        self.did(deed);
        self.changed(number, change, "mona");
    }

    /// Somebody adds a label; nothing happens when it is there.
    pub(crate) fn add_label(&mut self, number: PrNumber, label: &Label, by: &str) {
        let pull = self.pull_mut(number).unwrap();
        if pull.labels.contains(label) {
            return;
        }
        pull.labels.push(label.clone());
        self.did(Deed::Labelled(number, label.clone()));
        self.changed(number, PullChange::Labeled, by);
    }

    /// Somebody removes a label; nothing happens when it is not there.
    pub(crate) fn remove_label(&mut self, number: PrNumber, label: &Label, by: &str) {
        let pull = self.pull_mut(number).unwrap();
        if !pull.labels.contains(label) {
            return;
        }
        pull.labels.retain(|known| known != label);
        self.did(Deed::Unlabelled(number, label.clone()));
        self.changed(number, PullChange::Unlabeled, by);
    }
}
