//! The form of a recorded case: a folder with `case.yml`, and beside it what is too long for that.
//!
//! A case says what is broken and what has to come of it, never how: that is the product's business.
//! Everything unknown in the file is an error, so that no case is played otherwise than it was meant.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What has to come of a case, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ends {
    /// A recipe's patch, proven and allowed by the gate.
    HealedByRecipe,
    /// The scripted fixer's patch, proven and allowed by the gate.
    HealedByFixer,
    /// Red once and green now, without any change.
    Flaky,
    /// As red on the base branch.
    BaseBroken,
    /// Machines, networks, services.
    Infrastructure,
    /// Only a person can do or decide what is needed, the gate's holds among it.
    NeedsPerson,
    /// The gate refuses the patch.
    Refused,
    /// Nobody could repair it here.
    NotHealed,
    /// Nothing has failed there, or what was heard is of another commit.
    NothingFailed,
}

impl Ends {
    /// Every end, in the order of tables.
    pub(super) const ALL: [Self; 9] = [
        Self::HealedByRecipe,
        Self::HealedByFixer,
        Self::Flaky,
        Self::BaseBroken,
        Self::Infrastructure,
        Self::NeedsPerson,
        Self::Refused,
        Self::NotHealed,
        Self::NothingFailed,
    ];

    /// The name in files, JSON and tables.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::HealedByRecipe => "healed_by_recipe",
            Self::HealedByFixer => "healed_by_fixer",
            Self::Flaky => "flaky",
            Self::BaseBroken => "base_broken",
            Self::Infrastructure => "infrastructure",
            Self::NeedsPerson => "needs_person",
            Self::Refused => "refused",
            Self::NotHealed => "not_healed",
            Self::NothingFailed => "nothing_failed",
        }
    }

    /// Whether a commit would be made.
    pub(super) const fn is_healed(self) -> bool {
        matches!(self, Self::HealedByRecipe | Self::HealedByFixer)
    }
}

/// How something stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stood {
    /// Green.
    Green,
    /// Red.
    Red,
}

/// How the same test or job ended elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Earlier {
    /// The commit, or a name for it: what is equal was the same one.
    pub(super) commit: String,
    /// How it ended.
    pub(super) ended: Stood,
    /// The branch.
    #[serde(default)]
    pub(super) branch: Option<String>,
}

/// What `case.yml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    /// What is broken, in one line.
    pub(super) title: String,
    /// The ecosystem, for the table.
    pub(super) ecosystem: String,
    /// Where it comes from: who made it, after which real failure.
    pub(super) source: String,
    /// Under which licence.
    pub(super) licence: String,
    /// What has to come of it.
    pub(super) expect: Ends,
    /// Programs without which it cannot be played.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// The repository's files; those of the folder `repo` and of `repo.bundle` come before them.
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
    /// What CI ran; without a log it is run to see what it says.
    pub(super) command: Option<String>,
    /// What CI said; else the file `log.txt`.
    pub(super) log: Option<String>,
    /// A line for the shell that repairs it, or pretends to: the scripted fixer, tried after recipes.
    pub(super) fixer: Option<String>,
    /// A command that is green only when the repair is right, whatever the repository's own checks say.
    pub(super) truth: Option<String>,
    /// How the same job stands on the base branch.
    pub(super) base: Option<Stood>,
    /// How the failed jobs end when they run again.
    pub(super) rerun: Option<Stood>,
    /// How it ended before.
    #[serde(default)]
    pub(super) history: Vec<Earlier>,
    /// The webhook by which it is heard of: its event's name; its body is `payload.json`.
    pub(super) event: Option<String>,
    /// The pull request's head when that is heard; else the commit that the webhook is about.
    pub(super) head: Option<String>,
    /// How its runs have ended, `status/conclusion` in GitHub's words; else as the webhook says.
    #[serde(default)]
    pub(super) ended: Vec<String>,
}

/// A case with its place.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The folder's name.
    pub(super) name: String,
    /// The folder.
    pub(super) dir: PathBuf,
    /// What it says.
    pub(super) file: CaseFile,
}

/// The most cases of one folder; more take longer than a release waits.
const CASES_MAX: usize = 2_000;

/// Every case below a folder, by name.
///
/// # Errors
/// When the folder or a case in it cannot be read.
pub(super) fn load(dir: &Path, only: Option<&str>) -> anyhow::Result<Vec<Case>> {
    let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut cases = Vec::new();
    for entry in entries {
        let dir = entry?.path();
        let (path, name) = (dir.join("case.yml"), dir.file_name().and_then(|name| name.to_str()));
        let Some(name) = name.filter(|_| path.is_file()) else { continue };
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let file: CaseFile =
            serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?;
        let is_told = file.event.is_some() || !file.ended.is_empty();
        anyhow::ensure!(
            file.command.is_some()
                || file.log.is_some()
                || dir.join("log.txt").is_file()
                || is_told,
            "{}: a case has a command, a log, an event or runs that ended",
            path.display()
        );
        cases.push(Case { name: name.to_owned(), dir, file });
        anyhow::ensure!(cases.len() <= CASES_MAX, "{} has too many cases", dir_of(&cases));
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cases)
}

fn dir_of(cases: &[Case]) -> String {
    cases.first().map_or_else(String::new, |case| case.dir.display().to_string())
}

impl Case {
    /// The log, where one was recorded.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(super) fn log(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.dir.join("log.txt");
        match &self.file.log {
            Some(text) => Ok(Some(text.clone().into_bytes())),
            None if path.is_file() => Ok(Some(fs::read(&path)?)),
            None => Ok(None),
        }
    }

    /// The webhook by which it is heard of: event and body.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(super) fn webhook(&self) -> anyhow::Result<Option<(&str, Vec<u8>)>> {
        let Some(event) = self.file.event.as_deref() else { return Ok(None) };
        let path = self.dir.join("payload.json");
        let body = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(Some((event, body)))
    }
}
