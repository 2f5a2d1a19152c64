//! codespell: misspelt words, each with what is meant.

use super::{FailureKind as K, Rule, Tool};

pub(super) static TOOL: Tool = Tool {
    name: "codespell",
    about: "codespell: one failure a misspelt word.",
    example: "README.md:3: recieved ==> received",
    rules: &[Rule::new(
        K::Lint,
        &[" ==> "],
        r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+): (?P<message>[\w'-]+ ==> [\w', -]+)$",
    )],
};

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn words_are_failures() {
        check(
            "./docs/a.md:3: teh ==> the\nsrc/b.py:12: fo ==> of, for, to, do, go\n",
            "lint docs/a.md:3 teh ==> the\nlint src/b.py:12 fo ==> of, for, to, do, go",
        );
        check("./paper.tex:3:  ==> Fatal error occurred, no output PDF file produced!\n", "");
        check("==> building changelog\n", "");
    }
}
