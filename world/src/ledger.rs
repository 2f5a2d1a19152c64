//! What was asked of this GitHub: every request by route, every breach of the contract.

use std::collections::BTreeMap;

/// Requests in the order they came, and what was wrong with them or with the fake.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) requests: Vec<(String, String)>,
    pub(crate) violations: Vec<String>,
    pub(crate) bugs: Vec<String>,
}

impl Ledger {
    /// Requests since a mark, counted by route, in alphabetical order of the route.
    pub(crate) fn counted(&self, mark: usize) -> Vec<(String, String, usize)> {
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (method, template) in self.requests.iter().skip(mark) {
            *counts.entry((template, method)).or_default() += 1;
        }
        counts
            .into_iter()
            .map(|((template, method), count)| (method.to_owned(), template.to_owned(), count))
            .collect()
    }
}
