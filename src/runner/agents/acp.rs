//! Agents that speak the Agent Client Protocol (version 1): opencode, Gemini CLI, any other.
//!
//! JSON-RPC over standard input and output, and of it the seven messages that an attempt needs:
//! `initialize`, `session/new` or `session/load`, `session/prompt`, `session/update` and
//! `session/request_permission`. What else an agent asks is answered with "no such method". The
//! requests' ids say which step an answer belongs to, so nothing is kept between lines but what was
//! said. Permissions are given once each: the sandbox is the wall.

use serde_json::{Value, json};

use super::listener::{Went, count_at, text_at};
use super::{Agent, Ask, Kept, Launch, NO_KEY, Said, Stopped};
use crate::domain::model::Provider;
use crate::runner::bridge;
use crate::runner::sandbox::{Answer, Opening};

const INITIALIZE: u64 = 1;
const SESSION: u64 = 2;
const PROMPT: u64 = 3;

/// The protocol's version.
const VERSION: u64 = 1;

/// JSON-RPC's code for a method that is not there.
const NO_SUCH_METHOD: i64 = -32601;

fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

fn line(message: &Value) -> Vec<u8> {
    let mut bytes = message.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

fn opening() -> Opening {
    let name = json!({ "name": "selfheal", "version": env!("CARGO_PKG_VERSION") });
    let fs = json!({ "readTextFile": false, "writeTextFile": false });
    let capabilities = json!({ "fs": fs, "terminal": false });
    let params = json!({
        "protocolVersion": VERSION, "clientCapabilities": capabilities, "clientInfo": name
    });
    Opening::First(request(INITIALIZE, "initialize", &params))
}

fn heard(ask: &Ask, line: &Value, said: &mut Said<'_>) -> Answer {
    match (text_at(line, "/method"), line.get("id")) {
        (Some("session/update"), _) => {
            // What it tells while it loads a session was told before.
            let is_loading = ask.session.is_some() && said.session.is_none();
            let update = line.pointer("/params/update").filter(|_| !is_loading);
            if let Some(update) = update {
                updated(update, said);
            }
            Answer::Listen
        }
        (Some("session/request_permission"), Some(id)) => Answer::Say(permitted(id, line)),
        (Some(_), Some(id)) => {
            let error = json!({ "code": NO_SUCH_METHOD, "message": "not offered" });
            Answer::Say(self::line(&json!({ "jsonrpc": "2.0", "id": id, "error": error })))
        }
        (Some(_), None) => Answer::Listen,
        (None, id) => answered(ask, id.and_then(Value::as_u64), line, said),
    }
}

/// The next step, after an answer to one of our requests.
fn answered(ask: &Ask, id: Option<u64>, line: &Value, said: &mut Said<'_>) -> Answer {
    if let Some(error) = line.get("error") {
        let words = text_at(error, "/data/details").or_else(|| text_at(error, "/message"));
        let words = words.unwrap_or("the agent answered with an error").to_owned();
        said.error(&words);
        said.stopped = Some(Stopped::Failed(words));
        return Answer::Leave;
    }
    match id {
        Some(INITIALIZE) => {
            let known = ["name", "version"];
            let known = known.map(|key| text_at(line, &format!("/result/agentInfo/{key}")));
            if let [name, Some(version)] = known {
                said.is_version(&format!("{} {version}", name.unwrap_or_default()));
            }
            let place = json!({ "cwd": ask.workspace, "mcpServers": [] });
            Answer::Say(match &ask.session {
                Some(session) => {
                    let mut params = place;
                    params["sessionId"] = json!(session);
                    request(SESSION, "session/load", &params)
                }
                None => request(SESSION, "session/new", &place),
            })
        }
        Some(SESSION) => {
            let new = text_at(line, "/result/sessionId");
            let Some(session) = new.or(ask.session.as_deref()) else {
                said.stopped = Some(Stopped::Failed("the agent gave no session".to_owned()));
                return Answer::Leave;
            };
            said.started(Some(session), text_at(line, "/result/models/currentModelId"));
            let prompt = json!([{ "type": "text", "text": ask.prompt }]);
            let params = json!({ "sessionId": session, "prompt": prompt });
            Answer::Say(request(PROMPT, "session/prompt", &params))
        }
        Some(PROMPT) => {
            said.stopped = Some(match text_at(line, "/result/stopReason") {
                Some("end_turn") => Stopped::Done,
                Some(reason @ ("max_tokens" | "max_turn_requests")) => {
                    Stopped::Limit(format!("it stopped: {reason}"))
                }
                Some(reason) => Stopped::Failed(format!("it stopped: {reason}")),
                None => Stopped::Failed("it stopped without a reason".to_owned()),
            });
            Answer::Leave
        }
        _ => Answer::Listen,
    }
}

/// Yes, this once.
fn permitted(id: &Value, line: &Value) -> Vec<u8> {
    let options = line.pointer("/params/options").and_then(Value::as_array);
    let of_kind = |wanted: &str| {
        let mut options = options.into_iter().flatten();
        options.find(|option| text_at(option, "/kind") == Some(wanted))
    };
    let chosen = of_kind("allow_once").or_else(|| of_kind("allow_always"));
    let outcome = match chosen.and_then(|option| option.get("optionId")) {
        Some(option) => json!({ "outcome": "selected", "optionId": option }),
        None => json!({ "outcome": "cancelled" }),
    };
    self::line(&json!({ "jsonrpc": "2.0", "id": id, "result": { "outcome": outcome } }))
}

fn updated(update: &Value, said: &mut Said<'_>) {
    let text = text_at(update, "/content/text").unwrap_or_default();
    match text_at(update, "/sessionUpdate") {
        Some("agent_message_chunk") => said.piece(text),
        Some("agent_thought_chunk") => said.thinking(text),
        Some("tool_call") => {
            said.new_paragraph();
            let title = text_at(update, "/title").unwrap_or("a tool");
            let input = ["/rawInput/command", "/rawInput/filePath", "/locations/0/path"];
            let input = input.into_iter().find_map(|path| text_at(update, path));
            said.tool_call(title, input.unwrap_or_default());
        }
        Some("tool_call_update") => {
            let went = match text_at(update, "/status") {
                Some("failed") => Some(Went::Wrong),
                Some("completed") => Some(Went::Right),
                _ => None,
            };
            if let Some(went) = went {
                let output = text_at(update, "/content/0/content/text").unwrap_or_default();
                said.tool_result(went, output);
            }
        }
        Some("usage_update") => said.usage(count_at(update, "/used"), 0),
        _ => {}
    }
}

/// opencode; checked with 1.18.33.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opencode;

impl Agent for Opencode {
    fn name(&self) -> String {
        "opencode".to_owned()
    }

    fn program(&self) -> Option<&'static str> {
        Some("opencode")
    }

    fn provider(&self) -> Provider {
        Provider::Anthropic
    }

    fn usual_model(&self) -> &'static str {
        "claude-sonnet-5-5"
    }

    fn checked_with(&self) -> &'static str {
        "1.18.33"
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let model = ask.model_or(self.usual_model());
        // A provider of its own name, so that none of its built-in lists and logins is asked.
        let (package, path) = if model.starts_with("claude") {
            ("@ai-sdk/anthropic", "anthropic/v1")
        } else {
            ("@ai-sdk/openai-compatible", "openai/v1")
        };
        let options = json!({ "baseURL": format!("{}/{path}", bridge::PLACE), "apiKey": NO_KEY });
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
        opening()
    }

    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said<'_>) -> Answer {
        heard(ask, line, said)
    }
}

