//! Price lists: what models cost, read from TOML, digit by digit.
//!
//! One list is shipped; an operator's is put behind it, so that it adds models and writes over those
//! that it names in the same words. Everything that is wrong is told at once, with line and key.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{SENTENCE_CHARS_MAX, VALUE_CHARS_MAX, nearest, shown};
use crate::domain::inputs::digest;
use crate::domain::model::{ModelName, ModelPrice, PriceEntry, PriceList, Provider, Rates};
use crate::domain::money::Price;

/// The list that comes with this release.
const SHIPPED: &str = include_str!("prices/shipped.toml");

/// Models of one list: the largest gateways know some hundreds.
const MODELS_MAX: usize = 1_000;

/// The most tokens that a model may be said to take: what comes after today's largest by a hundred.
const TOKENS_MAX: u64 = 100_000_000;

/// What a price may be: a number, also written as a text.
const PRICE_FORM: &str = "dollars per million tokens with at most nine decimal places";

const RATES: &[&str] = &["input", "output", "cache_read", "cache_write", "cache_write_1h"];
const MODEL_KEYS: &[&str] = &["provider", "name", "context", "output_max", "long"];

/// Something that is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct PriceError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// The list that comes with this release.
///
/// # Panics
/// Never: a test reads it.
pub fn shipped() -> PriceList {
    read(SHIPPED).expect("invariant: the shipped list is right")
}

/// The shipped list with an operator's behind it.
///
/// # Errors
/// Everything that is wrong with the operator's.
pub fn with(text: &str) -> Result<PriceList, Vec<PriceError>> {
    let (mut list, theirs) = (shipped(), read(text)?);
    list.version = format!("{}+{}", list.version, theirs.version);
    list.sha256 = digest(&[SHIPPED, text].concat());
    list.entries.extend(theirs.entries);
    Ok(list)
}

fn read(text: &str) -> Result<PriceList, Vec<PriceError>> {
    let mut reader = Reader { text, problems: Vec::new() };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let said = shown(error.message(), SENTENCE_CHARS_MAX);
            reader.problem(at, format!("not TOML: {said}"));
            return Err(reader.problems);
        }
    };
    let list = reader.list(&table);
    match list {
        Some(list) if reader.problems.is_empty() => Ok(list),
        Some(_) | None => Err(reader.problems),
    }
}

