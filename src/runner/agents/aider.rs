//! aider, headless: one message, plain text out, edits in place.
//!
//! Checked with 0.86.2. It has no sessions, no events and no limits of its own; its files are kept
//! out of the checkout. `.aider*` is no longer there when it starts; it reads the repository's `.env`
//! as its own settings, so what decides whom it asks and what it runs is said once more in a file of
//! ours, which it reads last. What it prints between its banner and its bill is what the model said,
//! so that it can ask and advise as well; it runs no commands of its own accord.

use serde_json::Value;

use super::{Agent, Ask, Launch, NO_KEY, Said};
use crate::domain::model::Provider;
use crate::runner::bridge;
use crate::runner::sandbox::{Answer, Opening};

/// Where its message is, in its home.
const MESSAGE: &str = "selfheal-message.md";

/// Its own settings, in its home.
const SETTINGS: &str = "selfheal-aider.env";

/// What nothing but us may decide, besides its models' address and key: variables that make it run
/// something of the repository's by itself.
const OURS: &str = "AIDER_TEST_CMD=\nAIDER_AUTO_TEST=false\nAIDER_AUTO_LINT=false\n\
                    AIDER_LOAD=\nAIDER_GIT_COMMIT_VERIFY=false\nAIDER_NOTIFICATIONS_COMMAND=\n";

/// How it says that it edited a file.
const APPLIED: &str = "Applied edit to ";

/// A width at which it breaks no line that is kept.
const COLUMNS: &str = "100000";

/// How the last line begins that it prints before the model's answer.
const BANNER_ENDS: &str = "Repo-map: ";

/// How the line begins that it prints after an answer.
const BILL: &str = "Tokens: ";

#[derive(Debug, Clone, Copy)]
pub(super) struct Aider;

impl Agent for Aider {
    fn name(&self) -> String {
        "aider".to_owned()
    }

    fn program(&self) -> Option<&'static str> {
        Some("aider")
    }

    fn provider(&self) -> Provider {
        Provider::OpenAi
    }

    fn usual_model(&self) -> &'static str {
        "gpt-5.5"
    }

    fn checked_with(&self) -> &'static str {
        "0.86.2"
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let model = format!("openai/{}", ask.model_or(self.usual_model()));
        let mut launch = Launch::new(&["aider", "--model", &model, "--edit-format", "diff"]);
        launch.args(&["--yes-always", "--no-auto-commits", "--no-check-update"]);
        launch.args(&["--analytics-disable", "--no-show-model-warnings", "--no-stream"]);
        launch.args(&["--no-pretty", "--no-gitignore", "--no-suggest-shell-commands"]);
        launch.args(&["--no-detect-urls", "--input-history-file", "/dev/null"]);
        launch.args(&["--chat-history-file", "/tmp/aider-chat.md"]);
        // A shell puts its own home in, wherever that is.
        let line = launch.argv.iter().map(|word| crate::runner::sandbox::quote(word));
        let line = line.collect::<Vec<_>>().join(" ");
        launch.argv = ["sh", "-c"].map(str::to_owned).to_vec();
        // Where its models are is known only inside, by the variable.
        let whom = format!(
            "printf 'OPENAI_API_BASE=%s\\nOPENAI_API_KEY={NO_KEY}\\n' \"$OPENAI_API_BASE\" >> \
             \"$HOME/{SETTINGS}\""
        );
        let ours = format!("--env-file \"$HOME/{SETTINGS}\" --message-file \"$HOME/{MESSAGE}\"");
        launch.argv.push(format!("{whom}; exec {line} {ours}"));
        launch.files.push((MESSAGE, ask.prompt.clone()));
        launch.files.push((SETTINGS, OURS.to_owned()));
        launch.env("OPENAI_API_BASE", format!("{}/openai/v1", bridge::PLACE));
        launch.env("OPENAI_API_KEY", NO_KEY);
        launch.env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        // It breaks lines at the width of its terminal, also in the middle of JSON.
        launch.env("COLUMNS", COLUMNS);
        launch
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        Opening::Only(Vec::new())
    }

    fn heard(&self, _ask: &Ask, line: &Value, said: &mut Said<'_>) -> Answer {
        said.piece(&format!("{line}\n"));
        Answer::Listen
    }

    fn heard_text(&self, line: &str, said: &mut Said<'_>) {
        if let Some(path) = line.strip_prefix(APPLIED) {
            said.file_change(path.trim());
            said.did(line);
        } else if line.starts_with(BANNER_ENDS) {
            said.aside(line);
            said.new_paragraph();
        } else if line.starts_with(BILL) {
            said.aside(line);
        } else {
            said.piece(&format!("{line}\n"));
        }
    }
}
