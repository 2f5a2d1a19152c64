//! Models, as operators set them: how providers are reached, what may be called and spent.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;
use url::Url;

use super::layers::text_of;
use super::{Reader, base_url};
use crate::config::prices;
use crate::domain::ledger::{Amount, Caps, OUTPUT_FLOOR_TOKENS, Scope};
use crate::domain::model::{PriceList, Provider};
use crate::domain::money::Usd;
use crate::domain::policy::NameFilter;

/// The most tokens of one answer that can be asked for: more than any model writes.
const OUTPUT_TOKENS_MAX: u64 = 1_000_000;

/// The most calls of one attempt at the same time that can be allowed: those that all have together.
const CALLS_PER_ATTEMPT_MAX: usize = 256;

/// Which models may be called, and for how much.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// How each provider that is set up is reached.
    pub ways: BTreeMap<Provider, ModelWay>,
    /// What models cost.
    pub prices: PriceList,
    /// Models that may be called.
    pub allowed: NameFilter,
    /// The most tokens of one answer.
    pub output_tokens_max: u64,
    /// Calls of one attempt at the same time.
    pub calls_per_attempt_max: usize,
    /// What may be spent.
    pub caps: Caps,
}

/// How a provider is reached.
#[derive(Debug, Clone)]
pub struct ModelWay {
    /// Its base address.
    pub base_url: Url,
    /// The key; none where the address needs none.
    pub key: Option<SecretString>,
}

/// The settings of a provider: key, address, and where it is by default.
const fn names(provider: Provider) -> (&'static str, &'static str, &'static str) {
    match provider {
        Provider::Anthropic => {
            ("anthropic-api-key", "anthropic-base-url", "https://api.anthropic.com")
        }
        Provider::OpenAi => ("openai-api-key", "openai-base-url", "https://api.openai.com/v1"),
        Provider::Gemini => {
            ("gemini-api-key", "gemini-base-url", "https://generativelanguage.googleapis.com")
        }
    }
}

/// The settings of a cap: money and tokens.
const fn caps_of(scope: Scope) -> (&'static str, &'static str) {
    match scope {
        Scope::Attempt => ("model-usd-per-attempt", "model-tokens-per-attempt"),
        Scope::Case => ("model-usd-per-case", "model-tokens-per-case"),
        Scope::Pull => ("model-usd-per-pull", "model-tokens-per-pull"),
        Scope::Repository => ("model-usd-per-repository-day", "model-tokens-per-repository-day"),
        Scope::Day => ("model-usd-per-day", "model-tokens-per-day"),
    }
}

impl Reader<'_> {
    /// The settings of models; `None`, or problems noted, when one is wrong.
    pub(super) fn models(&mut self) -> Option<ModelSettings> {
        let mut ways = BTreeMap::new();
        for provider in Provider::ALL {
            if let Some(way) = self.way(provider) {
                ways.insert(provider, way);
            }
        }
        let prices = match self.optional("model-prices", |path| Some(path.to_owned())) {
            Some(path) => self.prices(&path),
            None => Some(prices::shipped()),
        };
        let allowed = self.required("models-allowed", |text| {
            let include: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
            let is_name = |name: &String| !name.is_empty() && !name.contains(char::is_whitespace);
            include.iter().all(is_name).then(|| NameFilter { include, exclude: Vec::new() })
        });
        let output_tokens_max = self.required("model-output-tokens-max", |text| {
            let allowed = OUTPUT_FLOOR_TOKENS..=OUTPUT_TOKENS_MAX;
            text.parse().ok().filter(|tokens| allowed.contains(tokens))
        });
        let calls_per_attempt_max = self.required("model-calls-per-attempt", |text| {
            text.parse().ok().filter(|calls| (1..=CALLS_PER_ATTEMPT_MAX).contains(calls))
        });
        let mut caps = Caps::NONE;
        for scope in Scope::ALL {
            let (usd, tokens) = caps_of(scope);
            let usd = self.required(usd, Usd::parse);
            let most = i64::MAX.unsigned_abs();
            let tokens =
                self.required(tokens, |text| text.parse().ok().filter(|tokens| *tokens <= most));
            caps.set(scope, Amount { usd: usd.unwrap_or_default(), tokens: tokens.unwrap_or(0) });
        }
        Some(ModelSettings {
            ways,
            prices: prices?,
            allowed: allowed?,
            output_tokens_max: output_tokens_max?,
            calls_per_attempt_max: calls_per_attempt_max?,
            caps,
        })
    }

    /// How a provider is reached, when anything is said of it.
    fn way(&mut self, provider: Provider) -> Option<ModelWay> {
        let (key, address, usual) = names(provider);
        // A key is written into a header: printable, without spaces.
        let key = self.optional(key, |text| {
            let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            fine.then(|| SecretString::from(text.to_owned()))
        });
        let base = self.optional(address, base_url);
        if key.is_none() && base.is_none() {
            return None;
        }
        let usual = || Url::parse(usual).expect("invariant: the usual address is one");
        Some(ModelWay { base_url: base.unwrap_or_else(usual), key })
    }

    /// The shipped prices with those of a file.
    fn prices(&mut self, path: &str) -> Option<PriceList> {
        let text = match text_of(Path::new(path)) {
            Ok(text) => text,
            Err(message) => {
                self.layers.problem("`SELFHEAL_MODEL_PRICES`".to_owned(), message);
                return None;
            }
        };
        match prices::with(&text) {
            Ok(list) => Some(list),
            Err(problems) => {
                for problem in problems {
                    let place = format!("{path} line {}", problem.line);
                    self.layers.problem(place, problem.message);
                }
                None
            }
        }
    }
}
