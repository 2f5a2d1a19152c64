//! Providers, prices and caps, as operators set them.

use super::*;
use crate::domain::ledger::{Caps, Scope};
use crate::domain::model::Provider;

#[test]
fn a_provider_is_set_up_by_a_key_by_an_address_or_by_both() {
    let machine = Machine::new().file("key", "hush-2\n");
    let key = machine.path("key");
    let settings = machine
        .variable("SELFHEAL_ANTHROPIC_API_KEY_FILE", &key)
        .variable("SELFHEAL_OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
        .good();
    let ways = &settings.models.ways;
    assert_eq!(ways.len(), 2);
    let anthropic = &ways[&Provider::Anthropic];
    assert_eq!(anthropic.base_url.as_str(), "https://api.anthropic.com/");
    assert_eq!(anthropic.key.as_ref().unwrap().expose_secret(), "hush-2");
    let openai = &ways[&Provider::OpenAi];
    assert!(openai.base_url.as_str().ends_with(":11434/v1") && openai.key.is_none());
    assert!(!format!("{settings:?}").contains("hush"));
    assert!(Machine::new().good().models.ways.is_empty());
}

#[test]
fn a_key_of_a_provider_that_is_none_is_never_shown() {
    Machine::new().variable("SELFHEAL_GEMINI_API_KEY", "hush hush").says(
        "`SELFHEAL_GEMINI_API_KEY`: the value will not do; allowed is a key of the provider's",
    );
}

#[test]
fn what_models_may_cost_is_read_to_the_last_digit() {
    let settings = Machine::new()
        .variable("SELFHEAL_MODEL_USD_PER_ATTEMPT", "0.000000001")
        .config("model_tokens_per_day = 7\nmodel_usd_per_day = 1.5")
        .good();
    let caps = settings.models.caps;
    assert_eq!(caps.of(Scope::Attempt).usd.nanos(), 1);
    assert_eq!((caps.of(Scope::Day).usd.nanos(), caps.of(Scope::Day).tokens), (1_500_000_000, 7));
    assert_eq!(caps.of(Scope::Case), Caps::default().of(Scope::Case));
    Machine::new().variable("SELFHEAL_MODEL_USD_PER_CASE", "1e3").says(
        "`SELFHEAL_MODEL_USD_PER_CASE`: 1e3 will not do; allowed is US dollars, for example 5 or \
         0.25",
    );
}

#[test]
fn the_defaults_of_caps_are_those_of_the_domain() {
    assert_eq!(Machine::new().good().models.caps, Caps::default());
}

#[test]
fn prices_that_are_wrong_are_told_with_their_file_and_line() {
    let machine = Machine::new().file("p.toml", "version = \"a\"\n\n[[model]]\nname = 1\n");
    let path = machine.path("p.toml");
    let said = machine.variable("SELFHEAL_MODEL_PRICES", &path).said();
    assert!(said.contains("DIR/p.toml line 4: `name` will not do; allowed is the name"), "{said}");
    assert!(said.contains("DIR/p.toml line 3: `provider` is missing: anthropic, "), "{said}");
    let said = Machine::new().variable("SELFHEAL_MODEL_PRICES", "/nowhere/p.toml").said();
    let begin = "`SELFHEAL_MODEL_PRICES`: the file /nowhere/p.toml cannot be read: ";
    assert!(said.starts_with(begin), "{said}");
}
