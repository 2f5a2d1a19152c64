//! Gemini CLI, over the Agent Client Protocol: `gemini --acp`.
//!
//! Its settings are a file of its home; it works only in a folder that it is told to trust, from which
//! its settings were taken out before. It has no word of its own for a provider that failed: that is
//! known from the way to the model.

use serde_json::{Value, json};

use super::{Agent, Answer, Ask, Card, Kept, Launch, NO_KEY, Opening, PLACE, Said, acp};
use crate::domain::model::Provider;

/// What is known of it.
pub(super) const CARD: Card = Card {
    name: "gemini-cli",
    title: "Gemini CLI",
    program: "gemini",
    checked_with: "0.61.0",
    install: "npm install --global @google/gemini-cli@0.61.0",
    provider: Provider::Gemini,
    usual_model: "gemini-2.5-pro",
    guidance: &["GEMINI.md"],
    more_guidance: &[],
    settings: &[".gemini/"],
    shared_settings: &["/.env"],
    about: "",
    agent: || Box::new(GeminiCli),
};

struct GeminiCli;

impl Agent for GeminiCli {
    fn card(&self) -> Option<&'static Card> {
        Some(&CARD)
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let settings = json!({
            "security": { "auth": { "selectedType": "gemini-api-key" } },
            "privacy": { "usageStatisticsEnabled": false },
            "general": { "disableAutoUpdate": true },
        });
        let mut launch = Launch::new(&["gemini", "--acp", "--approval-mode", "yolo"]);
        launch.args(&["-m", ask.model_or(CARD.usual_model)]);
        launch.files.push((".gemini/settings.json", settings.to_string()));
        launch.env("GEMINI_API_KEY", NO_KEY);
        launch.env("GOOGLE_GEMINI_BASE_URL", format!("{PLACE}/gemini"));
        launch.env("GEMINI_CLI_TRUST_WORKSPACE", "true");
        launch
    }

    fn keeps(&self, session: &str, workspace: &str) -> Vec<Kept> {
        let project = workspace.rsplit('/').next().unwrap_or_default();
        let short: String = session.chars().take(8).collect();
        let at = format!(".gemini/tmp/*/chats/session-*-{short}.jsonl");
        let back = format!(".gemini/tmp/{project}/chats/session-2000-01-01T00-00-{short}.jsonl");
        vec![Kept { at, back }]
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        acp::opening()
    }

    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        acp::heard(ask, line, said)
    }
}
