//! Assertions that are taken up: said otherwise, as a part of a whole, or by a row of a table.
//!
//! What is taken up needs no partner any more, and what took it up is nobody else's partner, so that
//! what is left is compared as it stands. The invariant: nothing is taken up by an assertion that is
//! made on more conditions, or that nobody waits for.

use std::collections::HashMap;

use super::facts::{self, Fact, Relation};
use super::literals::{plain, tokens};
use super::rows::Takers;
use super::whole::Whole;
use crate::weakening::model::{Assertion, Unit};

/// The most checks of a whole that one assertion is held against.
const WHOLES_MAX: usize = 60;

/// A fact and who says it.
struct Said<'a> {
    fact: Fact,
    assertion: &'a Assertion,
}

/// Takes out of both lists what was said and is still said.
pub fn take(
    (old, was): (&Unit, &mut Vec<&Assertion>),
    (new, is): (&Unit, &mut Vec<&Assertion>),
    takers: Option<&Takers<'_>>,
) {
    let said: Vec<Said<'_>> = is.iter().filter_map(|now| said(new, now)).collect();
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, one) in said.iter().enumerate() {
        by_key.entry(one.fact.key()).or_default().push(at);
    }
    let mut wholes: HashMap<String, Vec<(usize, Whole)>> = HashMap::new();
    for (at, one) in said.iter().enumerate() {
        // Which of two sides is what is wanted, not every library tells.
        let turned = facts::of(one.assertion).and_then(turned);
        for whole in [Some(&one.fact), turned.as_ref()].into_iter().flatten().filter_map(Whole::of) {
            let first = first_word(&whole.subject);
            wholes.entry(first).or_default().push((at, whole));
        }
    }
    // How many assertions are made needs no count where each of them is always made.
    let certain = is.iter().filter(|now| now.conditions == 0).count();
    was.retain(|before| {
        let is_count = before.verb == "assertions" && before.said.starts_with("expect.");
        let count = before.subject.parse::<usize>().unwrap_or(usize::MAX);
        !(is_count && certain >= count)
    });
    let mut used: Vec<*const Assertion> = Vec::new();
    was.retain(|before| {
        let Some(Said { fact, .. }) = self::said(old, before) else { return true };
        let may = |at: usize| may_stand_for(said[at].assertion, before);
        let same = by_key.get_mut(&fact.key()).and_then(|all| {
            let place = all.iter().position(|at| may(*at))?;
            Some(all.remove(place))
        });
        let part = || {
            let first = first_word(&plain(&fact.subject));
            let known = wholes.get(&first).into_iter().flatten().take(WHOLES_MAX);
            let found = known.filter(|(at, _)| may(*at)).find(|(_, whole)| whole.implies(&fact));
            found.map(|(at, _)| *at)
        };
        let by_row = || {
            takers
                .and_then(|takers| takers.taker(before, old))
                .filter(|it| may_stand_for(it, before))
        };
        let told = || said.iter().take(WHOLES_MAX).position(|one| tells_of(one.assertion, &fact));
        // Who tells of an error's text also says that there is one: it may be needed for that.
        if told().is_some_and(may) {
            return false;
        }
        let taker = same.or_else(part).map(|at| said[at].assertion).or_else(by_row);
        if let Some(taker) = taker {
            used.push(std::ptr::from_ref(taker));
        }
        taker.is_none()
    });
    is.retain(|now| !used.contains(&std::ptr::from_ref(*now)));
}

/// The fact of an equality with its sides exchanged.
fn turned(fact: Fact) -> Option<Fact> {
    let Fact { relation, subject, mut values, .. } = fact;
    let is_pair = relation == Relation::Equal && values.len() == 1;
    let other = values.pop().filter(|_| is_pair)?;
    Some(Fact { relation, verb: String::new(), subject: other, values: vec![subject] })
}

/// Whether an assertion about an error names the text that its message was compared with.
fn tells_of(now: &Assertion, fact: &Fact) -> bool {
    const TEXT_BYTES_MIN: usize = 3;
    const MESSAGES: &[&str] =
        &["message", "getMessage", "Message", "str", "Error", "to_string", "toString"];
    let is_of_error = ["throw", "raise", "reject"].iter().any(|word| now.verb.contains(word));
    let words = tokens(&fact.subject);
    let is_message = words.iter().rev().take(4).chain(words.iter().take(1));
    let [value] = fact.values.as_slice() else { return false };
    let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let Some(text) = text.filter(|text| text.len() >= TEXT_BYTES_MIN) else { return false };
    let says = |part: &String| {
        part.split(['"', '/', '`', '\'']).skip(1).any(|said| {
            said.trim_start_matches('^').trim_end_matches('$').replace('\\', "") == text
        })
    };
    is_of_error
        && fact.relation == Relation::Equal
        && is_message.into_iter().any(|word| MESSAGES.contains(word))
        && now.expected.iter().chain([&now.subject]).any(says)
}

/// What a subject begins with: two subjects of which one is a part of the other begin alike.
fn first_word(plain: &str) -> String {
    plain.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The fact of an assertion, with what names stand for.
fn said<'a>(unit: &Unit, assertion: &'a Assertion) -> Option<Said<'a>> {
    let mut fact = facts::of(assertion)?;
    if fact.relation == Relation::Equal
        && let Some(value) = fact.values.first_mut()
        && let Some((_, known)) = unit.names.iter().find(|(name, _)| name == value)
        && !known.is_empty()
    {
        value.clone_from(known);
    }
    Some(Said { fact, assertion })
}

/// Whether an assertion is made at least wherever another one was.
pub fn may_stand_for(now: &Assertion, before: &Assertion) -> bool {
    const WAITS: &[&str] = &[".rejects", ".resolves", "ThrowsAsync", "eventually"];
    let needs_waiting = WAITS.iter().any(|word| now.said.contains(word))
        || before.is_awaited && before.said == now.said;
    now.conditions <= before.conditions && (!needs_waiting || now.is_awaited)
}
