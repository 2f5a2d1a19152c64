//! Requests and answers in the shapes that the providers' own documentation shows, with figures that
//! are known.

use selfheal::domain::model::{Provider, Tokens};
use world::models::Saying;

/// One of the four ways to ask for an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) provider: Provider,
    /// The path behind the attempt.
    pub(crate) path: &'static str,
    /// The path that the provider hears.
    pub(crate) heard: &'static str,
    pub(crate) model: &'static str,
    /// A request for a stream.
    pub(crate) body: &'static str,
    /// The same, as the provider hears it when everything was granted that may be.
    pub(crate) sent: &'static str,
    /// A stream of events.
    pub(crate) stream: &'static [&'static str],
    /// The figure at its end.
    pub(crate) tokens: Tokens,
    /// An answer in one piece with the same figure.
    pub(crate) whole: &'static str,
}

const fn tokens(input: u64, cache_read: u64, cache_write: u64, hour: u64, output: u64) -> Tokens {
    Tokens { input, cache_read, cache_write, cache_write_1h: hour, output }
}

pub(crate) const MESSAGES: Way = Way {
    provider: Provider::Anthropic,
    path: "anthropic/v1/messages?beta=true",
    heard: "/v1/messages?beta=true",
    model: "claude-sonnet-5-5",
    body: r#"{"model":"claude-sonnet-5-5","max_tokens":4000,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    sent: r#"{"model":"claude-sonnet-5-5","max_tokens":4000,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    stream: &[
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":12,\"cache_creation_input_tokens\":300,\"cache_read_input_tokens\":4000,\"cache_creation\":{\"ephemeral_5m_input_tokens\":200,\"ephemeral_1h_input_tokens\":100},\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello, \\u00e4\"}}\n\nevent: content_block_de",
        "lta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"you\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":55}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ],
    tokens: tokens(12, 4000, 200, 100, 55),
    whole: r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hello"}],"usage":{"input_tokens":12,"cache_creation_input_tokens":300,"cache_read_input_tokens":4000,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":100},"output_tokens":55}}"#,
};

pub(crate) const RESPONSES: Way = Way {
    provider: Provider::OpenAi,
    path: "openai/v1/responses",
    heard: "/responses",
    model: "gpt-6.1-sol",
    body: r#"{"model":"gpt-6.1-sol","stream":true,"store":false,"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#,
    sent: r#"{"model":"gpt-6.1-sol","stream":true,"store":false,"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}],"max_output_tokens":32000}"#,
    stream: &[
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"usage\":null}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hello\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":600,\"cache_write_tokens\":100},\"output_tokens\":50,\"output_tokens_details\":{\"reasoning_tokens\":20},\"total_tokens\":1050}}}\n\n",
    ],
    tokens: tokens(300, 600, 100, 0, 50),
    whole: r#"{"id":"resp_1","object":"response","status":"completed","usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":600,"cache_write_tokens":100},"output_tokens":50}}"#,
};

pub(crate) const CHAT: Way = Way {
    provider: Provider::OpenAi,
    path: "openai/v1/chat/completions",
    heard: "/chat/completions",
    model: "gpt-5.5",
    body: r#"{"model":"gpt-5.5","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    sent: r#"{"model":"gpt-5.5","stream":true,"messages":[{"role":"user","content":"hi"}],"max_completion_tokens":32000,"stream_options":{"include_usage":true}}"#,
    stream: &[
        "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":8,\"total_tokens\":98,\"prompt_tokens_details\":{\"cached_tokens\":30}}}\n\n",
        "data: [DONE]\n\n",
    ],
    tokens: tokens(60, 30, 0, 0, 8),
    whole: r#"{"object":"chat.completion","choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":90,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":30}}}"#,
};

pub(crate) const GENERATE: Way = Way {
    provider: Provider::Gemini,
    path: "gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
    heard: "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
    model: "gemini-2.5-pro",
    body: r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"temperature":0}}"#,
    sent: r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"temperature":0,"maxOutputTokens":32000}}"#,
    stream: &[
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hello\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 70,\"candidatesTokenCount\": 2,\"totalTokenCount\": 72}}\r\n\r\n",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"!\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 70,\"cachedContentTokenCount\": 50,\"candidatesTokenCount\": 9,\"thoughtsTokenCount\": 4,\"totalTokenCount\": 83}}\r\n\r\n",
    ],
    tokens: tokens(20, 50, 0, 0, 13),
    whole: r#"{"candidates":[{"content":{"parts":[{"text":"Hello!"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":70,"cachedContentTokenCount":50,"candidatesTokenCount":9,"thoughtsTokenCount":4}}"#,
};

/// All of them.
pub(crate) const WAYS: [Way; 4] = [MESSAGES, RESPONSES, CHAT, GENERATE];

impl Way {
    /// Its stream, as a provider sends it.
    pub(crate) fn streamed(&self) -> Saying {
        Saying::new("text/event-stream; charset=utf-8", self.stream)
    }

    /// Its answer in one piece.
    pub(crate) fn in_one_piece(&self) -> Saying {
        Saying::new("application/json", &[self.whole])
    }

    /// The same request with other words in it.
    pub(crate) fn with(&self, from: &str, to: &str) -> String {
        assert!(self.body.contains(from), "{} has no {from}", self.body);
        self.body.replace(from, to)
    }
}
