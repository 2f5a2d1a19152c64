//! For how long a request asks its prompt to be kept, wherever in it that is said.
//!
//! One walk over the whole body reads names and values as its provider does, whatever letters they are
//! written with. What cannot be read to its end is taken for the dearest: to hold too much is safe.

use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::model::CacheFor;

/// The field that says so.
const CONTROL: &str = "cache_control";

/// Its field with the time, and the time that costs least. Without it, that is meant.
const TIME: &str = "ttl";
const MINUTES: &str = "5m";

/// No way to write that one is longer, with all its characters escaped.
const TIME_BYTES_MAX: usize = 16;

/// The longest time that any part of a request shall be kept.
pub(super) fn kept(body: &[u8]) -> CacheFor {
    // Letters can be written by their numbers and in no other way.
    let says = |text: &str| memmem::find(body, text.as_bytes()).is_some();
    if !says(CONTROL) && !says("\\u") {
        return CacheFor::Minutes;
    }
    let mut found = CacheFor::Minutes;
    let mut reader = serde_json::Deserializer::from_slice(body);
    match (Walk { found: &mut found }).deserialize(&mut reader) {
        Ok(()) => found,
        Err(_) => CacheFor::Hour,
    }
}

/// Walks through any value.
struct Walk<'f> {
    found: &'f mut CacheFor,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Walk { found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == CONTROL {
                map.next_value_seed(Control { found: self.found })?;
            } else {
                map.next_value_seed(Walk { found: self.found })?;
            }
        }
        Ok(())
    }
}

/// Reads what says for how long.
struct Control<'f> {
    found: &'f mut CacheFor,
}

impl Control<'_> {
    fn hears(&mut self, time: &RawValue) {
        let time = time.get();
        // A longer one is another one, however it is spelled.
        let short = Some(time).filter(|time| time.len() <= TIME_BYTES_MAX);
        let time: Option<Value> = short.and_then(|time| serde_json::from_str(time).ok());
        if time.is_none_or(|time| !time.is_null() && time != MINUTES) {
            *self.found = CacheFor::Hour;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Control<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Control<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("null, or an object that says how a prompt is kept")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // Each of several of one name counts: readers differ in which of them they take.
        while let Some(name) = map.next_key::<String>()? {
            if name == TIME {
                self.hears(map.next_value::<&'de RawValue>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
