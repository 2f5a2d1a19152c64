//! What is said first: one line, what happened and why, and what comes next.
//!
//! Every state that a case can be in has its words here, for the check run and the comment alike.

use super::Story;
use super::markdown::{code, words};
use super::sections;
use crate::domain::case::{CaseState, Escalation, Excuse, Healed, StoppedBy, UndoStage, Undoing};
use crate::domain::cause::{BaseBreak, Cause, Standing};
use crate::domain::gate::Weight;
use crate::domain::policy::WhenMended;
use crate::domain::pull::{Ci, CiRun};

/// What a report says first.
pub(super) struct Saying {
    /// One line.
    pub title: String,
    /// What happened and why.
    pub happened: String,
    /// What comes next, or what to do.
    pub next: String,
}

fn says(title: impl Into<String>, happened: impl Into<String>, next: impl Into<String>) -> Saying {
    Saying { title: title.into(), happened: happened.into(), next: next.into() }
}

/// What is said about a case, first.
pub(super) fn saying(story: &Story<'_>) -> Saying {
    let case = story.case;
    let cap = story.policy.attempts_max;
    match &case.state {
        CaseState::Watching => says(
            "Waiting for CI to settle",
            "Something failed, and something still runs. Only when all of CI has ended is it clear \
             what there is to heal.",
            "nothing to do; this goes on by itself.",
        ),
        CaseState::Diagnosing if case.reruns > 0 && is_transient(story) => says(
            "Waiting before the failed jobs run again",
            "Only machines, networks or services failed here, again. What is down for a moment is \
             mostly back within the hour, so the failed jobs run once more after a pause.",
            "nothing to do; this goes on by itself.",
        ),
        CaseState::Diagnosing => says(
            "Reading what failed",
            "CI is red on this commit. The logs are being read.",
            "nothing to do; this goes on by itself.",
        ),
        CaseState::Rerunning => says(
            "Running the failed jobs again",
            "This does not look like a fault of the code. The failed jobs run once more.",
            "nothing to do; this goes on by itself.",
        ),
        CaseState::Excused(why) => excused(*why, story),
        CaseState::Healing(_) => says(
            format!("Attempt {} of {cap} is at work", case.attempts),
            "A fixer works on it in a sealed place. Only a fix that is proven red before and green \
             after comes back.",
            "nothing to do; `/selfheal stop` ends it.",
        ),
        CaseState::AwaitingApproval(_) => awaiting(story),
        CaseState::AwaitingAnswer(_) => says(
            "Questions wait for your answer",
            "A fixer cannot go on without knowing what only a person can tell. Nothing is spent \
             meanwhile; the attempt goes on where it was when every question has an answer.",
            format!(
                "answer with `/selfheal answer 1: …` (or `2: …`, or several in one comment) within \
                 {} hours of the question; `/selfheal stop` ends it.",
                story.policy.questions.hours
            ),
        ),
        CaseState::Proving(_) => proving(story),
        CaseState::Healed(how) => healed(story, *how),
        CaseState::Escalated(why) => escalated(*why, story),
        CaseState::Stopped(by) => stopped(by),
        CaseState::Superseded(by) => says(
            "A newer push took over",
            format!("The head moved to {by}; nothing more happens on this commit."),
            "",
        ),
        CaseState::Closed => {
            says("The pull request is closed", "There is nothing left to heal here.", "")
        }
    }
}

fn is_transient(story: &Story<'_>) -> bool {
    story.evidence.is_some_and(|evidence| {
        let standing = evidence.judgement.standing(&evidence.failures, &story.policy.kinds);
        standing == Standing::Transient
    })
}

fn base_break<'a>(story: &Story<'a>) -> Option<&'a BaseBreak> {
    story.evidence.and_then(|evidence| evidence.judgement.base.as_ref())
}

/// The base branch, as it is called here.
fn base_name(story: &Story<'_>) -> String {
    let mends = story.evidence.and_then(|evidence| evidence.judgement.mends.as_ref());
    let branch = base_break(story).map(|base| &base.branch).or(mends);
    branch.map_or_else(|| "the base branch".to_owned(), |branch| code(branch.as_str()))
}

/// Whether this pull request is there to mend its base branch.
fn mends(story: &Story<'_>) -> bool {
    story.evidence.is_some_and(|evidence| evidence.judgement.mends.is_some())
}

/// The base branch is broken.
fn base_broken(story: &Story<'_>) -> Saying {
    let name = base_name(story);
    let mending = base_break(story).and_then(|base| base.mending);
    let by = mending.map_or_else(String::new, |number| format!(", and #{number} is mending it"));
    says(
        "Broken on the base branch, not here",
        format!(
            "Everything that failed here fails on {name}, too{by}. Nothing is spent on it in this pull \
             request."
        ),
        "nothing to do; this is looked at again when the base branch is mended. `/selfheal fix` asks \
         for a fix here all the same.",
    )
}

