//! Requests: what one asks for, and the same with no more output than was granted.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::body::Object;
use super::endpoint::{Endpoint, Form};
use super::prompt::{self, Prompt};
use super::{fields, keeping, tools};
use crate::domain::model::{CacheFor, ModelName};

/// Why a request is not forwarded.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It is no JSON, or not in the form of its provider.
    #[error("the request cannot be read: {0}")]
    Json(#[source] serde_json::Error),
    /// It asks for something that is not forwarded.
    #[error("{0}")]
    Refused(String),
}

impl Unreadable {
    pub(super) fn json(error: serde_json::Error) -> Self {
        Self::Json(error)
    }

    pub(super) fn refused(why: String) -> Self {
        Self::Refused(why)
    }
}

/// What a request asks for.
#[derive(Debug)]
pub struct Asked {
    form: Form,
    /// The model.
    pub model: ModelName,
    /// The most tokens that its answer shall have, when it says so.
    pub output_tokens: Option<u64>,
    /// For how long its prompt shall be kept.
    pub kept: CacheFor,
    /// What was taken out of it: the provider's own tools, and fields that nobody knows.
    pub removed: Vec<String>,
    prompt: Prompt,
    body: Bytes,
}

impl Asked {
    /// Reads the request to an endpoint that is paid for.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not in the provider's form, or asks for what is not forwarded.
    pub fn read(endpoint: &Endpoint, body: &Bytes) -> Result<Self, Unreadable> {
        let form = endpoint.form;
        let mut request = Object::read(body).map_err(Unreadable::Json)?;
        let mut removed = fields::checked(form, &mut request)?;
        let generation = match form {
            Form::Generate => Some(narrowed_generation(&mut request, &mut removed)?),
            Form::Messages | Form::Responses | Form::Chat | Form::Count | Form::List => None,
        };
        refuse_compaction(form, &request)?;
        let model = match &endpoint.model {
            Some(model) => model.clone(),
            None => named_in(&request)?,
        };
        let output_tokens = asked_output(form, generation.as_ref().unwrap_or(&request))?;
        let prompt = prompt::survey(form, &request)?;
        removed.extend(tools::narrowed(form, &mut request)?);
        let kept = keeping::kept(body);
        let body = if removed.is_empty() { body.clone() } else { request.written().into() };
        let removed = removed.iter().take(REMOVED_MAX).map(|name| told(name)).collect();
        Ok(Self { form, model, output_tokens, kept, removed, prompt, body })
    }

    /// The most tokens that its prompt can have, for a model that takes so many.
    pub fn prompt_tokens_max(&self, context: u64) -> u64 {
        self.prompt.tokens_max(self.body.len(), context)
    }

    /// The request without what was taken out of it.
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The request, so that its answer has at most so many tokens, and says how many it had; of OpenAI
    /// at the price in the list, whatever the settings of the operator's project are.
    ///
    /// # Errors
    /// [`Unreadable`] when a field is not in the provider's form.
    pub fn within(&self, output_tokens: u64, tiers: Tiers) -> Result<Bytes, Unreadable> {
        let mut request = Object::read(&self.body).map_err(Unreadable::Json)?;
        let limit = output_tokens.to_string();
        match self.form {
            Form::Messages => request.set("max_tokens", limit),
            Form::Responses => {
                request.set("max_output_tokens", limit);
                tiers.set(&mut request);
            }
            Form::Chat => {
                // The older field where it stands alone, because some gateways know no other.
                let only_old = request.has("max_tokens") && !request.has("max_completion_tokens");
                let field = if only_old { "max_tokens" } else { "max_completion_tokens" };
                request.set(field, limit.clone());
                if !only_old && request.has("max_tokens") {
                    request.set("max_tokens", limit);
                }
                if request.value("stream").map_err(Unreadable::Json)? == Some(Value::Bool(true)) {
                    let mut options = request.inner("stream_options").map_err(Unreadable::Json)?;
                    options.set("include_usage", "true".to_owned());
                    let options = options.written();
                    request.set("stream_options", options);
                }
                tiers.set(&mut request);
            }
            Form::Generate => {
                let (name, mut inner) = generation(&request)?;
                let old = inner.has("max_output_tokens");
                inner.set(if old { "max_output_tokens" } else { "maxOutputTokens" }, limit);
                let inner = inner.written();
                request.set(name, inner);
            }
            Form::Count | Form::List => {}
        }
        Ok(request.written().into())
    }
}

