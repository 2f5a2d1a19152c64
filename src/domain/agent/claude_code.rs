//! Claude Code, by its own headless protocol: `claude -p --output-format stream-json`.
//!
//! `--setting-sources ''` and `--strict-mcp-config` keep it from running what
//! the checkout says (hooks, MCP servers, `apiKeyHelper`, another base URL); its guidance comes in
//! the prompt, from the base commit. The order of keys in its events is not fixed; success is
//! `subtype: success` without `is_error`, because an API failure says `success`, too.

use serde_json::{Value, json};

use super::said::{count_at, text_at};
use super::{Agent, Answer, Ask, Card, Kept, Launch, NO_KEY, Opening, PLACE, Said, Stopped, Went};
use crate::domain::model::Provider;

/// Its tools: nothing that reaches out, nothing that starts further agents.
const TOOLS: [&str; 6] = ["Bash", "Read", "Edit", "Write", "Glob", "Grep"];

/// Turns in one run: twice what the longest useful repairs took.
const TURNS_MAX: &str = "80";

/// Tries of one call; waiting longer than seconds is not the agent's business.
const RETRIES_MAX: &str = "3";

/// The most patterns that are passed on.
const PATTERNS_MAX: usize = 200;

/// How it says that an answer was cut off, which it also calls an API error.
const OUTPUT_MAXIMUM: &str = "output token maximum";

/// What is known of it.
pub(super) const CARD: Card = Card {
    name: "claude-code",
    title: "Claude Code",
    program: "claude",
    checked_with: "2.1.329",
    install: "npm install --global @anthropic-ai/claude-code@2.1.329",
    provider: Provider::Anthropic,
    usual_model: "claude-sonnet-5-5",
    guidance: &["CLAUDE.md"],
    more_guidance: &["CLAUDE.local.md"],
    settings: &[".claude/", ".claude.json", ".mcp.json"],
    shared_settings: &[],
    about: "",
    agent: || Box::new(ClaudeCode),
};

struct ClaudeCode;

impl Agent for ClaudeCode {
    fn card(&self) -> Option<&'static Card> {
        Some(&CARD)
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let mut launch = Launch::new(&["claude", "-p", "--output-format", "stream-json"]);
        launch.args(&["--verbose", "--setting-sources", "", "--strict-mcp-config"]);
        launch.args(&["--permission-mode", "acceptEdits", "--permission-prompts", "none"]);
        launch.args(&["--tools", &TOOLS.join(","), "--allowedTools", &TOOLS.join(",")]);
        launch.args(&["--settings", &settings(&ask.protected).to_string()]);
        launch.args(&["--max-turns", TURNS_MAX, "--model", ask.model_or(CARD.usual_model)]);
        match &ask.session {
            Some(session) => launch.args(&["--resume", session]),
            None => launch.args(&["--session-id", &ask.new_session.to_string()]),
        }
        launch.env("ANTHROPIC_BASE_URL", format!("{PLACE}/anthropic"));
        launch.env("ANTHROPIC_API_KEY", NO_KEY);
        launch.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
        launch.env("CLAUDE_CODE_MAX_RETRIES", RETRIES_MAX);
        launch.env("CLAUDE_CODE_TMPDIR", "/tmp");
        launch.env("DISABLE_AUTOUPDATER", "1");
        launch.env("BASH_DEFAULT_TIMEOUT_MS", ask.command_ms.to_string());
        launch.env("BASH_MAX_TIMEOUT_MS", ask.command_ms.to_string());
        launch
    }

    fn keeps(&self, session: &str, workspace: &str) -> Vec<Kept> {
        let project = workspace.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let at = format!(".claude/projects/*/{session}.jsonl");
        vec![Kept { at, back: format!(".claude/projects/{project}/{session}.jsonl") }]
    }

    fn opening(&self, ask: &Ask) -> Opening {
        Opening::Only(ask.prompt.clone().into_bytes())
    }

    fn heard(&self, _ask: &Ask, line: &Value, said: &mut Said) -> Answer {
        match text_at(line, "/type") {
            Some("system") if text_at(line, "/subtype") == Some("init") => {
                said.started(text_at(line, "/session_id"), text_at(line, "/model"));
            }
            Some("system") if text_at(line, "/subtype") == Some("api_retry") => {
                said.error(text_at(line, "/error").unwrap_or("the model is asked again"));
            }
            Some("assistant") => blocks(line).for_each(|block| spoken(block, said)),
            Some("user") => blocks(line).for_each(|block| answered(block, said)),
            Some("result") => result(line, said),
            _ => {}
        }
        Answer::Listen
    }
}

