//! A file that a person names, or standard input, read to a limit; what is said when it cannot be.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// A command could not do its work: there is no such file.
const UNREADABLE: u8 = 3;

/// A file to be read; `-` is standard input.
///
/// # Errors
/// What the system says when it cannot be opened.
pub(super) fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    Ok(if file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file)?)
    })
}

/// The bytes of a file, at most so many; `-` is standard input.
///
/// # Errors
/// What the system says when it cannot be read.
pub(super) fn read(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(file)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Says that a file cannot be read, and how the program ends then.
///
/// # Errors
/// When not even that can be said.
pub(super) fn unreadable(file: &Path, error: &io::Error) -> anyhow::Result<ExitCode> {
    writeln!(io::stderr(), "selfheal: {} cannot be read: {error}", file.display())?;
    Ok(ExitCode::from(UNREADABLE))
}
