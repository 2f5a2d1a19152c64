//! Labelled logs: a log beside what a person found in it.
//!
//! `ID.json` is the label; the log lies beside it under the name that the label gives, as it is or
//! compressed (`.gz`). Other JSON files of the folder are nobody's business. Nothing is judged here.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// How the schema of a label begins; its version follows.
const SCHEMA: &str = "selfheal-log-label/";
/// What a compressed log's name ends in.
pub(crate) const COMPRESSED: &str = "gz";

/// What a person found in a log.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Label {
    /// Its name, and the label's file name.
    pub(crate) id: String,
    /// The log's file name.
    pub(crate) log: String,
    /// Where the log comes from.
    #[serde(default)]
    pub(crate) source: Source,
    /// The language or the subject, by which figures are grouped.
    pub(crate) ecosystem: String,
    /// Each distinct thing that made the job fail; none in a log that is clean.
    #[serde(default)]
    pub(crate) expected: Vec<Expected>,
    /// Follow-ups: to report them is neither asked nor wrong.
    #[serde(default)]
    pub(crate) optional: Vec<Expected>,
    /// Lines that a person needs to see: first and last, counted from 1.
    #[serde(default)]
    pub(crate) excerpt: Vec<(usize, usize)>,
    /// In a log of LogChunks the part that says why it failed; it has no expected failures.
    pub(crate) chunk: Option<String>,
}

/// Where a log comes from.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Source {
    /// The public repository.
    #[serde(default)]
    pub(crate) repo: String,
    /// The file in it.
    #[serde(default)]
    pub(crate) path: String,
    /// The repository's licence.
    #[serde(default)]
    pub(crate) licence: String,
    /// The data set that it belongs to.
    pub(crate) dataset: Option<String>,
    /// The run that wrote it.
    pub(crate) origin: Option<String>,
    /// What of the file was taken.
    pub(crate) selection: Option<String>,
}

/// A failure as a person would list it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Expected {
    /// What kind of failure.
    pub(crate) kind: String,
    /// Other kinds that a reader would accept.
    #[serde(default)]
    pub(crate) kind_alt: Vec<String>,
    /// The file, as printed, without the runner's folders.
    pub(crate) file: Option<String>,
    /// The line in it.
    pub(crate) line: Option<u64>,
    /// The column.
    pub(crate) column: Option<u64>,
    /// The tool's code for it.
    pub(crate) code: Option<String>,
    /// The test's name.
    pub(crate) test: Option<String>,
    /// The first line of what is said.
    pub(crate) message: Option<String>,
    /// The line of the log that says so.
    pub(crate) log_line: Option<usize>,
    /// Whether it is one to fix first.
    #[serde(default)]
    pub(crate) root: bool,
}

/// A label and where its log lies.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    /// The label.
    pub(crate) label: Label,
    /// The label's file.
    pub(crate) path: PathBuf,
}

impl Labelled {
    /// The bytes of the log.
    ///
    /// # Errors
    /// When there is no log, neither plain nor compressed.
    pub(crate) fn log(&self) -> anyhow::Result<Vec<u8>> {
        let plain = self.path.with_file_name(&self.label.log);
        if plain.is_file() {
            return fs::read(&plain).with_context(|| format!("no {}", plain.display()));
        }
        let compressed = self.path.with_file_name(format!("{}.{COMPRESSED}", self.label.log));
        let file =
            File::open(&compressed).with_context(|| format!("no {} either", plain.display()))?;
        let mut log = Vec::new();
        GzDecoder::new(file)
            .read_to_end(&mut log)
            .with_context(|| format!("{} is damaged", compressed.display()))?;
        Ok(log)
    }
}

/// The labelled logs of a folder, by name.
///
/// # Errors
/// When the folder or a label in it cannot be read, or there is no label.
pub(crate) fn labelled(folder: &Path) -> anyhow::Result<Vec<Labelled>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let label = read(&path).with_context(|| format!("{} is no label", path.display()))?;
            found.extend(label.map(|label| Labelled { label, path }));
        }
    }
    anyhow::ensure!(!found.is_empty(), "there is no labelled log in {}", folder.display());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<Option<Label>> {
    let value: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let is_label = value["schema"].as_str().is_some_and(|schema| schema.starts_with(SCHEMA));
    Ok(if is_label { Some(serde_json::from_value(value)?) } else { None })
}