struct Reader<'a> {
    text: &'a str,
    problems: Vec<PriceError>,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn problem(&mut self, at: usize, message: String) {
        let line = self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        self.problems.push(PriceError { line, message });
    }

    fn list(&mut self, table: &DeTable<'_>) -> Option<PriceList> {
        self.known_keys(table, &[&["version", "model"]]);
        let version = match table.get("version") {
            Some(value) => match value.get_ref().as_str() {
                Some(text) if (1..=50).contains(&text.len()) && text.is_ascii() => text.to_owned(),
                _ => {
                    let message = "`version` is a text of at most 50 plain characters".to_owned();
                    self.problem(value.span().start, message);
                    return None;
                }
            },
            None => {
                let message = "`version` is missing: it is kept with every call".to_owned();
                self.problem(0, message);
                return None;
            }
        };
        let models = match table.get("model").map(|value| (value.span().start, value.get_ref())) {
            Some((at, DeValue::Array(models))) => {
                if models.len() > MODELS_MAX {
                    self.problem(at, format!("more than {MODELS_MAX} models"));
                }
                models.iter().take(MODELS_MAX).collect()
            }
            Some((at, _)) => {
                self.problem(at, "models are tables: write [[model]]".to_owned());
                return None;
            }
            None => Vec::new(),
        };
        let mut names = BTreeSet::new();
        let entries: Vec<PriceEntry> = models
            .into_iter()
            .filter_map(|model| {
                let entry = self.model(model)?;
                if !names.insert((entry.provider, entry.name.clone())) {
                    self.problem(model.span().start, format!("{} is there twice", entry.name));
                }
                Some(entry)
            })
            .collect();
        Some(PriceList { version, sha256: digest(self.text), entries })
    }

    fn model(&mut self, model: &Value<'_>) -> Option<PriceEntry> {
        let at = model.span().start;
        let Some(table) = model.get_ref().as_table() else {
            self.problem(at, "models are tables: write [[model]]".to_owned());
            return None;
        };
        self.known_keys(table, &[MODEL_KEYS, RATES]);
        let provider = ("provider", "anthropic, openai or gemini");
        let provider =
            self.wanted(table, at, provider, |value| value.as_str().and_then(Provider::parse));
        let name = ("name", "the name of a model, with a * at its end or without");
        let name = self.wanted(table, at, name, |value| {
            let text = value.as_str()?;
            let plain = text.strip_suffix('*').unwrap_or(text);
            ModelName::parse(plain).is_ok().then(|| text.to_owned())
        });
        let context = self.tokens(table, at, "context");
        let output_max = self.tokens(table, at, "output_max");
        let rates = self.rates(table, at);
        let long = match table.get("long") {
            Some(long) => Some(self.long(long)?),
            None => None,
        };
        let price = ModelPrice { context: context?, output_max: output_max?, rates: rates?, long };
        Some(PriceEntry { provider: provider?, name: name?, price })
    }

    fn long(&mut self, long: &Value<'_>) -> Option<(u64, Rates)> {
        let at = long.span().start;
        let Some(table) = long.get_ref().as_table() else {
            self.problem(at, "`long` is a table with `above` and prices".to_owned());
            return None;
        };
        self.known_keys(table, &[&["above"], RATES]);
        let above = self.tokens(table, at, "above");
        Some((above?, self.rates(table, at)?))
    }

    fn rates(&mut self, table: &DeTable<'_>, at: usize) -> Option<Rates> {
        let before = self.problems.len();
        let input = self.price(table, "input");
        let output = self.price(table, "output");
        for (name, price) in [("input", input), ("output", output)] {
            if price.is_none() && self.problems.len() == before {
                self.problem(at, format!("`{name}` is missing: {PRICE_FORM}"));
            }
        }
        let [cache_read, cache_write, cache_write_1h] =
            ["cache_read", "cache_write", "cache_write_1h"].map(|name| self.price(table, name));
        if self.problems.len() > before {
            return None;
        }
        let (input, output) = (input?, output?);
        let cache_write = cache_write.unwrap_or(input);
        Some(Rates {
            input,
            cache_read: cache_read.unwrap_or(input),
            cache_write,
            cache_write_1h: cache_write_1h.unwrap_or(cache_write),
            output,
        })
    }

    /// A price that is there.
    fn price(&mut self, table: &DeTable<'_>, name: &str) -> Option<Price> {
        let value = table.get(name)?;
        let price = digits(value.get_ref()).and_then(|text| Price::parse(&text));
        if price.is_none() {
            self.problem(
                value.span().start,
                format!("`{name}` will not do; allowed are {PRICE_FORM}"),
            );
        }
        price
    }

    fn tokens(&mut self, table: &DeTable<'_>, at: usize, name: &str) -> Option<u64> {
        let form = format!("a whole number of tokens, 1 to {TOKENS_MAX}");
        self.wanted(table, at, (name, &form), |value| {
            let tokens = digits(value)?.parse().ok()?;
            (1..=TOKENS_MAX).contains(&tokens).then_some(tokens)
        })
    }

    /// A value that must be there, by its name and its form in words.
    fn wanted<T>(
        &mut self,
        table: &DeTable<'_>,
        at: usize,
        (name, form): (&str, &str),
        parse: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = table.get(name) else {
            self.problem(at, format!("`{name}` is missing: {form}"));
            return None;
        };
        let parsed = parse(value.get_ref());
        if parsed.is_none() {
            self.problem(value.span().start, format!("`{name}` will not do; allowed is {form}"));
        }
        parsed
    }

    fn known_keys(&mut self, table: &DeTable<'_>, known: &[&[&str]]) {
        let known: Vec<&str> = known.concat();
        for (key, _) in table {
            let name = key.get_ref();
            if known.contains(&&**name) {
                continue;
            }
            let said = shown(name, VALUE_CHARS_MAX);
            let message = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("`{said}`: no such key; did you mean `{meant}`?"),
                None => format!("`{said}`: no such key; allowed are {}", known.join(", ")),
            };
            self.problem(key.span().start, message);
        }
    }
}

