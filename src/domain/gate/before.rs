//! The gate before an attempt: whether to spend anything at all.

use super::{Finding, Rule, Verdict, Weight};
use crate::domain::autonomy::{Level, Standing};
use crate::domain::case::Asked;
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::ledger::Scope;
use crate::domain::policy::{Drafts, Forks, Policy};
use crate::domain::pull::{BranchRules, Pull, PullState, Queue, Readiness};

/// What the gate looks at before an attempt.
#[derive(Debug)]
pub struct BeforeAttempt<'a> {
    /// The pull request as it is now.
    pub pull: &'a Pull,
    /// The repository's policy.
    pub policy: &'a Policy,
    /// What was read.
    pub evidence: &'a Evidence,
    /// Rules of the pull request's own branch, where the commit would go.
    pub rules: &'a BranchRules,
    /// Whether it waits in the merge queue.
    pub queue: Queue,
    /// Names of the workflows and checks that failed.
    pub failed: &'a [String],
    /// What was used up so far.
    pub used: Used,
    /// Whether the server itself has room.
    pub room: Room,
    /// Whether a person asked for this very pull request.
    pub asked: Asked,
    /// How much is done without a person, where the record was asked.
    pub autonomy: Option<&'a Standing>,
}

/// What was used up so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Attempts of the case.
    pub attempts: u8,
    /// Attempts in the repository within 24 hours.
    pub attempts_today: u32,
    /// Attempts in the repository at work now.
    pub attempts_running: u32,
    /// The cap for models that is spent, where nobody could work without one.
    pub models: Option<Scope>,
}

/// Whether the server itself has room for one attempt more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It has.
    Free,
    /// The installation has as many at work as it may.
    InstallationFull(u32),
    /// The server has as many at work as it may.
    ServerFull(u32),
}

/// Every rule of this gate.
pub const RULES: &[Rule] = &[
    Rule { id: "attempt-cap", about: "No more attempts than the cap of the case." },
    Rule { id: "budget-day", about: "No more attempts in 24 hours than the repository allows." },
    Rule {
        id: "budget-models",
        about: "No attempt when a cap for models is spent and the policy names coding agents alone.",
    },
    Rule { id: "budget-now", about: "No more attempts at once than the repository allows." },
    Rule {
        id: "room",
        about: "No more attempts at once than the server takes, in all and for one installation.",
    },
    Rule { id: "enabled", about: "The repository's policy switches selfheal on." },
    Rule { id: "open", about: "The pull request is open." },
    Rule { id: "fork", about: "The head is in this repository, where the App can write." },
    Rule {
        id: "draft",
        about: "Drafts wait until they are ready, unless the policy says otherwise.",
    },
    Rule { id: "stop-label", about: "A stop label that a person set means hands off." },
    Rule { id: "required-label", about: "The label that the policy requires is set." },
    Rule { id: "branch", about: "The base branch is one that the policy heals." },
    Rule { id: "workflow", about: "At least one failed workflow is one that the policy heals." },
    Rule { id: "kind", about: "At least one failure is of a kind that is worth an attempt." },
    Rule {
        id: "autonomy",
        about: "A class of failure that is only observed here is attempted when somebody asks.",
    },
    Rule { id: "freshness", about: "The evidence is of the head as it is now." },
    Rule { id: "branch-rules", about: "The head branch accepts a commit of the App." },
    Rule {
        id: "merge-queue",
        about: "The pull request is not in the merge queue: a push would throw it out.",
    },
    Rule { id: "conflict", about: "The pull request merges, so that CI will run on a commit." },
];

/// Judges whether an attempt may begin.
pub fn judge(input: &BeforeAttempt<'_>) -> Verdict {
    let findings = spending(input)
        .chain(about_pull(input))
        .chain(about_labels(input))
        .chain(about_failure(input))
        .chain(about_branch(input))
        .collect();
    Verdict::new(findings)
}

fn refuse(rule: &'static str, message: impl Into<String>) -> Finding {
    Finding::new(rule, Weight::Refuse, message)
}

