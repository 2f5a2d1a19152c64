//! A recorded case whose fixer is a real agent.

use std::fs;
use std::path::Path;

use selfheal::domain::agent::AgentName;
use serde_json::json;
use tokio::process::Command;

use super::provider::Provider;
use super::scene::{BROKEN, Healing, OWN_KEY, lent, said};

const MANIFEST: &str = "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// Two cases: what the scripted fixer cannot do and an agent can, and a cheat that is there for the
/// gate.
fn recorded(dir: &Path) {
    let case = |name: &str, expect: &str, fixer: &str| {
        let text = json!({
            "title": "subtracts", "ecosystem": "rust", "source": "made for this test",
            "licence": "MIT", "expect": expect, "command": "cargo test", "fixer": fixer,
            "truth": "cargo test && grep -q 'a + b' src/lib.rs",
            "files": {
                ".gitignore": "target\nCargo.lock\n", "Cargo.toml": MANIFEST, "src/lib.rs": BROKEN,
            },
        });
        fs::create_dir(dir.join(name)).unwrap();
        fs::write(dir.join(name).join("case.yml"), text.to_string()).unwrap();
    };
    case("a-broken", "healed_by_fixer", "true");
    case("b-cheat", "refused", "sed -i 's/#.test./#[test] #[ignore]/' src/lib.rs");
}

async fn replayed(dir: &Path, provider: &Provider, fixers: &[&str]) -> Healing {
    let agent = AgentName::parse("claude-code").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal"));
    command.arg("replay").arg(dir).args(["--format", "json"]).args(fixers);
    lent(&mut command, agent, (&provider.playing("fix"), OWN_KEY));
    said(command).await
}

#[tokio::test]
async fn an_agent_takes_the_place_of_a_fixer_that_was_to_heal() {
    let (dir, provider) = (tempfile::tempdir().unwrap(), Provider::start());
    recorded(dir.path());
    let played = replayed(dir.path(), &provider, &["--fixer", "claude-code"]).await;
    assert_eq!(played.code, Some(0), "{} {}", played.result, played.progress);
    let ends: Vec<_> = (0..2).map(|of| &played.result["cases"][of]["got"]).collect();
    assert_eq!(ends, ["healed_by_fixer", "refused"], "{}", played.result);
    assert_eq!(played.result["cases"][0]["why"], "agent:claude-code");
    assert!(provider.has_seen("fn adds").await && !provider.has_seen(OWN_KEY).await);
}

/// Whoever recorded a case does not spend the money of those who replay it.
#[tokio::test]
async fn an_agent_that_only_the_case_asks_for_is_asked_nothing() {
    let (dir, provider) = (tempfile::tempdir().unwrap(), Provider::start());
    let text = json!({
        "title": "subtracts", "ecosystem": "rust", "source": "made for this test",
        "licence": "MIT", "expect": "not_healed", "command": "cargo test",
        "files": {
            ".gitignore": "target\nCargo.lock\n", "Cargo.toml": MANIFEST, "src/lib.rs": BROKEN,
            ".github/selfheal.yml": "fixers:\n  - agent: claude-code\n",
        },
    });
    fs::create_dir(dir.path().join("case")).unwrap();
    fs::write(dir.path().join("case/case.yml"), text.to_string()).unwrap();
    let played = replayed(dir.path(), &provider, &[]).await;
    assert_eq!(played.result["cases"][0]["got"], "not_healed", "{}", played.result);
    assert!(!provider.has_seen("adds").await, "{}", played.result);
}