/// The digits of a number as they were written, or a text.
fn digits(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(list: &PriceList, provider: Provider, name: &str) -> ModelPrice {
        *list.price(provider, &ModelName::parse(name).unwrap()).expect(name)
    }

    fn usd(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn the_shipped_list_is_right_and_every_price_makes_sense() {
        let list = shipped();
        assert!(list.entries.len() > 30);
        for PriceEntry { name, price, .. } in &list.entries {
            let all = [Some(price.rates), price.long.map(|(_, rates)| rates)];
            for rates in all.into_iter().flatten() {
                assert!(rates.cache_read <= rates.input, "{name}");
                assert!(rates.input <= rates.cache_write, "{name}");
                assert!(rates.cache_write <= rates.cache_write_1h, "{name}");
                assert!(rates.input <= rates.output, "{name}");
            }
            if let Some((above, rates)) = price.long {
                assert!(above < price.context && price.rates.input < rates.input, "{name}");
            }
            assert!(price.output_max <= price.context, "{name}");
        }
    }

    #[test]
    fn prices_are_those_that_providers_publish() {
        let list = shipped();
        let opus = price(&list, Provider::Anthropic, "claude-opus-5-5-20261001");
        assert_eq!((opus.rates.input, opus.rates.output), (usd("4"), usd("20")));
        assert_eq!(opus.rates.cache_write_1h, usd("8"));
        let haiku = price(&list, Provider::Anthropic, "claude-haiku-5-5");
        let (above, long) = haiku.long.unwrap();
        assert_eq!((above, long.input, haiku.rates.input), (100_000, usd("0.5"), usd("0.1")));
        let unknown = ModelName::parse("claude-opus-5-6").unwrap();
        assert!(list.price(Provider::Anthropic, &unknown).is_none(), "a new model, a new price");
    }

    #[test]
    fn an_operators_list_adds_and_writes_over() {
        let text = "version = \"ours\"\n\
            [[model]]\nprovider = \"openai\"\nname = \"qwen3*\"\ncontext = 40_000\n\
            output_max = 8000\ninput = 0\noutput = 0\n\
            [[model]]\nprovider = \"openai\"\nname = \"gpt-5.5\"\ncontext = 1000\n\
            output_max = 100\ninput = \"4.5\"\noutput = 27\ncache_read = 0.45\n\
            long = { above = 500, input = 9, output = 40.5 }\n";
        let list = with(text).unwrap();
        assert_eq!(list.version, format!("{}+ours", shipped().version));
        assert_eq!(price(&list, Provider::OpenAi, "qwen3:8b").rates, Rates::default());
        let theirs = price(&list, Provider::OpenAi, "gpt-5.5");
        assert_eq!((theirs.rates.input, theirs.rates.cache_write), (usd("4.5"), usd("4.5")));
        let (above, long) = theirs.long.unwrap();
        assert_eq!((above, long.cache_read), (500, usd("9")));
    }

    #[track_caller]
    fn says(text: &str, expected: &[&str]) {
        let problems = with(text).unwrap_err();
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        says("model = 3", &["line 1: `version` is missing: it is kept with every call"]);
        says("version = 1", &["line 1: `version` is a text of at most 50 plain characters"]);
        says(
            "version = \"a\"\n[[model]]\nprovider = \"openai\"\nname = \"m\"\ncontext = 1\n\
             output_max = 1\ninput = -1\noutput = 1e3\ncached = 3\n",
            &[
                "line 9: `cached`: no such key; allowed are provider, name, context, output_max, \
                 long, input, output, cache_read, cache_write, cache_write_1h",
                "line 7: `input` will not do; allowed are dollars per million tokens with at most \
                 nine decimal places",
                "line 8: `output` will not do; allowed are dollars per million tokens with at most \
                 nine decimal places",
            ],
        );
        says(
            "version = \"a\"\n\n[[model]]\nprovider = \"meta\"\nname = \"a b\"\ncontext = 0\n",
            &[
                "line 4: `provider` will not do; allowed is anthropic, openai or gemini",
                "line 5: `name` will not do; allowed is the name of a model, with a * at its end \
                 or without",
                "line 6: `context` will not do; allowed is a whole number of tokens, 1 to 100000000",
                "line 3: `output_max` is missing: a whole number of tokens, 1 to 100000000",
                "line 3: `input` is missing: dollars per million tokens with at most nine decimal \
                 places",
            ],
        );
        let twice = "[[model]]\nprovider = \"openai\"\nname = \"m\"\ncontext = 1\noutput_max = 1\n\
             input = 1\noutput = 1\n";
        says(&format!("version = \"a\"\n{twice}{twice}"), &["line 9: m is there twice"]);
        assert!(with("version = ").unwrap_err()[0].to_string().starts_with("line 1: not TOML: "));
    }
}
