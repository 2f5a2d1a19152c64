//! Agents behind coder's AgentAPI: a server that types into an agent's terminal and reads its screen.
//!
//! The policy names the command that starts the server. It listens on the sandbox's own loopback, so
//! whoever speaks with it has to be in there, too: our own program is its client, starts it on a port of
//! its choice and prints a line of JSON for everything that is worth telling. Here these lines are
//! heard, as another agent's would be.
//!
//! What is typed is one sentence of ours; the task is a file that it names. So no log and no message
//! ever reaches a terminal, where some characters are keys. An AgentAPI has no sessions, no events of
//! tools and no figures, and the end of a task is a screen that does not change any more: it is never
//! taken for success, and a model that failed last counts before it.

use serde_json::Value;

use super::said::text_at;
use super::{Agent, Answer, Ask, Card, Launch, OWN, Opening, Said, Stopped};

/// The verb by which our programs become a client.
pub const VERB: &str = "agentapi";

/// The task's file, in the agent's home.
const TASK: &str = "selfheal-task.md";

/// What is typed: short, on one line, and nobody's text but ours.
const MESSAGE: &str = "Your task is in the file ~/selfheal-task.md: read it and carry it out in \
                       this directory. Ask nobody for anything.";

/// A server, by the command line that the policy names.
#[derive(Debug, Clone)]
pub struct AgentApi {
    /// The line for `sh -c`.
    pub run: String,
}

impl Agent for AgentApi {
    fn card(&self) -> Option<&'static Card> {
        None
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let mut launch = Launch::new(&[OWN, VERB, "--", &self.run]);
        launch.ways_to_models(ask);
        launch.files.push((TASK, ask.prompt.clone()));
        launch
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        Opening::Only(MESSAGE.as_bytes().to_vec())
    }

    fn heard(&self, _ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        let text = text_at(line, "/text").unwrap_or_default();
        match text_at(line, "/kind") {
            Some("screen") => said.aside(text),
            Some("said") => said.text(text),
            Some("version") => said.is_version(text),
            Some("error") => said.error(text),
            Some("failed") => {
                said.error(text);
                said.stopped = Some(Stopped::Failed(text.to_owned()));
            }
            _ => {}
        }
        Answer::Listen
    }
}
