//! A policy in the file's own form: what `check-config` prints and where the defaults in the
//! reference come from. What is written here, [`super::parse`] reads back as the same policy.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::keys::KEYS;
use super::shape::{Key, Shape};
use crate::domain::autonomy::Bounds;
use crate::domain::brief::{FixerSpec, Network};
use crate::domain::failure::FailureKind;
use crate::domain::ids::Label;
use crate::domain::ledger::{Caps, Scope};
use crate::domain::money::Usd;
use crate::domain::policy::{Drafts, FileGlob, Forks, HealBase, Policy, Remedies, WhenMended};
use crate::domain::protected::{self, ProtectedPaths, Protection};

/// A policy with the keys of the repository file, defaults included.
pub fn effective(policy: &Policy) -> Value {
    let labels = &policy.labels;
    json!({
        "version": 1,
        "enabled": policy.enabled,
        "attempts": policy.attempts_max,
        "fixers": policy.fixers.iter().map(fixer).collect::<Vec<_>>(),
        "verify": policy.verify,
        "protected_paths": {
            "refuse": own_patterns(&policy.protected, Protection::Refuse),
            "hold": own_patterns(&policy.protected, Protection::Hold),
            "unprotect": unprotected(&policy.protected),
        },
        "labels": {
            "involved": labels.involved.as_str(),
            "stop": labels.stop.iter().map(Label::as_str).collect::<Vec<_>>(),
            "require": labels.require.as_ref().map(Label::as_str),
            "hold_updates": labels.hold_updates.as_str(),
        },
        "update_bots": labels.update_bots,
        "budget": {
            "attempts_per_day": policy.budget.attempts_per_day,
            "attempts_at_once": policy.budget.attempts_at_once,
            "minutes_per_attempt": policy.limits.attempt_secs / 60,
            "usd_per_attempt": usd(policy, Scope::Attempt),
            "usd_per_case": usd(policy, Scope::Case),
            "usd_per_pull": usd(policy, Scope::Pull),
            "usd_per_day": usd(policy, Scope::Repository),
            "tokens_per_attempt": tokens(policy, Scope::Attempt),
            "tokens_per_day": tokens(policy, Scope::Repository),
        },
        "size": size(policy),
        "workflows": {
            "include": policy.workflows.include,
            "exclude": policy.workflows.exclude,
        },
        "branches": {
            "include": policy.branches.include,
            "exclude": policy.branches.exclude,
        },
        "drafts": match policy.drafts {
            Drafts::Wait => "wait",
            Drafts::Heal => "heal",
        },
        "forks": match policy.forks {
            Forks::Ignore => "ignore",
            Forks::Explain => "explain",
        },
        "gate": policy
            .gate
            .iter()
            .map(|(rule, weight)| (rule.to_owned(), json!(weight.as_str())))
            .collect::<serde_json::Map<_, _>>(),
        "evidence": {
            "matchers": policy.matchers.iter().map(FileGlob::as_str).collect::<Vec<_>>(),
        },
        "kinds": policy.kinds.iter().map(|kind| FailureKind::as_str(*kind)).collect::<Vec<_>>(),
        "network": match policy.network {
            Network::Closed => "closed",
            Network::Open => "open",
        },
        "ci_start_minutes": policy.ci_start_minutes_max,
        "questions": { "max": policy.questions.max, "hours": policy.questions.hours },
        "reruns": reruns(policy),
        "base": base(policy),
        "remedies": remedies(policy),
        "autonomy": autonomy(policy),
    })
}

fn size(policy: &Policy) -> Value {
    let size = &policy.size;
    json!({ "files": size.files_max, "lines": size.lines_max, "bytes": size.bytes_max })
}

fn reruns(policy: &Policy) -> Value {
    json!({ "flaky": policy.reruns.flaky, "infrastructure": policy.reruns.infrastructure })
}

const fn remedies(policy: &Policy) -> &'static str {
    match policy.remedies {
        Remedies::None => "none",
        Remedies::Repository => "repository",
        Remedies::Owner => "owner",
    }
}

fn autonomy(policy: &Policy) -> Value {
    let Bounds { start, least, most } = policy.autonomy;
    json!({ "start": start.as_str(), "least": least.as_str(), "most": most.as_str() })
}

fn base(policy: &Policy) -> Value {
    let heal = match policy.base.heal {
        HealBase::PullRequest => "pull_request",
        HealBase::Off => "off",
    };
    let when_mended = match policy.base.when_mended {
        WhenMended::Tell => "tell",
        WhenMended::Update => "update",
    };
    json!({ "heal": heal, "when_mended": when_mended })
}

/// A policy as the text of a repository file, in the order of the reference page.
pub fn effective_text(policy: &Policy) -> String {
    let values = effective(policy);
    let mut text = String::new();
    for key in KEYS {
        let indent = if key.group().is_empty() { "" } else { "  " };
        let name = key.name();
        if matches!(key.shape, Shape::Group { .. }) {
            let _ = writeln!(text, "{indent}{name}:");
        } else if let Some(value) = value_of(&values, key) {
            let _ = writeln!(text, "{indent}{name}: {value}");
        }
    }
    text
}

/// The value at a key; `None` where nothing is set.
pub(super) fn value_of<'v>(values: &'v Value, key: &Key) -> Option<&'v Value> {
    key.path
        .split('.')
        .try_fold(values, |value, name| value.get(name))
        .filter(|value| !value.is_null())
}

/// A cap in whole dollars, as the file has it; `None` where it has none.
fn usd(policy: &Policy, scope: Scope) -> Option<u64> {
    let cap = policy.budget.models.of(scope).usd;
    (cap != Caps::NONE.of(scope).usd).then(|| cap.nanos() / Usd::dollars(1).nanos())
}

fn tokens(policy: &Policy, scope: Scope) -> Option<u64> {
    let cap = policy.budget.models.of(scope).tokens;
    (cap != Caps::NONE.of(scope).tokens).then_some(cap)
}

fn fixer(fixer: &FixerSpec) -> Value {
    match fixer {
        FixerSpec::Recipes { only } if only.is_empty() => json!("recipes"),
        FixerSpec::Recipes { only } => json!({ "recipes": only }),
        FixerSpec::Command { name, run } => json!({ "name": name, "command": run }),
        FixerSpec::Agent { agent, model: None } => json!(agent.as_str()),
        FixerSpec::Agent { agent, model } => json!({ "agent": agent.as_str(), "model": model }),
        FixerSpec::Acp { name, run, model: None } => json!({ "name": name, "acp": run }),
        FixerSpec::Acp { name, run, model } => {
            json!({ "name": name, "acp": run, "model": model })
        }
        FixerSpec::AgentApi { name, run, model: None } => json!({ "name": name, "agentapi": run }),
        FixerSpec::AgentApi { name, run, model } => {
            json!({ "name": name, "agentapi": run, "model": model })
        }
    }
}

/// What the repository added at that strength.
fn own_patterns(paths: &ProtectedPaths, protection: Protection) -> Vec<&str> {
    let built_in = |pattern: &str| {
        protected::built_in().iter().any(|b| b.pattern == pattern && b.protection == protection)
    };
    paths
        .guards()
        .filter(|guard| guard.protection == protection && !built_in(&guard.pattern))
        .map(|guard| guard.pattern.as_str())
        .collect()
}

/// Which built-in patterns the repository took away.
fn unprotected(paths: &ProtectedPaths) -> Vec<&'static str> {
    let patterns = protected::built_in().iter().map(|b| b.pattern);
    patterns.filter(|pattern| !paths.guards().any(|guard| guard.pattern == *pattern)).collect()
}
