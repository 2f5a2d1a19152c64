//! A model that fails: an agent that has no model has not failed.
//!
//! The table: one row for each fault of a provider, one column for each agent, every field an attempt of
//! the real agent through the server's gateway. Most agents make the same of a fault; where one does not,
//! its own file says what it makes of it. Below it is what the table cannot hold: silences, and an answer
//! that forbids to ask again.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use selfheal::domain::ledger::Caps;
use selfheal::service::models::Patience;
use tokio::process::Command;

use self::Verdict::{NotSetUp, Tried, Wait};
use super::kinds::{Kind, Starts, asked_for, for_each_asked_for, is_somebody_named, named};
use super::provider::Provider;
use super::scene::{broken, command, command_for, heal, said};
use crate::gateway::models_at;
use crate::harness::{HandRunner, Tester};
use crate::runner::scene::Repo;
use crate::stories::{broken_pull, widget_of};

/// What an attempt should make of a model's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It waits: the provider is down or busy.
    Wait,
    /// Nobody can wait this out: the agent is not set up.
    NotSetUp,
    /// The agent went on in spite of it and healed nothing.
    Tried,
}

/// The rows: what the provider does (a scenario of `faults.json`), and what most agents make of it.
const FAULTS: [(&str, Verdict); 23] = [
    // It is busy or down.
    ("always_429", Wait),
    ("always_500", Wait),
    ("always_503", Wait),
    ("always_529", Wait),
    // It refuses the operator's key, who has to look.
    ("always_401", Wait),
    ("always_403", Wait),
    // What no waiting mends.
    ("always_400", NotSetUp),
    ("always_402", NotSetUp),
    ("always_404", NotSetUp),
    ("always_413", NotSetUp),
    // An answer that breaks off or makes no sense.
    ("always_malformed", Wait),
    ("always_garbage", Wait),
    ("always_empty", Wait),
    ("always_disconnect", Wait),
    ("always_reset", Wait),
    ("always_sse_error", Wait),
    ("always_cut_after_block", Wait),
    // A model that refuses, or never comes to an end.
    ("refuses", Tried),
    ("max_tokens", Tried),
    ("always_no_stop", Tried),
    // A fault that passes.
    ("twice_500", Tried),
    ("twice_reset", Tried),
    ("twice_429", Tried),
];

/// Rows that are to the server and the runner what another row is. Agents that start slowly are spared
/// them, unless somebody names the agents: `cargo xtask test --all` does.
const ALIKE: [&str; 12] = [
    "always_503",
    "always_529",
    "always_402",
    "always_403",
    "always_404",
    "always_413",
    "always_garbage",
    "always_empty",
    "always_disconnect",
    "always_reset",
    "twice_500",
    "twice_reset",
];

/// Attempts at the same time: agents wait between their tries, take a core when they start, and up to
/// half a gigabyte of memory.
const BESIDE: usize = 4;

/// A server with an attempt, whose runner may ask models of a provider that fails.
struct Gateway {
    t: Tester,
    runner: HandRunner,
    provider: Provider,
}

impl Gateway {
    async fn open() -> Self {
        let provider = Provider::start();
        let mut t = Tester::start().await;
        t.model(models_at(provider.url(), Caps::NONE), Patience::default()).await;
        let repository = widget_of(&t.world, "version: 1\n").await;
        broken_pull(&t, &repository).await;
        t.settle_with_ci().await;
        let runner = t.runner(&repository).await;
        Self { t, runner, provider }
    }

    /// What an attempt of an agent comes to while the provider plays a scenario, which the task names.
    async fn met_by(&self, kind: &Kind, scenario: &str) -> Verdict {
        let (agent, red) = (kind.agent(), format!("echo '[[scenario:{scenario}]]'; false"));
        let provider = agent.card().provider.as_str();
        let models = format!("{}/model/{}/{provider}", self.t.url(), self.runner.brief.attempt);
        let repo = Repo::new(&[("value", "bad\n")]);
        verdict(command_for(agent, &repo, (&models, self.runner.token()), &[&red])).await
    }
}

