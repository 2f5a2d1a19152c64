//! Usage: what a provider says it counted, read from its answer as that passes by.
//!
//! A figure is known only when the answer came to its end: the numbers at the beginning of a stream
//! are of its beginning. Input that was read from a cache or written to one is part of OpenAI's and
//! Google's input and stands beside Anthropic's; [`Tokens`] counts each token once.

use memchr::memmem;
use serde::Deserialize;

use super::endpoint::Form;
use super::events::Events;
use crate::domain::model::{CacheFor, Tokens};

/// The longest answer in one piece that is read; agents get theirs as streams.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// There is more to come.
    More,
    /// Its last word is there.
    End,
}

/// Reads the usage of one answer.
#[derive(Debug)]
pub struct Meter {
    shape: Shape,
    kept: CacheFor,
    usage: Usage,
    /// Whether a figure for the whole answer was seen.
    is_whole: bool,
    /// Whether its last word was seen.
    is_ended: bool,
}

#[derive(Debug)]
enum Shape {
    Stream(Events),
    Whole(Vec<u8>),
    /// It was too long, or cannot be read.
    Lost,
}

/// All names that the providers have for what they count.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<Creation>,
    input_tokens_details: Option<Details>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    #[serde(rename = "promptTokenCount")]
    gemini_prompt: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount")]
    gemini_tools: Option<u64>,
    #[serde(rename = "cachedContentTokenCount")]
    gemini_cached: Option<u64>,
    #[serde(rename = "candidatesTokenCount")]
    gemini_answer: Option<u64>,
    #[serde(rename = "thoughtsTokenCount")]
    gemini_thoughts: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct Creation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