fn spending(input: &BeforeAttempt<'_>) -> impl Iterator<Item = Finding> {
    let BeforeAttempt { policy, used, room, .. } = input;
    let cap = (used.attempts >= policy.attempts_max).then(|| {
        let message =
            format!("{} attempts on this case, the cap is {}", used.attempts, policy.attempts_max);
        Finding::new("attempt-cap", Weight::Refuse, message)
    });
    let day = (used.attempts_today >= policy.budget.attempts_per_day).then(|| {
        let message = format!(
            "{} attempts in this repository within 24 hours, the budget is {}",
            used.attempts_today, policy.budget.attempts_per_day
        );
        Finding::new("budget-day", Weight::Refuse, message)
    });
    let now = (used.attempts_running >= policy.budget.attempts_at_once).then(|| {
        let message = format!(
            "{} attempts at work in this repository, the limit is {}",
            used.attempts_running, policy.budget.attempts_at_once
        );
        Finding::new("budget-now", Weight::Refuse, message)
    });
    let models = used.models.map(|scope| {
        let message = format!(
            "the budget for models of {} is spent, and the policy names nobody who works without one",
            scope.words()
        );
        Finding::new("budget-models", Weight::Refuse, message)
    });
    let room = match room {
        Room::Free => None,
        Room::InstallationFull(limit) => Some(refuse(
            "room",
            format!("{limit} attempts are at work for this installation, as many as it may have"),
        )),
        Room::ServerFull(limit) => Some(refuse(
            "room",
            format!("{limit} attempts are at work on this server, as many as it takes"),
        )),
    };
    [cap, day, models, now, room].into_iter().flatten()
}

fn about_pull(input: &BeforeAttempt<'_>) -> impl Iterator<Item = Finding> {
    let BeforeAttempt { pull, policy, asked, .. } = input;
    let off = "the repository's policy switches selfheal off";
    let enabled = (!policy.enabled).then(|| refuse("enabled", off));
    let open = match pull.state {
        PullState::Open => None,
        PullState::Closed | PullState::Merged => {
            Some(refuse("open", "the pull request is not open"))
        }
    };
    let fork = pull.is_from_fork().then(|| {
        let what = match policy.forks {
            Forks::Ignore => "pull requests from forks are left alone here",
            Forks::Explain => {
                "the head is in a fork, where the App cannot write; the failure is explained only"
            }
        };
        Finding::new("fork", Weight::Refuse, what)
    });
    let draft = match (pull.readiness, policy.drafts, asked) {
        (Readiness::Draft, Drafts::Wait, Asked::No) => {
            Some(refuse("draft", "it is a draft; `/selfheal fix` heals it all the same"))
        }
        (Readiness::Draft | Readiness::Ready, Drafts::Wait | Drafts::Heal, _) => None,
    };
    [enabled, open, fork, draft].into_iter().flatten()
}

fn about_labels(input: &BeforeAttempt<'_>) -> impl Iterator<Item = Finding> {
    let BeforeAttempt { pull, policy, asked, .. } = input;
    let stop = policy.labels.stop.iter().find(|label| pull.has_label(label)).map(|label| {
        Finding::new("stop-label", Weight::Refuse, format!("the label `{label}` says hands off"))
    });
    let require = match (&policy.labels.require, asked) {
        (Some(label), Asked::No) if !pull.has_label(label) => {
            let message = format!("the label `{label}` is required and not set");
            Some(refuse("required-label", message))
        }
        (Some(_) | None, Asked::No | Asked::ByPerson) => None,
    };
    let branch = (!policy.branches.admits(pull.base.as_str())).then(|| {
        let message = format!("the policy does not heal pull requests into `{}`", pull.base);
        Finding::new("branch", Weight::Refuse, message)
    });
    [stop, require, branch].into_iter().flatten()
}

