//! TeX and LaTeX: errors in the engine's own form and in that of `-file-line-error`.
//!
//! The engine's own form names the line (`l.12`) and not the file: that is the one whose reading began
//! last, as the engine prints it (`(./intro.tex`), and did not end on the same line.

use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, extent};

/// How far below an error its line may stand.
const CONTEXT_LINES_MAX: usize = 12;

/// With what the engine says that it gave up, after an error or where it waits for an answer.
const GIVEN_UP: [&str; 2] = ["Emergency stop", "==> Fatal error"];

pub(super) static TOOL: Tool = Tool {
    name: "latex",
    about: "pdfTeX, XeTeX, LuaTeX and latexmk.",
    example: "(./paper.tex\n! Undefined control sequence.\nl.12 \\undefd\n",
    rules: &[
        Rule::new(
            K::CompileError,
            &[
                "! LaTeX Error: ",
                "! Package ",
                "! Class ",
                "! Undefined control sequence",
                "! Missing ",
                "! Extra ",
                "! Misplaced ",
                "! Illegal ",
                "! Paragraph ended ",
                "! Argument of ",
                "! File ended ",
                "! Too many ",
                "! I can't find file ",
                "! Dimension too large",
            ],
            concat!(
                r"^! (?P<message>(?:LaTeX Error: |Package |Class |Undefined control sequence|Missing ",
                r"|Extra |Misplaced |Illegal |Paragraph ended |Argument of |File ended |Too many ",
                r"|I can't find file |Dimension too large).*)$",
            ),
        )
        .reading(engine),
        Rule::new(
            K::CompileError,
            &[".tex:", ".sty:", ".cls:", ".ltx:"],
            r"^(?P<file>[^\s:(]+\.(?:tex|sty|cls|ltx)):(?P<line>[0-9]+): +(?P<message>\S.*)$",
        )
        .reading(file_and_line),
    ],
};

fn engine(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(CONTEXT_LINES_MAX) {
        if line.starts_with("! ") {
            break;
        }
        let Some((row, _)) = line.strip_prefix("l.").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        draft.failure.line = row.parse().ok();
        draft.last = draft.first + distance;
        break;
    }
    let open = at.lines_above(LOOK_LINES_MAX).find_map(|(_, line)| open_file(line));
    if let Some(path) = open {
        let line = draft.failure.line;
        draft.place(path, line, None);
    }
    found.push(draft);
}

/// The last file whose reading begins on a line and does not end there.
fn open_file(line: &str) -> Option<&str> {
    let opened = line.rfind('(')?;
    let path = &line[opened + 1..];
    let is_source = [".tex", ".ltx"].iter().any(|end| path.ends_with(end));
    (is_source && !path.contains(' ')).then_some(path)
}

fn file_and_line(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if GIVEN_UP.iter().any(|words| draft.failure.message.starts_with(words)) {
        draft.weight = Weight::Consequence;
    }
    extent::while_below(at, &mut draft, |line| line.starts_with("l.") || line.starts_with('<'));
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn the_engine_s_own_form_has_its_line_below_and_its_file_above() {
        let log = "(./paper.tex\nLaTeX2e <2022-11-01> patch level 1\n\
             (/usr/share/texlive/texmf-dist/tex/latex/base/article.cls\n\
             Document Class: article 2022/07/02\n(./intro.tex)\n\
             ! Undefined control sequence.\nl.12 Hi \\undefd\n               {x} now\n\n\
             ! LaTeX Error: File `absent.sty' not found.\n\nType X to quit\n\n\
             Enter file name: \n! Emergency stop.\n<read *> \n         \nl.14 \\begin\n\
             !  ==> Fatal error occurred, no output PDF file produced!\n";
        check(
            log,
            "compile_error paper.tex:12 Undefined control sequence.\n\
             compile_error paper.tex LaTeX Error: File `absent.sty' not found.",
        );
        check_lines(log, &[(6, 7), (10, 10)]);
    }

    #[test]
    fn files_and_lines_are_read() {
        check(
            "./paper.tex:3: Undefined control sequence.\nl.3 Hi \\undefd\n\
             ./paper.tex:9: Emergency stop.\n\
             ./paper.tex:9:  ==> Fatal error occurred, no output PDF file produced!\n",
            "compile_error paper.tex:3 Undefined control sequence.",
        );
        check("LaTeX Warning: Reference `x' undefined on input line 3.\n! done\n", "");
    }
}
