//! The sticky comment: one per pull request, edited in place; and what reminds people of questions in
//! it, because an edit notifies nobody.

use super::Story;
use super::markdown::within;
use super::sayings::saying;
use super::sections;
use crate::domain::case::{CaseState, Excuse, StoppedBy};
use crate::domain::effect::Act;
use crate::domain::feedback::Patience;
use crate::domain::ids::Timestamp;
use crate::domain::outcome::Outcome;
use crate::domain::view::{COMMENT_CHARS_MAX, CommentView};

/// By this our comment is found again; it is invisible to people.
pub const COMMENT_MARKER: &str = "<!-- selfheal:pr -->";

/// Whether there is enough to tell for a comment; editing one that exists is always right.
///
/// A comment notifies people, so it comes only once something was tried or somebody is needed.
pub fn deserves_comment(story: &Story<'_>) -> bool {
    let is_needed = matches!(
        story.case.state,
        CaseState::Escalated(_)
            | CaseState::Excused(Excuse::BaseMended)
            | CaseState::Stopped(StoppedBy::Undo(_))
    );
    is_needed || !story.attempts.is_empty()
}

/// The sticky comment.
pub fn comment(story: &Story<'_>) -> CommentView {
    let said = saying(story);
    let next =
        if said.next.is_empty() { String::new() } else { format!("**Next:** {}\n\n", said.next) };
    let body = format!(
        "{COMMENT_MARKER}\n### {}\n\n{}\n\n{next}{}{}{}{}<sub>`/selfheal help` tells what can be \
         asked. The `selfheal` check run has the details.</sub>\n",
        super::markdown::words(&said.title),
        said.happened,
        sections::questions(story),
        sections::what_failed(story.evidence),
        sections::second_look(story),
        sections::attempts(story),
    );
    CommentView { body: within(body, COMMENT_CHARS_MAX) }
}

/// The reminder that is due, if one is. The same one is due again until the next: its key makes it
/// one.
pub fn reminder(story: &Story<'_>, now: Timestamp) -> Option<Act> {
    let CaseState::AwaitingAnswer(attempt) = story.case.state else { return None };
    let record = story.attempts.iter().find(|record| record.attempt.id == attempt)?;
    let Some(Outcome::Asks { time, .. }) = record.report.outcome else { return None };
    let patience = Patience { since: story.case.since, hours: story.policy.questions.hours };
    let nth = patience.reminders(now);
    if nth == 0 {
        return None;
    }
    let left = patience.deadline().since_ms(now).max(0) / (60 * 60 * 1000);
    let body = format!(
        "A fix of this pull request still waits for an answer; in {left} hours it is given up.\n\n\
         {}Answer with `/selfheal answer 1: …`.\n",
        sections::questions(story)
    );
    Some(Act::Remind { attempt, time, nth, body: within(body, COMMENT_CHARS_MAX) })
}