fn blocks(line: &Value) -> impl Iterator<Item = &Value> {
    line.pointer("/message/content").and_then(Value::as_array).into_iter().flatten()
}

fn spoken(block: &Value, said: &mut Said) {
    match text_at(block, "/type") {
        Some("text") => said.text(text_at(block, "/text").unwrap_or_default()),
        Some("thinking") => said.thinking(text_at(block, "/thinking").unwrap_or_default()),
        Some("tool_use") => {
            let tool = text_at(block, "/name").unwrap_or("a tool");
            let input = ["/input/command", "/input/file_path", "/input/pattern", "/input/path"]
                .into_iter()
                .find_map(|path| text_at(block, path))
                .unwrap_or_default();
            said.tool_call(tool, input);
            if matches!(tool, "Edit" | "Write") {
                said.file_change(input);
            }
        }
        _ => {}
    }
}

fn answered(block: &Value, said: &mut Said) {
    if text_at(block, "/type") == Some("tool_result") {
        let went = match block.get("is_error").and_then(Value::as_bool) {
            Some(true) => Went::Wrong,
            Some(false) | None => Went::Right,
        };
        let text = match block.get("content") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|part| text_at(part, "/text")).collect()
            }
            _ => String::new(),
        };
        said.tool_result(went, &text);
    }
}

fn result(line: &Value, said: &mut Said) {
    let input = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    let input = input.iter().map(|name| count_at(line, &format!("/usage/{name}"))).sum();
    said.usage(input, count_at(line, "/usage/output_tokens"));
    let words = text_at(line, "/result").or_else(|| text_at(line, "/errors/0"));
    let words = words.unwrap_or("it ended with an error").to_owned();
    let is_error = line.get("is_error").and_then(Value::as_bool).unwrap_or(false);
    let reason = text_at(line, "/terminal_reason").unwrap_or_default();
    let is_api =
        reason == "api_error" || line.get("api_error_status").is_some_and(|s| !s.is_null());
    let is_refusal = text_at(line, "/stop_reason") == Some("refusal");
    let is_cut = words.contains(OUTPUT_MAXIMUM);
    said.stopped = Some(match text_at(line, "/subtype") {
        Some("success") if !is_error => {
            // It has said that already, as its last words.
            if said.words.is_empty() {
                said.text(&words);
            }
            Stopped::Done
        }
        _ if is_refusal => Stopped::Failed(words),
        _ if is_cut => Stopped::Limit(words),
        _ if is_api => Stopped::Provider(words),
        Some("error_max_turns") => Stopped::Limit(format!("it took more than {TURNS_MAX} turns")),
        _ => Stopped::Failed(words),
    });
}

/// Its settings: which edits it refuses by itself. This saves wasted work and nothing else: the gate
/// judges the difference, whoever made it.
fn settings(protected: &[String]) -> Value {
    let deny: Vec<String> = protected
        .iter()
        .take(PATTERNS_MAX)
        .filter(|pattern| !pattern.contains(['(', ')', '\n']))
        .map(|pattern| format!("Edit({})", pattern.trim_start_matches('/')))
        .collect();
    json!({ "permissions": { "deny": deny } })
}
