//! Talking with a command while it runs: its standard output line by line, answers on its input.
//!
//! A [`Conversation`] is a state machine without a process, so protocols are tested with text alone.
//! Here is only what carries it: lines of any length are cut off at [`LINE_BYTES_MAX`] and passed
//! over, and a program that does not read what it is told holds up nothing but itself.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::Instant;

use crate::domain::agent::{Answer, Opening};

/// The longest line that is looked at: agents put a tool's whole output into one event, of which
/// three megabytes were seen.
pub const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How much is read at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// How long a program may take to end by itself when everything is said.
const LEAVE_SECS: u64 = 10;

/// One side of a conversation with a program.
pub trait Conversation: Send {
    /// What is said first; with [`Opening::Only`] the input is closed after it.
    fn begin(&mut self) -> Opening;

    /// Hears a line, without its end.
    fn heard(&mut self, line: &[u8]) -> Answer;

    /// Whether there is nothing more to talk about, whatever the program says or keeps silent about:
    /// then it is left as with [`Answer::Leave`]. Asked once in a while.
    fn is_over(&self) -> bool {
        false
    }
}

/// The two pipes of a conversation.
pub(super) struct Talk<'c> {
    pub(super) ears: Ears<'c>,
    pub(super) mouth: Mouth,
}

impl<'c> Talk<'c> {
    /// Begins a conversation with a child whose standard input and output are pipes.
    pub(super) fn with(child: &mut Child, conversation: &'c mut (dyn Conversation + 'c)) -> Self {
        let (pending, stays_open) = match conversation.begin() {
            Opening::Only(bytes) => (bytes, false),
            Opening::First(bytes) => (bytes, true),
        };
        Self {
            ears: Ears {
                stdout: child.stdout.take(),
                chunk: Vec::with_capacity(CHUNK_BYTES),
                line: Vec::new(),
                is_cut: false,
                bytes: 0,
                conversation,
            },
            mouth: Mouth { stdin: child.stdin.take(), pending, said: 0, stays_open },
        }
    }
}

/// What is heard.
pub(super) struct Ears<'c> {
    stdout: Option<ChildStdout>,
    chunk: Vec<u8>,
    line: Vec<u8>,
    is_cut: bool,
    /// How many bytes were heard in all.
    pub(super) bytes: u64,
    conversation: &'c mut (dyn Conversation + 'c),
}

impl Ears<'_> {
    /// Hears what comes next; never, once the program has closed its output. Nothing is lost when
    /// the future is dropped.
    pub(super) async fn hear(&mut self) -> Vec<Answer> {
        let Some(stdout) = &mut self.stdout else { return std::future::pending().await };
        self.chunk.clear();
        let count = stdout.read_buf(&mut self.chunk).await.unwrap_or(0);
        self.bytes += count as u64;
        if count == 0 {
            self.stdout = None;
            let last = std::mem::take(&mut self.line);
            return if last.is_empty() { Vec::new() } else { vec![self.conversation.heard(&last)] };
        }
        let mut answers = Vec::new();
        for part in self.chunk.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            if self.line.len() + text.len() > LINE_BYTES_MAX {
                self.is_cut = true;
                self.line.clear();
            }
            if !self.is_cut {
                self.line.extend_from_slice(text);
            }
            if is_whole {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.is_cut) {
                    answers.push(self.conversation.heard(&line));
                }
            }
        }
        answers
    }

    /// Whether there is nothing more to talk about.
    pub(super) fn have_enough(&self) -> bool {
        self.conversation.is_over()
    }

    /// Whether nothing more can be heard.
    pub(super) const fn is_over(&self) -> bool {
        self.stdout.is_none()
    }
}

/// What is said.
pub(super) struct Mouth {
    stdin: Option<ChildStdin>,
    pending: Vec<u8>,
    said: usize,
    stays_open: bool,
}

impl Mouth {
    /// Takes in what is to be said; by when the program has to be gone, when nothing more will be.
    pub(super) fn takes(&mut self, answer: Answer) -> Option<Instant> {
        match answer {
            Answer::Listen => None,
            Answer::Say(bytes) => {
                self.pending.extend(bytes);
                None
            }
            Answer::Leave => {
                self.stays_open = false;
                Some(Instant::now() + Duration::from_secs(LEAVE_SECS))
            }
        }
    }

    /// Says the next part; never returns while there is nothing to say.
    pub(super) async fn speak(&mut self) {
        let Some(stdin) = &mut self.stdin else { return std::future::pending().await };
        if self.said < self.pending.len() {
            match stdin.write(&self.pending[self.said..]).await {
                Ok(count) if count > 0 => self.said += count,
                // It does not listen any more, which is its right.
                Ok(_) | Err(_) => self.stdin = None,
            }
            return;
        }
        self.pending.clear();
        self.said = 0;
        if self.stays_open {
            return std::future::pending().await;
        }
        self.stdin = None;
    }
}

/// Hears what comes next in a conversation, if there is one.
pub(super) async fn hear(ears: Option<&mut Ears<'_>>) -> Vec<Answer> {
    match ears {
        Some(ears) => ears.hear().await,
        None => std::future::pending().await,
    }
}

/// Says the next part in a conversation, if there is one.
pub(super) async fn speak(mouth: Option<&mut Mouth>) {
    match mouth {
        Some(mouth) => mouth.speak().await,
        None => std::future::pending().await,
    }
}
