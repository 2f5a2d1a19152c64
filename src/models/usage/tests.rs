//! What is read from answers in the forms in which the providers write them.

use super::*;

const MESSAGES: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":12,"cache_creation_input_tokens":300,"cache_read_input_tokens":4000,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":100},"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"{\"type\":\"message_stop\",\"usage\":{\"output_tokens\":7}}"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":55}}

event: message_stop
data: {"type":"message_stop"}

"#;

const RESPONSES: &str = r#"event: response.created
data: {"type":"response.created","response":{"usage":null}}

event: response.completed
data: {"type":"response.completed","response":{"usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":600,"cache_write_tokens":100},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":1050}}}

"#;

const CHAT: &str = r#"data: {"choices":[{"delta":{"content":"x"}}],"usage":null}

data: {"choices":[],"usage":{"prompt_tokens":90,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":30}}}

data: [DONE]

"#;

const GEMINI: &str = r#"data: {"candidates":[{"content":{}}],"usageMetadata":{"promptTokenCount":70,"candidatesTokenCount":2}}

data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":70,"cachedContentTokenCount":50,"candidatesTokenCount":9,"thoughtsTokenCount":4,"toolUsePromptTokenCount":3}}

"#;

fn metered(form: Form, kind: &str, text: &str, pieces: usize) -> (Option<Tokens>, Heard) {
    let mut meter = Meter::new(CacheFor::Minutes, kind);
    let mut heard = Heard::More;
    for piece in text.as_bytes().chunks(pieces.max(1)) {
        heard = meter.feed(piece, form);
    }
    (meter.end(form), heard)
}

fn tokens(input: u64, cache_read: u64, cache_write: u64, hour: u64, output: u64) -> Tokens {
    Tokens { input, cache_read, cache_write, cache_write_1h: hour, output }
}

#[track_caller]
fn streams(form: Form, text: &str, expected: Tokens, end: Heard) {
    for pieces in [1, 7, 64, text.len()] {
        let (found, heard) = metered(form, "text/event-stream; charset=utf-8", text, pieces);
        assert_eq!((found, heard), (Some(expected), end), "in pieces of {pieces}");
    }
}

#[test]
fn the_figure_of_a_stream_is_read_however_it_is_cut() {
    streams(Form::Messages, MESSAGES, tokens(12, 4000, 200, 100, 55), Heard::End);
    streams(Form::Responses, RESPONSES, tokens(300, 600, 100, 0, 50), Heard::End);
    streams(Form::Chat, CHAT, tokens(60, 30, 0, 0, 8), Heard::End);
    streams(Form::Generate, GEMINI, tokens(23, 50, 0, 0, 13), Heard::More);
}

#[test]
fn a_stream_that_is_cut_before_its_figure_has_none() {
    let kind = "text/event-stream";
    for (form, text, figure) in [
        (Form::Messages, MESSAGES, "event: message_delta"),
        (Form::Responses, RESPONSES, "event: response.completed"),
        (Form::Chat, CHAT, "data: {\"choices\":[],"),
        (Form::Generate, GEMINI, "data: {\"candidates\":[{\"finishReason\""),
    ] {
        let until = text.find(figure).unwrap();
        for end in [0, until / 2, until, until + figure.len()] {
            assert_eq!(metered(form, kind, &text[..end], 64).0, None, "{form:?} {end}");
        }
    }
}

#[test]
fn the_figure_of_an_answer_in_one_piece_is_read() {
    let check = |form, text: &str, expected| {
        let (found, heard) = metered(form, "application/json", text, 10);
        assert_eq!((found, heard), (expected, Heard::More), "{text}");
    };
    check(
        Form::Messages,
        r#"{"type":"message","usage":{"input_tokens":5,"output_tokens":6}}"#,
        Some(tokens(5, 0, 0, 0, 6)),
    );
    check(
        Form::Responses,
        r#"{"object":"response","usage":{"input_tokens":5,"output_tokens":6}}"#,
        Some(tokens(5, 0, 0, 0, 6)),
    );
    check(
        Form::Chat,
        r#"{"usage":{"prompt_tokens":5,"completion_tokens":6}}"#,
        Some(tokens(5, 0, 0, 0, 6)),
    );
    let gemini = r#"{"usageMetadata":{"promptTokenCount":5},"promptFeedback":{}}"#;
    check(Form::Generate, gemini, Some(tokens(5, 0, 0, 0, 0)));
    let part = r#"{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1}}"#;
    let last = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6}}"#;
    check(Form::Generate, &format!(" [{part},\n{last}]"), Some(tokens(5, 0, 0, 0, 6)));
    check(Form::Generate, &format!("[{part}]"), None);
    check(Form::Generate, &format!("[{part},"), None);
    check(Form::Messages, r#"{"type":"message"}"#, None);
    check(Form::Chat, "{\"usage\":", None);
    check(Form::Chat, "", None);
}

#[test]
fn what_was_written_to_the_cache_and_not_told_apart_is_of_the_dearer_kind() {
    let text = r#"{"usage":{"input_tokens":5,"output_tokens":6,"cache_creation_input_tokens":40}}"#;
    let whole = |kept| {
        let mut meter = Meter::new(kept, "application/json");
        meter.feed(text.as_bytes(), Form::Messages);
        meter.end(Form::Messages).unwrap()
    };
    assert_eq!(whole(CacheFor::Minutes), tokens(5, 0, 40, 0, 6));
    assert_eq!(whole(CacheFor::Hour), tokens(5, 0, 0, 40, 6));
}

#[test]
fn figures_that_contradict_themselves_never_wrap() {
    let text = r#"{"usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":9,"cache_write_tokens":9},"output_tokens":1}}"#;
    let (found, _) = metered(Form::Responses, "application/json", text, 64);
    assert_eq!(found, Some(tokens(0, 5, 0, 0, 1)));
}
