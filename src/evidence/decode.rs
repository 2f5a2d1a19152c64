//! From bytes in any encoding to bytes in UTF-8, piece by piece.
//!
//! A mark at the beginning, or zeros in every second byte, tell UTF-16; everything else passes as
//! it is, and what is no UTF-8 in it is replaced line by line later. The invariant: pieces cut
//! anywhere give the same bytes.

/// What was found at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Encoding {
    /// Too few bytes to tell.
    #[default]
    Untold,
    /// UTF-8, or something else that has ASCII in it.
    Bytes,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

/// How many bytes tell the encoding.
const SIGN_BYTES: usize = 6;

/// A decoder in the middle of a text.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    encoding: Encoding,
    /// Bytes that could not be decoded without the next ones.
    held: Vec<u8>,
}

impl Decoder {
    /// Decodes the next bytes.
    pub(super) fn decode(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8])) {
        if self.encoding == Encoding::Bytes {
            return sink(bytes);
        }
        self.held.extend_from_slice(bytes);
        if self.encoding == Encoding::Untold {
            if self.held.len() < SIGN_BYTES {
                return;
            }
            self.tell();
        }
        self.drain(&mut sink);
    }

    /// Decodes what is held at the end.
    pub(super) fn finish(&mut self, mut sink: impl FnMut(&[u8])) {
        if self.encoding == Encoding::Untold {
            self.tell();
        }
        self.drain(&mut sink);
        if !self.held.is_empty() {
            sink("\u{fffd}".as_bytes());
            self.held.clear();
        }
    }

    /// Tells the encoding by the first bytes and takes its mark off.
    fn tell(&mut self) {
        let (encoding, mark) = sign(&self.held);
        self.encoding = encoding;
        self.held.drain(..mark);
    }

    fn drain(&mut self, sink: &mut impl FnMut(&[u8])) {
        let unit: fn([u8; 2]) -> u16 = match self.encoding {
            Encoding::Untold | Encoding::Bytes => {
                sink(&self.held);
                return self.held = Vec::new();
            }
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let units: Vec<u16> =
            self.held.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        // The first half of a pair waits for the second.
        let waits = units.last().is_some_and(|last| (0xD800..0xDC00).contains(last));
        let whole = units.len() - usize::from(waits);
        let text: String = char::decode_utf16(units[..whole].iter().copied())
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        sink(text.as_bytes());
        self.held.drain(..whole * 2);
    }
}

/// The encoding that the first bytes tell, and how many of them are only a mark.
fn sign(first: &[u8]) -> (Encoding, usize) {
    match first {
        [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
        [0xEF, 0xBB, 0xBF, ..] => (Encoding::Bytes, 3),
        // Without a mark: ASCII text in UTF-16 has a zero in every second byte.
        [a, 0, b, 0, c, 0, ..] if *a != 0 && *b != 0 && *c != 0 => (Encoding::Utf16Le, 0),
        [0, a, 0, b, 0, c, ..] if *a != 0 && *b != 0 && *c != 0 => (Encoding::Utf16Be, 0),
        _ => (Encoding::Bytes, 0),
    }
}

/// A whole text in UTF-8; borrowed where it is that already.
pub(super) fn decoded(log: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match sign(log) {
        (Encoding::Bytes | Encoding::Untold, mark) => log[mark..].into(),
        _ => {
            let mut text = Vec::with_capacity(log.len());
            let mut decoder = Decoder::default();
            decoder.decode(log, |bytes| text.extend_from_slice(bytes));
            decoder.finish(|bytes| text.extend_from_slice(bytes));
            text.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &[u8], expected: &str) {
        assert_eq!(String::from_utf8_lossy(&decoded(raw)), expected, "{raw:?}");
        for cut in 0..=raw.len() {
            let mut text = Vec::new();
            let mut decoder = Decoder::default();
            decoder.decode(&raw[..cut], |bytes| text.extend_from_slice(bytes));
            decoder.decode(&raw[cut..], |bytes| text.extend_from_slice(bytes));
            decoder.finish(|bytes| text.extend_from_slice(bytes));
            assert_eq!(String::from_utf8_lossy(&text), expected, "{raw:?} cut at {cut}");
        }
    }

    #[test]
    fn any_encoding_is_read_however_it_is_cut() {
        let units = |text: &str| -> Vec<u8> {
            [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        };
        let utf16 = units("a\r\nb \u{1f600}!");
        check(&utf16, "a\r\nb \u{1f600}!");
        check(&utf16[2..], "a\r\nb \u{1f600}!");
        let swapped: Vec<u8> = utf16.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        check(&swapped, "a\r\nb \u{1f600}!");
        check("\u{feff}plain".as_bytes(), "plain");
        check(b"", "");
        check(b"a", "a");
        check(&[0xFF, 0xFE, b'a'], "\u{fffd}");
    }
}
