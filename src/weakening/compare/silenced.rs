//! Suppressions, type escapes and dropped errors, counted over the whole change.
//!
//! One that moved is not a new one, and one may become more exact. What is beyond that is told.

use super::Pair;
use crate::domain::gate::Finding;
use crate::domain::ids::RepoPath;
use crate::weakening::model::{Silence, Silencer};
use crate::weakening::tokens::tight;
use crate::weakening::{finding, paths, shown};

/// Tells of what is silent now and was not.
pub fn look(pairs: &[Pair<'_>], found: &mut Vec<Finding>) {
    let mut old: Vec<(usize, &Silencer)> = Vec::new();
    let mut new: Vec<(usize, &Silencer)> = Vec::new();
    for (file, pair) in pairs.iter().enumerate() {
        old.extend(pair.old.iter().flat_map(|reading| &reading.silencers).map(|one| (file, one)));
        new.extend(pair.new.iter().flat_map(|reading| &reading.silencers).map(|one| (file, one)));
    }
    take(&mut old, &mut new, |was, is| was.0 == is.0 && was.1.mark.text == is.1.mark.text);
    take(&mut old, &mut new, |was, is| {
        was.1.family == is.1.family && was.1.mark.text == is.1.mark.text
    });
    take(&mut old, &mut new, |was, is| {
        was.0 == is.0 && was.1.family == is.1.family && breadth(was.1) >= breadth(is.1)
    });
    for (file, silencer) in new {
        let is_ordinary =
            silencer.silence == Silence::Exit && !paths::is_test(pairs[file].path.as_str());
        if !is_ordinary {
            found.push(told(pairs[file].path, silencer));
        }
    }
}

fn take<'a>(
    old: &mut Vec<(usize, &'a Silencer)>,
    new: &mut Vec<(usize, &'a Silencer)>,
    way: impl Fn(&(usize, &Silencer), &(usize, &Silencer)) -> bool,
) {
    new.retain(|is| {
        let was = old.iter().position(|was| was.1.silence == is.1.silence && way(was, is));
        if let Some(at) = was {
            old.swap_remove(at);
        }
        was.is_none()
    });
}

/// How much a suppression covers: one that names no rule covers all, one for a file more than all.
fn breadth(silencer: &Silencer) -> usize {
    const EVERYTHING: usize = 1_000;
    let text = silencer.mark.text.replace("type: ", "type-").replace("::", "");
    let is_of_all =
        |name: &str| matches!(name, "Exception" | "BaseException" | "StandardError" | "Throwable");
    if silencer.silence == Silence::Swallowed
        && text.split(|c: char| !c.is_alphanumeric()).any(is_of_all)
    {
        return EVERYTHING;
    }
    let is_word = |word: &&str| word.chars().any(char::is_alphanumeric);
    let names = text
        .split([',', '[', '(', ':', ' '])
        .take_while(|word| *word != "--")
        .filter(is_word)
        .skip(1)
        .count();
    let is_file = text.contains("-file") || text.contains("nocheck") || text.starts_with("# !");
    match names {
        _ if is_file => EVERYTHING * 2,
        0 => EVERYTHING,
        names => names,
    }
}

fn told(path: &RepoPath, silencer: &Silencer) -> Finding {
    let text = shown(&tight(&silencer.mark.text));
    let (rule, message) = match silencer.silence {
        Silence::Suppression => {
            ("suppression-added", format!("a check is told to be silent: `{text}`"))
        }
        Silence::TypeEscape => {
            ("type-escape", format!("a value is out of the type checker's sight: `{text}`"))
        }
        Silence::Swallowed => ("error-swallowed", format!("an error is dropped: `{text}`")),
        Silence::Exit => {
            ("failure-ignored", format!("the tests' run ends well whatever failed: `{text}`"))
        }
    };
    finding(rule, path, Some(silencer.mark.line), message)
}