async fn verdict(command: Command) -> Verdict {
    let what = format!("{command:?}");
    let healing = tokio::time::timeout(Duration::from_mins(4), said(command)).await;
    let healing = healing.unwrap_or_else(|_| panic!("it hangs: {what}"));
    match healing.result["why"].as_str() {
        Some("model_unavailable") => Wait,
        Some("fixer_unavailable") => NotSetUp,
        Some("nothing_changed") => Tried,
        _ => panic!("{what}: {} {}", healing.result, healing.progress),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_asked_for_makes_of_every_fault_of_a_provider_what_it_should() {
    let gateway = Gateway::open().await;
    let fields: Vec<_> = asked_for()
        .into_iter()
        .flat_map(|kind| FAULTS.map(|(scenario, usual)| (kind, scenario, usual)))
        .filter(|(kind, scenario, _)| {
            let is_spared = kind.starts == Starts::Slowly && ALIKE.contains(scenario);
            is_somebody_named() || !is_spared
        })
        .collect();
    let count = fields.len();
    let met = stream::iter(fields)
        .map(async |(kind, scenario, usual)| {
            let met = gateway.met_by(kind, scenario).await;
            let own = kind.otherwise.iter().find(|(fault, _)| *fault == scenario);
            let expected = own.map_or(vec![usual], |(_, expected)| expected.to_vec());
            let what = format!("{} {scenario}: {met:?}, and not {expected:?}", kind.name);
            (!expected.contains(&met)).then_some(what)
        })
        .buffer_unordered(BESIDE);
    let wrong: Vec<String> = met.filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{} fields of the table:\n  {}", wrong.len(), wrong.join("\n  "));
    // All of that was asked for, and the provider itself failed.
    assert!(gateway.provider.requests().await.len() >= count);
}

#[tokio::test]
async fn every_agent_asked_for_is_not_set_up_where_ones_own_key_is_refused() {
    for_each_asked_for(async |kind| {
        for scenario in ["always_401", "always_403"] {
            let (repo, provider) = (broken(), Provider::start());
            let met = verdict(command(kind.agent(), &repo, &provider.playing(scenario))).await;
            assert_eq!(met, NotSetUp, "{} {scenario}", kind.name);
        }
    })
    .await;
}

/// A red repository whose attempts have two minutes: enough to be sure of a silence, also on a machine
/// that is busy, and for agents that ask again for as long as they are let.
fn impatient() -> Repo {
    let repo = broken();
    repo.write(".github/selfheal.yml", "budget: {minutes_per_attempt: 2}\n");
    repo.commit();
    repo
}

#[tokio::test]
async fn every_agent_asked_for_waits_for_a_model_that_falls_silent() {
    // All at once: most of the time they wait.
    let pairs =
        asked_for().into_iter().flat_map(|kind| ["stall", "hang_at_once"].map(|s| (kind, s)));
    let met = pairs.map(async |(kind, scenario)| {
        let (repo, provider) = (impatient(), Provider::start());
        let healing = heal(kind.agent(), &repo, &provider, scenario);
        let healing = tokio::time::timeout(Duration::from_mins(4), healing).await;
        (kind.name, scenario, healing.unwrap_or_else(|_| panic!("{} hangs", kind.name)))
    });
    for (name, scenario, healing) in join_all(met).await {
        let why = &healing.result["why"];
        assert_eq!(why, "model_unavailable", "{name} {scenario} {}", healing.progress);
    }
}

#[tokio::test]
async fn an_answer_that_forbids_to_ask_again_is_obeyed_at_once() {
    for agent in ["claude-code", "codex"].map(named) {
        let (repo, provider) = (broken(), Provider::start());
        let healing = heal(agent, &repo, &provider, "budget_spent").await;
        assert_eq!(healing.result["why"], "model_unavailable", "{agent:?} {}", healing.progress);
        let steps = provider.steps().await;
        let last = steps.last();
        assert_eq!(
            steps.iter().filter(|step| Some(*step) == last).count(),
            1,
            "{agent:?} {steps:?}"
        );
    }
}
