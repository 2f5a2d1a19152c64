//! The form of a document: YAML between fences, then text; bounded on the way out and on the way in.

use serde::de::DeserializeOwned;

use super::{BadDocument, Front, about, short};
use crate::domain::document::{DOCUMENT_BYTES_MAX, Document, DocumentName, FENCE};
use crate::domain::ids::AttemptId;
use crate::evidence::harmless;

/// The most characters of what is said about a document that does not fit.
const REASON_CHARS_MAX: usize = 300;

/// The deepest that front matter is nested: names in lists in entries of lists.
const DEPTH_MAX: usize = 8;

/// How long texts in front matter may be that is too large as it is: tools print what takes several
/// times as much room in YAML.
const CUTS_BYTES: [usize; 3] = [2 * 1024, 512, 64];

/// A document of front matter and text. Where both together are too large, the text is cut; where the
/// front matter alone is, those of its texts are that only people read.
///
/// # Errors
/// [`BadDocument::TooLarge`] when the front matter is too large all the same.
pub fn write<T: Front>(front: &T, text: &str) -> Result<Document, BadDocument> {
    let name = T::NAME.as_str();
    let mut body = fenced_off(front)?;
    for bytes_max in CUTS_BYTES {
        if body.len() <= DOCUMENT_BYTES_MAX {
            break;
        }
        let mut less = front.clone();
        less.cut(bytes_max);
        body = fenced_off(&less)?;
    }
    let room = DOCUMENT_BYTES_MAX
        .checked_sub(body.len())
        .ok_or(BadDocument::TooLarge { name, bytes: body.len() })?;
    body.push_str(short(&harmless(text), room));
    let document = Document { name: T::NAME, round: front.about().round, body };
    // What cannot be read back must not be sent: another machine would have to.
    front_of::<T>(&document)?;
    Ok(document)
}

/// Front matter as YAML between its fences.
fn fenced_off<T: Front>(front: &T) -> Result<String, BadDocument> {
    let name = T::NAME.as_str();
    let yaml = serde_saphyr::to_string(front)
        .map_err(|error| BadDocument::Invalid { name, reason: reason(&error) })?;
    let end = if yaml.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{FENCE}{yaml}{end}{FENCE}\n"))
}

/// The front matter of a document of this attempt, validated.
///
/// # Errors
/// [`BadDocument`] when it is missing, foreign or not of its schema.
pub fn read<T: Front>(
    documents: &[Document],
    attempt: AttemptId,
    round: u8,
) -> Result<T, BadDocument> {
    let name = T::NAME;
    let found = documents.iter().find(|document| document.name == name && document.round == round);
    let front: T = front_of(found.ok_or(BadDocument::Missing(name.as_str()))?)?;
    if *front.about() == about(name, attempt, round) {
        Ok(front)
    } else {
        Err(BadDocument::Foreign(name.as_str()))
    }
}

pub(super) fn front_of<T: Front>(document: &Document) -> Result<T, BadDocument> {
    parsed(T::NAME, document)
}

/// The front matter of a document as the values that it has, whatever its schema was when it was
/// written.
///
/// # Errors
/// [`BadDocument`] when it is too large, or no YAML.
pub fn values(document: &Document) -> Result<serde_json::Value, BadDocument> {
    parsed(document.name, document)
}

/// Reads front matter: bounded, and without what no document has (anchors, merged keys, tags of types).
fn parsed<T: DeserializeOwned>(name: DocumentName, document: &Document) -> Result<T, BadDocument> {
    let name = name.as_str();
    let bytes = document.body.len();
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(BadDocument::TooLarge { name, bytes });
    }
    let yaml = document.front_matter().ok_or(BadDocument::NoFrontMatter(name))?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_total_scalar_bytes: DOCUMENT_BYTES_MAX,
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(yaml, options)
        .map_err(|error| BadDocument::Invalid { name, reason: reason(&error) })
}

/// What is wrong, on one short line that may quote a stranger.
fn reason(error: &impl std::fmt::Display) -> String {
    let error = error.to_string();
    let line = harmless(error.lines().next().unwrap_or_default());
    line.chars().take(REASON_CHARS_MAX).collect()
}
