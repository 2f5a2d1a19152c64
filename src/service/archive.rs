//! Archives of artifacts: the files in a zip that a stranger packed, or why they are not read.
//!
//! Nothing is written to a disk and no name in the archive is a path to anything. Every count and
//! size is held against what really comes out, because an archive's own numbers are its packer's
//! word. An archive that breaks a limit is refused whole: half a report would say half.

use std::io::{Cursor, Read as _};

use thiserror::Error;
use zip::ZipArchive;

/// Files of one report: one for each suite of a large build; more than this is something else.
pub const ENTRIES_MAX: usize = 64;

/// One file, unpacked: the JUnit report of some ten thousand tests.
pub const ENTRY_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// All files of an archive, unpacked: what a server can hold for each of several workers.
pub const TOTAL_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How much a file may shrink: reports repeat themselves some fifty times over, bombs a thousand.
const RATIO_MAX: u64 = 200;

/// Below this size nothing can be a bomb, however well it was packed.
const RATIO_FREE_BYTES: u64 = 256 * 1024;

/// Why an archive is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no zip, or a broken one.
    #[error("it is not a whole zip archive")]
    Broken,
    /// It has too many files.
    #[error("it has more than {ENTRIES_MAX} files")]
    TooManyFiles,
    /// A file, or all of them, are too large.
    #[error("what it holds is too large")]
    TooLarge,
    /// A file grows out of proportion.
    #[error("a file in it grows more than {RATIO_MAX} times when unpacked")]
    Bomb,
}

/// What the files of an archive hold; folders and links are left out.
///
/// # Errors
/// [`Refusal`] when it is no archive, or breaks a limit.
pub fn files(zip: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| Refusal::Broken)?;
    if archive.len() > ENTRIES_MAX {
        return Err(Refusal::TooManyFiles);
    }
    let mut found = Vec::new();
    let mut total = 0u64;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(|_| Refusal::Broken)?;
        if !entry.is_file() {
            continue;
        }
        let packed = entry.compressed_size().max(1);
        let room = ENTRY_BYTES_MAX.min(TOTAL_BYTES_MAX - total);
        let grown = RATIO_FREE_BYTES.max(packed.saturating_mul(RATIO_MAX));
        let most = room.min(grown);
        let mut bytes = Vec::new();
        entry.take(most + 1).read_to_end(&mut bytes).map_err(|_| Refusal::Broken)?;
        let size = bytes.len() as u64;
        if size > most {
            return Err(if grown < room { Refusal::Bomb } else { Refusal::TooLarge });
        }
        total += size;
        found.push(bytes);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[track_caller]
    fn refused(zip: &[u8], expected: Refusal) {
        assert_eq!(files(zip).err(), Some(expected));
    }

    #[test]
    fn the_files_of_an_archive_are_read() {
        let zip = packed(&[("a.json", b"{}"), ("dir/b.xml", b"<b/>")]);
        assert_eq!(files(&zip).unwrap(), [b"{}".to_vec(), b"<b/>".to_vec()]);
        assert_eq!(files(&packed(&[])).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn folders_and_links_are_no_files() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let plain = SimpleFileOptions::default();
        writer.add_directory("dir", plain).unwrap();
        writer.add_symlink("link", "/etc/passwd", plain).unwrap();
        assert!(files(&writer.finish().unwrap().into_inner()).unwrap().is_empty());
    }

    #[test]
    fn no_name_in_an_archive_is_a_path_to_anything() {
        let names =
            ["../../etc/passwd", "/etc/passwd", "C:\\a.json", "a/../../b", "\u{202e}nosj.a", ""];
        let packed = packed(&names.map(|name| (name, name.as_bytes())));
        let found = files(&packed).unwrap();
        assert_eq!(found, names.map(|name| name.as_bytes().to_vec()), "read like any other");
    }

    #[test]
    fn what_is_no_whole_archive_is_refused() {
        refused(b"", Refusal::Broken);
        refused(b"not a zip at all", Refusal::Broken);
        let whole = packed(&[("a.json", &[b'x'; 4000])]);
        refused(&whole[..whole.len() / 2], Refusal::Broken);
        let mut damaged = whole.clone();
        damaged[40] ^= 0xff;
        assert!(files(&damaged).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_it_has_gone_off() {
        let zeros = vec![0; usize::try_from(ENTRY_BYTES_MAX).unwrap()];
        refused(&packed(&[("zeros.json", &zeros)]), Refusal::Bomb);
    }

    #[test]
    fn an_archive_that_lies_about_its_sizes_is_held_against_what_comes_out() {
        let zeros = vec![0; 1024 * 1024];
        let mut zip = packed(&[("zeros.json", &zeros)]);
        let size = 1024u32 * 1024;
        let at: Vec<usize> =
            (0..zip.len() - 4).filter(|at| zip[*at..at + 4] == size.to_le_bytes()).collect();
        for at in at {
            zip[at..at + 4].copy_from_slice(&10u32.to_le_bytes());
        }
        assert!(files(&zip).is_err());
    }

    #[test]
    fn too_much_is_refused_whole() {
        let many: Vec<String> = (0..=ENTRIES_MAX).map(|at| format!("{at}.json")).collect();
        let many: Vec<(&str, &[u8])> =
            many.iter().map(|name| (name.as_str(), &b"{}"[..])).collect();
        refused(&packed(&many), Refusal::TooManyFiles);
        let noise: Vec<u8> = (0..=ENTRY_BYTES_MAX)
            .map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0])
            .collect();
        refused(&packed(&[("a.json", &noise)]), Refusal::TooLarge);
        let most = &noise[..noise.len() - 1];
        let three = [("a.json", most), ("b.json", most), ("c.json", &b"x"[..])];
        refused(&packed(&three), Refusal::TooLarge);
    }
}
