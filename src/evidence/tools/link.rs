//! What joins C and C++ together: linkers, CMake, autoconf, Meson, make.

use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, extent, has_extension,
    is_installed, place_in,
};

pub(super) static LINKER: Tool = Tool {
    name: "ld",
    about: "GNU ld, gold, lld and Apple's linker: undefined symbols, missing libraries.",
    example: "\
         /usr/bin/ld: cart.o: in function `adds':\n\
         cart.c:(.text+0x1f): undefined reference to `total'\n\
         collect2: error: ld returned 1 exit status",
    rules: &[
        Rule::new(
            K::CompileError,
            &["undefined reference to ", "multiple definition of "],
            concat!(
                r"^(?:\S*ld(?:\.[a-z]+)?: )?(?:(?:[^\s:(]+\.o:)?(?P<file>[^\s:(]+):(?:(?P<line>[0-9]+)",
                r"(?::\([^)]*\))?|\([^)]*\)): )?(?:\S+\.o: )?(?P<message>",
                r"(?:undefined reference to|multiple definition of) .+)$",
            ),
        )
        .reading(symbol),
        Rule::new(
            K::CompileError,
            &[
                "cannot find ",
                "undefined symbol",
                "duplicate symbol",
                "hidden symbol",
                "unresolved symbol",
                "library not found",
                "library '",
                "unable to find library",
                "unknown argument",
                "cannot open ",
                "framework ",
            ],
            concat!(
                r"^(?:\S*/)?(?:ld|ld\.lld|ld\.gold|ld64\.lld|lld|wasm-ld",
                r"|mold): (?:(?:fatal )?error: )?(?P<message>(?:cannot find |undefined symbol",
                r"|duplicate symbol|library (?:not found|')|unable to find library",
                r"|(?:hidden|unresolved) symbol",
                r"|unknown argument|cannot open |framework ).*)$",
            ),
        )
        .reading(lld),
        Rule::new(
            K::CompileError,
            &["error: undefined symbol", "error: duplicate symbol", "error: unable to find"],
            concat!(
                r"^(?:lld-link|rust-lld|lld): error: (?P<message>(?:undefined symbol",
                r"|duplicate symbol|unable to find).*)$",
            ),
        )
        .reading(lld),
        Rule::new(
            K::CompileError,
            &["symbol(s) not found for", "duplicate symbol"],
            r"^ld: (?P<message>(?:symbol\(s\) not found|[0-9]+ duplicate symbols?) for .+)$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::CompileError,
            &["Undefined symbols for architecture"],
            r"^(?P<message>Undefined symbols for architecture .+)$",
        )
        .reading(apple),
        Rule::new(
            K::CompileError,
            &[
                "ld returned",
                "linker command failed",
                "ninja: build stopped",
                "CMake Error: ",
                "FAILED: ",
            ],
            concat!(
                r"^(?:.*: )?(?P<message>(?:error: ld returned|ld returned",
                r"|linker command failed|ninja: build stopped|FAILED: ).*)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// The source that CMake made an object of: `CMakeFiles/TARGET.dir/SOURCE.o`, in a directory of a build
/// that mirrors the sources.
fn source_of(object: &str) -> Option<&str> {
    let (_, inside) = object.rsplit_once("CMakeFiles/")?;
    let (_, source) = inside.split_once(".dir/")?;
    let source = source.strip_suffix(".o").or_else(|| source.strip_suffix(".obj"))?;
    (!source.contains("..") && !source.contains("__")).then_some(source)
}

/// How far above the symbol that it lacks the linker says which function of which object wants it.
const FUNCTION_LINES_MAX: usize = 6;

fn symbol(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_above(at, &mut draft, |line| line.contains(": in function "));
    if draft.failure.line.is_none() {
        let mut above = at.lines_above(FUNCTION_LINES_MAX).map(|(_, line)| line);
        let object =
            above.find_map(|line| line.split_once(": in function ").map(|(object, _)| object));
        let source =
            source_of(object.unwrap_or_else(|| at.text().split(".o:").next().unwrap_or("")));
        draft.path = source.map(str::to_owned).or(draft.path);
    }
    extent::while_below(at, &mut draft, |line| line.contains(": first defined here"));
    let is_object = draft
        .path
        .as_deref()
        .is_some_and(|path| has_extension(path, "o") || has_extension(path, "a"));
    if is_object {
        draft.path = None;
        draft.failure.line = None;
    }
    found.push(draft);
}

/// lld lists below who refers to the symbol.
fn lld(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| line.starts_with(">>> "));
    let place = at.below(1).and_then(|line| {
        let said = line.strip_prefix(">>> ")?;
        let said = ["referenced by ", "defined at "].iter().find_map(|w| said.strip_prefix(w))?;
        place_in(said)
    });
    if let Some((path, row, column)) = place
        && !has_extension(path, "o")
        && path.contains('.')
        && !path.contains(' ')
    {
        draft.place(path, row, column);
    }
    found.push(draft);
}

fn apple(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(symbol) = at.below(1) {
        draft.say(symbol.trim());
        draft.last += 1;
    }
    extent::indented(at, &mut draft);
    found.push(draft);
}

pub(super) static CMAKE: Tool = Tool {
    name: "cmake",
    about: "CMake, autoconf, pkg-config, Meson and make's missing targets.",
    example: "\
         CMake Error at CMakeLists.txt:12 (find_package):\n\
         \x20 Could not find a package configuration file provided by \"Qt6\".\n",
    rules: &[
        Rule::new(
            K::Config,
            &["CMake Error at "],
            r"^CMake Error at (?P<file>[^\s:]+):(?P<line>[0-9]+) \((?P<code>[^)]+)\):$",
        )
        .reading(cmake),
        Rule::new(K::Config, &["CMake Error: "], r"^CMake Error: (?P<message>.+)$")
            .weighing(Weight::Sign),
        Rule::new(
            K::Dependency,
            &["configure: error: "],
            r"^\s*configure: error: (?P<message>.+)$",
        )
        .reading(configure),
        Rule::new(
            K::Config,
            &["meson.build:"],
            concat!(
                r"^(?P<file>[^\s:]*meson\.build):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+): ERROR: (?P<message>.+)$",
            ),
        )
        .reading(meson),
        Rule::new(
            K::Config,
            &["No rule to make target", "akefile"],
            concat!(
                r"^g?make(?:\[[0-9]+\])?: \*\*\* (?P<message>No rule to make target .+?)\.?",
                r"(?:  Stop\.)?$|^(?P<file>[^\s:]*[Mm]akefile\S*):",
                r"(?P<line>[0-9]+): \*\*\* (?P<task>.+?)\.?(?:  Stop\.)?$",
            ),
        )
        .reading(makefile),
        Rule::new(
            K::Unknown,
            &["make: ***", "]: *** "],
            r"^\s*(?P<message>(?:g|mingw32-)?make(?:\[[0-9]+\])?: \*\*\* .+)$",
        )
        .weighing(Weight::Consequence),
    ],
};

fn cmake(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const MESSAGE_LINES_MAX: usize = 12;
    draft.failure.message.clear();
    for (_, line) in at.lines_below(MESSAGE_LINES_MAX) {
        if !line.starts_with("  ") && !line.trim().is_empty() {
            break;
        }
        draft.say(line.trim());
    }
    extent::while_below(at, &mut draft, |line| {
        line.trim().is_empty() || line.starts_with("  ") || line.starts_with("Call Stack")
    });
    // A module that CMake brought is not at fault, but who called it: the call stack says who.
    if draft.path.as_deref().is_some_and(is_installed) {
        let callers = at.lines_below(LOOK_LINES_MAX).map(|(_, line)| line);
        let callers = callers.take_while(|line| {
            line.trim().is_empty() || line.starts_with("  ") || line.starts_with("Call Stack")
        });
        let own = callers.filter(|line| line.ends_with(')')).find_map(|line| {
            let (place, command) = line.trim().rsplit_once(" (")?;
            let (path, line, _) = place_in(place).filter(|(path, ..)| !is_installed(path))?;
            Some((path, line, command.trim_end_matches(')')))
        });
        if let Some((path, line, command)) = own {
            draft.place(path, line, None);
            draft.failure.code = Some(command.to_owned());
        }
    }
    if draft.failure.code.as_deref() == Some("find_package") {
        draft.failure.kind = K::Dependency;
    }
    found.push(draft);
}

/// What `configure` looked for stands above; what it says more, in the next paragraph.
fn configure(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_above(at, &mut draft, |line| {
        line.starts_with("checking for ") && line.trim_end().ends_with("no")
    });
    extent::paragraph(at, &mut draft);
    if let (Some(blank), Some(more)) = (at.below(1), at.below(2))
        && blank.trim().is_empty()
        && !more.trim().is_empty()
    {
        draft.say(more.trim());
        draft.last = at.index + 2;
    }
    found.push(draft);
}

fn meson(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    let is_missing = message.contains("not found") || message.contains("Dependency ");
    if is_missing {
        draft.failure.kind = K::Dependency;
    }
    found.push(draft);
}

fn makefile(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(said) = draft.failure.task.take() {
        draft.failure.message = said;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn an_object_of_cmake_tells_its_source() {
        check(
            "FAILED: geotool\n\
             /usr/bin/ld: CMakeFiles/geotool.dir/tools/geotool.cpp.o: in function `main':\n\
             geotool.cpp:(.text+0x22): undefined reference to `geo::perimeter(double)'\n\
             collect2: error: ld returned 1 exit status\n",
            "compile_error tools/geotool.cpp undefined reference to `geo::perimeter(double)'",
        );
    }

    #[test]
    fn linkers_are_read_and_their_drivers_are_not() {
        let log = "/usr/bin/ld: a.o: in function `main':\n\
             /usr/bin/ld: src/a.c:8: undefined reference to `f'\n\
             collect2: error: ld returned 1 exit status\nmake: *** [Makefile:3: a] Error 1\n";
        check(log, "compile_error src/a.c:8 undefined reference to `f'");
        check_lines(log, &[(1, 2)]);
        check(
            "/usr/bin/ld: b.o:/home/runner/work/shop/shop/src/b.cpp:2: multiple definition of `n'; \
             a.o:/home/runner/work/shop/shop/src/a.cpp:2: first defined here\n",
            "compile_error src/b.cpp:2 multiple definition of `n'; a.o:/home/runner/work/shop/shop/src/a.cpp:2: first \
             defined here",
        );
        check(
            "/usr/bin/ld: cannot find -lfoo: No such file or directory\n\
             collect2: error: ld returned 1 exit status\n",
            "compile_error cannot find -lfoo: No such file or directory",
        );
        check(
            "ld.lld: error: undefined symbol: total()\n>>> referenced by cart.cpp:12 \
             (/home/runner/work/a/a/src/cart.cpp:12)\n>>>               cart.o:(main)\n\
             clang: error: linker command failed with exit code 1 (use -v to see invocation)\n",
            "compile_error cart.cpp:12 undefined symbol: total()",
        );
        let apple = "Undefined symbols for architecture arm64:\n  \"_total\", referenced from:\n\
             \x20     _main in cart.o\nld: symbol(s) not found for architecture arm64\n\
             clang: error: linker command failed with exit code 1\n";
        check(apple, "compile_error Undefined symbols for architecture arm64:");
        check_lines(apple, &[(1, 3)]);
        check_failed(
            "collect2: error: ld returned 1 exit status\n",
            "compile_error ld returned 1 exit status",
        );
    }

    #[test]
    fn cmake_says_where_and_what() {
        let log = "-- The C compiler identification is GNU 13.2.0\n\
             CMake Error at CMakeLists.txt:3 (find_package):\n\
             \x20 By not providing \"FindQt6.cmake\" in CMAKE_MODULE_PATH this project has\n\n\
             \x20 asked CMake to find a package configuration file provided by \"Qt6\".\n\n\
             Call Stack (most recent call first):\n  CMakeLists.txt:1 (include)\n\n\n\
             -- Configuring incomplete, errors occurred!\n";
        check(
            log,
            "dependency CMakeLists.txt:3 [find_package] By not providing \"FindQt6.cmake\" in \
             CMAKE_MODULE_PATH this project has",
        );
        check_lines(log, &[(2, 8)]);
        check(
            "CMake Error: The source directory \"/x\" does not appear to contain CMakeLists.txt.\n",
            "config The source directory \"/x\" does not appear to contain CMakeLists.txt.",
        );
        check("CMake Warning at CMakeLists.txt:3 (message):\n  old\n\n-- Configuring done\n", "");
    }

    #[test]
    fn a_module_of_cmake_s_fails_where_it_is_called() {
        check(
            "CMake Error at /usr/share/cmake-3.25/Modules/FindPackageHandleStandardArgs.cmake:230 (message):\n\
             \x20 Could NOT find Boost (missing: Boost_INCLUDE_DIR json)\n\
             Call Stack (most recent call first):\n\
             \x20 /usr/share/cmake-3.25/Modules/FindBoost.cmake:2376 (find_package_handle_standard_args)\n\
             \x20 cmake/deps.cmake:4 (find_package)\n  CMakeLists.txt:9 (include)\n\n",
            "dependency cmake/deps.cmake:4 [find_package] Could NOT find Boost (missing: \
             Boost_INCLUDE_DIR json)",
        );
    }

    #[test]
    fn configuration_is_read() {
        let log = "checking for libxml-2.0 >= 2.9.0... no\n\
             configure: error: Package requirements (libxml-2.0 >= 2.9.0) were not met:\n\n\
             Package 'libxml-2.0', required by 'virtual:world', not found\n\n\
             Consider adjusting the PKG_CONFIG_PATH environment variable if you\n\
             installed software in a non-standard prefix.\n";
        check(log, "dependency Package requirements (libxml-2.0 >= 2.9.0) were not met:");
        check_lines(log, &[(1, 4)]);
        check(
            "make: *** No rule to make target 'tset'.  Stop.",
            "config No rule to make target 'tset'",
        );
        check("Makefile:12: *** missing separator.  Stop.", "config Makefile:12 missing separator");
        check(
            "meson.build:3:0: ERROR: Dependency \"glib-2.0\" not found, tried pkgconfig\n",
            "dependency meson.build:3 Dependency \"glib-2.0\" not found, tried pkgconfig",
        );
    }
}