fn about_failure(input: &BeforeAttempt<'_>) -> impl Iterator<Item = Finding> {
    let BeforeAttempt { policy, evidence, failed, pull, autonomy, .. } = input;
    let any_workflow = failed.iter().any(|name| policy.workflows.admits(name));
    let workflow = (!failed.is_empty() && !any_workflow).then(|| {
        let message = format!("the policy heals none of: {}", failed.join(", "));
        Finding::new("workflow", Weight::Refuse, message)
    });
    let kinds: Vec<_> = evidence.failures.iter().map(Failure::counts_as).collect();
    let any_kind = kinds.iter().any(|kind| policy.kinds.contains(kind));
    let kind = (!kinds.is_empty() && !any_kind).then(|| {
        let mut names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let message = format!("no attempt is worth it for: {}", names.join(", "));
        Finding::new("kind", Weight::Refuse, message)
    });
    let freshness = (evidence.head != pull.head.sha).then(|| {
        Finding::new("freshness", Weight::Refuse, "the head moved since the failure was read")
    });
    let observes = autonomy.filter(|it| it.level == Level::Observe && input.asked == Asked::No);
    let observed = observes.map(|standing| {
        let message =
            format!("{}; `/selfheal fix` makes an attempt all the same", standing.words());
        refuse("autonomy", message)
    });
    [workflow, kind, freshness, observed].into_iter().flatten()
}

