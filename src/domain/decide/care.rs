//! Care: labels and auto-merge, held while we work and given back when we stop.
//!
//! Whatever state a case enters and why, these follow from "did we work before" and "do we work
//! now" alone, so that no path forgets to give something back.

use super::{AutoMergeHold, Decision, Facts};
use crate::domain::case::{Case, CaseState};
use crate::domain::effect::{Act, Wanted};
use crate::domain::ids::Label;
use crate::domain::pull::PullState;

/// Adds what follows from beginning or ending work.
pub(super) fn tend(before: &Case, decision: &mut Decision, facts: &Facts<'_>) {
    match (before.state.is_working(), decision.case.state.is_working()) {
        (false, true) => begin(decision, facts),
        (true | false, false) => give_back(decision, facts),
        (true, true) => hold_auto_merge(decision, facts),
    }
}

fn begin(decision: &mut Decision, facts: &Facts<'_>) {
    for label in wanted_labels(facts) {
        if facts.pull.has_label(&label) {
            continue; // somebody else's; it is not ours to remove
        }
        decision.case.labels.push(label.clone());
        decision.acts.push(Act::SetLabel { label, wanted: Wanted::Present });
    }
    hold_auto_merge(decision, facts);
}

fn wanted_labels(facts: &Facts<'_>) -> Vec<Label> {
    let labels = &facts.policy.labels;
    let author = facts.pull.author.login.as_str();
    let by_update_bot = labels.update_bots.iter().any(|bot| bot == author);
    let hold = by_update_bot.then(|| labels.hold_updates.clone());
    std::iter::once(labels.involved.clone()).chain(hold).collect()
}

/// Also called while we work: somebody may switch auto-merge on in the middle.
fn hold_auto_merge(decision: &mut Decision, facts: &Facts<'_>) {
    if facts.hold == AutoMergeHold::ByCheck {
        return;
    }
    if let Some(on) = &facts.pull.auto_merge {
        let head = decision.case.head.clone();
        decision.case.auto_merge = Some(on.clone());
        decision.acts.push(Act::SetAutoMerge { head, restore: None });
    }
}

fn give_back(decision: &mut Decision, facts: &Facts<'_>) {
    for label in &decision.case.labels {
        decision.acts.push(Act::SetLabel { label: label.clone(), wanted: Wanted::Absent });
    }
    // A label stays ours until it is gone: a look in between must not take it for a person's.
    decision.case.labels.retain(|label| facts.pull.has_label(label));
    let held = decision.case.auto_merge.take();
    let head = match &decision.case.state {
        CaseState::Superseded(by) => by.clone(),
        CaseState::Watching
        | CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Excused(_)
        | CaseState::Healing(_)
        | CaseState::AwaitingApproval(_)
        | CaseState::AwaitingAnswer(_)
        | CaseState::Proving(_)
        | CaseState::Healed(_)
        | CaseState::Escalated(_)
        | CaseState::Stopped(_)
        | CaseState::Closed => decision.case.head.clone(),
    };
    if let Some(held) = held.filter(|_| facts.pull.state == PullState::Open) {
        decision.acts.push(Act::SetAutoMerge { head, restore: Some(held) });
    }
}
