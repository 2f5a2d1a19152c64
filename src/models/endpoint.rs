//! Endpoints: the few paths of each provider that coding agents need. Anything else does not exist.

use crate::domain::model::{ModelName, Provider};

/// What is asked of a provider, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The provider.
    pub provider: Provider,
    /// The form of request and answer.
    pub form: Form,
    /// The path from the provider's base address on, with what of the query it may have.
    pub path: String,
    /// The model, where the path names it and not the body.
    pub model: Option<ModelName>,
}

/// The form of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's Chat Completions.
    Chat,
    /// Gemini's generateContent.
    Generate,
    /// Counts the tokens of a request; costs nothing.
    Count,
    /// Lists models; has no body and costs nothing.
    List,
}

/// What a query may say, and nothing else: none of it is a credential or a price.
const QUERY: &[&str] = &["alt", "beta", "limit", "after_id", "before_id", "pageSize", "pageToken"];

impl Endpoint {
    /// What a method and a path behind a provider's name ask for; `None` when it is nothing that is
    /// forwarded.
    ///
    /// OpenAI's paths may begin with `v1`, because clients disagree on whether their base address
    /// ends with it; ours to OpenAI does.
    pub fn parse(provider: Provider, method: &str, path: &str, query: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let (form, model, path) = match (provider, method, &parts[..]) {
            (Provider::Anthropic, "POST", ["v1", "messages"]) => (Form::Messages, None, path),
            (Provider::Anthropic, "POST", ["v1", "messages", "count_tokens"]) => {
                (Form::Count, None, path)
            }
            (Provider::Anthropic, "GET", ["v1", "models", rest @ ..])
            | (Provider::Gemini, "GET", ["v1" | "v1beta", "models", rest @ ..])
                if is_listed(rest) =>
            {
                (Form::List, None, path)
            }
            (Provider::OpenAi, _, ["v1", _, ..]) => {
                let unversioned = path.strip_prefix("v1/")?;
                return Self::openai(method, unversioned, query);
            }
            (Provider::OpenAi, ..) => return Self::openai(method, path, query),
            (Provider::Gemini, "POST", ["v1" | "v1beta", "models", call]) => {
                let (model, verb) = call.rsplit_once(':')?;
                let form = match verb {
                    "generateContent" | "streamGenerateContent" => Form::Generate,
                    "countTokens" => Form::Count,
                    _ => return None,
                };
                (form, Some(named(model)?), path)
            }
            (Provider::Anthropic | Provider::Gemini, ..) => return None,
        };
        Some(Self::new(provider, form, model, path, query))
    }

    fn openai(method: &str, path: &str, query: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let form = match (method, &parts[..]) {
            ("POST", ["responses"]) => Form::Responses,
            ("POST", ["chat", "completions"]) => Form::Chat,
            ("GET", ["models", rest @ ..]) if is_listed(rest) => Form::List,
            _ => return None,
        };
        Some(Self::new(Provider::OpenAi, form, None, path, query))
    }

    fn new(
        provider: Provider,
        form: Form,
        model: Option<ModelName>,
        path: &str,
        query: &str,
    ) -> Self {
        let kept: Vec<&str> = query.split('&').filter(|pair| is_kept(pair)).collect();
        let path =
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
        Self { provider, form, path, model }
    }

    /// Whether the answer is paid for.
    pub const fn is_paid(&self) -> bool {
        match self.form {
            Form::Messages | Form::Responses | Form::Chat | Form::Generate => true,
            Form::Count | Form::List => false,
        }
    }
}

fn is_kept(pair: &str) -> bool {
    let plain =
        |value: &str| value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    pair.split_once('=').is_some_and(|(name, value)| QUERY.contains(&name) && plain(value))
}

/// Whether what follows `models` is nothing, or one model.
fn is_listed(rest: &[&str]) -> bool {
    match rest {
        [] => true,
        [model] => named(model).is_some(),
        _ => false,
    }
}

/// A model's name as a part of a path: none that leads out of its folder.
fn named(part: &str) -> Option<ModelName> {
    let leads_on = part.bytes().any(|byte| byte.is_ascii_alphanumeric());
    ModelName::parse(part).ok().filter(|_| leads_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(provider: Provider, method: &str, path: &str, expected: Option<(Form, &str)>) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let found = Endpoint::parse(provider, method, path, query);
        let found = found.as_ref().map(|endpoint| (endpoint.form, endpoint.path.as_str()));
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn the_few_paths_that_agents_need_are_forwarded() {
        use Provider::{Anthropic, Gemini, OpenAi};
        let messages = Some((Form::Messages, "v1/messages?beta=true"));
        check(Anthropic, "POST", "v1/messages?beta=true", messages);
        check(Anthropic, "POST", "v1/messages", Some((Form::Messages, "v1/messages")));
        let count = "v1/messages/count_tokens";
        check(Anthropic, "POST", count, Some((Form::Count, count)));
        check(Anthropic, "GET", "v1/models", Some((Form::List, "v1/models")));
        check(OpenAi, "POST", "v1/responses", Some((Form::Responses, "responses")));
        check(OpenAi, "POST", "responses", Some((Form::Responses, "responses")));
        check(OpenAi, "POST", "v1/chat/completions", Some((Form::Chat, "chat/completions")));
        check(OpenAi, "GET", "models/gpt-6-luna", Some((Form::List, "models/gpt-6-luna")));
        let stream = "v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse";
        check(Gemini, "POST", stream, Some((Form::Generate, stream)));
        let count = "v1beta/models/gemini-3-pro:countTokens";
        check(Gemini, "POST", count, Some((Form::Count, count)));
    }

    #[test]
    fn everything_else_does_not_exist() {
        use Provider::{Anthropic, Gemini, OpenAi};
        for (provider, method, path) in [
            (Anthropic, "GET", "v1/messages"),
            (Anthropic, "POST", "v1/messages/batches"),
            (Anthropic, "POST", "v1/files"),
            (Anthropic, "DELETE", "v1/models/x"),
            (Anthropic, "GET", "v1/models/.."),
            (Anthropic, "GET", "v1/models/a%2f..%2f"),
            (Anthropic, "POST", "v1//messages"),
            (Anthropic, "POST", "v1/messages/"),
            (OpenAi, "GET", "responses/resp_1"),
            (OpenAi, "POST", "v1/v1/responses"),
            (OpenAi, "POST", "files"),
            (OpenAi, "POST", "embeddings"),
            (Gemini, "POST", "v1beta/models/gemini:batchEmbedContents"),
            (Gemini, "POST", "v1beta/models/..:generateContent"),
            (Gemini, "POST", "v1beta/models/a/b:generateContent"),
            (Gemini, "POST", "v1beta/cachedContents"),
        ] {
            check(provider, method, path, None);
        }
    }

    #[test]
    fn no_credential_travels_in_a_query() {
        let path = "v1beta/models/gemini-3-pro:generateContent?key=secret&alt=sse&x=1&alt=a%0a";
        let kept = "v1beta/models/gemini-3-pro:generateContent?alt=sse";
        check(Provider::Gemini, "POST", path, Some((Form::Generate, kept)));
    }
}
