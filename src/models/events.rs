//! Server-sent events, taken apart as they pass by: only their data, only while it is short enough.

use memchr::memchr;

/// The longest event that is read: the last one of OpenAI's Responses repeats the whole answer, and
/// the longest answers have two megabytes. A longer one is passed on unread.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is kept between two events: memory of a long one is given back.
const KEPT_BYTES: usize = 16 * 1024;

/// Lines of a stream, gathered into events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The line that is not at its end yet.
    line: Vec<u8>,
    /// The data lines of the event so far.
    data: Vec<u8>,
    /// Whether an event was too long to be read.
    pub(super) is_lost: bool,
}

impl Events {
    /// Takes the next bytes; `event` hears the data of each event that ends in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut event: impl FnMut(&[u8])) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.line.is_empty() {
                self.take_line(line, &mut event);
            } else {
                self.keep(line);
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, &mut event);
                self.line = reused(line);
            }
        }
        self.keep(bytes);
    }

    /// The stream is over; a last event may lack the empty line behind it.
    pub(super) fn end(mut self, mut event: impl FnMut(&[u8])) -> bool {
        let line = std::mem::take(&mut self.line);
        self.take_line(&line, &mut event);
        self.take_line(b"", &mut event);
        self.is_lost
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.line.len() + bytes.len() > EVENT_BYTES_MAX {
            self.is_lost = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn take_line(&mut self, line: &[u8], event: &mut impl FnMut(&[u8])) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            if !self.data.is_empty() {
                event(&self.data);
                self.data = reused(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if self.data.len() + data.len() > EVENT_BYTES_MAX {
                self.is_lost = true;
            } else {
                self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            }
        }
    }
}

fn reused(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b": ping\n\nevent: a\r\ndata: {\"x\":\r\ndata:1}\r\n\r\ndata: two\n\nid: 7\n\ndata: last";

    fn heard(pieces: usize) -> Vec<String> {
        let mut events = Events::default();
        let heard = std::cell::RefCell::new(Vec::new());
        let hear = |data: &[u8]| heard.borrow_mut().push(String::from_utf8(data.to_vec()).unwrap());
        for piece in STREAM.chunks(pieces) {
            events.feed(piece, hear);
        }
        assert!(!events.end(hear));
        heard.into_inner()
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        for pieces in 1..=STREAM.len() {
            assert_eq!(heard(pieces), ["{\"x\":1}", "two", "last"], "{pieces}");
        }
    }

    #[test]
    fn an_event_that_is_too_long_is_lost_and_not_kept() {
        let mut events = Events::default();
        let long = vec![b'x'; EVENT_BYTES_MAX / 2 + 1];
        events.feed(b"data: ", |_| {});
        for _ in 0..4 {
            events.feed(&long, |_| {});
        }
        assert!(events.is_lost && events.line.len() <= EVENT_BYTES_MAX);
    }
}