/// Who answers by OpenAI's interfaces, and so what its tiers of service are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tiers {
    /// OpenAI itself, where the settings of a project say what it is that a request does not name.
    OpenAi,
    /// Another server: some refuse a field or a tier that they do not know, and none has OpenAI's.
    Another,
}

impl Tiers {
    /// Of whoever answers at that address.
    pub fn at(host: &str) -> Self {
        if host == OPENAI || host.strip_suffix(OPENAI).is_some_and(|region| region.ends_with('.')) {
            Self::OpenAi
        } else {
            Self::Another
        }
    }

    /// Sets OpenAI's tier of service, unless it is one that costs less than the list says.
    fn set(self, request: &mut Object<'_>) {
        if self == Self::OpenAi && request.text(TIER).as_deref() != Some("flex") {
            request.set(TIER, "\"default\"".to_owned());
        }
    }
}

/// OpenAI's host, before which a region may stand.
const OPENAI: &str = "api.openai.com";

/// Fields and tools that are named of those that were taken out.
const REMOVED_MAX: usize = 32;

/// How much of a name: whoever asks may give a field a name as long as a request.
const NAME_CHARS_MAX: usize = 64;

fn told(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

const TIER: &str = "service_tier";

/// Takes out of Gemini's settings what nobody knows; what is left of them.
fn narrowed_generation<'a>(
    request: &mut Object<'a>,
    removed: &mut Vec<String>,
) -> Result<Object<'a>, Unreadable> {
    let (name, mut inner) = generation(request)?;
    let unknown = fields::generation(&mut inner)?;
    if !unknown.is_empty() {
        request.set(name, inner.written());
    }
    removed.extend(unknown.into_iter().map(|field| format!("{name}.{field}")));
    Ok(inner)
}

/// Gemini's settings of an answer, by the one of two names that the request uses.
fn generation<'a>(request: &Object<'a>) -> Result<(&'static str, Object<'a>), Unreadable> {
    let name = match (request.has("generationConfig"), request.has("generation_config")) {
        (true, true) => {
            let why = "`generationConfig` is there twice, by two names";
            return Err(Unreadable::Refused(why.to_owned()));
        }
        (false, true) => "generation_config",
        (_, false) => "generationConfig",
    };
    let inner = request.inner(name).map_err(Unreadable::Json)?;
    if inner.has("maxOutputTokens") && inner.has("max_output_tokens") {
        let why = "`maxOutputTokens` is there twice, by two names";
        return Err(Unreadable::Refused(why.to_owned()));
    }
    Ok((name, inner))
}

fn named_in(request: &Object<'_>) -> Result<ModelName, Unreadable> {
    let text = request.text("model").unwrap_or_default();
    ModelName::parse(&text).map_err(|error| Unreadable::Refused(error.to_string()))
}

fn asked_output(form: Form, limits: &Object<'_>) -> Result<Option<u64>, Unreadable> {
    let names: &[&str] = match form {
        Form::Messages => &["max_tokens"],
        Form::Responses => &["max_output_tokens"],
        Form::Chat => &["max_completion_tokens", "max_tokens"],
        Form::Generate => &["maxOutputTokens", "max_output_tokens"],
        Form::Count | Form::List => &[],
    };
    let mut least: Option<u64> = None;
    for name in names {
        let Some(value) = limits.value(name).map_err(Unreadable::Json)? else { continue };
        let tokens = value.as_u64().ok_or_else(|| {
            Unreadable::Refused(format!("`{name}` is {value}; allowed is a whole number"))
        })?;
        least = Some(least.map_or(tokens, |least| least.min(tokens)));
    }
    Ok(least)
}

/// What Anthropic's interface lets be done to a prompt that grows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Management {
    #[serde(default)]
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    #[serde(rename = "type")]
    kind: String,
}

