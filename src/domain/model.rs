//! Models: whose they are, what their tokens are called, and what these cost.
//!
//! A price list is data of a version; a model that it does not name has no price and is not called.
//! Not here: how a provider writes its usage (`models`), who may spend how much
//! ([`super::ledger`]).

use serde::{Deserialize, Serialize};

use super::ids::Malformed;
use super::inputs::PricesSource;
use super::money::{Price, Usd, cost};

/// The longest name of a model: gateways put a vendor's and a region's name before it.
pub const NAME_BYTES_MAX: usize = 200;

/// Who runs models, and whose words a request for one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Responses and Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// Google's Gemini.
    Gemini,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::OpenAi, Self::Gemini];

    /// Its name in addresses, settings and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
        }
    }

    /// The header in which it takes a key, and the key as it stands there.
    pub fn credential(self, key: &str) -> (&'static str, String) {
        match self {
            Self::Anthropic => ("x-api-key", key.to_owned()),
            Self::OpenAi => ("authorization", format!("Bearer {key}")),
            Self::Gemini => ("x-goog-api-key", key.to_owned()),
        }
    }

    /// The provider of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }
}

/// The header in which the gateway tells a runner why it refused a call.
pub const REFUSED_HEADER: &str = "x-selfheal-refused";

/// Why, when a cap is reached.
pub const REFUSED_BUDGET: &str = "budget";

/// Why, when its attempt is over.
pub const REFUSED_OVER: &str = "over";

/// Why, when its token is not the attempt's.
pub const REFUSED_TOKEN: &str = "token";

/// Why, when its attempt has made too many calls that cost nothing.
pub const REFUSED_IDLE: &str = "idle";

/// The refusals that hold for every further call as well.
pub const REFUSED_FOR_GOOD: [&str; 4] = [REFUSED_BUDGET, REFUSED_OVER, REFUSED_TOKEN, REFUSED_IDLE];

/// Why, when calls that are under way hold the rest of a cap: the one refusal that passes by itself.
pub const REFUSED_BUSY: &str = "busy";

/// The name of a model, as its provider writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

impl ModelName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`Malformed`] when it is empty, too long, or has other characters than names have.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
        if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("the name of a model", text))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModelName {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tokens of a call, each counted once, by what is paid for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Read by the model and not from its cache.
    pub input: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written to the cache for five minutes, or for as long as the provider keeps it by itself.
    pub cache_write: u64,
    /// Written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Written by the model, its thoughts included.
    pub output: u64,
}

impl Tokens {
    /// What the model was given: the length that prices of long prompts go by.
    pub const fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
            .saturating_add(self.cache_write_1h)
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }
}

/// What a million tokens of each kind cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Of input.
    pub input: Price,
    /// Of input from the cache.
    pub cache_read: Price,
    /// Of input that is written to the cache.
    pub cache_write: Price,
    /// Of input that is written to the cache for an hour.
    pub cache_write_1h: Price,
    /// Of output.
    pub output: Price,
}

/// For how long a request asks its input to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheFor {
    /// Minutes at most.
    Minutes,
    /// An hour.
    Hour,
}

impl Rates {
    fn cost(&self, tokens: &Tokens) -> Usd {
        cost([
            (tokens.input, self.input),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
            (tokens.cache_write_1h, self.cache_write_1h),
            (tokens.output, self.output),
        ])
    }

    /// The most that a token of input can cost.
    fn dearest_input(&self, kept: CacheFor) -> Price {
        let short = self.input.max(self.cache_read).max(self.cache_write);
        match kept {
            CacheFor::Minutes => short,
            CacheFor::Hour => short.max(self.cache_write_1h),
        }
    }
}

/// What a model costs, and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelPrice {
    /// The most tokens that the model can be given; a provider refuses more.
    pub context: u64,
    /// The most tokens that the model can write in one answer.
    pub output_max: u64,
    /// The usual rates.
    pub rates: Rates,
    /// The rates of a whole call whose prompt has more tokens than that.
    pub long: Option<(u64, Rates)>,
}

impl ModelPrice {
    /// What a call cost.
    pub fn cost(&self, tokens: &Tokens) -> Usd {
        match &self.long {
            Some((above, rates)) if tokens.prompt() > *above => rates.cost(tokens),
            Some(_) | None => self.rates.cost(tokens),
        }
    }

    /// The most that a prompt of at most so many tokens can cost, and a million tokens of its answer.
    pub fn worst(&self, prompt: u64, kept: CacheFor) -> (Usd, Price) {
        let usual = (self.rates.dearest_input(kept), self.rates.output);
        let (input, output) = match &self.long {
            Some((above, rates)) if prompt > *above => {
                (usual.0.max(rates.dearest_input(kept)), usual.1.max(rates.output))
            }
            Some(_) | None => usual,
        };
        (input.of(prompt), output)
    }
}

/// A model, or several with one beginning, and what they cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceEntry {
    /// Whose model it is.
    pub provider: Provider,
    /// Its name. A date behind it is a snapshot of the same model; a `*` at its end stands for any
    /// further characters.
    pub name: String,
    /// What it costs.
    pub price: ModelPrice,
}

impl PriceEntry {
    /// How well a name fits: the more of it is written out, the better; `None` when it does not.
    fn fits(&self, name: &str) -> Option<usize> {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning).then_some(beginning.len()),
            None if self.name == name => Some(usize::MAX),
            None => name.strip_prefix(&self.name).is_some_and(is_date).then_some(usize::MAX - 1),
        }
    }
}

