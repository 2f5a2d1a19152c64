//! opencode, over the Agent Client Protocol: `opencode acp`.
//!
//! Its configuration is one variable; of the checkout it loads none, and no plugin. It has no word of
//! its own for a provider that failed: that is known from the way to the model.

use serde_json::{Value, json};

use super::{Agent, Answer, Ask, Card, Kept, Launch, NO_KEY, Opening, PLACE, Said, acp};
use crate::domain::model::Provider;

/// What is known of it.
pub(super) const CARD: Card = Card {
    name: "opencode",
    title: "opencode",
    program: "opencode",
    checked_with: "1.18.33",
    install: "npm install --global opencode-ai@1.18.33",
    provider: Provider::Anthropic,
    usual_model: "claude-sonnet-5-5",
    guidance: &["AGENTS.md"],
    more_guidance: &[],
    settings: &[".opencode/", "opencode.json*"],
    shared_settings: &[],
    about: "Of a model whose name begins with `claude` it asks Anthropic's interface, of every other \
            OpenAI's.",
    agent: || Box::new(Opencode),
};

struct Opencode;

impl Agent for Opencode {
    fn card(&self) -> Option<&'static Card> {
        Some(&CARD)
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let model = ask.model_or(CARD.usual_model);
        // A provider of its own name, so that none of its built-in lists and logins is asked.
        let (package, path) = if model.starts_with("claude") {
            ("@ai-sdk/anthropic", "anthropic/v1")
        } else {
            ("@ai-sdk/openai-compatible", "openai/v1")
        };
        let options = json!({ "baseURL": format!("{PLACE}/{path}"), "apiKey": NO_KEY });
        let limit = json!({ "context": 200_000, "output": 16_000 });
        let models = json!({ model: { "limit": limit } });
        let provider = json!({ "npm": package, "options": options, "models": models });
        let named = format!("selfheal/{model}");
        let config = json!({
            "provider": { "selfheal": provider }, "model": named, "small_model": named,
            "autoupdate": false, "share": "disabled",
            "permission": { "webfetch": "deny" },
        });
        let mut launch = Launch::new(&["opencode", "acp"]);
        launch.env("OPENCODE_CONFIG_CONTENT", config.to_string());
        for name in ["DISABLE_AUTOUPDATE", "DISABLE_MODELS_FETCH", "DISABLE_LSP_DOWNLOAD"] {
            launch.env(&format!("OPENCODE_{name}"), "1");
        }
        launch.env("OPENCODE_DISABLE_PROJECT_CONFIG", "1");
        launch
    }

    fn keeps(&self, _session: &str, _workspace: &str) -> Vec<Kept> {
        // A database and its log; of a log that was cut off it takes what is whole.
        let data = ".local/share/opencode/opencode.db";
        vec![Kept::in_place(data), Kept::in_place(&format!("{data}-wal"))]
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        acp::opening()
    }

    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        acp::heard(ask, line, said)
    }
}
