//! "Did you mean": the known name that is nearest to an unknown one.

/// Finds the name that was probably meant: at most a third of its letters differ, two neighbours swapped count once.
pub(crate) fn nearest<'n>(unknown: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let unknown = unknown.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&unknown, name), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Writes a help line for an unknown name: the nearest of the known ones, or all of them.
pub(crate) fn help<'n>(unknown: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> Option<String> {
    if let Some(name) = nearest(unknown, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let names: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("known here: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let known = ["memory", "timeout", "kv"];
        for (unknown, meant) in [
            ("memroy", Some("memory")),
            ("Memory", Some("memory")),
            ("time_out", Some("timeout")),
            ("kw", Some("kv")),
            ("colour", None),
        ] {
            assert_eq!(nearest(unknown, known), meant, "{unknown}");
        }
        assert_eq!(help("colour", known).as_deref(), Some("known here: `memory`, `timeout`, `kv`"));
        assert_eq!(help("colour", []), None);
    }
}