/// The base branch was broken and is not any more.
fn base_mended(story: &Story<'_>) -> Saying {
    let name = base_name(story);
    if mends(story) {
        let happened = format!("{name} is mended, and this pull request was there to do that.");
        return says("The base branch is mended", happened, "nothing to do; this is closed.");
    }
    let next = match story.policy.base.when_mended {
        WhenMended::Tell => format!("merge {name} into this branch, or rebase it."),
        WhenMended::Update => {
            format!("nothing to do; {name} is merged into this branch, and CI runs again.")
        }
    };
    let mending = base_break(story).and_then(|base| base.mending);
    let by = mending.map_or_else(String::new, |number| format!(", by #{number}"));
    says(
        "The base branch is mended",
        format!("What failed here came from {name}, and is mended there since{by}."),
        next,
    )
}

fn excused(why: Excuse, story: &Story<'_>) -> Saying {
    match why {
        Excuse::BaseBroken => base_broken(story),
        Excuse::BaseMended => base_mended(story),
        Excuse::Flaky => says(
            "Flaky, not this change",
            format!(
                "Everything that failed here is known to come and go on the same commit, and did not \
                 go this time:\n\n{}",
                sections::of_cause(story.evidence, Cause::Flaky)
            ),
            "run the failed jobs again, or `/selfheal fix` to have it mended here.",
        ),
        Excuse::CiConfig => says(
            "CI needs a person",
            format!(
                "What failed here no commit of ours can mend:\n\n{}",
                sections::of_cause(story.evidence, Cause::CiConfig)
            ),
            "give what is missing or correct the workflow, then run the failed jobs again.",
        ),
        Excuse::RunsNeedApproval => says(
            "Runs wait for approval",
            "Workflow runs of this commit wait until somebody approves them.",
            "approve the runs on the pull request's page; healing goes on by itself then.",
        ),
        Excuse::Infrastructure => says(
            "Not a fault of the code",
            "Only machines, networks or services failed here, and running again did not help.",
            "run the failed jobs again when the service is back, or `/selfheal retry`.",
        ),
        Excuse::Policy if story.before.is_some_and(|it| it.names("autonomy", Weight::Refuse)) => {
            says(
                "Only reported: selfheal would make an attempt",
                "This failure is worth an attempt. Here selfheal only observes failures like it.",
                "`/selfheal fix` makes the attempt; its patch waits for your word.",
            )
        }
        Excuse::Policy => says(
            "Left alone by this repository's policy",
            "The policy does not heal failures or pull requests like this one.",
            "`/selfheal fix` asks for it all the same where the policy allows it.",
        ),
        Excuse::BrokenPolicy => says(
            "The policy file cannot be used",
            format!(
                "`.github/selfheal.yml` on the base branch is wrong, so nothing is begun:\n\n{}",
                sections::listed(story.policy_problem.unwrap_or("it could not be understood"))
            ),
            "correct the file on the base branch; `selfheal check-config` tells what is wrong.",
        ),
        Excuse::Cancelled => says(
            "The runs were cancelled",
            "Nothing failed on this commit; its runs were cancelled.",
            "run them again if they are wanted.",
        ),
    }
}

fn awaiting(story: &Story<'_>) -> Saying {
    let note = story
        .attempts
        .last()
        .and_then(|record| record.attempt.note.as_deref())
        .map(sections::listed)
        .unwrap_or_default();
    says(
        "A fix waits for your word",
        format!(
            "A fix was made and proven red before and green after, but it touches what only a \
             person may decide:\n\n{note}"
        ),
        "read the patch below, then `/selfheal approve` or `/selfheal reject` (or the buttons).",
    )
}

fn proving(story: &Story<'_>) -> Saying {
    let commit = &story.case.head;
    let title = format!("Fix pushed as {}, waiting for CI", commit.short());
    let happened = match story.ci {
        Ci::NeedsApproval(runs) => format!(
            "The fix is {commit}. Its runs wait until somebody approves them: {}.",
            names(runs)
        ),
        Ci::Nothing => format!("The fix is {commit}. CI has not started on it yet."),
        Ci::Pending { .. } | Ci::Green | Ci::Red(_) | Ci::Cancelled(_) => {
            format!("The fix is {commit}. It is green in the sandbox; CI has the last word.")
        }
    };
    says(title, happened, "nothing to do; this goes on by itself.")
}

/// The names of runs, as code.
pub(super) fn names(runs: &[CiRun]) -> String {
    let names: Vec<String> = runs.iter().map(|run| code(run.name())).collect();
    if names.is_empty() { "the runs".to_owned() } else { names.join(", ") }
}

