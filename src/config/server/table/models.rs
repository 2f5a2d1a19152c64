//! The settings of models: how providers are reached, what models cost, and what may be spent.

use super::{Otherwise, Setting, URL_FORM, open, secret};

const KEY_FORM: &str = "a key of the provider's";
const USD_FORM: &str = "US dollars, for example 5 or 0.25";
const TOKENS_FORM: &str = "a whole number of tokens";

const fn usd(name: &'static str, otherwise: &'static str, meaning: &'static str) -> Setting {
    open(name, "USD", USD_FORM, Otherwise::Value(otherwise), meaning)
}

const fn tokens(name: &'static str, otherwise: &'static str, meaning: &'static str) -> Setting {
    open(name, "TOKENS", TOKENS_FORM, Otherwise::Value(otherwise), meaning)
}

/// All settings of models, in the order of the reference page.
pub(super) const SETTINGS: &[Setting] = &[
    secret(
        "anthropic-api-key",
        "anthropic-api-key-file",
        KEY_FORM,
        "The key for Anthropic's models; it never leaves the server but to Anthropic",
    ),
    open(
        "anthropic-base-url",
        "URL",
        URL_FORM,
        Otherwise::Derived("https://api.anthropic.com where there is a key"),
        "Where Anthropic's interface is, or a gateway that speaks it; it may need no key",
    ),
    secret("openai-api-key", "openai-api-key-file", KEY_FORM, "The key for OpenAI's models"),
    open(
        "openai-base-url",
        "URL",
        URL_FORM,
        Otherwise::Derived("https://api.openai.com/v1 where there is a key"),
        "Where OpenAI's interface is, with its /v1, or a gateway or local server that speaks it",
    ),
    secret("gemini-api-key", "gemini-api-key-file", KEY_FORM, "The key for Google's Gemini models"),
    open(
        "gemini-base-url",
        "URL",
        URL_FORM,
        Otherwise::Derived("https://generativelanguage.googleapis.com where there is a key"),
        "Where Gemini's interface is, or a gateway that speaks it",
    ),
    open(
        "model-prices",
        "FILE",
        "a file of prices as docs/models.md shows it",
        Otherwise::Absent,
        "Prices of models that are added to the shipped list or written over it; a model without a \
         price is not called",
    ),
    open(
        "models-allowed",
        "NAMES",
        "names of models, apart by commas; * stands for any characters",
        Otherwise::Value("*"),
        "The models that may be called, of those that have a price",
    ),
    open(
        "model-output-tokens-max",
        "TOKENS",
        "1024 to 1000000 tokens",
        Otherwise::Value("32000"),
        "The most tokens of one answer; each call holds the price of that many until it is settled",
    ),
    open(
        "model-calls-per-attempt",
        "CALLS",
        "1 to 256 calls",
        Otherwise::Value("16"),
        "The calls of one attempt at the same time; all attempts share 256",
    ),
    usd("model-usd-per-attempt", "5", "What the calls of one attempt may cost"),
    usd("model-usd-per-case", "10", "The same of one case, all its attempts"),
    usd("model-usd-per-pull", "20", "The same of one pull request, all its cases"),
    usd("model-usd-per-repository-day", "50", "The same of one repository within a day"),
    usd("model-usd-per-day", "200", "The same of everything within a day"),
    tokens(
        "model-tokens-per-attempt",
        "20000000",
        "The tokens that the calls of one attempt may have, cached ones included",
    ),
    tokens("model-tokens-per-case", "40000000", "The same of one case"),
    tokens("model-tokens-per-pull", "80000000", "The same of one pull request"),
    tokens(
        "model-tokens-per-repository-day",
        "200000000",
        "The same of one repository within a day",
    ),
    tokens("model-tokens-per-day", "800000000", "The same of everything within a day"),
];
