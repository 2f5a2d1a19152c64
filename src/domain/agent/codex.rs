//! Codex, by its own headless protocol: `codex exec --json`.
//!
//! Its own sandbox is switched off, because it works inside ours, where no
//! further one can be made. It reads no settings of a checkout that nobody has trusted, and
//! `AGENTS.md`, which is the base commit's. A login shell would reset the search path.

use serde_json::Value;

use super::said::{count_at, text_at};
use super::{Agent, Answer, Ask, Card, Kept, Launch, NO_KEY, Opening, PLACE, Said, Stopped, Went};
use crate::domain::model::Provider;

/// Tries of one call; waiting longer than seconds is not the agent's business.
const RETRIES_MAX: u32 = 3;

/// What is known of it.
pub(super) const CARD: Card = Card {
    name: "codex",
    title: "Codex",
    program: "codex",
    checked_with: "0.169.0",
    install: "npm install --global @openai/codex@0.169.0",
    provider: Provider::OpenAi,
    usual_model: "gpt-5.5",
    guidance: &["AGENTS.md"],
    more_guidance: &["AGENTS.override.md"],
    settings: &[".codex/"],
    shared_settings: &[],
    about: "",
    agent: || Box::new(Codex),
};

struct Codex;

impl Agent for Codex {
    fn card(&self) -> Option<&'static Card> {
        Some(&CARD)
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let provider = format!(
            "model_providers.selfheal={{name=\"selfheal\",base_url=\"{PLACE}/openai/v1\",\
             env_key=\"SELFHEAL_MODEL_KEY\",wire_api=\"responses\",\
             request_max_retries={RETRIES_MAX},stream_max_retries={RETRIES_MAX}}}"
        );
        let mut launch = Launch::new(&["codex", "exec"]);
        if ask.session.is_some() {
            launch.args(&["resume"]);
        }
        launch.args(&["--json", "--dangerously-bypass-approvals-and-sandbox"]);
        launch.args(&["--skip-git-repo-check", "--ignore-user-config"]);
        launch.args(&["--disable", "plugins", "--disable", "apps"]);
        launch.args(&["-m", ask.model_or(CARD.usual_model)]);
        for setting in [
            "analytics.enabled=false",
            "check_for_update_on_startup=false",
            "allow_login_shell=false",
            "model_provider=selfheal",
            &provider,
        ] {
            launch.args(&["-c", setting]);
        }
        if let Some(session) = &ask.session {
            launch.args(&[session]);
        }
        launch.args(&["-"]);
        launch.env("SELFHEAL_MODEL_KEY", NO_KEY);
        launch
    }

    fn keeps(&self, session: &str, _workspace: &str) -> Vec<Kept> {
        // It looks for the name below all days, so the day does not matter.
        let at = format!(".codex/sessions/*/*/*/rollout-*-{session}.jsonl");
        let back =
            format!(".codex/sessions/2000/01/01/rollout-2000-01-01T00-00-00-{session}.jsonl");
        vec![Kept { at, back }]
    }

    fn opening(&self, ask: &Ask) -> Opening {
        Opening::Only(ask.prompt.clone().into_bytes())
    }

    fn heard(&self, _ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        match text_at(line, "/type") {
            Some("thread.started") => said.started(text_at(line, "/thread_id"), None),
            Some("item.started") if item_type(line) == Some("command_execution") => {
                said.tool_call("shell", text_at(line, "/item/command").unwrap_or_default());
            }
            Some("item.completed") => completed(line, said),
            Some("turn.completed") => {
                let input = count_at(line, "/usage/input_tokens");
                said.usage(input, count_at(line, "/usage/output_tokens"));
                said.stopped = Some(Stopped::Done);
            }
            Some("turn.failed") => {
                said.stopped =
                    Some(failed(text_at(line, "/error/message").unwrap_or("the turn failed")));
            }
            Some("error") => said.error(text_at(line, "/message").unwrap_or("an error")),
            _ => {}
        }
        Answer::Listen
    }
}

/// Why a turn failed; there is nothing but words to tell by.
fn failed(words: &str) -> Stopped {
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let words = words.to_owned();
    if says(&["content_filter"]) {
        Stopped::Failed(words)
    } else if says(&["max_output_tokens"]) {
        Stopped::Limit(words)
    } else if says(&["stream disconnected", "at capacity", "retry limit", "unexpected status 5"]) {
        Stopped::Provider(words)
    } else {
        Stopped::Failed(words)
    }
}

fn item_type(line: &Value) -> Option<&str> {
    text_at(line, "/item/type")
}

fn completed(line: &Value, said: &mut Said) {
    let text = text_at(line, "/item/text").unwrap_or_default();
    match item_type(line) {
        Some("agent_message") => said.text(text),
        Some("reasoning") => said.thinking(text),
        Some("command_execution") => {
            let went = match line.pointer("/item/exit_code").and_then(Value::as_i64) {
                Some(0) => Went::Right,
                Some(_) | None => Went::Wrong,
            };
            let output = text_at(line, "/item/aggregated_output").unwrap_or_default();
            said.tool_result(went, output);
        }
        Some("file_change") => {
            let changes = line.pointer("/item/changes").and_then(Value::as_array);
            for change in changes.into_iter().flatten() {
                said.file_change(text_at(change, "/path").unwrap_or_default());
            }
        }
        Some("error") => said.error(text_at(line, "/item/message").unwrap_or("an error")),
        _ => {}
    }
}
