//! aider, headless: one message, plain text out, edits in place.
//!
//! It has no sessions, no events and no limits of its own; its files are kept
//! out of the checkout. `.aider*` is no longer there when it starts; it reads the repository's `.env`
//! as its own settings, so what decides whom it asks and what it runs is said once more in a file of
//! ours, which it reads last. What it prints between its banner and its bill is what the model said,
//! so that it can ask and advise as well; it runs no commands of its own accord.

use serde_json::Value;

use super::{Agent, Answer, Ask, Card, Launch, NO_KEY, Opening, PLACE, Said};
use crate::domain::model::Provider;

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

/// Writes down where its models are, which is known only inside, by the variable; then starts it with the
/// files of its home, wherever that is.
const START: &str = "printf 'OPENAI_API_BASE=%s\\nOPENAI_API_KEY=%s\\n' \"$OPENAI_API_BASE\" \
                     \"$OPENAI_API_KEY\" >> \"$HOME/$SELFHEAL_SETTINGS\"; exec \"$0\" \"$@\" --env-file \
                     \"$HOME/$SELFHEAL_SETTINGS\" --message-file \"$HOME/$SELFHEAL_MESSAGE\"";

/// What is known of it.
pub(super) const CARD: Card = Card {
    name: "aider",
    title: "aider",
    program: "aider",
    checked_with: "0.86.2",
    install: "pip install aider-chat==0.86.2",
    provider: Provider::OpenAi,
    usual_model: "gpt-5.5",
    guidance: &[],
    more_guidance: &[],
    settings: &[".aider*"],
    shared_settings: &["/.env"],
    about: "It may ask and take second looks as the others do: what it prints between its banner and its \
            bill is read. It runs no commands, so what it advises stands on what it reads.",
    agent: || Box::new(Aider),
};

struct Aider;

impl Agent for Aider {
    fn card(&self) -> Option<&'static Card> {
        Some(&CARD)
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let model = format!("openai/{}", ask.model_or(CARD.usual_model));
        let mut launch = Launch::new(&["sh", "-c", START, CARD.program]);
        launch.args(&["--model", &model, "--edit-format", "diff"]);
        launch.args(&["--yes-always", "--no-auto-commits", "--no-check-update"]);
        launch.args(&["--analytics-disable", "--no-show-model-warnings", "--no-stream"]);
        launch.args(&["--no-pretty", "--no-gitignore", "--no-suggest-shell-commands"]);
        launch.args(&["--no-detect-urls", "--input-history-file", "/dev/null"]);
        launch.args(&["--chat-history-file", "/tmp/aider-chat.md"]);
        launch.env("SELFHEAL_SETTINGS", SETTINGS);
        launch.env("SELFHEAL_MESSAGE", MESSAGE);
        launch.files.push((MESSAGE, ask.prompt.clone()));
        launch.files.push((SETTINGS, OURS.to_owned()));
        launch.env("OPENAI_API_BASE", format!("{PLACE}/openai/v1"));
        launch.env("OPENAI_API_KEY", NO_KEY);
        launch.env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        // It breaks lines at the width of its terminal, also in the middle of JSON.
        launch.env("COLUMNS", COLUMNS);
        launch
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        Opening::Only(Vec::new())
    }

    fn heard(&self, _ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        said.piece(&format!("{line}\n"));
        Answer::Listen
    }

    fn heard_text(&self, line: &str, said: &mut Said) {
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
