//! gfortran: the place stands above the source's line, the message below it.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, has_extension, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "gfortran",
    about: "The GNU Fortran compiler.",
    example: "\
         p.f90:6:11:\n\n    6 |   call s(1,\n      |           1\n\
         Error: Syntax error in argument list at (1)",
    rules: &[Rule::new(
        K::CompileError,
        &["rror: "],
        r"^(?:Fatal )?Error: (?P<message>.*(?:\(1\)|No such file).*)$",
    )
    .beside(&["(1)", "No such file"])
    .reading(below_its_place)],
};

/// How many lines above the message its place stands at most: the source's lines and the marks below.
const PLACE_LINES_MAX: usize = 8;

/// What gfortran's sources are named like.
const EXTENSIONS: [&str; 7] = ["f", "for", "f77", "f90", "f95", "f03", "f08"];

fn below_its_place(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let place = at.lines_above(PLACE_LINES_MAX).find_map(|(distance, line)| {
        let (file, line, column) = place_in(line.strip_suffix(':')?)?;
        let is_fortran = EXTENSIONS.iter().any(|extension| has_extension(file, extension));
        is_fortran.then_some((distance, file, line, column))
    });
    if let Some((distance, file, line, column)) = place {
        draft.place(file, line, column);
        draft.first = at.index - distance;
        // The module's own file would not compile.
        if draft.failure.message.starts_with("Cannot open module file") {
            draft.weight = Weight::Sign;
        }
        found.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn a_message_has_the_place_above_it() {
        check(
            "p.f90:6:11:\n\n    6 |   call s(1,\n      |           1\n\
             Error: Syntax error in argument list at (1)\n\
             p.f90:4:6:\n\n    4 |   i = \"a\"\n      |      1\n\
             Error: Cannot convert CHARACTER(1) to INTEGER(4) at (1)\n",
            "compile_error p.f90:6:11 Syntax error in argument list at (1)\n\
             compile_error p.f90:4:6 Cannot convert CHARACTER(1) to INTEGER(4) at (1)",
        );
        let module = "main.f90:2:7:\n\n    2 |   use cart\n      |       1\n\
             Fatal Error: Cannot open module file 'cart.mod' for reading at (1): No such file or \
             directory\ncompilation terminated.\n";
        check(
            module,
            "compile_error main.f90:2:7 Cannot open module file 'cart.mod' for reading at (1): No such \
             file or directory",
        );
        check(
            &["p.f90:6:11:\n\n    6 | x\n      | 1\nError: Syntax error at (1)\n", module].concat(),
            "compile_error p.f90:6:11 Syntax error at (1)",
        );
        check("p.f90:6:11:\n\n    6 | x\n      | 1\nWarning: Unused at (1)\n", "");
    }
}
