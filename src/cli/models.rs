//! The models that `selfheal heal` and `selfheal replay` ask: with the keys of whoever runs them, at
//! the providers themselves.
//!
//! Nothing is counted here and no cap holds: that is the server's gateway.

use anyhow::Context as _;
use url::Url;

use crate::domain::agent::{AgentName, is_model_name};
use crate::domain::brief::FixerSpec;
use crate::domain::granularity::ModelChoice;
use crate::domain::model::{NAME_BYTES_MAX, Provider};
use crate::runner::model::{ModelEnd, OwnProvider, Upstream};

/// Reads `recipes`, an agent, or an agent with its model.
pub(super) fn fixer(text: &str) -> Result<FixerSpec, String> {
    let (name, model) = match text.split_once('=') {
        Some((name, model)) => (name, Some(model)),
        None => (text, None),
    };
    if name == "recipes" && model.is_none() {
        return Ok(FixerSpec::Recipes { only: Vec::new() });
    }
    let names: Vec<&str> = AgentName::all().map(AgentName::as_str).collect();
    let names = names.join(", ");
    let agent = AgentName::parse(name).ok_or_else(|| format!("known are recipes, {names}"))?;
    if model.is_some_and(|model| !is_model_name(model)) {
        let allowed = "letters, digits, `-`, `_`, `.`, `:`, `/` and `@`";
        return Err(format!("a model's name has at most {NAME_BYTES_MAX} {allowed}"));
    }
    Ok(FixerSpec::Agent { agent, model: model.map(|name| ModelChoice::One(name.to_owned())) })
}

/// The way to the providers whose keys or addresses are in the environment; none without any.
pub(super) fn open() -> anyhow::Result<Option<ModelEnd>> {
    let own: Vec<OwnProvider> =
        Provider::ALL.into_iter().filter_map(|p| own(p).transpose()).collect::<Result<_, _>>()?;
    if own.is_empty() {
        return Ok(None);
    }
    let program = std::env::current_exe().context("this program cannot be found")?;
    Ok(Some(ModelEnd::open(Upstream::Providers(own), program)?))
}

fn own(provider: Provider) -> anyhow::Result<Option<OwnProvider>> {
    let (key, address, usual) = match provider {
        Provider::Anthropic => {
            ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com")
        }
        Provider::OpenAi => ("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1"),
        Provider::Gemini => (
            "GEMINI_API_KEY",
            "GOOGLE_GEMINI_BASE_URL",
            "https://generativelanguage.googleapis.com",
        ),
    };
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (key, given) = (of(key), of(address));
    if key.is_none() && given.is_none() {
        return Ok(None);
    }
    let text = given.as_deref().unwrap_or(usual);
    // OpenAI's own clients have the version in the base; here it is part of the path.
    let text = text.trim_end_matches('/');
    let text =
        if provider == Provider::OpenAi { text.strip_suffix("/v1").unwrap_or(text) } else { text };
    let base = Url::parse(text).with_context(|| format!("{address} is no URL"))?;
    Ok(Some(OwnProvider { provider, base, key: key.map(Into::into) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixer_is_a_name_and_perhaps_a_model() {
        let agent = |agent, model: Option<&str>| {
            let model = model.map(|name: &str| ModelChoice::One(name.to_owned()));
            Ok(FixerSpec::Agent { agent, model })
        };
        assert_eq!(fixer("recipes"), Ok(FixerSpec::Recipes { only: Vec::new() }));
        let codex = AgentName::parse("codex").unwrap();
        assert_eq!(fixer("codex"), agent(codex, None));
        assert_eq!(fixer("codex=gpt-5.5"), agent(codex, Some("gpt-5.5")));
        for wrong in ["", "claude", "recipes=x", "codex=", "codex=-p", "codex=a b"] {
            assert!(fixer(wrong).is_err(), "{wrong}");
        }
    }
}
