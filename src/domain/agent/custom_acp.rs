//! Any program that speaks the Agent Client Protocol, by the command line that the policy names.
//!
//! It finds the ways to models in `SELFHEAL_ANTHROPIC_URL`, `SELFHEAL_OPENAI_URL` and
//! `SELFHEAL_GEMINI_URL`; none of them wants a key. Which files its sessions are nobody knows, so one that
//! was interrupted begins anew, with the change so far.

use serde_json::Value;

use super::{Agent, Answer, Ask, Card, Launch, Opening, Said, acp};

/// A command line that speaks the protocol.
#[derive(Debug, Clone)]
pub struct CustomAcp {
    /// The line for `sh -c`.
    pub run: String,
}

impl Agent for CustomAcp {
    fn card(&self) -> Option<&'static Card> {
        None
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let mut launch = Launch::new(&["sh", "-c", &self.run]);
        launch.ways_to_models(ask);
        launch
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        acp::opening()
    }

    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        acp::heard(ask, line, said)
    }
}
