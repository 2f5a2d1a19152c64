//! The documents of an attempt: Markdown for people, with front matter for the next stage.
//!
//! The front matter is typed, validated on the way out and on the way in, and published as JSON
//! Schema (`docs/schemas/`); the text below it says the same for people and is never read back.
//! The runner that writes one and the server that takes it hold it against the same types ([`taken`]).
//! Nothing in a document is trusted more than the runner that wrote it: an attempt can mislead
//! itself and nobody else.

mod analysis;
mod answer;
mod cut;
mod door;
mod form;
mod notes;
mod proofs;
mod text;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::brief::PROTOCOL_VERSION;
use crate::domain::document::{DOCUMENT_BYTES_MAX, DocumentName};
use crate::domain::ids::AttemptId;

pub use self::analysis::AnalysisNote;
pub use self::answer::{Answered, answered};
pub use self::door::{Refused, checked, taken};
pub use self::form::{read, values, write};
pub use self::notes::{EndNote, FaultNote, GranularityNote, HindranceNote, RunNote, notes, runs};
pub use self::proofs::{CoverageNote, TestChangeNote};
pub use self::text::{fenced, short, tail};

/// The most entries of one list: commands, candidates, failures. More help nobody to decide.
pub const ENTRIES_MAX: usize = 60;

/// The most runs with output in one document, so that a quarter of a megabyte holds them.
pub const RUNS_MAX: usize = 16;

/// Why a document is not what it should be.
#[derive(Debug, Error)]
pub enum BadDocument {
    /// There is no such document among those of the attempt.
    #[error("the document {0} is missing")]
    Missing(&'static str),
    /// It has no front matter.
    #[error("the document {0} has no front matter")]
    NoFrontMatter(&'static str),
    /// Its front matter is not of its schema.
    #[error("the front matter of {name} is not of its schema: {reason}")]
    Invalid {
        /// Which document.
        name: &'static str,
        /// What is wrong, in one line.
        reason: String,
    },
    /// It is of another attempt, round or version.
    #[error("the document {0} belongs to another attempt, round or version")]
    Foreign(&'static str),
    /// It is larger than a document may be.
    #[error("the document {name} has {bytes} bytes, the limit is {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// Which document.
        name: &'static str,
        /// How large it would be.
        bytes: usize,
    },
}

/// What a document is about: the same at the top of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The document's name.
    pub document: String,
    /// The version of all documents.
    pub protocol: u32,
    /// The attempt.
    pub attempt: String,
    /// The round of execute and verify, counted from 1.
    pub round: u8,
}

/// A document's front matter.
pub trait Front: Clone + Serialize + DeserializeOwned + JsonSchema {
    /// Which document it is.
    const NAME: DocumentName;

    /// What it is about.
    fn about(&self) -> &About;

    /// Cuts what only people read, each text to so many bytes; what another machine goes by stays.
    fn cut(&mut self, bytes_max: usize);
}

/// What the attempt is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    /// What the document is about.
    pub about: About,
    /// The repository as `owner/name`.
    pub repo: String,
    /// The pull request's number.
    pub pull: u64,
    /// The commit to heal.
    pub head: String,
    /// The branch that the pull request goes into.
    pub base: String,
    /// The attempt's number within its case, counted from 1.
    pub number: u8,
    /// What failed, root cause first.
    pub failures: Vec<FaultNote>,
    /// Commands that failed in CI.
    pub failing_commands: Vec<String>,
    /// Commands that the repository wants to be green as well.
    pub verify: Vec<String>,
}

/// One fixer that may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CandidateNote {
    /// Its id: `recipe:rustfmt`, `command:my-agent`.
    pub fixer: String,
    /// Why it may answer.
    pub why: String,
    /// Why its patch will wait for a person, when that is known beforehand.
    pub held: Option<String>,
}

/// How large the fault is, which fixers fit, and what the failing commands did at the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriagePlan {
    /// What the document is about.
    pub about: About,
    /// How large the fault is; none in documents of releases that did not judge it.
    #[serde(default)]
    pub granularity: Option<GranularityNote>,
    /// What that is founded on.
    #[serde(default)]
    pub because: String,
    /// What people have to say before anybody can work.
    #[serde(default)]
    pub questions: Vec<String>,
    /// How often people had answered the attempt before this was written.
    #[serde(default)]
    pub answered: u8,
    /// The fixers in the order in which they are tried.
    pub candidates: Vec<CandidateNote>,
    /// The failing commands in a fresh checkout of the head, without any change.
    pub reproduced: Vec<RunNote>,
}