/// An event of a stream, or an answer in one piece.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(rename = "type")]
    kind: Option<String>,
    usage: Option<Usage>,
    message: Option<Inner>,
    response: Option<Inner>,
    #[serde(rename = "usageMetadata")]
    gemini: Option<Usage>,
    candidates: Vec<Candidate>,
    choices: Vec<Choice>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inner {
    usage: Option<Usage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Candidate {
    #[serde(rename = "finishReason")]
    finish: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    finish_reason: Option<String>,
}

impl Meter {
    /// A meter for the answer to a request, by its content type.
    pub fn new(kept: CacheFor, content_type: &str) -> Self {
        let is_stream = content_type.starts_with("text/event-stream");
        let shape =
            if is_stream { Shape::Stream(Events::default()) } else { Shape::Whole(Vec::new()) };
        Self { shape, kept, usage: Usage::default(), is_whole: false, is_ended: false }
    }

    /// Whether the answer is a stream.
    pub const fn is_stream(&self) -> bool {
        matches!(self.shape, Shape::Stream(_))
    }

    /// Takes the next bytes of the answer.
    pub fn feed(&mut self, bytes: &[u8], form: Form) -> Heard {
        let mut shape = std::mem::replace(&mut self.shape, Shape::Lost);
        match &mut shape {
            Shape::Stream(events) => events.feed(bytes, |data| self.event(data, form)),
            Shape::Whole(answer) if answer.len() + bytes.len() <= ANSWER_BYTES_MAX => {
                answer.extend_from_slice(bytes);
            }
            Shape::Whole(_) | Shape::Lost => shape = Shape::Lost,
        }
        self.shape = shape;
        if self.is_ended { Heard::End } else { Heard::More }
    }

    /// The answer is over: what the provider counted, if it said so.
    pub fn end(mut self, form: Form) -> Option<Tokens> {
        match std::mem::replace(&mut self.shape, Shape::Lost) {
            Shape::Stream(events) => {
                let is_lost = events.end(|data| self.event(data, form));
                self.known(form).filter(|_| !is_lost || self.is_ended)
            }
            Shape::Whole(answer) => {
                self.whole(&answer, form);
                self.known(form)
            }
            Shape::Lost => None,
        }
    }

    /// What the provider counted so far, if that is the whole answer's figure.
    pub fn known(&self, form: Form) -> Option<Tokens> {
        self.is_whole.then(|| self.usage.tokens(form, self.kept))
    }

    fn event(&mut self, data: &[u8], form: Form) {
        if data == b"[DONE]" {
            self.is_ended = true;
            return;
        }
        // Most events are pieces of text; they are not looked at.
        let words: &[&str] = &["\"usage", "message_stop"];
        if !words.iter().any(|word| memmem::find(data, word.as_bytes()).is_some()) {
            return;
        }
        let Ok(said) = serde_json::from_slice::<Said>(data) else { return };
        let kind = said.kind.as_deref().unwrap_or_default();
        match form {
            Form::Messages => self.message(kind, &said),
            Form::Responses => {
                let ends = ["response.completed", "response.incomplete", "response.failed"];
                if ends.contains(&kind) {
                    self.take(said.response.as_ref().and_then(|response| response.usage.as_ref()));
                    self.is_ended = true;
                }
            }
            Form::Chat => {
                // Some gateways tell a figure with every piece; the last one is the answer's.
                let is_last = said.choices.iter().all(|choice| choice.finish_reason.is_some());
                self.take(said.usage.as_ref().filter(|_| is_last));
            }
            Form::Generate => self.generated(&said),
            Form::Count | Form::List => {}
        }
    }

    fn message(&mut self, kind: &str, said: &Said) {
        match kind {
            "message_start" => {
                let usage = said.message.as_ref().and_then(|message| message.usage);
                self.usage = usage.unwrap_or_default();
            }
            "message_delta" => {
                if let Some(usage) = said.usage.filter(|usage| usage.output_tokens.is_some()) {
                    self.usage = self.usage.updated(&usage);
                    self.is_whole = self.usage.input_tokens.is_some();
                }
            }
            "message_stop" => self.is_ended = true,
            _ => {}
        }
    }

    fn generated(&mut self, said: &Said) {
        if let Some(usage) = said.gemini {
            self.usage = self.usage.updated(&usage);
            self.is_whole |= said.candidates.iter().any(|one| one.finish.is_some());
        }
    }

    fn take(&mut self, usage: Option<&Usage>) {
        if let Some(usage) = usage {
            self.usage = *usage;
            self.is_whole = true;
        }
    }

    /// An answer in one piece; Gemini writes a stream that nobody asked as events as one list.
    fn whole(&mut self, answer: &[u8], form: Form) {
        if form != Form::Generate {
            let said = serde_json::from_slice::<Said>(answer).unwrap_or_default();
            self.take(said.usage.as_ref());
            return;
        }
        let is_list = answer.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let all: Vec<Said> = if is_list {
            serde_json::from_slice(answer).unwrap_or_default()
        } else {
            serde_json::from_slice(answer).into_iter().collect()
        };
        for said in &all {
            self.generated(said);
        }
        // A prompt that was blocked has no candidate, and its figure is whole all the same.
        self.is_whole |= !is_list && all.iter().any(|said| said.gemini.is_some());
    }
}

impl Usage {
    /// This one with whatever the later one says.
    fn updated(self, later: &Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            cache_creation_input_tokens: later
                .cache_creation_input_tokens
                .or(self.cache_creation_input_tokens),
            cache_creation: later.cache_creation.or(self.cache_creation),
            gemini_prompt: later.gemini_prompt.or(self.gemini_prompt),
            gemini_tools: later.gemini_tools.or(self.gemini_tools),
            gemini_cached: later.gemini_cached.or(self.gemini_cached),
            gemini_answer: later.gemini_answer.or(self.gemini_answer),
            gemini_thoughts: later.gemini_thoughts.or(self.gemini_thoughts),
            ..self
        }
    }

    fn tokens(&self, form: Form, kept: CacheFor) -> Tokens {
        let n = |count: Option<u64>| count.unwrap_or(0);
        match form {
            Form::Messages | Form::Count | Form::List => self.anthropic(kept),
            Form::Responses => {
                openai(n(self.input_tokens), self.input_tokens_details, n(self.output_tokens))
            }
            Form::Chat => {
                openai(n(self.prompt_tokens), self.prompt_tokens_details, n(self.completion_tokens))
            }
            Form::Generate => {
                let prompt = n(self.gemini_prompt).saturating_add(n(self.gemini_tools));
                let cached = n(self.gemini_cached).min(prompt);
                Tokens {
                    input: prompt - cached,
                    cache_read: cached,
                    output: n(self.gemini_answer).saturating_add(n(self.gemini_thoughts)),
                    ..Tokens::default()
                }
            }
        }
    }

    fn anthropic(&self, kept: CacheFor) -> Tokens {
        let n = |count: Option<u64>| count.unwrap_or(0);
        let written = n(self.cache_creation_input_tokens);
        let told = self.cache_creation.unwrap_or_default();
        let (minutes, hour) =
            (n(told.ephemeral_5m_input_tokens), n(told.ephemeral_1h_input_tokens));
        // What the parts do not account for is of the dearer kind that was asked for.
        let rest = written.saturating_sub(minutes.saturating_add(hour));
        let (minutes, hour) = match kept {
            CacheFor::Minutes => (minutes.saturating_add(rest), hour),
            CacheFor::Hour => (minutes, hour.saturating_add(rest)),
        };
        Tokens {
            input: n(self.input_tokens),
            cache_read: n(self.cache_read_input_tokens),
            cache_write: minutes,
            cache_write_1h: hour,
            output: n(self.output_tokens),
        }
    }
}

/// OpenAI's input includes what was read from the cache and written to it.
fn openai(input: u64, details: Option<Details>, output: u64) -> Tokens {
    let details = details.unwrap_or_default();
    let read = details.cached_tokens.unwrap_or(0).min(input);
    let write = details.cache_write_tokens.unwrap_or(0).min(input - read);
    Tokens {
        input: input - read - write,
        cache_read: read,
        cache_write: write,
        output,
        ..Tokens::default()
    }
}

#[cfg(test)]
mod tests;
