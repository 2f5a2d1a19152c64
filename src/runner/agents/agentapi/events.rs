//! What an AgentAPI server tells: its events, out of a stream of server-sent events in any pieces.
//!
//! A stranger's stream: a line that is too long is passed over, what has no meaning here is nothing,
//! and no more is ever held than one line and one event.

use serde_json::Value;

/// The longest line, and the longest event: a screen of a thousand lines is a tenth of it.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Whether the agent works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does, or nobody knows.
    Running,
    /// It waits for a message.
    Stable,
}

impl Status {
    /// Reads a status; one that nobody knows is not an end.
    pub fn parse(text: &str) -> Self {
        if text == "stable" { Self::Stable } else { Self::Running }
    }
}

/// Something that the server tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Whether the agent works has changed.
    Status(Status),
    /// A message of the agent is this now.
    Message {
        /// Its number in the conversation.
        id: i64,
        /// All of it, as it stands on the screen.
        text: String,
    },
    /// Something went wrong.
    Error(String),
}

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    is_cut: bool,
    name: String,
    data: String,
}

impl Reader {
    /// Takes the next piece; the events that end in it.
    pub fn take(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            if self.line.len() + text.len() > EVENT_BYTES_MAX {
                self.is_cut = true;
                self.line.clear();
            }
            if !self.is_cut {
                self.line.extend_from_slice(text);
            }
            if is_whole {
                let line = std::mem::take(&mut self.line);
                let line = if std::mem::take(&mut self.is_cut) { None } else { Some(line) };
                events.extend(line.and_then(|line| self.heard(&String::from_utf8_lossy(&line))));
            }
        }
        events
    }

    fn heard(&mut self, line: &str) -> Option<Event> {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return event(&name, &data);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.len() + value.len() <= EVENT_BYTES_MAX => self.data.push_str(value),
            _ => {}
        }
        None
    }
}

fn event(name: &str, data: &str) -> Option<Event> {
    let data: Value = serde_json::from_str(data).ok()?;
    let text = |key: &str| Some(data.get(key)?.as_str()?.to_owned());
    match name {
        "status_change" => Some(Event::Status(Status::parse(&text("status")?))),
        "message_update" if text("role")? == "agent" => {
            Some(Event::Message { id: data.get("id")?.as_i64()?, text: text("message")? })
        }
        "agent_error" | "error" => Some(Event::Error(text("message")?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "event: status_change\ndata: {\"status\":\"running\"}\n\n\
        : nothing\nid: 7\nevent: message_update\r\n\
        data: {\"id\":2,\"role\":\"agent\",\ndata: \"message\":\"hi\"}\n\n\
        event: message_update\ndata: {\"id\":3,\"role\":\"user\",\"message\":\"do\"}\n\n\
        event: agent_error\ndata: {\"message\":\"no terminal\",\"level\":\"error\"}\n\n\
        event: unknown\ndata: {}\n\nevent: status_change\ndata: no json\n\n\
        event: status_change\ndata: {\"status\":\"stable\"}\n\n";

    fn expected() -> Vec<Event> {
        vec![
            Event::Status(Status::Running),
            Event::Message { id: 2, text: "hi".to_owned() },
            Event::Error("no terminal".to_owned()),
            Event::Status(Status::Stable),
        ]
    }

    #[test]
    fn a_stream_means_the_same_in_whatever_pieces_it_comes() {
        assert_eq!(Reader::default().take(TOLD.as_bytes()), expected());
        for size in [1, 2, 7, 64] {
            let mut reader = Reader::default();
            let pieces = TOLD.as_bytes().chunks(size);
            let events: Vec<Event> = pieces.flat_map(|piece| reader.take(piece)).collect();
            assert_eq!(events, expected(), "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_passed_over_and_not_kept() {
        let mut reader = Reader::default();
        for _ in 0..3 {
            assert_eq!(reader.take(&vec![b'x'; EVENT_BYTES_MAX]), []);
            assert!(reader.line.len() <= EVENT_BYTES_MAX, "{}", reader.line.len());
        }
        let part = format!("data: {}\n", "y".repeat(EVENT_BYTES_MAX / 2));
        for _ in 0..5 {
            assert_eq!(reader.take(part.as_bytes()), []);
            assert!(reader.data.len() <= EVENT_BYTES_MAX, "{}", reader.data.len());
        }
        let after = format!("\n\n{TOLD}");
        assert_eq!(reader.take(after.as_bytes()), expected());
    }
}