/// One fixer's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnNote {
    /// The round in which it worked.
    pub round: u8,
    /// Its id.
    pub fixer: String,
    /// Paths that it changed; none when it changed nothing.
    pub changed: Vec<String>,
    /// How, as a unified diff; of a long one the beginning.
    #[serde(default)]
    pub diff: String,
    /// What came of that in the proof, once that is known.
    #[serde(default)]
    pub verdict: String,
    /// What kept it from its work, if anything did.
    pub hindrance: Option<HindranceNote>,
    /// Whether it changed something that was dropped at once, because what was red stayed red.
    #[serde(default)]
    pub in_vain: bool,
    /// What it said that it did, or what kept it from it.
    pub summary: String,
    /// The version of its program, where it has one.
    pub version: Option<String>,
    /// The model that it asked, where it asks one.
    pub model: Option<String>,
    /// The SHA-256 of the prompt that it was given, where it was given one.
    pub prompt: Option<String>,
    /// What it asks people; it goes on when they have answered.
    #[serde(default)]
    pub questions: Vec<String>,
}

/// What was done so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What the document is about.
    pub about: About,
    /// Every turn so far, the last one at the end.
    pub turns: Vec<TurnNote>,
}

/// One command that takes part in the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckNote {
    /// The command.
    pub command: String,
    /// Why it takes part.
    pub why: String,
}

/// Which commands prove the fix, and why these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationStrategy {
    /// What the document is about.
    pub about: About,
    /// The commands in the order in which they are run.
    pub commands: Vec<CheckNote>,
}

/// What the proof showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerificationResults {
    /// What the document is about.
    pub about: About,
    /// Whether it was red before and everything is green now.
    pub proven: bool,
    /// Whether it got better, so that the next round builds on it.
    pub improved: bool,
    /// The digest of the patch that was applied.
    pub patch_digest: String,
    /// The commands in a fresh checkout with the patch; what was run several times, as often.
    pub runs: Vec<RunNote>,
    /// Commands that were green in CI and are not here, with the patch and without it.
    #[serde(default)]
    pub set_aside: Vec<RunNote>,
    /// Which tests ran without the patch and with it.
    #[serde(default)]
    pub tests: Vec<TestChangeNote>,
    /// How the coverage of the touched files changed.
    #[serde(default)]
    pub coverage: Vec<CoverageNote>,
}

/// Which assumption does not hold, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssumptionAnalysis {
    /// What the document is about.
    pub about: About,
    /// Who looked.
    pub fixer: String,
    /// The model that was asked, where one was.
    pub model: Option<String>,
    /// The SHA-256 of the prompt.
    pub prompt: String,
    /// What was found; none when the answer was not of its schema, also when asked again.
    pub analysis: Option<AnalysisNote>,
    /// What was wrong with an answer that was refused.
    pub refused: Option<String>,
}

macro_rules! front {
    ($($name:ident),*) => {$(
        impl Front for $name {
            const NAME: DocumentName = DocumentName::$name;

            fn about(&self) -> &About {
                &self.about
            }

            fn cut(&mut self, bytes_max: usize) {
                self.cut_texts(bytes_max);
            }
        }
    )*};
}

front!(TaskInput, TriagePlan, State, ValidationStrategy, VerificationResults, AssumptionAnalysis);

/// The top of a document of that attempt and round.
pub fn about(name: DocumentName, attempt: AttemptId, round: u8) -> About {
    About {
        document: name.as_str().to_owned(),
        protocol: PROTOCOL_VERSION,
        attempt: attempt.to_string(),
        round,
    }
}

/// The JSON Schemas of all documents, by file name.
pub fn schemas() -> Vec<(String, serde_json::Value)> {
    vec![
        schema::<TaskInput>(),
        schema::<TriagePlan>(),
        schema::<State>(),
        schema::<ValidationStrategy>(),
        schema::<VerificationResults>(),
        schema::<AssumptionAnalysis>(),
    ]
}

