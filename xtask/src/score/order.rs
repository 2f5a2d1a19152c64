//! What is asked of `cargo xtask score`, read from its words.

use std::path::PathBuf;

/// What to score, by which program, and what to print.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// Folders of labelled logs; none: the corpus of the repository, held against its floors.
    pub(crate) folders: Vec<PathBuf>,
    /// Whose answers.
    pub(crate) program: Program,
    /// How much is printed.
    pub(crate) detail: Detail,
    /// How many of the worst logs are shown.
    pub(crate) worst: usize,
    /// What else is done.
    pub(crate) task: Task,
}

/// Whose answers are scored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Program {
    /// `selfheal`, built for development.
    #[default]
    Debug,
    /// `selfheal`, built for release.
    Release,
    /// One that is there.
    At(PathBuf),
}

/// How much is printed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The figures.
    #[default]
    Figures,
    /// And what was missed and what was wrong.
    Mistakes,
}

/// What is done besides printing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Nothing.
    #[default]
    Score,
    /// Raise the floors of the corpus to what was reached.
    Ratchet,
    /// Take what may be taken of the folders into the corpus instead.
    Import,
}

impl Order {
    /// Read the words after `cargo xtask score`.
    ///
    /// # Errors
    /// When a word means nothing here, or two do not go together.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut order = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--release" => order.program = Program::Release,
                "--binary" => match words.next() {
                    Some(path) => order.program = Program::At(path.into()),
                    None => anyhow::bail!("`--binary` wants a path"),
                },
                "--details" => order.detail = Detail::Mistakes,
                "--worst" => match words.next().map(|word| word.parse()) {
                    Some(Ok(number)) => order.worst = number,
                    None | Some(Err(_)) => anyhow::bail!("`--worst` wants a number"),
                },
                "--ratchet" => order.task = Task::Ratchet,
                "--import" => order.task = Task::Import,
                word if word.starts_with('-') => anyhow::bail!("`score` knows no `{word}`"),
                folder => order.folders.push(folder.into()),
            }
        }
        match (order.task, order.folders.is_empty()) {
            (Task::Ratchet, false) => {
                anyhow::bail!("`--ratchet` is about the repository's own logs and takes no folder")
            }
            (Task::Import, true) => anyhow::bail!("`--import` wants a folder of labelled logs"),
            _ => Ok(order),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_an_order() {
        check("", Ok(Order::default()));
        check("--ratchet", Ok(Order { task: Task::Ratchet, ..Order::default() }));
        check(
            "a --details --worst 3 --binary b/selfheal c",
            Ok(Order {
                folders: vec!["a".into(), "c".into()],
                program: Program::At("b/selfheal".into()),
                detail: Detail::Mistakes,
                worst: 3,
                task: Task::Score,
            }),
        );
        check(
            "--import a",
            Ok(Order { folders: vec!["a".into()], task: Task::Import, ..Order::default() }),
        );
    }

    #[test]
    fn words_that_mean_nothing_or_clash_are_named() {
        check("--fast", Err("`score` knows no `--fast`"));
        check("--binary", Err("`--binary` wants a path"));
        check("--worst many", Err("`--worst` wants a number"));
        check("--import", Err("`--import` wants a folder of labelled logs"));
        check(
            "a --ratchet",
            Err("`--ratchet` is about the repository's own logs and takes no folder"),
        );
    }

    #[track_caller]
    fn check(words: &str, expected: Result<Order, &str>) {
        let words: Vec<&str> = words.split_whitespace().collect();
        let order = Order::parse(&words).map_err(|why| why.to_string());
        assert_eq!(order, expected.map_err(str::to_owned));
    }
}
