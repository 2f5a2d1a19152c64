//! Patterns of the rules for text, kept as data so that each stands on a line of its own.
//!
//! Only what lines look like is there; what follows from it is code. A test compiles all of them.

use std::sync::LazyLock;

use regex::Regex;

/// The patterns, by section.
const PATTERNS: &str = include_str!("patterns.txt");

/// A section: what its lines are for.
#[derive(Debug)]
pub struct Section {
    /// Its name: a rule's id, or `@` and a word that the code knows.
    pub name: &'static str,
    /// What a line of that shape means, for people.
    pub what: &'static str,
    /// Its patterns.
    pub patterns: Vec<&'static str>,
}

impl Section {
    /// All of them as one: a hit of any is a hit.
    pub fn joined(&self) -> Regex {
        let each: Vec<String> = self.patterns.iter().map(|one| format!("(?:{one})")).collect();
        Regex::new(&each.join("|")).expect("invariant: a built-in pattern is well formed")
    }
}

static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| {
    let mut sections: Vec<Section> = Vec::new();
    for line in PATTERNS.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        // A pattern may begin with a bracket, but no pattern begins with a name in one.
        let head = line.strip_prefix('[').and_then(|line| line.split_once(']'));
        let is_name = |name: &str| name.starts_with(|c: char| c == '@' || c.is_ascii_lowercase());
        match head.filter(|(name, _)| is_name(name) && name.len() > 3) {
            Some((name, what)) => {
                sections.push(Section { name, what: what.trim(), patterns: Vec::new() });
            }
            None => {
                if let Some(section) = sections.last_mut() {
                    section.patterns.push(line);
                }
            }
        }
    }
    sections
});

/// Every section, in the order of the file.
pub fn sections() -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter()
}

/// The patterns of `@name` as one.
pub fn joined(name: &str) -> Regex {
    let of_name = |section: &&Section| section.name.strip_prefix('@') == Some(name);
    let section = SECTIONS.iter().find(of_name);
    section.expect("invariant: the code names only sections that are there").joined()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gate::content::rule_of;

    #[test]
    fn every_pattern_compiles_and_every_section_is_a_rule_or_a_name_of_the_code() {
        for section in sections() {
            assert!(!section.patterns.is_empty(), "{}", section.name);
            for pattern in &section.patterns {
                assert!(Regex::new(pattern).is_ok(), "{pattern}");
            }
            assert!(section.name.starts_with('@') || rule_of(section.name).is_some());
        }
    }
}