fn healed(story: &Story<'_>, how: Healed) -> Saying {
    let case = story.case;
    match how {
        Healed::ByUs if mends(story) => says(
            format!("Healed by {}", case.head.short()),
            format!(
                "CI is green on {}: what was broken on {} is mended here.",
                case.head,
                base_name(story)
            ),
            "review it like any other and merge it; those that wait for it go on then.",
        ),
        Healed::ByUs => says(
            format!("Healed by {}", case.head.short()),
            format!("CI is green on {}.", case.head),
            "review the commit like any other; it is yours now.",
        ),
        Healed::ByRerun => says(
            "Green after running again",
            "The failed jobs were run once more and are green. Nothing was changed.",
            "",
        ),
        Healed::ByItself => says("Green", "CI became green without anything being done here.", ""),
    }
}

fn stopped(by: &StoppedBy) -> Saying {
    match by {
        StoppedBy::Person(login) => says(
            format!("Stopped by {login}"),
            format!("{} said hands off.", words(login.as_str())),
            "`/selfheal resume` takes it back.",
        ),
        StoppedBy::Label(label) => says(
            format!("Stopped by the label {label}"),
            format!("The label {} says hands off.", code(label.as_str())),
            "remove the label to go on.",
        ),
        StoppedBy::Undo(undoing) => undone(undoing),
    }
}

fn undone(undoing: &Undoing) -> Saying {
    let by = words(undoing.by.as_str());
    match &undoing.stage {
        UndoStage::Wanted => says(
            "Taking selfheal's commits back",
            format!(
                "{by} asked for it. What they changed is put back as it was, and nothing else."
            ),
            "nothing to do; this goes on by itself.",
        ),
        UndoStage::Done => says(
            format!("Undone by {}", undoing.by),
            format!(
                "{by} asked for it: what selfheal had committed here was taken back, and nothing \
                 else. It counts as a wrong fix, and no other is tried."
            ),
            "fix it by hand; `/selfheal resume` lets selfheal try again.",
        ),
        UndoStage::Failed { why } => says(
            format!("Stopped by {}, and not undone", undoing.by),
            format!(
                "{by} asked to take selfheal's commits back. They are still there: {}.",
                words(why)
            ),
            "`/selfheal undo` tries again, `/selfheal resume` goes on with them.",
        ),
    }
}

fn escalated(why: Escalation, story: &Story<'_>) -> Saying {
    let used = format!("{} of {} attempts used", story.case.attempts, story.policy.attempts_max);
    let retry = "push a change, or `/selfheal retry` for another attempt.";
    let title = |what: &str| format!("A person is needed: {what}");
    match why {
        Escalation::AttemptsUsed => says(
            title(&used),
            "Every attempt ended without a green build; what was tried stands below.",
            "a push of yours opens a new case with new attempts.",
        ),
        Escalation::GateRefused => says(
            title("no attempt may begin"),
            "The reasons stand below; a person can lift them.",
            "lift what stands below, then `/selfheal retry`.",
        ),
        Escalation::Rejected => {
            says(title("the patch was rejected"), "Nothing was changed.", retry)
        }
        Escalation::CommitRefused => says(
            title("the branch refused the commit"),
            "A proven fix could not be committed; the branch's rules, or the platform, said no.",
            "allow the App to push to this branch, or apply the fix by hand.",
        ),
        Escalation::DispatchRefused => says(
            title("no runner could be started"),
            "The workflow `.github/workflows/selfheal.yml` could not be started.",
            "add the workflow to the default branch, or allow it; `selfheal doctor` tells what is \
             missing. Then `/selfheal retry`.",
        ),
        Escalation::RunnerLost => says(
            title("the runner was lost"),
            "The runner was started several times and never came to an end.",
            retry,
        ),
        Escalation::NoCiOnCommit => says(
            title("CI does not run on the fix"),
            "The fix is on the branch, but no run came to an end on it.",
            "approve or start the runs; the case goes on by itself when they end.",
        ),
        Escalation::NotReproduced => says(
            title("the failure cannot be reproduced"),
            "The failing commands are green at this very commit, and running again did not help.",
            "look for what differs between CI and a clean checkout; this may be a flaky test.",
        ),
        Escalation::NothingToTry => says(
            title("nothing to try"),
            "Further attempts would end the same way; the reason stands below.",
            "add a fixer or verify commands to `.github/selfheal.yml`, or fix it by hand.",
        ),
        Escalation::Unanswered => says(
            title("a question was not answered"),
            "A fixer could not go on without an answer, and none came in time.",
            "fix it by hand, push a change that answers it, or `/selfheal retry` for another attempt.",
        ),
    }
}
