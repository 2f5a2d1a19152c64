//! Packed bodies: of what is long and repeats itself a tenth is written, kept and read.
//!
//! Packing what is long costs less than writing what it saves. A row says how long its body was; one
//! that does not is the body itself, because it is short or a release wrote it that did not pack.

use std::cell::RefCell;

use bytes::Bytes;

use super::rows::{inconsistent, number};
use crate::ports::store::StoreError;

/// zstd's quickest level that packs well: 25 µs for 20 KB of which a seventh is left. Those below take
/// 22 µs and leave a sixth.
const LEVEL: i32 = 1;

/// What is repeated in JSON is long: not looking for anything shorter takes 2 µs less, and no more is left.
const MATCH_BYTES_MIN: u32 = 7;

/// What is shorter is not packed: a third is all that would be saved, for 4 µs.
const PACKED_BYTES_MIN: usize = 1024;

/// No body is longer, so none is unpacked to more: what the door takes in, and room for the log of
/// deliveries.
const BODY_BYTES_MAX: i64 = 32 * 1024 * 1024;

/// The most that a thread keeps for packing into: enough for bodies of the usual size.
const ROOM_BYTES_MAX: usize = 512 * 1024;

/// What packs, and where it packs to before it is known how little is left.
struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    room: Vec<u8>,
}

thread_local! {
    /// Making one for each body would cost half as much again.
    static PACKER: RefCell<Option<Packer>> = const { RefCell::new(None) };

    /// The same, for unpacking.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        const { RefCell::new(None) };
}

impl Packer {
    fn new() -> std::io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::MinMatch(MATCH_BYTES_MIN))?;
        Ok(Self { compressor, room: Vec::new() })
    }

    /// The packed bytes, in as much memory as they take.
    fn pack(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        self.room.clear();
        self.room.reserve(zstd::zstd_safe::compress_bound(body.len()));
        let packed = self.compressor.compress_to_buffer(body, &mut self.room);
        let packed = packed.is_ok().then(|| self.room.clone());
        if self.room.capacity() > ROOM_BYTES_MAX {
            self.room = Vec::new();
        }
        packed
    }
}

/// A body as it is kept.
#[derive(Debug)]
pub(super) struct Packed {
    pub bytes: Vec<u8>,
    /// How long it was; `None` when the bytes are the body itself.
    pub length: Option<i64>,
}

/// Packs a body; one that is short or cannot be packed is kept as it is.
pub(super) fn pack(body: &[u8]) -> Packed {
    if body.len() < PACKED_BYTES_MIN {
        return Packed { bytes: body.to_vec(), length: None };
    }
    let packed = PACKER.with_borrow_mut(|packer| {
        let known = packer.take().map_or_else(Packer::new, Ok);
        packer.insert(known.ok()?).pack(body)
    });
    match packed {
        Some(bytes) if bytes.len() < body.len() => {
            Packed { bytes, length: Some(number(body.len() as u64)) }
        }
        Some(_) | None => Packed { bytes: body.to_vec(), length: None },
    }
}

/// The body of a row of a table.
///
/// # Errors
/// [`StoreError::Inconsistent`] when it is not what was packed.
pub(super) fn unpack(
    (table, id): (&'static str, &str),
    bytes: Vec<u8>,
    length: Option<i64>,
) -> Result<Bytes, StoreError> {
    let Some(length) = length else { return Ok(Bytes::from(bytes)) };
    let bad = |what: &dyn std::fmt::Display| inconsistent(table, id, what);
    let allowed = Some(length).filter(|length| (0..=BODY_BYTES_MAX).contains(length));
    let room = allowed.and_then(|length| usize::try_from(length).ok());
    let room = room.ok_or_else(|| bad(&"a length that no body has"))?;
    let body = UNPACKER.with_borrow_mut(|unpacker| {
        let known = unpacker.take().map_or_else(zstd::bulk::Decompressor::new, Ok);
        unpacker.insert(known?).decompress(&bytes, room)
    });
    let body = body.map_err(|error| bad(&error))?;
    if body.len() == room {
        Ok(Bytes::from(body))
    } else {
        Err(bad(&"another length than it says"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8]) {
        let packed = pack(body);
        assert_eq!(unpack(("deliveries", "1"), packed.bytes, packed.length).unwrap(), body);
    }

    #[test]
    fn every_body_comes_back_as_it_was() {
        check(b"");
        check(b"{}");
        check(&[7; PACKED_BYTES_MIN - 1]);
        check(&[7; PACKED_BYTES_MIN]);
        check(&[7; 10_000]);
        let noise: Vec<u8> =
            (0..5_000_u32).flat_map(|n| n.wrapping_mul(0x9E37).to_le_bytes()).collect();
        check(&noise);
    }

    #[test]
    fn what_is_short_is_kept_as_it_is() {
        assert_eq!(pack(&[7; PACKED_BYTES_MIN - 1]).length, None);
        assert_eq!(pack(&[7; PACKED_BYTES_MIN]).length, Some(1024));
    }

    #[test]
    fn a_body_that_an_older_release_kept_is_taken_as_it_is() {
        assert_eq!(unpack(("deliveries", "1"), b"{}".to_vec(), None).unwrap(), b"{}".as_slice());
    }

    #[test]
    fn a_row_that_lies_about_its_body_is_an_error_and_takes_no_memory() {
        let packed = pack(&[7; 10_000]);
        for length in [-1, 0, 9_999, 10_001, BODY_BYTES_MAX + 1, i64::MAX] {
            unpack(("deliveries", "1"), packed.bytes.clone(), Some(length)).unwrap_err();
        }
        unpack(("deliveries", "1"), b"no frame".to_vec(), Some(8)).unwrap_err();
    }
}
