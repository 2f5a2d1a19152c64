//! The repository file as written: a tree in which every key and value knows its place.
//!
//! Deriving a struct would be shorter, but would stop at the first mistake and could not say which
//! values are allowed. The tree is bounded before and while it is read, because anybody who can
//! merge to a base branch can write it.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, MessageFormatter, Spanned, UserMessageFormatter};

use crate::config::{SENTENCE_CHARS_MAX, shown};

/// The largest file that is read. A file with every key used is 3 KB.
pub(super) const FILE_BYTES_MAX: usize = 64 * 1024;
/// The deepest nesting; the keys need four levels.
const DEPTH_MAX: usize = 12;
/// Keys, values, lists and mappings together, with what aliases repeat.
const NODES_MAX: usize = 4_000;
/// Anchors, and uses of anchors: a few for comfort, too few for a bomb.
const ALIASES_MAX: usize = 100;

/// Where something stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Line, counted from 1; 0 when unknown.
    pub line: u32,
    /// Column, counted from 1; 0 when unknown.
    pub column: u32,
    /// Bytes in the text.
    bytes: Option<Range<usize>>,
}

impl Place {
    /// What stands there, as written.
    pub(super) fn text<'a>(&self, source: &'a str) -> Option<&'a str> {
        self.bytes.clone().and_then(|bytes| source.get(bytes))
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let size = |n: u64| usize::try_from(n).ok();
        let span = location.span();
        let bytes = span.byte_offset().and_then(size).zip(span.byte_len().and_then(size));
        Self {
            line: number(location.line()),
            column: number(location.column()),
            bytes: bytes.map(|(start, length)| start..start.saturating_add(length)),
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The value.
    pub value: Value,
    /// Where it was used (for an alias: where the alias stands).
    pub place: Place,
    /// Where it was written (for an alias: where the anchor stands).
    pub written: Place,
}

/// A key of a mapping and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// The key.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// A value as YAML's core schema reads it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Nothing was written.
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction; only its text matters to us.
    Fraction,
    /// Text, quoted or not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The text of a value where text is wanted: `1.10` and `true` need no quotes there.
    pub(super) fn as_text(&self, source: &str) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Flag(_) | Value::Integer(_) | Value::Fraction => {
                self.written.text(source).map(str::to_owned)
            }
            Value::Nothing | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value as written, when it is one word or line; lists and mappings have no short form.
    pub(super) fn as_written(&self, source: &str) -> Option<String> {
        match &self.value {
            Value::Nothing | Value::List(_) | Value::Map(_) => None,
            Value::Text(text) if text.contains('\n') => Some(text.clone()),
            Value::Text(_) | Value::Flag(_) | Value::Integer(_) | Value::Fraction => {
                self.written.text(source).map(str::to_owned).or_else(|| self.as_text(source))
            }
        }
    }
}

/// Why a text is not a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Where, when known.
    pub place: Option<Place>,
    /// The key that stands there twice, if that is the trouble.
    pub key: Option<String>,
    /// What is wrong, in words.
    pub message: String,
}

/// Reads a text of at most [`FILE_BYTES_MAX`] bytes without byte-order mark.
pub(super) fn read(source: &str) -> Result<Node, Unreadable> {
    if source.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; allowed are {FILE_BYTES_MAX}", source.len());
        return Err(Unreadable { place: None, key: None, message });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 3 * NODES_MAX,
            max_anchors: ALIASES_MAX,
            max_aliases: ALIASES_MAX,
            max_merge_keys: ALIASES_MAX,
            max_documents: 2,
            max_recorded_anchor_events: NODES_MAX,
            max_recorded_anchor_bytes: 4 * FILE_BYTES_MAX,
            max_total_scalar_bytes: 4 * FILE_BYTES_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(source, options).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_saphyr::Error) -> Unreadable {
    let place = error.location().map(Place::from).filter(|place| place.line > 0);
    let (key, message) = reason(error);
    Unreadable { place, key, message }
}

/// The key that is given twice, if that is the trouble, and what is wrong, in words.
fn reason(error: &serde_saphyr::Error) -> (Option<String>, String) {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } => reason(error),
        Error::DuplicateMappingKey { key, .. } => {
            (key.clone(), "the key is given twice".to_owned())
        }
        Error::MultipleDocuments { .. } => {
            (None, "the file has more than one document (`---`); allowed is one".to_owned())
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            let limits = format!(
                "the file is too large or too deep; allowed are {NODES_MAX} keys and values, \
                 {DEPTH_MAX} levels and {ALIASES_MAX} aliases"
            );
            (None, limits)
        }
        other => {
            let said = UserMessageFormatter.format_message(other).into_owned();
            (None, format!("it cannot be read as YAML: {}", shown(&said, SENTENCE_CHARS_MAX)))
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { value, place: referenced.into(), written: defined.into() })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Integer(i128::try_from(number).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Fraction)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Value, E> {
        Err(E::custom("binary values are not allowed"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Node>()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value::<Node>()?;
            let place = Place::from(key.referenced);
            entries.push((Key { name: key.value, place }, value));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str) -> (Key, Node) {
        let Value::Map(mut entries) = read(source).unwrap().value else { unreachable!() };
        entries.pop().unwrap()
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let (key, node) = entry("a: 1\r\nnäme: \"1.10\"\r\n");
        assert_eq!((key.name.as_str(), key.place.line, key.place.column), ("näme", 2, 1));
        assert_eq!((node.place.line, node.place.column), (2, 7));
    }

    #[track_caller]
    fn text(source: &str, expected: &str) {
        let (_, node) = entry(source);
        assert_eq!(node.as_text(source).as_deref(), Some(expected), "{source}");
    }

    #[test]
    fn where_text_is_wanted_nothing_needs_quotes() {
        text("ü: 1.10", "1.10");
        text("a: true", "true");
        text("a: 007", "007");
        text("a: no", "no");
        text("a: 'it''s'", "it's");
        text("a: |\n  one\n  two\n", "one\ntwo\n");
        text("b: &x 1.10\na: *x", "1.10");
    }

    #[test]
    fn an_alias_stands_where_it_is_used() {
        let (_, node) = entry("b: &x 1\n\na: *x");
        assert_eq!((node.place.line, node.written.line), (3, 1));
    }

    #[test]
    fn an_alias_bomb_is_defused() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (before, this) in ('a'..'j').zip('b'..='j') {
            let uses = vec![format!("*{before}"); 9].join(", ");
            bomb = format!("{bomb}{this}: &{this} [{uses}]\n");
        }
        let message = read(&bomb).unwrap_err().message;
        assert!(message.starts_with("the file is too large or too deep"), "{message}");
    }
}
