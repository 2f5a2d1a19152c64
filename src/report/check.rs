//! The check run: one per head, the page where everything can be seen.

use super::Story;
use super::annotations::annotations;
use super::markdown::{block, code, cut, within, words};
use super::sections;
use crate::domain::case::{
    Case, CaseState, Escalation, Excuse, Healed, StoppedBy, UndoStage, Undoing,
};
use crate::domain::command::by_name;
use crate::domain::ids::{PrNumber, Sha};
use crate::domain::pull::{Ci, CiRun};
use crate::domain::view::{Button, CheckStatus, CheckView};

/// The forge refuses more.
const OUTPUT_CHARS_MAX: usize = 65_000;

/// The check run of the case's head.
pub fn check(story: &Story<'_>) -> CheckView {
    let case = story.case;
    let said = saying(story);
    let summary = format!(
        "{}\n\n{}{}{}{}{}{}",
        said.happened,
        if said.next.is_empty() { String::new() } else { format!("**Next:** {}\n\n", said.next) },
        sections::questions(story),
        sections::what_failed(story.evidence),
        sections::second_look(story),
        sections::attempts(story),
        sections::reasons(story.before),
    );
    let diff = story.diff.map_or_else(String::new, |diff| {
        format!("### The patch that waits\n\n{}\n", block(&cut(diff, 30_000), "diff"))
    });
    CheckView {
        head: case.head.clone(),
        external_id: external_id(case.number, &case.head),
        status: status(&case.state),
        title: said.title,
        summary: within(summary, OUTPUT_CHARS_MAX),
        text: within(format!("{diff}{}", sections::excerpt(story.evidence)), OUTPUT_CHARS_MAX),
        annotations: annotations(case, story.evidence),
        buttons: buttons(case),
        details_url: None,
    }
}

/// By this a check run is found whose number nobody remembers. It names the pull request and not the
/// case: a later case of the same head shows itself in the same check run.
pub(super) fn external_id(number: PrNumber, head: &Sha) -> String {
    format!("pull-{number}:{}", head.short())
}

pub(super) const fn status(state: &CaseState) -> CheckStatus {
    if state.undoing().is_some() {
        return CheckStatus::InProgress;
    }
    match state {
        CaseState::Watching => CheckStatus::Queued,
        CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Healing(_)
        | CaseState::Proving(_) => CheckStatus::InProgress,
        CaseState::AwaitingApproval(_) | CaseState::AwaitingAnswer(_) | CaseState::Escalated(_) => {
            CheckStatus::ActionRequired
        }
        CaseState::Healed(_) => CheckStatus::Success,
        CaseState::Excused(_)
        | CaseState::Stopped(_)
        | CaseState::Superseded(_)
        | CaseState::Closed => CheckStatus::Neutral,
    }
}

/// At most three. Our commits can be taken back where there are some of this case.
pub(super) fn buttons(case: &Case) -> Vec<Button> {
    let has_commits = case.head != case.opened_head;
    let names: &[&str] = match &case.state {
        CaseState::AwaitingApproval(_) => &["approve", "reject", "stop"],
        CaseState::AwaitingAnswer(_) | CaseState::Escalated(Escalation::AttemptsUsed) => {
            if has_commits {
                &["undo", "stop"]
            } else {
                &["stop"]
            }
        }
        CaseState::Escalated(_) | CaseState::Excused(_) => {
            if has_commits {
                &["retry", "undo", "stop"]
            } else {
                &["retry", "stop"]
            }
        }
        CaseState::Stopped(StoppedBy::Person(_)) => {
            if has_commits {
                &["resume", "undo"]
            } else {
                &["resume"]
            }
        }
        CaseState::Stopped(StoppedBy::Undo(undoing)) => match undoing.stage {
            UndoStage::Wanted => &[],
            UndoStage::Done => &["resume"],
            UndoStage::Failed { .. } => &["resume", "undo"],
        },
        CaseState::Healed(Healed::ByUs) => &["undo"],
        CaseState::Watching
        | CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Healing(_)
        | CaseState::Proving(_)
        | CaseState::Healed(Healed::ByRerun | Healed::ByItself)
        | CaseState::Stopped(StoppedBy::Label(_))
        | CaseState::Superseded(_)
        | CaseState::Closed => &[],
    };
    names
        .iter()
        .filter_map(|name| {
            let (label, description) = by_name(name)?.button?;
            Some(Button {
                label: label.to_owned(),
                description: description.to_owned(),
                identifier: (*name).to_owned(),
            })
        })
        .collect()
}

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
        CaseState::Healed(how) => healed(case, *how),
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

fn excused(why: Excuse, story: &Story<'_>) -> Saying {
    match why {
        Excuse::RunsNeedApproval => says(
            "Runs wait for approval",
            "Workflow runs of this commit wait until somebody approves them.",
            "approve the runs on the pull request's page; healing goes on by itself then.",
        ),
        Excuse::Infrastructure => says(
            "Not a fault of the code",
            "Only machines, networks or services failed here, and running again did not help.",
            "run the jobs again when the service is back, or `/selfheal retry`.",
        ),
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

fn names(runs: &[CiRun]) -> String {
    let names: Vec<String> = runs.iter().map(|run| code(run.name())).collect();
    if names.is_empty() { "the runs".to_owned() } else { names.join(", ") }
}

fn healed(case: &Case, how: Healed) -> Saying {
    match how {
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
