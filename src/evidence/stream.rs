//! A log that is read while it arrives, in pieces of any size.
//!
//! It keeps what the [`pass`](super::pass) may still look at and lets go of the rest. The
//! invariant: the failures are the same however the log was cut into pieces, and at most
//! [`BUFFER_BYTES_MAX`] of it are in memory.

use memchr::{memchr, memrchr};

use super::decode::Decoder;
use super::lines::LOOK_BYTES_MAX;
use super::pass::{Pass, Rest};
use super::text::RAW_BYTES_MAX;
use super::{Hints, Reading};

/// How many bytes are gathered before they are read.
const PIECE_BYTES: usize = 1024 * 1024;

/// What is kept in memory of a log that arrives in pieces: what rules may look back at, what they
/// may look ahead at, and a piece.
pub const BUFFER_BYTES_MAX: usize = 2 * LOOK_BYTES_MAX + 2 * PIECE_BYTES;

/// A log that is read as it arrives.
#[derive(Debug)]
pub struct LogStream<'h> {
    hints: &'h Hints<'h>,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// Whether the rest of a line that is too long is being skipped.
    skipping: bool,
    pass: Pass<'h>,
}

impl<'h> LogStream<'h> {
    /// A log of which nothing has arrived.
    pub fn new(hints: &'h Hints<'h>) -> Self {
        Self {
            hints,
            decoder: Decoder::default(),
            buffer: Vec::new(),
            skipping: false,
            pass: Pass::new(hints),
        }
    }

    /// Reads the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pass.count_bytes(bytes.len());
        for piece in bytes.chunks(PIECE_BYTES) {
            let Self { decoder, buffer, skipping, .. } = self;
            decoder.decode(piece, |text| {
                if !*skipping {
                    buffer.extend_from_slice(text);
                } else if let Some(end) = memchr(b'\n', text) {
                    buffer.extend_from_slice(&text[end..]);
                    *skipping = false;
                }
            });
            if self.buffer.len() >= BUFFER_BYTES_MAX - PIECE_BYTES {
                self.turn();
            }
        }
    }

    /// Reads what is in memory and lets go of what is no longer looked at.
    fn turn(&mut self) {
        let whole = memrchr(b'\n', &self.buffer).map_or(0, |at| at + 1);
        self.pass.advance(&self.buffer[..whole], Rest::ToCome);
        let done = self.pass.reading_from().saturating_sub(LOOK_BYTES_MAX);
        let done = memchr(b'\n', &self.buffer[done..]).map_or(0, |at| done + at + 1);
        if done > 0 {
            self.pass.slide(&self.buffer[..whole], done);
            self.buffer.drain(..done);
        }
        let unended = self.buffer.len() - (whole - done);
        if unended > RAW_BYTES_MAX {
            self.buffer.truncate(whole - done + RAW_BYTES_MAX);
            self.skipping = true;
        }
    }

    /// The log has ended.
    pub fn finish(mut self) -> Reading {
        let Self { decoder, buffer, skipping, .. } = &mut self;
        decoder.finish(|text| {
            if !*skipping {
                buffer.extend_from_slice(text);
            }
        });
        self.pass.advance(&self.buffer, Rest::None);
        self.pass.finish(&self.buffer, self.hints)
    }
}
