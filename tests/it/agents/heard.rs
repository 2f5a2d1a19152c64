//! What is heard of every agent that prints something, without its program.

use selfheal::documents::{AnalysisNote, Answered, answered};
use selfheal::domain::agent::{
    Agent, AgentApi, Ask, CustomAcp, EVENT_CHARS_MAX, Said, WORDS_CHARS_MAX,
};
use serde_json::{Value, json};

use super::kinds::{self, by_acp, named};

/// What is known of an agent that printed these lines.
fn heard(agent: &dyn Agent, lines: &[String]) -> Said {
    let ask = Ask {
        prompt: String::new(),
        model: None,
        session: None,
        new_session: uuid::Uuid::nil(),
        workspace: "/workspace".to_owned(),
        protected: Vec::new(),
        command_ms: 1,
    };
    let mut said = Said::default();
    for line in lines {
        agent.hears(&ask, line.as_bytes(), &mut said);
    }
    said
}

/// What is known of an agent of that name that printed this.
pub(super) fn by_name(name: &str, printed: &str) -> Said {
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    heard((named(name).card().agent)().as_ref(), &lines)
}

/// What is kept of a text that each agent says last.
fn every(text: &str) -> Vec<(&'static str, String)> {
    let acp = CustomAcp { run: String::new() };
    let api = AgentApi { run: String::new() };
    let said = json!({ "kind": "said", "text": text }).to_string();
    let mut all =
        vec![("acp", heard(&acp, &by_acp(text)).words), ("agentapi", heard(&api, &[said]).words)];
    all.extend(kinds::ALL.iter().map(|kind| {
        let agent = (kind.agent().card().agent)();
        (kind.name, heard(agent.as_ref(), &(kind.prints)(text)).words)
    }));
    all
}

#[test]
fn a_question_behind_a_long_text_is_heard_from_every_agent() {
    for length in [10, EVENT_CHARS_MAX - 20, EVENT_CHARS_MAX, 3 * WORDS_CHARS_MAX] {
        let text = format!("{}\n{{\"questions\": [\"Which one?\"]}}", "ä".repeat(length));
        for (agent, words) in every(&text) {
            let asks = Answered::Asks(vec!["Which one?".to_owned()]);
            assert_eq!(answered(&words, 2), asks, "{agent} {length}");
            assert!(words.chars().count() <= WORDS_CHARS_MAX, "{agent}");
        }
    }
}

#[test]
fn the_largest_second_look_that_is_accepted_arrives_from_every_agent() {
    let long = "ä".repeat(2000);
    let list = vec![long.clone(); 12];
    let answer = json!({
        "what_failed": long, "wrong_assumption": long, "evidence": list, "disproved": list,
        "recommended_fix": long, "question": long,
    });
    for (agent, words) in every(&format!("I looked.\n{answer}")) {
        let read = AnalysisNote::read(&words);
        assert!(read.is_ok(), "{agent} {:?}", read.err());
    }
}

#[track_caller]
fn has_version(answer: &Value, expected: Option<&str>) {
    let agent = CustomAcp { run: String::new() };
    let line = json!({ "jsonrpc": "2.0", "id": 1, "result": answer }).to_string();
    assert_eq!(heard(&agent, &[line]).version.as_deref(), expected);
}

#[test]
fn the_version_of_an_acp_agent_is_what_it_says_when_it_begins() {
    has_version(&json!({ "agentInfo": { "name": "x", "version": "1.2.3" } }), Some("x 1.2.3"));
    has_version(&json!({ "agentInfo": { "version": "1.2.3" } }), Some("1.2.3"));
    has_version(&json!({ "agentInfo": { "name": "x" } }), None);
    has_version(&json!({ "protocolVersion": 1 }), None);
}