/// Refuses a prompt that the provider shortens by a model's answer of its own: that is paid besides.
/// What is only left out of a prompt costs nothing.
fn refuse_compaction(form: Form, request: &Object<'_>) -> Result<(), Unreadable> {
    let Some(raw) = request.given("context_management").filter(|raw| raw.get() != "null") else {
        return Ok(());
    };
    let is_free = match form {
        Form::Messages | Form::Count => serde_json::from_str::<Management>(raw.get())
            .is_ok_and(|told| told.edits.iter().all(|edit| edit.kind.starts_with("clear_"))),
        Form::Responses | Form::Chat | Form::Generate | Form::List => {
            serde_json::from_str::<[(); 0]>(raw.get()).is_ok()
        }
    };
    if is_free {
        return Ok(());
    }
    let why = "a prompt that the provider shortens by itself is paid twice; that is not forwarded";
    Err(Unreadable::Refused(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::Provider;

    fn endpoint(form: Form) -> Endpoint {
        let (provider, path) = match form {
            Form::Messages => (Provider::Anthropic, "v1/messages"),
            Form::Responses => (Provider::OpenAi, "responses"),
            Form::Chat => (Provider::OpenAi, "chat/completions"),
            _ => (Provider::Gemini, "v1beta/models/gemini-3-pro:generateContent"),
        };
        Endpoint::parse(provider, "POST", path, "").unwrap()
    }

    fn asked(form: Form, text: &str) -> Result<Asked, Unreadable> {
        Asked::read(&endpoint(form), &Bytes::copy_from_slice(text.as_bytes()))
    }

    #[track_caller]
    fn limits(form: Form, text: &str, output: Option<u64>, within: &str) {
        let asked = asked(form, text).unwrap();
        assert_eq!(asked.output_tokens, output);
        assert_eq!(asked.within(700, Tiers::OpenAi).unwrap(), within);
    }

    #[test]
    fn an_answer_is_limited_in_the_words_of_its_provider() {
        limits(
            Form::Messages,
            r#"{"max_tokens":9000,"model":"claude","messages":[]}"#,
            Some(9000),
            r#"{"max_tokens":700,"model":"claude","messages":[]}"#,
        );
        limits(
            Form::Responses,
            r#"{"model":"gpt","input":"x"}"#,
            None,
            r#"{"model":"gpt","input":"x","max_output_tokens":700,"service_tier":"default"}"#,
        );
        limits(
            Form::Chat,
            r#"{"model":"gpt","stream":true,"stream_options":{"a":1}}"#,
            None,
            r#"{"model":"gpt","stream":true,"stream_options":{"a":1,"include_usage":true},"max_completion_tokens":700,"service_tier":"default"}"#,
        );
        limits(
            Form::Chat,
            r#"{"model":"gpt","max_tokens":800}"#,
            Some(800),
            r#"{"model":"gpt","max_tokens":700,"service_tier":"default"}"#,
        );
        limits(
            Form::Chat,
            r#"{"model":"gpt","max_tokens":90,"max_completion_tokens":800}"#,
            Some(90),
            r#"{"model":"gpt","max_tokens":700,"max_completion_tokens":700,"service_tier":"default"}"#,
        );
        limits(
            Form::Generate,
            r#"{"contents":[],"generationConfig":{"temperature":0,"maxOutputTokens":5}}"#,
            Some(5),
            r#"{"contents":[],"generationConfig":{"temperature":0,"maxOutputTokens":700}}"#,
        );
        limits(
            Form::Generate,
            r#"{"generation_config":{"max_output_tokens":5}}"#,
            Some(5),
            r#"{"generation_config":{"max_output_tokens":700}}"#,
        );
        limits(Form::Generate, "{}", None, r#"{"generationConfig":{"maxOutputTokens":700}}"#);
    }

    #[track_caller]
    fn refused(form: Form, text: &str) {
        assert!(asked(form, text).is_err(), "{text}");
    }

    #[test]
    fn what_would_cost_more_than_is_known_is_not_forwarded() {
        for (form, name, _) in fields::GUARDED {
            for value in ["\"other\"", "true", "2", "[\"audio\"]", "{\"id\":\"x\"}"] {
                refused(*form, &format!(r#"{{"model":"m","max_tokens":5,"{name}":{value}}}"#));
            }
            assert!(asked(*form, &format!(r#"{{"model":"m","{name}":null}}"#)).is_ok());
        }
        for (name, _) in fields::GUARDED_GENERATION {
            refused(Form::Generate, &format!(r#"{{"generationConfig":{{"{name}":2}}}}"#));
        }
        let ordinary = r#"{"model":"m","service_tier":"auto","background":false,"store":false}"#;
        assert!(asked(Form::Responses, ordinary).is_ok());
        let compact = r#"{"model":"m","context_management":{"edits":[{"type":"compact_1"}]}}"#;
        refused(Form::Messages, compact);
        let clear = r#"{"model":"m","context_management":{"edits":[{"type":"clear_tool_uses"}]}}"#;
        assert!(asked(Form::Messages, clear).is_ok());
    }

    #[test]
    fn a_limit_that_could_be_read_in_two_ways_is_refused() {
        for text in [
            r#"{"model":"m","max_tokens":5,"max_tokens":900000}"#,
            r#"{"model":"m","max_tokens":5,"max\u005ftokens":900000}"#,
            r#"{"model":"m","max_tokens":"5"}"#,
            r#"{"model":"m","max_tokens":-5}"#,
            r#"{"model":"m","max_tokens":1e9}"#,
            r#"{"model":"m","max_tokens":5} x"#,
            r#"{"max_tokens":5}"#,
            r#"{"model":"a b"}"#,
            "no JSON",
        ] {
            refused(Form::Messages, text);
        }
        refused(Form::Generate, r#"{"generationConfig":{},"generation_config":{}}"#);
        let twice = r#"{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}"#;
        refused(Form::Generate, twice);
    }

    /// All ways to write a word in JSON: each letter as itself or by its number, in either case.
    fn spellings(word: &str) -> Vec<String> {
        word.chars().fold(vec![String::new()], |begun, letter| {
            let number = u32::from(letter);
            let mut ways = vec![letter.to_string(), format!("\\u{number:04x}")];
            ways.push(format!("\\u{number:04X}"));
            ways.dedup();
            begun.iter().flat_map(|text| ways.iter().map(move |way| text.clone() + way)).collect()
        })
    }

    /// A name with one of its letters written by its number, each of them in turn, and with all of them.
    fn disguises(name: &str) -> Vec<String> {
        let number = |letter: char| format!("\\u{:04x}", u32::from(letter));
        let one = (0..name.len()).map(|at| {
            let letters = name.chars().enumerate();
            letters.map(|(i, c)| if i == at { number(c) } else { c.to_string() }).collect()
        });
        one.chain([name.to_owned(), name.chars().map(number).collect()]).collect()
    }

    #[track_caller]
    fn kept(text: &str) -> CacheFor {
        asked(Form::Messages, text).unwrap().kept
    }

    #[test]
    fn a_prompt_that_is_kept_for_an_hour_is_seen_however_it_is_spelled() {
        for control in disguises("cache_control") {
            for ttl in spellings("ttl") {
                for hour in spellings("1h") {
                    let block = format!(r#"{{"type":"text","{control}":{{"{ttl}" : "{hour}"}}}}"#);
                    let text = format!(r#"{{"model":"m","system":[{block}],"messages":[]}}"#);
                    assert_eq!(kept(&text), CacheFor::Hour, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_prompt_that_is_kept_for_an_hour_is_seen_wherever_that_stands() {
        let control = r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#;
        for text in [
            format!(r#"{{"model":"m",{control}}}"#),
            format!(r#"{{"model":"m","tools":[{{"name":"a",{control}}}]}}"#),
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[
                    {{"type":"tool_result","content":[{{"type":"text",{control}}}]}}]}}]}}"#
            ),
            r#"{"model":"m","cache_control":{"ttl":"1h","ttl":"5m"}}"#.to_owned(),
            r#"{"model":"m","cache_control":{"ttl":"5m","ttl":"1h"}}"#.to_owned(),
            // What nobody has a price for is held as the dearest there is.
            r#"{"model":"m","cache_control":{"ttl":"2h"}}"#.to_owned(),
            r#"{"model":"m","cache_control":{"ttl":3600}}"#.to_owned(),
            r#"{"model":"m","cache_control":"1h"}"#.to_owned(),
            // What cannot be read to its end may say anything there.
            format!(r#"{{"model":"m","x":{}{}, "a\u0062":1}}"#, "[".repeat(500), "]".repeat(500)),
            r#"{"model":"m","system":"\ud800"}"#.to_owned(),
        ] {
            assert_eq!(kept(&text), CacheFor::Hour, "{text}");
        }
    }

    #[test]
    fn what_only_speaks_of_an_hour_is_not_held_at_its_price() {
        for text in [
            r#"{"model":"m","system":[{"type":"text","cache_control":{"type":"ephemeral"}}]}"#,
            r#"{"model":"m","cache_control":{"ttl":"5m"}}"#,
            r#"{"model":"m","cache_control":{"ttl":"\u0035m","scope":"global"}}"#,
            r#"{"model":"m","cache_control":{"ttl":null}}"#,
            r#"{"model":"m","cache_control":null}"#,
            r#"{"model":"m","system":"\"cache_control\":{\"ttl\":\"1h\"}"}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"\u0031h"}]}"#,
        ] {
            assert_eq!(kept(text), CacheFor::Minutes, "{text}");
        }
    }

    #[test]
    fn a_prompt_that_the_provider_shortens_by_itself_is_refused_in_any_spelling() {
        for kind in spellings("compact").iter().map(|word| format!("{word}_20260112")) {
            let edits = format!(r#"{{"edits":[{{"type":"{kind}"}}]}}"#);
            refused(Form::Messages, &format!(r#"{{"model":"m","context_management":{edits}}}"#));
        }
        for name in disguises("context_management") {
            let edits = r#"{"edits":[{"type":"compact_20260112"}]}"#;
            refused(Form::Messages, &format!(r#"{{"model":"m","{name}":{edits}}}"#));
            let threshold = r#"[{"type":"compaction","compact_threshold":1000}]"#;
            refused(Form::Responses, &format!(r#"{{"model":"m","{name}":{threshold}}}"#));
        }
        for other in [
            r#"{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"new_1"}]}"#,
            r#"{"edits":[{"type":"clear_tool_uses_1","type":"compact_20260112"}]}"#,
            r#"{"edits":[],"edits":[{"type":"compact_20260112"}]}"#,
            r#"{"edits":[{}]}"#,
            r#"{"compaction":{}}"#,
            r#""compact""#,
            r#"[{"type":"compaction"}]"#,
        ] {
            refused(Form::Messages, &format!(r#"{{"model":"m","context_management":{other}}}"#));
        }
        refused(Form::Responses, r#"{"model":"m","context_management":[{"type":"x"}]}"#);
        for (form, fine) in [
            (Form::Messages, r#"{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}"#),
            (Form::Messages, r#"{"edits":[]}"#),
            (Form::Messages, "null"),
            (Form::Responses, "[]"),
            (Form::Responses, "null"),
        ] {
            let text = format!(r#"{{"model":"m","context_management":{fine}}}"#);
            assert!(asked(form, &text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_service_of_another_price_is_neither_asked_for_nor_left_to_a_projects_settings() {
        for form in [Form::Responses, Form::Chat] {
            for (given, sent) in [
                ("", "default"),
                (r#","service_tier":null"#, "default"),
                (r#","service_tier":"auto""#, "default"),
                (r#","service_tier":"default""#, "default"),
                (r#","service_tier":"\u0066lex""#, "flex"),
            ] {
                let asked = asked(form, &format!(r#"{{"model":"m"{given}}}"#)).unwrap();
                let sent_on = asked.within(700, Tiers::OpenAi).unwrap();
                let sent_on: Value = serde_json::from_slice(&sent_on).unwrap();
                assert_eq!(sent_on["service_tier"], sent, "{form:?} {given}");
            }
            refused(form, r#"{"model":"m","service_tier":"priority"}"#);
        }
        for name in ["serviceTier", "service_tier", "service\\u0054ier", "service_t\\u0069er"] {
            for dear in ["\"priority\"", "\"SERVICE_TIER_PRIORITY\"", "3"] {
                refused(Form::Generate, &format!(r#"{{"{name}":{dear}}}"#));
            }
            assert!(asked(Form::Generate, &format!(r#"{{"{name}":"standard"}}"#)).is_ok());
        }
    }

    #[test]
    fn fields_that_nobody_knows_are_taken_out_and_named() {
        let new = r#"{"model":"m","turbo":true,"messages":[],"\u0074urbo2":{"a":1}}"#;
        for form in [Form::Messages, Form::Responses, Form::Chat] {
            let asked = asked(form, new).unwrap();
            let removed: &[&str] = match form {
                Form::Responses => &["turbo", "messages", "turbo2"],
                _ => &["turbo", "turbo2"],
            };
            assert_eq!(asked.removed, removed, "{form:?}");
            let sent =
                String::from_utf8(asked.within(700, Tiers::OpenAi).unwrap().to_vec()).unwrap();
            assert!(!sent.contains("urbo"), "{sent}");
        }
        let asked = asked(
            Form::Generate,
            r#"{"contents":[],"turbo":1,"generation_config":{"topP":1,"top_k":2,"turbo":2}}"#,
        )
        .unwrap();
        assert_eq!(asked.removed, ["turbo", "generation_config.turbo"]);
        let expected =
            r#"{"contents":[],"generation_config":{"topP":1,"top_k":2,"maxOutputTokens":700}}"#;
        assert_eq!(asked.within(700, Tiers::OpenAi).unwrap(), expected);
    }

    #[test]
    fn names_are_bounded_and_have_one_other_spelling() {
        let long = "x".repeat(100_000);
        let many: Vec<String> = (0..40).map(|n| format!(r#""{long}{n}":1"#)).collect();
        let asked = asked(Form::Chat, &format!(r#"{{{},"model":"m"}}"#, many.join(","))).unwrap();
        assert_eq!(asked.removed.len(), REMOVED_MAX);
        assert!(asked.removed.iter().all(|name| name.len() == NAME_CHARS_MAX));
        for name in ["contents_", "_contents", "system__instruction", "system_Instruction", "s_"] {
            let asked = self::asked(Form::Generate, &format!(r#"{{"{name}":[]}}"#)).unwrap();
            assert_eq!(asked.removed, [name]);
        }
    }

    #[test]
    fn servers_that_are_not_openais_are_sent_no_tier_of_its() {
        for (host, tiers) in [
            ("api.openai.com", Tiers::OpenAi),
            ("eu.api.openai.com", Tiers::OpenAi),
            ("notapi.openai.com", Tiers::Another),
            ("api.openai.com.evil.example", Tiers::Another),
            ("127.0.0.1", Tiers::Another),
        ] {
            assert_eq!(Tiers::at(host), tiers, "{host}");
        }
        for form in [Form::Responses, Form::Chat] {
            let sent = asked(form, r#"{"model":"m"}"#).unwrap().within(700, Tiers::Another);
            assert!(!String::from_utf8(sent.unwrap().to_vec()).unwrap().contains("tier"));
        }
    }

    #[test]
    fn what_real_agents_send_is_left_as_it_is() {
        for (form, fields) in [
            (
                Form::Messages,
                r#""model":"m","messages":[],"system":[],"tools":[],"metadata":{"user_id":"x"},
                "max_tokens":700,"thinking":{"type":"adaptive","display":"updates"},
                "context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},
                "output_config":{"effort":"medium"},"stream":true,"tool_choice":{"type":"auto"}"#,
            ),
            (
                Form::Responses,
                r#""model":"m","instructions":"x","input":[],"tools":[],"tool_choice":"auto",
                "parallel_tool_calls":true,"reasoning":{"effort":"medium"},"store":false,
                "stream":true,"include":["reasoning.encrypted_content"],"prompt_cache_key":"x",
                "text":{"verbosity":"low"},"client_metadata":{"x":"y"}"#,
            ),
            (
                Form::Chat,
                r#""model":"m","messages":[],"tools":[],"temperature":0,"stream":true,
                "reasoning_effort":"low","stop":["x"],"top_p":1,"seed":1"#,
            ),
            (
                Form::Generate,
                r#""contents":[],"systemInstruction":{"role":"user","parts":[{"text":"x"}]},
                "tools":[{"functionDeclarations":[]}],"toolConfig":{},"safetySettings":[],
                "generationConfig":{"temperature":1,"topP":0.95,"topK":64,
                "thinkingConfig":{"includeThoughts":true,"thinkingBudget":8192}}"#,
            ),
        ] {
            let text = format!("{{{fields}}}");
            assert_eq!(asked(form, &text).unwrap().removed, [""; 0], "{text}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_not_taken_for_one_that_is_missing() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (form, name) in [
            (Form::Messages, "mcp_servers"),
            (Form::Messages, "fallbacks"),
            (Form::Responses, "conversation"),
            (Form::Chat, "web_search_options"),
            (Form::Generate, "cachedContent"),
        ] {
            refused(form, &format!(r#"{{"model":"m","{name}":{deep}}}"#));
            refused(form, &format!(r#"{{"model":"m","{name}":"\ud800"}}"#));
        }
    }

    #[test]
    fn tools_of_the_provider_are_taken_out_and_named() {
        let text = r#"{"model":"m","tools":[{"type":"web_search"},{"type":"function"}]}"#;
        let asked = asked(Form::Responses, text).unwrap();
        assert_eq!(asked.removed, ["web_search"]);
        let sent = asked.within(700, Tiers::OpenAi).unwrap();
        let expected = r#"{"model":"m","tools":[{"type":"function"}],"max_output_tokens":700,"service_tier":"default"}"#;
        assert_eq!(sent, expected);
    }
}
