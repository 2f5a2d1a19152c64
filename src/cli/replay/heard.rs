//! What a server makes of the webhook by which a case is heard of, before it looks at any log.
//!
//! A webhook of no interest, of another commit than the pull request's head, or of a CI that has not
//! failed begins no case. Whatever else it says is a hint; what failed is read from the log.

use anyhow::Context as _;

use super::case::{Case, Ends};
use crate::app::hearing::{Heard, ended, heard};
use crate::domain::ids::Sha;
use crate::domain::pull::Ci;

/// The end to which it comes without anything being read, and why; none when something has failed.
pub(super) fn end(case: &Case) -> anyhow::Result<Option<(Ends, String)>> {
    let (mut sha, mut ci) = (None, None);
    if let Some((event, body)) = case.webhook()? {
        match heard(event, &body).with_context(|| format!("the payload of {event}"))? {
            Heard::Nothing(why) => {
                return Ok(Some((
                    Ends::NothingFailed,
                    format!("the webhook wakes nothing: {why}"),
                )));
            }
            Heard::Something { sha: of, ci: told } => (sha, ci) = (of, told),
        }
    }
    let head = case.file.head.as_deref().map(Sha::parse).transpose().context("`head`")?;
    if let (Some(head), Some(sha)) = (&head, &sha)
        && head != sha
    {
        let why = format!("it is about {}, and the head is {}", sha.short(), head.short());
        return Ok(Some((Ends::NothingFailed, why)));
    }
    let runs: Vec<(&str, Option<&str>)> =
        case.file.ended.iter().map(|words| words_of(words)).collect::<Result<_, _>>()?;
    let ci = if runs.is_empty() { ci } else { Some(ended(&runs)) };
    Ok(ci.as_ref().and_then(standing))
}

/// `status/conclusion`; without a conclusion the run goes on.
fn words_of(words: &str) -> anyhow::Result<(&str, Option<&str>)> {
    let (status, conclusion) =
        words.split_once('/').with_context(|| format!("`ended: {words}` is status/conclusion"))?;
    Ok((status, Some(conclusion).filter(|conclusion| !conclusion.is_empty())))
}

/// What CI means for a pull request without a case, where it has not failed.
fn standing(ci: &Ci) -> Option<(Ends, String)> {
    let nothing = |why: &str| Some((Ends::NothingFailed, why.to_owned()));
    match ci {
        Ci::Red(_) => None,
        Ci::Nothing => nothing("nothing ran"),
        Ci::Green => nothing("CI is green"),
        Ci::Cancelled(_) => nothing("the runs were cancelled"),
        Ci::Pending { .. } => nothing("CI has not ended"),
        Ci::NeedsApproval(_) => {
            Some((Ends::NeedsPerson, "its runs wait until somebody approves them".to_owned()))
        }
    }
}
