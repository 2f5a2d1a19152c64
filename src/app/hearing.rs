//! Hearing: what a recorded webhook says, without a server: by the same reading that the server's door
//! and its intake use.
//!
//! A server takes a webhook for a hint and asks the forge how CI stands. Here nobody can be asked, so
//! the run's own words in the body stand for the forge's answer.

use serde_json::Value;

use crate::domain::event::{Event, Reading};
use crate::domain::ids::{RunId, Sha};
use crate::domain::pull::{Ci, CiRun};
use crate::forge::github::ci_of_words;
use crate::forge::github::webhook::{Context, NotJson, read};

/// What a webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that a pull request is looked at for; why.
    Nothing(&'static str),
    /// Something that a pull request is looked at for.
    Something {
        /// The commit that it is about, where it names one.
        sha: Option<Sha>,
        /// How CI stands, as far as it tells.
        ci: Option<Ci>,
    },
}

/// The App for which recorded webhooks are read; none of theirs is ours.
const APP_ID: u64 = 0;

/// What a webhook of that event says.
///
/// # Errors
/// [`NotJson`] when the body is not a JSON object.
pub fn heard(event: &str, body: &[u8]) -> Result<Heard, NotJson> {
    let event = match read(event, body, Context { app_id: APP_ID })? {
        Reading::NoInterest(why) => return Ok(Heard::Nothing(why)),
        Reading::Event(event) => *event,
    };
    Ok(match event {
        Event::CiMoved { sha, .. } => Heard::Something { sha: Some(sha), ci: told(body) },
        Event::PullChanged { pull, .. } => Heard::Something { sha: Some(pull.head.sha), ci: None },
        Event::Rerequested { sha, .. } | Event::Pressed { sha, .. } => {
            Heard::Something { sha: Some(sha), ci: None }
        }
        Event::Commented { .. } => Heard::Something { sha: None, ci: None },
        Event::Pushed { .. } => Heard::Nothing("a push, which tells of no CI"),
        Event::MergeGroup { .. } => Heard::Nothing("a merge queue's own commit"),
        Event::Installation { .. } => Heard::Nothing("the App's access changed"),
        Event::Ping => Heard::Nothing("the forge tries the webhook"),
    })
}

/// How CI stands by one run's own words.
fn told(body: &[u8]) -> Option<Ci> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let run = ["workflow_run", "check_run"].iter().find_map(|kind| body.get(kind))?;
    Some(ended(&[(run.get("status")?.as_str()?, run.get("conclusion").and_then(Value::as_str))]))
}

/// How CI stands where runs have ended so, in GitHub's words: status and conclusion.
pub fn ended(runs: &[(&str, Option<&str>)]) -> Ci {
    let run = || CiRun::Workflow { run: RunId::new(1), attempt: 1, name: "ci".to_owned() };
    ci_of_words(runs.iter().map(|(status, conclusion)| (run(), *status, *conclusion)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "1111111111111111111111111111111111111111";

    fn run(action: &str, conclusion: &str) -> Vec<u8> {
        format!(
            "{{\"action\":\"{action}\",\"installation\":{{\"id\":2}},\"repository\":{{\"id\":1,\
             \"full_name\":\"acme/shop\"}},\"workflow_run\":{{\"id\":7,\"head_sha\":\"{SHA}\",\
             \"status\":\"completed\",\"conclusion\":\"{conclusion}\"}}}}"
        )
        .into_bytes()
    }

    #[test]
    fn a_webhook_says_which_commit_and_how_it_stands_there() {
        let told = |conclusion: &str| match heard("workflow_run", &run("completed", conclusion)) {
            Ok(Heard::Something { sha: Some(sha), ci: Some(ci) }) => (sha.as_str().to_owned(), ci),
            other => panic!("{other:?}"),
        };
        assert_eq!(told("failure").0, SHA);
        assert!(matches!(told("failure").1, Ci::Red(_)));
        assert!(matches!(told("success").1, Ci::Green));
        assert!(matches!(told("action_required").1, Ci::NeedsApproval(_)));
        assert!(matches!(told("cancelled").1, Ci::Cancelled(_)));
    }

    #[test]
    fn what_wakes_nothing_says_why() {
        let nothing =
            |event: &str, body: &[u8]| matches!(heard(event, body), Ok(Heard::Nothing(_)));
        assert!(nothing("workflow_run", &run("requested", "")));
        assert!(nothing("star", b"{}"));
        assert!(nothing("ping", b"{}"));
        assert!(heard("workflow_run", b"[]").is_err());
    }
}
