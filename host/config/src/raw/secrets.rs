//! `[function.NAME.secrets]`: where secrets come from. What they are is read later, and never shown.

use super::section::{Entry, Section};
use super::{At, Reader};
use crate::diagnostic::{Code, Diagnostic};
use flint_model::SecretName;
use std::path::PathBuf;
use toml::de::DeValue;

/// Where a secret comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    Environment(String),
    File(PathBuf),
}

#[derive(Debug)]
pub(crate) struct SecretEntry {
    pub(crate) name: SecretName,
    pub(crate) origin: At<Origin>,
}

/// Reads the entries of a `secrets` table; those that are wrong are reported, without their values.
pub(super) fn read(reader: &mut Reader<'_>, entries: &[Entry<'_, '_>]) -> Vec<SecretEntry> {
    entries
        .iter()
        .filter_map(|entry| {
            let name = entry.named(reader, "secret", SecretName::parse);
            let place = ("function.NAME.secrets.SECRET", format!("secrets.{}", entry.name));
            let origin = read_origin(reader, entry, place);
            Some(SecretEntry { name: name?.value, origin: origin? })
        })
        .collect()
}

/// Reads where a secret comes from; `path` is its section in the reference, `place` its name in the file.
pub(super) fn read_origin(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, '_>,
    (path, place): (&'static str, String),
) -> Option<At<Origin>> {
    if !matches!(entry.value.get_ref(), DeValue::Table(_)) {
        let message = format!("the secret `{}` is no reference to a variable or file", entry.name);
        let help =
            format!("a secret is not written here: {} = {{ env = \"NAME\" }} or {{ file = \"path\" }}", entry.name);
        let at = entry.value.span();
        reader.report(Diagnostic::new(Code::WrongType, at, message, "may be the secret itself, so hidden").help(help));
        return None;
    }
    let section = Section::open(reader, path, &place, entry.at.clone(), Some(entry.value));
    let given = (section.has("env"), section.has("file"));
    let env = section.optional::<String>(reader, "env");
    let file = section.optional::<PathBuf>(reader, "file");
    let wrong = match given {
        (true, false) => return env.map(|env| At { value: Origin::Environment(env.value), at: env.at }),
        (false, true) => return file.map(|file| At { value: Origin::File(file.value), at: file.at }),
        (true, true) => "both `env` and `file`",
        (false, false) => "neither `env` nor `file`",
    };
    let message = format!("the secret `{}` has {wrong}", entry.name);
    let help = "name one place that it comes from: { env = \"NAME\" } or { file = \"path\" }".to_owned();
    reader.report(Diagnostic::new(Code::BadSecret, entry.at.clone(), message, wrong).help(help));
    None
}
