//! Who heals in the kill suite, and on which road: every agent of the table of agents, those that come by
//! a command line, and what heals without a model.

use selfheal::domain::document::Stage;
use serde_json::{Value, json};

use crate::agents::kinds::{self, Model};
use crate::stories::{BAD, GOOD};

/// How an attempt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Road {
    /// One round, and it is green.
    Straight,
    /// Three red rounds, a second look, and a round that is green.
    SecondLook,
    /// The agent asks people first, and goes on with their answer.
    Question,
}

impl Road {
    /// The stages, each of which is done once.
    pub(crate) fn stages(self) -> Vec<(Stage, u8)> {
        use Stage::{DevilsAdvocate, Execute, PreVerify, Triage, Verify};
        let round = |round| [(Execute, round), (PreVerify, round), (Verify, round)];
        match self {
            Self::Straight => [&[(Triage, 1)], &round(1)[..]].concat(),
            Self::Question => [&[(Triage, 1), (Execute, 1)], &round(1)[..]].concat(),
            Self::SecondLook => {
                let red = [round(1), round(2), round(3)].concat();
                [&[(Triage, 1)], &red[..], &[(DevilsAdvocate, 3)], &round(4)].concat()
            }
        }
    }

    /// How often an agent begins when nothing interrupts it.
    pub(crate) const fn turns(self) -> usize {
        match self {
            Self::Straight => 1,
            Self::Question => 2,
            Self::SecondLook => 5,
        }
    }

    /// Whether a fixer is at work when so many stages are done.
    pub(crate) fn works_after(self, done: usize) -> bool {
        let next = self.stages().get(done).copied();
        next.is_some_and(|(stage, _)| matches!(stage, Stage::Execute | Stage::DevilsAdvocate))
    }
}

/// Who heals, and how.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// What the figures are told under.
    pub(crate) name: String,
    /// The fixers of the policy.
    pub(crate) fixers: String,
    /// Its files in the repository.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// What its process is called, where it can be killed alone.
    pub(crate) process: Option<&'static str>,
    /// How its model changes files.
    pub(crate) model: Model,
    /// Whether it asks models.
    pub(crate) asks_models: bool,
    /// Whether it goes on with a session.
    pub(crate) keeps_sessions: bool,
    /// How its attempts go.
    pub(crate) road: Road,
    /// A kill falls at one of so many requests.
    pub(crate) requests: usize,
    /// Or after one of so many lines.
    pub(crate) lines: usize,
}

const COMMANDS: &str = "[{name: idle, command: \"true\"}, {name: slow, command: \"sleep 1; printf 'pub \
                        fn answer() -> u8 {\\\\n    42\\\\n}\\\\n' > src/lib.rs; sleep 1\"}]";

/// Real opencode, by the command line of a policy.
const ACP: &str = include_str!("../../fixtures/acp/opencode.sh");

/// An AgentAPI server with an agent of its own.
const AGENTAPI: &str = include_str!("../../fixtures/agentapi/server.py");

/// What heals without a model. The first command does nothing, so that its turn is finished when the
/// second is interrupted.
pub(crate) fn without_agents() -> Vec<Kind> {
    let kind = |name: &str, fixers: &str, requests, lines| Kind {
        name: name.to_owned(),
        fixers: fixers.to_owned(),
        files: &[],
        process: None,
        model: Model::UsesTools,
        asks_models: false,
        keeps_sessions: false,
        road: Road::Straight,
        requests,
        lines,
    };
    vec![kind("recipes", "[recipes]", 7, 14), kind("commands", COMMANDS, 8, 18)]
}

fn agent(name: &str, fixers: String, process: &'static str) -> Kind {
    Kind {
        name: name.to_owned(),
        fixers,
        files: &[],
        process: Some(process),
        model: Model::UsesTools,
        asks_models: true,
        keeps_sessions: true,
        road: Road::Straight,
        requests: 20,
        lines: 16,
    }
}

/// Every agent that was asked for.
pub(crate) fn agents() -> Vec<Kind> {
    let kind = |kind: &'static kinds::Kind| Kind {
        model: kind.model,
        keeps_sessions: !kind.session.is_empty(),
        requests: if kind.model == Model::Writes { 9 } else { 20 },
        ..agent(kind.name, format!("[{}]", kind.name), kind.process)
    };
    kinds::asked_for().into_iter().map(kind).collect()
}

/// Agents that come by a command line.
pub(crate) fn custom() -> Vec<Kind> {
    let fixer = |key: &str, run: &str| format!("[{{{key}: {run}, name: mine}}]");
    let acp = agent("acp", fixer("acp", "sh acp.sh"), "opencode");
    let agentapi = agent("agentapi", fixer("agentapi", "python3 agentapi.py write"), "python3");
    vec![
        Kind { files: &[("acp.sh", ACP)], keeps_sessions: false, ..acp },
        Kind {
            files: &[("agentapi.py", AGENTAPI)],
            keeps_sessions: false,
            requests: 9,
            ..agentapi
        },
    ]
}

