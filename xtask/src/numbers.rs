//! Flags whose value is a number: `--seed 7`.

/// The numbers given for these flags, in the order of the flags.
///
/// # Errors
/// When a word is none of the flags, or a value is no number; the error says what `of` knows.
pub(crate) fn of<const N: usize>(
    of: &str,
    flags: [&str; N],
    mut words: &[&str],
) -> anyhow::Result<[Option<u64>; N]> {
    let mut numbers = [None; N];
    while let [name, rest @ ..] = words {
        let Some(at) = flags.iter().position(|flag| flag == name) else {
            let known: Vec<String> = flags.iter().map(|flag| format!("`{flag} N`")).collect();
            anyhow::bail!("`{of}` knows {}, not `{name}`", known.join(" and "));
        };
        let [value, rest @ ..] = rest else { anyhow::bail!("`{name}` wants a number") };
        let number = value.parse().map_err(|_| anyhow::anyhow!("`{value}` is no number"))?;
        numbers[at] = Some(number);
        words = rest;
    }
    Ok(numbers)
}
