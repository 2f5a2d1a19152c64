//! The client's side of the Agent Client Protocol (version 1), for every agent that speaks it.
//!
//! JSON-RPC over standard input and output, and of it the seven messages that an attempt needs:
//! `initialize`, `session/new` or `session/load`, `session/prompt`, `session/update` and
//! `session/request_permission`. What else an agent asks is answered with "no such method". The
//! requests' ids say which step an answer belongs to, so nothing is kept between lines but what was
//! said. Permissions are given once each: the sandbox is the wall.

use serde_json::{Value, json};

use super::said::{count_at, text_at};
use super::{Answer, Ask, Opening, Said, Stopped, Went};

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

/// What an agent is told first.
pub(super) fn opening() -> Opening {
    let name = json!({ "name": "selfheal", "version": env!("CARGO_PKG_VERSION") });
    let fs = json!({ "readTextFile": false, "writeTextFile": false });
    let capabilities = json!({ "fs": fs, "terminal": false });
    let params = json!({
        "protocolVersion": VERSION, "clientCapabilities": capabilities, "clientInfo": name
    });
    Opening::First(request(INITIALIZE, "initialize", &params))
}

/// Takes note of a line; what is said to it.
pub(super) fn heard(ask: &Ask, line: &Value, said: &mut Said) -> Answer {
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
fn answered(ask: &Ask, id: Option<u64>, line: &Value, said: &mut Said) -> Answer {
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
                // Some say that of a turn that their model failed, too.
                Some("end_turn") => Stopped::Over,
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

fn updated(update: &Value, said: &mut Said) {
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