fn schema<T: Front>() -> (String, serde_json::Value) {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    (format!("{}.json", T::NAME.as_str()), schema.to_value())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::document::Document;
    use crate::domain::outcome::{CommandRun, Ended};

    /// As much of an output as a run keeps.
    const RUN_BYTES: usize = 16 * 1024;

    fn attempt() -> AttemptId {
        AttemptId::new(Uuid::from_u128(7))
    }

    fn results(output_tail: &str) -> VerificationResults {
        let run = CommandRun {
            command: output_tail.to_owned(),
            ended: Ended::Exit(1),
            duration_ms: 5,
            output_tail: output_tail.to_owned(),
        };
        VerificationResults {
            about: about(DocumentName::VerificationResults, attempt(), 2),
            proven: false,
            improved: true,
            patch_digest: "ab".to_owned(),
            runs: notes(&[run]),
            set_aside: Vec::new(),
            tests: Vec::new(),
            coverage: Vec::new(),
        }
    }

    #[track_caller]
    fn survives(text: &str) {
        let front = results(text);
        let document = write(&front, text).unwrap();
        assert_eq!(read::<VerificationResults>(&[document], attempt(), 2).unwrap(), front);
    }

    #[test]
    fn a_document_reads_back_whatever_a_tool_printed() {
        for text in [
            "",
            " ",
            "---\n",
            "a\n---\nb",
            "\n---\n",
            "yes",
            "null",
            "- x: [",
            "\t\u{85}\u{2028}",
            "'\"\\",
            "# no comment",
            "a: b",
            "ends with space \n  indented\n",
            "&anchor *alias",
            "\u{feff}bom",
            "0x1f",
            "~",
            "|\n",
            "%YAML 1.2",
            "!!binary x",
            "\n\n",
            "x\n\n\n",
        ] {
            survives(text);
        }
    }

    proptest! {
        #[test]
        fn a_document_reads_back_any_text(text in "(\\PC|[\n\t ]){0,200}") {
            survives(&text);
        }
    }

    #[test]
    fn a_foreign_or_broken_document_is_told_apart() {
        let mut document = write(&results("x"), "").unwrap();
        let other = AttemptId::new(Uuid::from_u128(8));
        let read = |document: &Document, attempt, round| {
            super::read::<VerificationResults>(std::slice::from_ref(document), attempt, round)
        };
        assert!(matches!(read(&document, other, 2), Err(BadDocument::Foreign(_))));
        assert!(matches!(read(&document, attempt(), 1), Err(BadDocument::Missing(_))));
        document.body = document.body.replace("proven", "unknown_key");
        assert!(matches!(read(&document, attempt(), 2), Err(BadDocument::Invalid { .. })));
        document.body = "no front matter".to_owned();
        assert!(matches!(read(&document, attempt(), 2), Err(BadDocument::NoFrontMatter(_))));
    }

    #[test]
    fn outputs_that_take_more_room_in_yaml_are_cut_and_the_rest_stays() {
        let output = format!("{}the end", "a\n \u{feff}".repeat(RUN_BYTES / 6));
        let mut front = results("x");
        front.runs =
            vec![RunNote { output_tail: output.clone(), ..front.runs.remove(0) }; RUNS_MAX];
        assert!(serde_saphyr::to_string(&front).unwrap().len() > DOCUMENT_BYTES_MAX);
        let document = write(&front, "the text").unwrap();
        assert!(document.body.len() <= DOCUMENT_BYTES_MAX && document.body.ends_with("the text"));
        let again = read::<VerificationResults>(&[document], attempt(), 2).unwrap();
        assert_eq!(again.runs.len(), RUNS_MAX);
        for run in again.runs {
            assert_eq!(run.command, front.runs[0].command);
            assert!(run.output_tail.ends_with("the end") && output.ends_with(&run.output_tail));
        }
    }

    #[test]
    fn what_is_run_is_never_cut() {
        let command = "\u{1}".repeat(DOCUMENT_BYTES_MAX / RUNS_MAX);
        let commands = vec![CheckNote { command, why: String::new() }; RUNS_MAX];
        let about = about(DocumentName::ValidationStrategy, attempt(), 1);
        let refused = write(&ValidationStrategy { about, commands }, "").unwrap_err();
        assert!(matches!(refused, BadDocument::TooLarge { .. }), "{refused}");
    }

    #[test]
    fn the_text_has_nothing_that_a_terminal_obeys() {
        let document = write(&results("x"), "a\u{1b}[31m\u{202e}b\r\n").unwrap();
        assert_eq!(document.text(), "\na\u{fffd}[31m\u{fffd}b\u{fffd}\n");
    }

    #[test]
    fn a_long_text_is_cut_and_the_front_matter_stays() {
        let document = write(&results("x"), &"ü".repeat(DOCUMENT_BYTES_MAX)).unwrap();
        assert!(document.body.len() <= DOCUMENT_BYTES_MAX);
        read::<VerificationResults>(&[document], attempt(), 2).unwrap();
    }
}
