//! The certificates of own authorities are read here, once. Whether they are good is for whoever uses them.

use super::secret::read_bounded;
use super::source::why_unreadable;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform;
use crate::raw::{HostOutbound, Reader};
use flint_model::ByteSize;
use std::path::Path;

/// The largest file of certificates: the public authorities together are a quarter of it.
const CA_SIZE_MAX: ByteSize = ByteSize::mib(1);

/// Reads the file that `ca` names; one that can't be read is reported.
pub(crate) fn check(reader: &mut Reader<'_>, folder: &Path, raw: HostOutbound) -> platform::HostOutbound {
    let mut outbound = raw.limits;
    let Some(ca) = raw.ca else { return outbound };
    let path = folder.join(&ca.value);
    let mut report = |code, what: &str, label| {
        let message = format!("the certificates {} {what}", reader.quote(&ca.at));
        let help = "`ca` is a PEM file, relative to this file".to_owned();
        reader.report(Diagnostic::new(code, ca.at.clone(), message, label).help(help));
    };
    match read_bounded(&path, CA_SIZE_MAX) {
        Ok(pem) if pem.len() > CA_SIZE_MAX.as_usize() => {
            report(Code::OutOfRange, &format!("are larger than {CA_SIZE_MAX}"), "too large");
        }
        Ok(pem) => outbound.ca = Some((path, pem)),
        Err(error) => {
            report(Code::NoSuchFile, &format!("can't be used: it {}", why_unreadable(&error)), "can't be read")
        }
    }
    outbound
}