/// Agents on a longer road: the two that begin quickest, because it takes them five turns.
pub(crate) fn on(road: Road) -> Vec<Kind> {
    let is_quick = |kind: &Kind| matches!(kind.name.as_str(), "claude-code" | "codex");
    let (requests, lines) = match road {
        Road::Straight => (20, 16),
        Road::Question => (26, 18),
        Road::SecondLook => (45, 60),
    };
    let longer = |kind: Kind| Kind {
        name: format!("{}, {road:?}", kind.name),
        road,
        requests,
        lines,
        ..kind
    };
    agents().into_iter().filter(is_quick).map(longer).collect()
}

/// All of them.
pub(crate) fn all() -> Vec<Kind> {
    let longer = [on(Road::SecondLook), on(Road::Question)].concat();
    [without_agents(), agents(), custom(), longer].concat()
}

impl Kind {
    /// What the model says.
    pub(crate) fn scenario(&self) -> Value {
        let steps = match (self.road, self.model) {
            (_, Model::Writes) => json!([{ "delay_ms": 3000, "do": [{ "edit": {
                "path": "src/lib.rs", "old": BAD.trim_end(), "new": GOOD.trim_end(),
            } }], "say": "It was not formatted." }]),
            (Road::Straight, Model::UsesTools) => straight(),
            (Road::SecondLook, Model::UsesTools) => stubborn(),
            (Road::Question, Model::UsesTools) => unsure(),
        };
        let usage = json!({ "input": 1200, "output": 60, "cache_read": 8000, "cache_write": 0 });
        // One that writes is asked again when it named a file that the agent had not shown it.
        let again = self.model == Model::Writes;
        json!({ "usage": usage, "delay_ms": 500, "repeat_last": again, "steps": steps })
    }
}

/// A line that leaves this in the file.
fn leaves(text: &str) -> String {
    format!("printf '{}' > src/lib.rs", text.replace('\n', "\\n"))
}

/// Six steps, half a second each, that change the file twice. The last change is made again in the next
/// step: a script does not notice that a command was killed before it ran.
fn straight() -> Value {
    let half = "pub fn answer() -> u8 { 42 }\n";
    json!([
        { "say": "I look at it.", "do": [{ "bash": "cat src/lib.rs" }] },
        { "do": [{ "bash": leaves(half) }] },
        { "do": [{ "bash": "cat Cargo.toml; sleep 1" }] },
        { "do": [{ "bash": leaves(GOOD) }] },
        { "do": [{ "bash": format!("{}; sleep 1", leaves(GOOD)) }] },
        { "say": "It was not formatted; it is now." },
    ])
}

fn when(said: &str, mut step: Value) -> Value {
    step["when"] = json!({ "prompt_matches": said });
    step
}

/// Two steps of work, by what the prompt says; what is done first is done again.
fn twice(steps: &[Value]) -> Value {
    json!([{ "any": steps }, { "any": steps }, { "say": "That is all." }])
}

/// Badly formatted, in another way each time, until a second look was taken.
fn stubborn() -> Value {
    let look = json!({
        "what_failed": "the format",
        "wrong_assumption": "that blanks matter",
        "evidence": ["Diff in src/lib.rs"],
        "disproved": ["another version"],
        "recommended_fix": "put the body on lines of its own",
        "question": "Which style is meant?",
    });
    let wrong = "printf 'pub fn answer( ) -> u8 { 42 } // %s\\n' $(wc -c < src/lib.rs) > src/lib.rs; sleep 1";
    twice(&[
        when("prompt: devils-advocate", json!({ "say": look.to_string() })),
        when("What a second look found", json!({ "do": [{ "bash": leaves(GOOD) }] })),
        json!({ "do": [{ "bash": wrong }] }),
    ])
}

/// Asks people, and does as they say.
fn unsure() -> Value {
    let asks = json!({ "questions": ["Shall it have lines of its own?"] }).to_string();
    let first = [
        when("Answered by people who may write", json!({ "do": [{ "bash": leaves(GOOD) }] })),
        json!({ "do": [{ "bash": "cat src/lib.rs; sleep 1" }] }),
    ];
    let second = [
        when("Answered by people who may write", json!({ "do": [{ "bash": leaves(GOOD) }] })),
        json!({ "say": asks }),
    ];
    json!([{ "any": first }, { "any": second }, { "say": "It has lines of its own now." }])
}