/// Gemini CLI; checked with 0.61.0.
#[derive(Debug, Clone, Copy)]
pub(super) struct GeminiCli;

impl Agent for GeminiCli {
    fn name(&self) -> String {
        "gemini-cli".to_owned()
    }

    fn program(&self) -> Option<&'static str> {
        Some("gemini")
    }

    fn provider(&self) -> Provider {
        Provider::Gemini
    }

    fn usual_model(&self) -> &'static str {
        "gemini-2.5-pro"
    }

    fn checked_with(&self) -> &'static str {
        "0.61.0"
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let settings = json!({
            "security": { "auth": { "selectedType": "gemini-api-key" } },
            "privacy": { "usageStatisticsEnabled": false },
            "general": { "disableAutoUpdate": true },
        });
        let mut launch = Launch::new(&["gemini", "--acp", "--approval-mode", "yolo"]);
        launch.args(&["-m", ask.model_or(self.usual_model())]);
        launch.files.push((".gemini/settings.json", settings.to_string()));
        launch.env("GEMINI_API_KEY", NO_KEY);
        launch.env("GOOGLE_GEMINI_BASE_URL", format!("{}/gemini", bridge::PLACE));
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
        opening()
    }

    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said<'_>) -> Answer {
        heard(ask, line, said)
    }
}

/// Any program that speaks the protocol, by the command line that the policy names.
///
/// It finds the ways to models in `SELFHEAL_ANTHROPIC_URL`, `SELFHEAL_OPENAI_URL` and
/// `SELFHEAL_GEMINI_URL`; none of them wants a key.
#[derive(Debug, Clone)]
pub struct CustomAcp {
    /// Its name, for people.
    pub name: String,
    /// The line for `sh -c`.
    pub run: String,
}

impl Agent for CustomAcp {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn program(&self) -> Option<&'static str> {
        None
    }

    fn provider(&self) -> Provider {
        Provider::Anthropic
    }

    fn usual_model(&self) -> &'static str {
        ""
    }

    fn checked_with(&self) -> &'static str {
        ""
    }

    fn launch(&self, ask: &Ask) -> Launch {
        let mut launch = Launch::new(&["sh", "-c", &self.run]);
        launch.ways_to_models(ask);
        launch
    }

    fn opening(&self, _ask: &Ask) -> Opening {
        opening()
    }

    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said<'_>) -> Answer {
        heard(ask, line, said)
    }
}
