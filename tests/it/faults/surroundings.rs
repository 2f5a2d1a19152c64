//! The machine that a program believes to be on: its time runs faster and may be wrong, its disk may
//! be full.
//!
//! A lease of five minutes is waited for in seconds. The program is the one that is shipped and has
//! no switch for this: a small library is loaded before it, compiled from `surroundings.c` by the
//! compiler that links Rust programs, too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// How many times faster the time of day is: a lease of five minutes runs out in five seconds, which
/// a step of a program without optimisation never needs.
pub(crate) const SPEED: i64 = 60;

/// How many times faster waiting is over. Less, because it also bounds work that is no faster here:
/// an answer that may take twenty seconds has four.
pub(crate) const HASTE: i64 = 5;

const NANOS_PER_MS: i64 = 1_000_000;

/// The library, compiled once.
static LIBRARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("surroundings.c");
    std::fs::write(&source, include_str!("surroundings.c")).unwrap();
    let library = dir.path().join("surroundings.so");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let made = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(&source)
        .output()
        .expect("a C compiler, which Rust needs to link, too");
    assert!(made.status.success(), "cc: {}", String::from_utf8_lossy(&made.stderr));
    (dir, library)
});

/// The test's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    begun: i64,
}

impl Time {
    /// Time that runs fast from now on.
    pub(crate) fn fast() -> Self {
        Self { begun: machine_nanos() }
    }

    /// The time now, in milliseconds.
    pub(crate) fn ms(self) -> i64 {
        (self.begun + (machine_nanos() - self.begun) * SPEED) / NANOS_PER_MS
    }
}

#[expect(clippy::disallowed_methods, reason = "the programs beside us live by this clock, too")]
fn machine_nanos() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap()
}

/// What one program is to believe.
#[derive(Debug)]
pub(crate) struct Surroundings {
    time: Time,
    file: PathBuf,
    wrong_ms: i64,
    is_full: bool,
}

impl Surroundings {
    /// A right clock and a disk with room, told in a file of that folder.
    pub(crate) fn new(time: Time, dir: &Path, name: &str) -> Self {
        let file = dir.join(format!("{name}.surroundings"));
        let surroundings = Self { time, file, wrong_ms: 0, is_full: false };
        surroundings.tell();
        surroundings
    }

    /// From now on its clock is wrong by so many milliseconds.
    pub(crate) fn set_wrong(&mut self, ms: i64) {
        self.wrong_ms = ms;
        self.tell();
    }

    /// From now on its disk has no room.
    pub(crate) fn fill_disk(&mut self) {
        self.is_full = true;
        self.tell();
    }

    /// From now on its disk has room again.
    pub(crate) fn free_disk(&mut self) {
        self.is_full = false;
        self.tell();
    }

    fn tell(&self) {
        let wrong = self.wrong_ms * NANOS_PER_MS;
        let told = [self.time.begun, SPEED, HASTE, wrong, i64::from(self.is_full)];
        let bytes: Vec<u8> = told.iter().flat_map(|number| number.to_ne_bytes()).collect();
        // Written in place: whoever runs has the file mapped.
        let mut file =
            std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&self.file);
        std::io::Write::write_all(file.as_mut().unwrap(), &bytes).unwrap();
    }

    /// What a program needs in its environment to live in it.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", LIBRARY.1.clone()), ("FAULTS_SURROUNDINGS", self.file.clone())]
    }
}
