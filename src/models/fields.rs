//! Fields: which of a request go up, and with which values.
//!
//! What nobody here knows is taken out, so that a field that a provider invents cannot change what a
//! call costs before its price is in the list. What is known to change it, or to make several answers
//! of one call, is refused with any value but those whose price is known: to leave it out without a
//! word would be another request than the one that was made.
//!
//! Gemini takes each name in two spellings; here stand those with capitals.

use std::borrow::Cow;

use super::body::Object;
use super::endpoint::Form;
use super::request::Unreadable;

/// Fields that change what a call costs or make it more than one answer, and the values that they
/// may have. Prices of other values are in no list, and an answer is bounded once.
pub(super) const GUARDED: &[(Form, &str, &[&str])] = &[
    (Form::Messages, "container", &[]),
    (Form::Messages, "fallbacks", &[]),
    (Form::Messages, "inference_geo", &["\"global\""]),
    (Form::Messages, "mcp_servers", &["[]"]),
    (Form::Messages, "service_tier", &["\"auto\"", "\"standard_only\""]),
    (Form::Messages, "speed", &["\"standard\""]),
    (Form::Responses, "background", &["false"]),
    (Form::Responses, "conversation", &[]),
    (Form::Responses, "previous_response_id", &[]),
    (Form::Responses, "prompt", &[]),
    (Form::Responses, "service_tier", OPENAI_TIERS),
    (Form::Chat, "audio", &[]),
    (Form::Chat, "modalities", &["[\"text\"]"]),
    (Form::Chat, "n", &["1"]),
    (Form::Chat, "prediction", &[]),
    (Form::Chat, "service_tier", OPENAI_TIERS),
    (Form::Chat, "web_search_options", &[]),
    (Form::Generate, "cachedContent", &[]),
    (Form::Generate, "serviceTier", &["\"standard\"", "\"flex\""]),
];

/// `auto` is what its project's settings say, which may be dearer: `default` is sent in its place
/// ([`super::request::Asked::within`]). `flex` is cheaper.
const OPENAI_TIERS: &[&str] = &["\"auto\"", "\"default\"", "\"flex\""];

/// The same inside Gemini's `generationConfig`.
pub(super) const GUARDED_GENERATION: &[(&str, &[&str])] =
    &[("candidateCount", &["1"]), ("responseModalities", &["[\"TEXT\"]"])];

/// Fields that go up besides: none of them has a price. Some are only other servers' that speak the
/// same interface.
const fn plain(form: Form) -> &'static [&'static str] {
    match form {
        Form::Messages => MESSAGES,
        Form::Responses => RESPONSES,
        Form::Chat => CHAT,
        Form::Generate => GENERATE,
        Form::Count => COUNT,
        Form::List => &[],
    }
}

const MESSAGES: &[&str] = &[
    "cache_control",
    "context_management",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

const RESPONSES: &[&str] = &[
    "client_metadata",
    "context_management",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

const CHAT: &[&str] = &[
    "chat_template_kwargs",
    "enable_thinking",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "min_p",
    "model",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

const GENERATE: &[&str] =
    &["contents", "generationConfig", "safetySettings", "systemInstruction", "toolConfig", "tools"];

const COUNT: &[&str] = &[
    "cache_control",
    "contents",
    "context_management",
    "messages",
    "model",
    "output_config",
    "output_format",
    "system",
    "thinking",
    "tool_choice",
    "tools",
];

/// The same inside Gemini's `generationConfig`.
const GENERATION: &[&str] = &[
    "frequencyPenalty",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseSchema",
    "seed",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

/// Refuses fields whose values change the price, and takes out those that nobody knows; their names.
pub(super) fn checked(form: Form, request: &mut Object<'_>) -> Result<Vec<String>, Unreadable> {
    let guarded = |name: &str| {
        let mut guarded = GUARDED.iter().filter(|(of, ..)| *of == form);
        guarded.find(|(_, known, _)| *known == name).map(|(.., allowed)| *allowed)
    };
    kept(request, |name| spelled(form, name), (guarded, plain(form)))
}

/// The same for Gemini's `generationConfig`.
pub(super) fn generation(settings: &mut Object<'_>) -> Result<Vec<String>, Unreadable> {
    let guarded = |name: &str| {
        let found = GUARDED_GENERATION.iter().find(|(known, _)| *known == name);
        found.map(|(_, allowed)| *allowed)
    };
    kept(settings, |name| spelled(Form::Generate, name), (guarded, GENERATION))
}

fn kept<'n>(
    object: &mut Object<'_>,
    spelled: impl Fn(&str) -> Cow<'_, str>,
    (guarded, plain): (impl Fn(&str) -> Option<&'n [&'n str]>, &[&str]),
) -> Result<Vec<String>, Unreadable> {
    let names: Vec<String> = object.names().map(str::to_owned).collect();
    let mut removed = Vec::new();
    for name in names {
        let known = spelled(&name);
        if let Some(allowed) = guarded(&known) {
            guard(object, &name, allowed)?;
        } else if !plain.contains(&known.as_ref()) {
            object.remove(&name);
            removed.push(name);
        }
    }
    Ok(removed)
}

/// No value that is allowed is longer, however it is spelled; what is need not be read.
const GUARDED_BYTES_MAX: usize = 256;

/// Refuses a field whose value changes the price or the number of answers.
fn guard(object: &Object<'_>, name: &str, allowed: &[&str]) -> Result<(), Unreadable> {
    let is_short = object.given(name).is_none_or(|raw| raw.get().len() <= GUARDED_BYTES_MAX);
    if is_short {
        let Some(value) = object.value(name).map_err(Unreadable::json)? else { return Ok(()) };
        let fine = |text: &&str| serde_json::from_str(text).ok() == Some(value.clone());
        if allowed.iter().any(fine) {
            return Ok(());
        }
    }
    let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(" or ") };
    Err(Unreadable::refused(format!(
        "`{name}` is not forwarded with this value, because its price cannot be bounded or it \
         reaches beyond this attempt; allowed is {may}"
    )))
}

/// A name as it stands in the lists above: Gemini's may have an underline before a small letter in the
/// place of a capital, and nothing else.
fn spelled(form: Form, name: &str) -> Cow<'_, str> {
    let other = |(at, _): (usize, &str)| {
        at == 0 || !name[at + 1..].starts_with(|letter: char| letter.is_ascii_lowercase())
    };
    if form != Form::Generate || !name.contains('_') || name.match_indices('_').any(other) {
        return Cow::Borrowed(name);
    }
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    Cow::Owned(words.fold(first, |begun, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        begun + &capital.into_iter().collect::<String>() + letters.as_str()
    }))
}