fn about_branch(input: &BeforeAttempt<'_>) -> impl Iterator<Item = Finding> {
    let BeforeAttempt { pull, rules, queue, .. } = input;
    let blocked = (!rules.blocks_pushes.is_empty()).then(|| {
        let message = format!(
            "rules of the branch `{}` would refuse a commit of the App: {}",
            pull.head.branch,
            rules.blocks_pushes.join(", ")
        );
        Finding::new("branch-rules", Weight::Refuse, message)
    });
    let conflict = (pull.conflicts == Some(true)).then(|| {
        let message =
            "the pull request conflicts with its base, so CI would not run on a commit of ours";
        Finding::new("conflict", Weight::Refuse, message)
    });
    let queued = match queue {
        Queue::Waiting => Some(refuse(
            "merge-queue",
            "it is in the merge queue, and a push would throw it out; healing goes on when it leaves",
        )),
        Queue::Outside => None,
    };
    [blocked, queued, conflict].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cause::Judgement;
    use crate::domain::failure::FailureKind;
    use crate::domain::gate::Answer;
    use crate::domain::ids::{
        Branch, InstallationId, Label, Login, PrNumber, RepoId, RepoSlug, Sha, Timestamp, UserId,
    };
    use crate::domain::pull::{Actor, Head, Repo};

    struct Case {
        pull: Pull,
        policy: Policy,
        evidence: Evidence,
        rules: BranchRules,
        queue: Queue,
        used: Used,
        room: Room,
        asked: Asked,
        autonomy: Option<Standing>,
    }

    fn sha(digit: &str) -> Sha {
        Sha::parse(&digit.repeat(40)).unwrap()
    }

    fn ordinary() -> Case {
        let repo = Repo {
            id: RepoId::new(1),
            slug: RepoSlug::parse("acme/widget").unwrap(),
            installation: InstallationId::new(2),
        };
        let author =
            Actor { id: UserId::new(5), login: Login::parse("mona").unwrap(), is_bot: false };
        let branch = |name| Branch::parse(name).unwrap();
        Case {
            pull: Pull {
                head: Head { sha: sha("a"), branch: branch("fix"), repo: Some(repo.id) },
                repo,
                number: PrNumber::new(7),
                node_id: String::new(),
                author,
                state: PullState::Open,
                readiness: Readiness::Ready,
                base: branch("main"),
                base_sha: sha("0"),
                labels: Vec::new(),
                auto_merge: None,
                conflicts: None,
                updated_at: Timestamp::from_millis(0),
            },
            policy: Policy::default(),
            evidence: Evidence {
                head: sha("a"),
                runs: Vec::new(),
                failures: vec![Failure::new(FailureKind::Lint, "x")],
                excerpt: String::new(),
                commands: Vec::new(),
                green_commands: Vec::new(),
                sources: Vec::new(),
                notes: Vec::new(),
                changed_files: Vec::new(),
                judgement: Judgement::default(),
            },
            rules: BranchRules::default(),
            queue: Queue::Outside,
            used: Used::default(),
            room: Room::Free,
            asked: Asked::No,
            autonomy: None,
        }
    }

    /// Changes one thing of an ordinary case; exactly that rule refuses, or none.
    #[track_caller]
    fn check(rule: Option<&str>, change: fn(&mut Case)) {
        let mut case = ordinary();
        change(&mut case);
        let verdict = judge(&BeforeAttempt {
            pull: &case.pull,
            policy: &case.policy,
            evidence: &case.evidence,
            rules: &case.rules,
            queue: case.queue,
            failed: &["ci".to_owned()],
            used: case.used,
            room: case.room,
            asked: case.asked,
            autonomy: case.autonomy.as_ref(),
        });
        let refused: Vec<&str> = verdict.findings().iter().map(|found| found.rule).collect();
        assert_eq!(refused, rule.into_iter().collect::<Vec<_>>());
        let answer = if rule.is_some() { Answer::Refuse } else { Answer::Allow };
        assert_eq!(verdict.answer(), answer);
    }

    fn label(text: &str) -> Label {
        Label::parse(text).unwrap()
    }

    fn stands(level: Level) -> Standing {
        let (because, changes) = ("it says so".to_owned(), Vec::new());
        Standing { class: "lint", level, most: Level::Commit, because, changes }
    }

    #[test]
    fn what_is_only_observed_is_attempted_when_somebody_asks() {
        check(None, |c| c.autonomy = Some(stands(Level::Suggest)));
        check(None, |c| c.autonomy = Some(stands(Level::Commit)));
        check(None, |c| {
            c.autonomy = Some(stands(Level::Observe));
            c.asked = Asked::ByPerson;
        });
    }

    #[test]
    fn each_rule_refuses_what_it_is_about_and_nothing_else() {
        check(None, |_| {});
        check(Some("attempt-cap"), |c| c.used.attempts = 3);
        check(Some("budget-day"), |c| c.used.attempts_today = 40);
        check(Some("budget-models"), |c| c.used.models = Some(Scope::Pull));
        check(Some("budget-now"), |c| c.used.attempts_running = 4);
        check(Some("room"), |c| c.room = Room::ServerFull(3));
        check(Some("room"), |c| c.room = Room::InstallationFull(3));
        check(Some("enabled"), |c| c.policy.enabled = false);
        check(Some("open"), |c| c.pull.state = PullState::Closed);
        check(Some("fork"), |c| c.pull.head.repo = Some(RepoId::new(9)));
        check(Some("fork"), |c| c.pull.head.repo = None);
        check(Some("draft"), |c| c.pull.readiness = Readiness::Draft);
        check(Some("stop-label"), |c| c.pull.labels = vec![label("Stop-Updating")]);
        check(Some("required-label"), |c| c.policy.labels.require = Some(label("heal me")));
        check(Some("branch"), |c| c.policy.branches.include = vec!["release/*".into()]);
        check(Some("workflow"), |c| c.policy.workflows.exclude = vec!["c*".into()]);
        check(Some("kind"), |c| c.evidence.failures[0].kind = FailureKind::Infrastructure);
        check(Some("autonomy"), |c| c.autonomy = Some(stands(Level::Observe)));
        check(Some("freshness"), |c| c.evidence.head = sha("b"));
        check(Some("branch-rules"), |c| c.rules.blocks_pushes = vec!["update".into()]);
        check(Some("merge-queue"), |c| c.queue = Queue::Waiting);
        check(Some("conflict"), |c| c.pull.conflicts = Some(true));
    }

    #[test]
    fn a_persons_word_overrules_drafts_and_required_labels_only() {
        check(None, |c| {
            c.asked = Asked::ByPerson;
            c.pull.readiness = Readiness::Draft;
            c.policy.labels.require = Some(label("heal me"));
        });
        check(Some("stop-label"), |c| {
            c.asked = Asked::ByPerson;
            c.pull.labels = vec![label("selfheal:stop")];
        });
    }

    #[test]
    fn every_finding_names_a_documented_rule() {
        let mut case = ordinary();
        let models = Some(Scope::Day);
        case.used = Used { attempts: 9, attempts_today: 999, attempts_running: 999, models };
        case.pull.state = PullState::Closed;
        let verdict = judge(&BeforeAttempt {
            pull: &case.pull,
            policy: &case.policy,
            evidence: &case.evidence,
            rules: &case.rules,
            queue: case.queue,
            failed: &[],
            used: case.used,
            room: case.room,
            asked: case.asked,
            autonomy: case.autonomy.as_ref(),
        });
        assert_eq!(verdict.findings().len(), 5, "all rules run");
        assert!(verdict.findings().iter().all(|f| RULES.iter().any(|rule| rule.id == f.rule)));
    }
}