/// Whether that is how providers write a snapshot's date: `-20260401`, `-2026-04-01`, `@20260401`.
fn is_date(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().skip(1).filter(|byte| *byte != b'-').collect();
    text.starts_with(['-', '@'])
        && digits.len() == 8
        && digits.starts_with(b"20")
        && digits.iter().all(u8::is_ascii_digit)
}

/// What models cost, as of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    /// Which list it is: kept with every call that was paid by it.
    pub version: String,
    /// The SHA-256 of its text, in hexadecimal; of an operator's, of the shipped one's and that behind it.
    pub sha256: String,
    /// The models; of two entries for one name the later counts.
    pub entries: Vec<PriceEntry>,
}

impl PriceList {
    /// Which list it is, for receipts.
    pub fn source(&self) -> PricesSource {
        PricesSource { version: self.version.clone(), sha256: self.sha256.clone() }
    }

    /// What a model costs; `None` for one that the list does not know.
    pub fn price(&self, provider: Provider, model: &ModelName) -> Option<&ModelPrice> {
        let ours = self.entries.iter().filter(|entry| entry.provider == provider);
        let fitting = ours.filter_map(|entry| Some((entry.fits(model.as_str())?, entry)));
        fitting.max_by_key(|(fit, _)| *fit).map(|(_, entry)| &entry.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn rates(input: &str, output: &str) -> Rates {
        Rates {
            input: price(input),
            cache_read: price("0.5"),
            cache_write: price("6"),
            cache_write_1h: price("10"),
            output: price(output),
        }
    }

    fn model() -> ModelPrice {
        let long = Some((200_000, rates("10", "37.5")));
        ModelPrice { context: 1_000_000, output_max: 64_000, rates: rates("5", "25"), long }
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let million = 1_000_000;
        let only = |tokens: Tokens| model().rates.cost(&tokens).to_string();
        assert_eq!(only(Tokens { input: million, ..Tokens::default() }), "$5.00");
        assert_eq!(only(Tokens { cache_read: million, ..Tokens::default() }), "$0.50");
        assert_eq!(only(Tokens { cache_write: million, ..Tokens::default() }), "$6.00");
        assert_eq!(only(Tokens { cache_write_1h: million, ..Tokens::default() }), "$10.00");
        assert_eq!(only(Tokens { output: million, ..Tokens::default() }), "$25.00");
    }

    #[test]
    fn a_long_prompt_is_dearer_as_a_whole_however_it_is_made_up() {
        let at = Tokens { input: 100_000, cache_read: 100_000, output: 1_000, ..Tokens::default() };
        assert_eq!(model().cost(&at).to_string(), "$0.575");
        let above = Tokens { cache_read: 100_001, ..at };
        assert_eq!(model().cost(&above).to_string(), "$1.0875005");
    }

    #[test]
    fn the_worst_case_is_never_below_what_is_paid() {
        for kept in [CacheFor::Minutes, CacheFor::Hour] {
            for prompt in [1, 199_999, 200_000, 200_001, 900_000] {
                let (input, output) = model().worst(prompt, kept);
                for (read, write) in [(0, 0), (prompt, 0), (0, prompt), (prompt / 2, prompt / 3)] {
                    let mut tokens = Tokens {
                        input: prompt - read - write,
                        cache_read: read,
                        output: 777,
                        ..Tokens::default()
                    };
                    match kept {
                        CacheFor::Minutes => tokens.cache_write = write,
                        CacheFor::Hour => tokens.cache_write_1h = write,
                    }
                    let paid = model().cost(&tokens);
                    assert!(paid <= input.plus(output.of(777)), "{tokens:?}");
                }
            }
        }
    }

    #[test]
    fn the_entry_that_says_most_of_a_name_counts_and_the_later_of_two() {
        let entry = |name: &str, context: u64| PriceEntry {
            provider: Provider::OpenAi,
            name: name.to_owned(),
            price: ModelPrice { context, ..model() },
        };
        let entries = vec![
            entry("gpt-5*", 1),
            entry("gpt-5", 2),
            entry("gpt-5-mini*", 3),
            entry("gpt-5-mini*", 4),
        ];
        let list = PriceList { version: "1".to_owned(), sha256: String::new(), entries };
        let found = |provider, name: &str| {
            list.price(provider, &ModelName::parse(name).unwrap()).map(|price| price.context)
        };
        assert_eq!(found(Provider::OpenAi, "gpt-5"), Some(2));
        assert_eq!(found(Provider::OpenAi, "gpt-5-2026"), Some(1));
        assert_eq!(found(Provider::OpenAi, "gpt-5-20260401"), Some(2));
        assert_eq!(found(Provider::OpenAi, "gpt-5-2026-04-01"), Some(2));
        assert_eq!(found(Provider::OpenAi, "gpt-5@20260401"), Some(2));
        assert_eq!(found(Provider::OpenAi, "gpt-5-19990401"), Some(1));
        assert_eq!(found(Provider::OpenAi, "gpt-5-mini-2026"), Some(4));
        assert_eq!(found(Provider::OpenAi, "gpt-6"), None);
        assert_eq!(found(Provider::Anthropic, "gpt-5"), None);
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["claude-opus-5-5", "anthropic/claude@2026", "qwen3:8b"] {
            assert_eq!(ModelName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\n", "a?b", "ä", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(ModelName::parse(bad).is_err(), "{bad}");
        }
    }
}
