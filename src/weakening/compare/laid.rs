//! One text laid over another: `roman ( number )` over `roman ( 4 )` binds `number` to `4`.
//!
//! Words alone are compared, and only names that are given may stand for something. The invariant:
//! the tries are counted, so that no text makes it slow.

use std::collections::BTreeSet;

use super::literals::{is_name, plain, tokens};

/// The most ways that are tried to lay one text over another.
const TRIES_MAX: usize = 100;

/// Whether a text is another one with values in the place of names, which are bound to them.
pub fn align(
    open: &str,
    said: &str,
    names: &BTreeSet<String>,
    bound: &mut Vec<(String, String)>,
) -> bool {
    let (open, said) = (tokens(open), tokens(said));
    // What is still to be laid: where in both, and what is bound until there.
    let mut left = vec![(0, 0, bound.clone())];
    for _ in 0..TRIES_MAX {
        let Some((i, at, known)) = left.pop() else { return false };
        match laid((&open, i), (&said, at), names) {
            Laid::Whole => {
                *bound = known;
                return true;
            }
            Laid::Not => {}
            Laid::Hole(paths, start) => {
                let ends = paths.into_iter().rev().flat_map(|(path, after)| {
                    let ends = ends_of_value(&said, start, open.get(after).copied());
                    ends.into_iter().rev().map(move |end| (path.clone(), after, end))
                });
                for (path, after, end) in ends.collect::<Vec<_>>() {
                    let value = plain(&said[start..end].join(" "));
                    let before = known.iter().find(|(other, _)| *other == path);
                    if before.is_some_and(|(_, other)| *other != value) {
                        continue;
                    }
                    let mut now = known.clone();
                    if before.is_none() {
                        now.push((path, value));
                    }
                    left.push((after, end, now));
                }
            }
        }
    }
    false
}

/// How far a text could be laid over another.
enum Laid {
    Whole,
    Not,
    /// Up to a name: how far its path may go, with where the text goes on after it, and where its
    /// value begins.
    Hole(Vec<(String, usize)>, usize),
}

fn laid(
    (open, mut i): (&[&str], usize),
    (said, mut at): (&[&str], usize),
    names: &BTreeSet<String>,
) -> Laid {
    while let Some(token) = open.get(i) {
        let is_called = open.get(i + 1) == Some(&"(");
        let is_member = i.checked_sub(1).is_some_and(|before| open[before] == ".");
        if names.contains(*token) && !is_called && !is_member {
            let mut path = (*token).to_owned();
            i += 1;
            let mut paths = vec![(path.clone(), i)];
            while let (Some(&"."), Some(part)) = (open.get(i), open.get(i + 1))
                && is_name(part)
                && open.get(i + 2) != Some(&"(")
            {
                path = format!("{path} . {part}");
                i += 2;
                paths.push((path.clone(), i));
            }
            return Laid::Hole(paths, at);
        }
        if said.get(at).is_some_and(|it| it == token || plain(it) == plain(token)) {
            (at, i) = (at + 1, i + 1);
        } else if matches!(*token, "&" | "*") {
            i += 1;
        } else if matches!(said.get(at), Some(&("&" | "*"))) {
            at += 1;
        } else {
            return Laid::Not;
        }
    }
    if at == said.len() { Laid::Whole } else { Laid::Not }
}

/// Where a value may end that is followed by that token, the shortest first.
fn ends_of_value(tokens: &[&str], start: usize, next: Option<&str>) -> Vec<usize> {
    const ENDS_MAX: usize = 6;
    let mut ends = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        let is_end = depth == 0 && at > start;
        if is_end && Some(*token) == next {
            ends.push(at);
        }
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" | "," if depth == 0 => return ends,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if ends.len() >= ENDS_MAX {
            return ends;
        }
    }
    if next.is_none() && start < tokens.len() {
        ends.push(tokens.len());
    }
    ends
}
