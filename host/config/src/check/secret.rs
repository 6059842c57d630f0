//! Secrets are read here, once. No diagnostic shows any of a value.

use super::source::why_unreadable;
use crate::diagnostic::{Code, Diagnostic};
use crate::mask;
use crate::raw::{At, Origin, Reader, SecretEntry};
use flint_model::{ByteSize, Secret, SecretName};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest secret, as `secrets.get` promises.
const SECRET_SIZE_MAX: ByteSize = ByteSize::kib(64);

/// Reads the secrets of a function; those that can't be read are reported.
pub(crate) fn check(reader: &mut Reader<'_>, folder: &Path, entries: &[SecretEntry]) -> BTreeMap<SecretName, Secret> {
    let resolve =
        |entry: &SecretEntry| Some((entry.name.clone(), resolve(reader, folder, &entry.name, &entry.origin)?));
    entries.iter().filter_map(resolve).collect()
}

/// The fewest bytes of the token of management: whoever can guess it may do anything.
const TOKEN_SIZE_MIN: usize = 16;

/// Reads the token that management asks for, and reports one that can't be sent as a header.
pub(crate) fn check_token(reader: &mut Reader<'_>, folder: &Path, origin: &At<Origin>) -> Option<Secret> {
    let secret = resolve(reader, folder, &"admin-token", origin)?;
    let token = secret.expose().trim_ascii();
    if token.len() >= TOKEN_SIZE_MIN && token.iter().all(u8::is_ascii_graphic) {
        return Some(Secret::new(token));
    }
    let message = format!("the secret `admin-token` is no token of at least {TOKEN_SIZE_MIN} visible ASCII characters");
    let help = "make one: head -c 32 /dev/urandom | base64".to_owned();
    reader.report(Diagnostic::new(Code::BadSecret, origin.at.clone(), message, "can't be used").help(help));
    None
}

fn resolve(reader: &mut Reader<'_>, folder: &Path, name: &dyn Display, origin: &At<Origin>) -> Option<Secret> {
    let at = &origin.at;
    let value = match &origin.value {
        Origin::Environment(variable) => match reader.environment().get(variable) {
            Some(value) => value.into_bytes(),
            None => {
                let message = format!("the environment variable of the secret `{name}` is not set");
                let help = if mask::is_plain_variable(reader.written(at)) {
                    format!("set {} before flint starts", reader.quote(at))
                } else {
                    "`env` names a variable, and what it says may be the secret itself, so it is hidden".to_owned()
                };
                reader.report(Diagnostic::new(Code::NoSuchVariable, at.clone(), message, "not set").help(help));
                return None;
            }
        },
        Origin::File(file) => match read_bounded(&folder.join(file), SECRET_SIZE_MAX) {
            Ok(value) => value,
            Err(error) => {
                let message = format!("the file of the secret `{name}` {}", why_unreadable(&error));
                let help = "paths are relative to this file".to_owned();
                reader.report(Diagnostic::new(Code::NoSuchFile, at.clone(), message, "can't be read").help(help));
                return None;
            }
        },
    };
    if value.len() > SECRET_SIZE_MAX.as_usize() {
        let message = format!("the secret `{name}` is larger than {SECRET_SIZE_MAX}");
        let help = "keep the key that decrypts the rest as the secret, and the rest elsewhere".to_owned();
        reader.report(Diagnostic::new(Code::BadSecret, at.clone(), message, "too large").help(help));
        return None;
    }
    Some(Secret::new(value))
}

/// Reads a file, and of one that is too large one byte too much.
pub(super) fn read_bounded(path: &Path, most: ByteSize) -> io::Result<Vec<u8>> {
    // Opening a FIFO could keep the host waiting for ever, and a device has no end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut value = Vec::new();
    File::open(path)?.take(most.as_u64() + 1).read_to_end(&mut value)?;
    Ok(value)
}
