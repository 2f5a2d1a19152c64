//! A JSON object whose fields can be looked at and replaced while the others stay as they were
//! written, byte for byte and in their order: providers cache prompts by their beginning.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Fields of an object that is read so: several times as many as any request has. Each is compared with
/// all before it.
const FIELDS_MAX: usize = 128;

/// A field's value.
#[derive(Debug)]
enum Field<'a> {
    Given(&'a RawValue),
    Ours(String),
}

/// The fields of an object, in their order; no two of one name, because readers differ in which of
/// them they take.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(String, Field<'a>)>);

impl<'a> Object<'a> {
    /// Reads an object.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let object = reader.deserialize_map(Fields)?;
        reader.end()?;
        Ok(object)
    }

    /// An object inside this one; an empty one when there is none.
    pub(super) fn inner(&self, name: &str) -> Result<Self, serde_json::Error> {
        match self.given(name) {
            Some(raw) if raw.get() != "null" => Self::read(raw.get().as_bytes()),
            Some(_) | None => Ok(Self(Vec::new())),
        }
    }

    /// A field as it was written.
    pub(super) fn given(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).and_then(|(_, field)| match field {
            Field::Given(raw) => Some(*raw),
            Field::Ours(_) => None,
        })
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A field as a value; `None` when it is not there, or null.
    pub(super) fn value(&self, name: &str) -> Result<Option<Value>, serde_json::Error> {
        let Some(raw) = self.given(name) else { return Ok(None) };
        let value: Value = serde_json::from_str(raw.get())?;
        Ok((!value.is_null()).then_some(value))
    }

    /// A field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.given(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// Sets a field where it stands, or behind the others.
    pub(super) fn set(&mut self, name: &str, json: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, field)) => *field = Field::Ours(json),
            None => self.0.push((name.to_owned(), Field::Ours(json))),
        }
    }

    /// Takes a field away.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// The object as it is now.
    pub(super) fn written(&self) -> String {
        let long = |field: &Field<'_>| match field {
            Field::Given(raw) => raw.get().len(),
            Field::Ours(json) => json.len(),
        };
        let room =
            self.0.iter().map(|(name, field)| name.len() + long(field) + 4).sum::<usize>() + 2;
        let mut text = String::with_capacity(room);
        for (name, field) in &self.0 {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(&Value::from(name.as_str()).to_string());
            text.push(':');
            text.push_str(match field {
                Field::Given(raw) => raw.get(),
                Field::Ours(json) => json,
            });
        }
        if text.is_empty() {
            text.push('{');
        }
        text.push('}');
        text
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields: Vec<(String, Field<'de>)> = Vec::new();
        while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
            if fields.len() >= FIELDS_MAX {
                return Err(A::Error::custom("an object has too many fields"));
            }
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a field is there twice"));
            }
            fields.push((name, Field::Given(raw)));
        }
        Ok(Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"z": 1.0, "a":{"y" : [ 1e2 ]},"ä\"":"\u0061", "n":null}"#;

    #[test]
    fn what_is_not_changed_stays_as_it_was_written() {
        let mut object = Object::read(TEXT.as_bytes()).unwrap();
        assert_eq!(object.written(), r#"{"z":1.0,"a":{"y" : [ 1e2 ]},"ä\"":"\u0061","n":null}"#);
        object.set("a", "7".to_owned());
        object.set("b", "[]".to_owned());
        object.remove("z");
        assert_eq!(object.written(), r#"{"a":7,"ä\"":"\u0061","n":null,"b":[]}"#);
        assert_eq!(Object::read(b"{}").unwrap().written(), "{}");
    }

    #[test]
    fn fields_are_found_by_what_their_name_means() {
        let object = Object::read(br#"{"max\u005ftokens":5,"n":null}"#).unwrap();
        assert_eq!(object.value("max_tokens").unwrap(), Some(Value::from(5)));
        assert!(object.has("n") && object.value("n").unwrap().is_none());
        assert!(object.inner("n").unwrap().written() == "{}" && object.inner("x").is_ok());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for wrong in [
            r#"{"a":1,"a":2}"#,
            r#"{"max_tokens":1,"max\u005ftokens":2}"#,
            r#"{"a":1} {"a":2}"#,
            "[]",
            "{",
            "",
            "{\"a\":NaN}",
        ] {
            assert!(Object::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_object_with_more_fields_than_any_request_has_is_refused() {
        let fields = |count: usize| {
            let fields: Vec<String> = (0..count).map(|n| format!("\"f{n}\":0")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(Object::read(fields(FIELDS_MAX).as_bytes()).is_ok());
        assert!(Object::read(fields(FIELDS_MAX + 1).as_bytes()).is_err());
    }
}
