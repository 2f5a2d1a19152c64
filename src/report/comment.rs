//! The sticky comment: one per pull request, edited in place.

use super::Story;
use super::check::saying;
use super::markdown::within;
use super::sections;
use crate::domain::case::CaseState;
use crate::domain::view::{COMMENT_CHARS_MAX, CommentView};

/// By this our comment is found again; it is invisible to people.
pub const COMMENT_MARKER: &str = "<!-- selfheal:pr -->";

/// Whether there is enough to tell for a comment; editing one that exists is always right.
///
/// A comment notifies people, so it comes only once something was tried or somebody is needed.
pub fn deserves_comment(story: &Story<'_>) -> bool {
    !story.attempts.is_empty() || matches!(story.case.state, CaseState::Escalated(_))
}

/// The sticky comment.
pub fn comment(story: &Story<'_>) -> CommentView {
    let said = saying(story);
    let next =
        if said.next.is_empty() { String::new() } else { format!("**Next:** {}\n\n", said.next) };
    let body = format!(
        "{COMMENT_MARKER}\n### {}\n\n{}\n\n{next}{}{}{}<sub>`/selfheal help` tells what can be \
         asked. The `selfheal` check run has the details.</sub>\n",
        super::markdown::words(&said.title),
        said.happened,
        sections::what_failed(story.evidence),
        sections::second_look(story),
        sections::attempts(story),
    );
    CommentView { body: within(body, COMMENT_CHARS_MAX) }
}
