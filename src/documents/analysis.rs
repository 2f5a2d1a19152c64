//! What an agent that takes a second look has to answer: parsed leniently, checked strictly.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::document::DOCUMENT_BYTES_MAX;
use crate::domain::outcome::Analysis;

/// The most characters of one text.
const TEXT_CHARS_MAX: usize = 2000;

/// The most bytes of all of it as it is written into its document, where some characters take more room:
/// the rest of the document needs a quarter.
const WRITTEN_BYTES_MAX: usize = DOCUMENT_BYTES_MAX / 4 * 3;

/// The most items of one list.
const ITEMS_MAX: usize = 12;

/// A second look, as its document and the agent's answer have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalysisNote {
    /// What failed, in one or two sentences.
    pub what_failed: String,
    /// What all repairs took for granted and is not so.
    pub wrong_assumption: String,
    /// What shows it: outputs, lines of code, results of commands.
    pub evidence: Vec<String>,
    /// Explanations that were tried and are not so either.
    pub disproved: Vec<String>,
    /// What to do instead.
    pub recommended_fix: String,
    /// The one concrete question that a person would have to answer.
    pub question: String,
}

impl AnalysisNote {
    /// Reads the last JSON object of an answer.
    ///
    /// # Errors
    /// What is wrong with it, in one line for whoever gave the answer.
    pub fn read(answer: &str) -> Result<Self, String> {
        let value = last_object(answer).ok_or("there is no JSON object in it")?;
        let note: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        note.checked()
    }

    /// The JSON Schema of an answer.
    pub fn schema() -> Value {
        SchemaSettings::draft07().into_generator().into_root_schema_for::<Self>().to_value()
    }

    fn checked(self) -> Result<Self, String> {
        let texts = [
            ("what_failed", &self.what_failed),
            ("wrong_assumption", &self.wrong_assumption),
            ("recommended_fix", &self.recommended_fix),
            ("question", &self.question),
        ];
        for (name, text) in texts {
            if text.trim().is_empty() {
                return Err(format!("`{name}` is empty"));
            }
        }
        if self.evidence.is_empty() {
            return Err("`evidence` is empty: show what you saw".to_owned());
        }
        for (name, list) in [("evidence", &self.evidence), ("disproved", &self.disproved)] {
            if list.len() > ITEMS_MAX {
                return Err(format!("`{name}` has more than {ITEMS_MAX} items"));
            }
        }
        let lists = self.evidence.iter().chain(&self.disproved);
        let too_long = |text: &String| text.chars().count() > TEXT_CHARS_MAX;
        if texts.into_iter().map(|(_, text)| text).chain(lists).any(too_long) {
            return Err(format!("a text has more than {TEXT_CHARS_MAX} characters"));
        }
        let written = serde_saphyr::to_string(&self).map_err(|error| error.to_string())?;
        if written.len() > WRITTEN_BYTES_MAX {
            return Err(format!(
                "it has {} bytes as it is written down, more than {WRITTEN_BYTES_MAX}",
                written.len()
            ));
        }
        Ok(self)
    }
}

impl From<&AnalysisNote> for Analysis {
    fn from(note: &AnalysisNote) -> Self {
        Self {
            what_failed: note.what_failed.clone(),
            wrong_assumption: note.wrong_assumption.clone(),
            evidence: note.evidence.clone(),
            disproved: note.disproved.clone(),
            recommended_fix: note.recommended_fix.clone(),
            question: note.question.clone(),
        }
    }
}

/// The last object that stands in a text by itself, fenced or not.
pub(super) fn last_object(text: &str) -> Option<Value> {
    let mut last = None;
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        rest = &rest[start..];
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match objects.next() {
            Some(Ok(value)) => {
                let end = objects.byte_offset();
                last = Some(value);
                rest = &rest[end..];
            }
            Some(Err(_)) | None => rest = &rest[1..],
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(question: &str) -> String {
        let value = serde_json::json!({
            "what_failed": "a", "wrong_assumption": "b", "evidence": ["c"], "disproved": [],
            "recommended_fix": "d", "question": question,
        });
        value.to_string()
    }

    #[test]
    fn the_last_object_of_an_answer_is_read() {
        let plain = AnalysisNote::read(&answer("why?")).unwrap();
        for text in [
            format!("I looked. {{not json}} {{\"a\": 1}}\n{}", answer("why?")),
            format!("```json\n{}\n```\n", answer("why?")),
        ] {
            assert_eq!(AnalysisNote::read(&text).unwrap(), plain, "{text}");
        }
    }

    #[track_caller]
    fn refused(answer: &str, why: &str) {
        let said = AnalysisNote::read(answer).unwrap_err();
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn an_answer_that_is_none_says_what_is_wrong() {
        refused("I would rather not.", "no JSON object");
        refused("{\"nope\": 1}", "unknown field `nope`");
        refused(&answer(" "), "`question` is empty");
        refused(&answer(&"x".repeat(TEXT_CHARS_MAX + 1)), "more than 2000 characters");
        refused(&answer("why?").replace("[\"c\"]", "[]"), "`evidence` is empty");
        refused(&"{".repeat(50_000), "no JSON object");
        // As characters it is within every limit; each takes six bytes in YAML.
        let escapes = "\u{feff}".repeat(TEXT_CHARS_MAX);
        let list = serde_json::to_string(&vec![escapes; ITEMS_MAX]).unwrap();
        let lists = answer("why?").replace("[\"c\"]", &list).replace("[]", &list);
        refused(&lists, "as it is written down");
    }
}
