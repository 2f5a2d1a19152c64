//! Whether a model's answer came to its end: the connection of one that did not may close in order.
//!
//! Every provider says in its last words why it stopped. An answer without such a word broke off, was
//! empty, was an error, or was no answer of a model at all. It is looked for in the bytes as they pass, and
//! nothing is decoded: a text that quotes such a word counts as ended, which is what it counted as before.

use memchr::memmem;

/// What stands at the end of a stream and nowhere else: Anthropic's Messages, OpenAI's Responses and Chat
/// Completions, Gemini.
const ENDS: [&[u8]; 9] = [
    b"message_stop",
    b"\"stop_reason\":\"",
    b"\"stop_reason\": \"",
    b"response.completed",
    b"response.incomplete",
    b"[DONE]",
    b"\"finish_reason\":\"",
    b"\"finish_reason\": \"",
    b"finishReason",
];

/// The longest of them, less one: as much of a piece may belong to one that ends in the next.
const OVERLAP: usize = 18;

/// Whether what is asked at that path is a model's answer in one piece, which says why it stopped as a
/// streamed one does. OpenAI's Responses have other words for it, and no agent here asks for them so.
pub(super) fn is_told_whole(path: &str) -> bool {
    ["/messages", "/chat/completions", ":generateContent"].iter().any(|end| path.ends_with(end))
}

/// Looks for the end of an answer.
#[derive(Debug, Default)]
pub(super) struct Ending {
    is_there: bool,
    tail: Vec<u8>,
}

impl Ending {
    /// Takes note of the next piece.
    pub(super) fn passes(&mut self, piece: &[u8]) {
        if self.is_there {
            return;
        }
        let is_in = |bytes: &[u8]| ENDS.iter().any(|end| memmem::find(bytes, end).is_some());
        self.tail.extend_from_slice(&piece[..piece.len().min(OVERLAP)]);
        self.is_there = is_in(piece) || is_in(&self.tail);
        if piece.len() >= OVERLAP {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - OVERLAP..]);
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(OVERLAP));
        }
    }

    /// Whether it came.
    pub(super) const fn came(&self) -> bool {
        self.is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stream: &str, expected: bool) {
        for size in [1, 5, 7, 64, 4096] {
            let mut ending = Ending::default();
            stream.as_bytes().chunks(size).for_each(|piece| ending.passes(piece));
            assert_eq!(ending.came(), expected, "{stream} in pieces of {size}");
        }
    }

    #[test]
    fn the_end_of_every_providers_stream_is_found_however_it_is_cut() {
        let long = "x".repeat(300);
        for end in [
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            "data: {\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
            "event: response.completed\ndata: {}\n\n",
            "data: {\"type\":\"response.incomplete\"}\n\n",
            "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
            "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n",
        ] {
            check(&format!("data: {{\"text\":\"{long}\"}}\n\n{end}"), true);
        }
    }

    #[test]
    fn answers_in_one_piece_are_told_from_other_questions() {
        for whole in ["/anthropic/v1/messages", "/openai/v1/chat/completions", "/m:generateContent"]
        {
            assert!(is_told_whole(whole), "{whole}");
        }
        for other in ["/v1/messages/count_tokens", "/v1/models", "/v1/responses", "/m:countTokens"]
        {
            assert!(!is_told_whole(other), "{other}");
        }
    }

    #[test]
    fn what_broke_off_or_is_no_answer_has_no_end() {
        check("", false);
        check("<html>502 Bad Gateway</html>", false);
        check("event: error\ndata: {\"type\":\"error\"}\n\n", false);
        check("data: {\"type\":\"message_start\",\"message\":{\"stop_reason\":null}}\n\n", false);
        check("data: {\"choices\":[{\"delta\":{},\"finish_reason\":null}]}\n\n", false);
    }
}
