//! Assertions that are taken up: said otherwise, as a part of a whole, or by a row of a table.
//!
//! What is taken up needs no partner any more, and what took it up is nobody else's partner, so that
//! what is left is compared as it stands. The invariant: nothing is taken up by an assertion that is
//! made on more conditions, or that nobody waits for.

use std::collections::{BTreeSet, HashMap};

use super::asserted;
use super::facts::{self, Fact, Relation, own};
use super::literals::{self, tokens};
use super::rows::{Takers, resolved};
use super::whole::Whole;
use crate::weakening::model::{Assertion, Unit};
use crate::weakening::reader::names::NAMES_MAX;

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
    // Each under the words that stand there, and under what its names stand for.
    let said: Vec<Said<'_>> = is.iter().flat_map(|now| said(new, now)).collect();
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    let mut wholes: HashMap<String, Vec<(usize, Whole)>> = HashMap::new();
    for (at, one) in said.iter().enumerate() {
        by_key.entry(one.fact.key()).or_default().push(at);
        // Which of two sides is what is wanted, not every library tells.
        let turned = turned(one.fact.clone());
        for whole in [Some(&one.fact), turned.as_ref()].into_iter().flatten().filter_map(Whole::of)
        {
            wholes.entry(first_word(&whole.subject)).or_default().push((at, whole));
        }
    }
    // How many assertions are made needs no count where each of them is always made.
    let certain = is.iter().filter(|now| now.conditions == 0).count();
    was.retain(|before| {
        let is_count = before.verb == "assertions" && before.said.starts_with("expect.");
        let count = before.subject.parse::<usize>().unwrap_or(usize::MAX);
        !(is_count && certain >= count)
    });
    let is_said: Vec<String> = said.iter().map(|one| one.fact.subject.clone()).collect();
    let mut used: BTreeSet<*const Assertion> = BTreeSet::new();
    was.retain(|before| {
        let may = |at: usize| may_stand_for(said[at].assertion, before);
        let is_free = |at: usize| !used.contains(&std::ptr::from_ref(said[at].assertion));
        let forms = self::said(old, before);
        let same = forms.iter().find_map(|Said { fact, .. }| {
            let mut all = by_key.get(&fact.key())?.iter().take(WHOLES_MAX).copied();
            all.find(|at| may(*at) && is_free(*at))
        });
        let part = || {
            forms.iter().find_map(|Said { fact, .. }| {
                let known = wholes.get(&first_word(&own(&fact.subject)))?.iter().take(WHOLES_MAX);
                let mut known = known.filter(|(at, _)| may(*at));
                known.find(|(_, whole)| whole.implies(fact)).map(|(at, _)| *at)
            })
        };
        // Who tells of an error's text also says that there is one: it may be needed for that.
        let tells = |Said { fact, .. }: &Said<'_>| {
            let told = said.iter().take(WHOLES_MAX).position(|one| tells_of(one.assertion, fact));
            told.is_some_and(may)
        };
        if forms.iter().any(tells) || is_unwrapped(old, before, (new, &is_said)) {
            return false;
        }
        let by_row = || {
            let taker = takers.and_then(|takers| takers.taker(before, old)).map(|(now, _)| now);
            taker.filter(|taker| may_stand_for(taker, before))
        };
        // What is compared still comes from where it came from.
        let is_own = || forms.iter().all(|form| is_of_the_same(old, new, &form.fact));
        let is_kept = |at: &usize| asserted::says_same(before, said[*at].assertion) || is_own();
        let taker = same.or_else(part).filter(is_kept).map(|at| said[at].assertion).or_else(by_row);
        if let Some(taker) = taker {
            used.insert(std::ptr::from_ref(taker));
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

/// What an assertion says, in its words and with what names stand for.
fn said<'a>(unit: &Unit, assertion: &'a Assertion) -> Vec<Said<'a>> {
    let Some(mut fact) = facts::of(assertion) else { return Vec::new() };
    if fact.relation == Relation::Equal
        && let Some(value) = fact.values.first_mut()
        && let Some((_, known)) = unit.names.iter().find(|(name, _)| name == value)
        && is_written_out(known)
    {
        value.clone_from(known);
    }
    let resolved = resolved(unit, &fact, &BTreeSet::new());
    let is_other = resolved != fact;
    let mut forms = vec![Said { fact, assertion }];
    forms.extend(is_other.then_some(Said { fact: resolved, assertion }));
    forms
}

/// Whether what a subject's name stands for has something in common before and after: a function
/// that is called for it, or a value that is given to one.
fn is_of_the_same(old: &Unit, new: &Unit, fact: &Fact) -> bool {
    let words = tokens(&fact.subject);
    let value_of = |unit: &Unit| -> Option<String> {
        let name = words.first()?;
        let known = unit.names.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.clone())
    };
    let (Some(was), Some(is)) = (value_of(old), value_of(new)) else { return true };
    let (was, is) = (tokens(&was), tokens(&is));
    let is_said = |word: &str| word.len() > 1 && word.chars().any(char::is_alphanumeric);
    let is_kept = |word: &&str| is_said(word) && is.contains(word);
    was == is || !was.contains(&"(") || is.contains(&"(") && was.iter().any(is_kept)
}

/// Whether that something is there, or is an error, is said by taking it out, which fails else.
fn is_unwrapped(old: &Unit, before: &Assertion, (new, said): (&Unit, &[String])) -> bool {
    const PAIRS: &[(&str, [&str; 2])] = &[
        (" . is_err ( )", [" . unwrap_err ( )", " . expect_err ("]),
        (" . is_ok ( )", [" . unwrap ( )", " . expect ("]),
        (" . is_some ( )", [" . unwrap ( )", " . expect ("]),
    ];
    let Some((base, ways)) =
        PAIRS.iter().find_map(|(end, ways)| Some((before.subject.strip_suffix(end)?, ways)))
    else {
        return false;
    };
    let known = old.names.iter().find(|(name, _)| name == base).map(|(_, value)| value.as_str());
    let bases = [Some(base), known.filter(|value| !value.is_empty())];
    let texts = || said.iter().chain(new.names.iter().map(|(_, value)| value)).take(NAMES_MAX);
    bases.into_iter().flatten().any(|base| {
        ways.iter().any(|way| {
            let taken = format!("{base}{way}");
            texts().any(|text| text.starts_with(&taken))
        })
    })
}

/// Whether a name stands for a value that is written out, and not for what is tested.
fn is_written_out(value: &str) -> bool {
    !value.is_empty() && literals::made(value).is_some()
}

/// Whether an assertion is made at least wherever another one was.
pub fn may_stand_for(now: &Assertion, before: &Assertion) -> bool {
    const WAITS: &[&str] = &[".rejects", ".resolves", "ThrowsAsync", "eventually"];
    let needs_waiting = WAITS.iter().any(|word| now.said.contains(word))
        || before.is_awaited && before.said == now.said;
    now.conditions <= before.conditions && (!needs_waiting || now.is_awaited)
}
