//! The addresses that are listened on, and what is encrypted with.

use super::source::why_unreadable;
use crate::diagnostic::{Code, Diagnostic};
use crate::raw::{At, Listener, Reader};
use crate::source::Span;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The admin listener has to be on loopback, the listeners on addresses of their own, and HTTPS has to have its files.
pub(crate) fn check(reader: &mut Reader<'_>, folder: &Path, listener: &Listener) {
    let admin = &listener.admin;
    if let Some(at) = &admin.at
        && !admin.value.ip().is_loopback()
        && listener.admin_token.is_none()
    {
        let message = "the admin listener could be reached from other machines";
        let help = format!(
            "set `admin-token` (`{{ env = \"NAME\" }}` or `{{ file = \"path\" }}`), or use loopback: \"127.0.0.1:{}\"",
            admin.value.port()
        );
        reader
            .report(Diagnostic::new(Code::AdminNotLoopback, at.clone(), message, "not a loopback address").help(help));
    }
    let http = ("http", listener.http.value, listener.http.at.as_ref());
    let admin = ("admin", admin.value, admin.at.as_ref());
    check_pair(reader, http, admin);
    if let Some(https) = &listener.https {
        let https = ("https", https.value, Some(&https.at));
        check_pair(reader, http, https);
        check_pair(reader, https, admin);
    }
    check_https(reader, folder, listener);
}

/// A listener: its key, its address, and where that stands.
type Place<'a> = (&'static str, SocketAddr, Option<&'a Span>);

fn check_pair(reader: &mut Reader<'_>, one: Place<'_>, other: Place<'_>) {
    let clash = one.1.port() != 0 && one.1.port() == other.1.port();
    // `::` takes IPv4 too, `0.0.0.0` takes nothing of IPv6.
    let all = one.1.ip().is_unspecified() && (one.1.is_ipv6() || other.1.is_ipv4());
    let same_ip = all || one.1.ip() == other.1.ip();
    if let Some(at) = other.2.or(one.2)
        && clash
        && same_ip
    {
        let by = if other.2.is_some() { one.2.cloned() } else { None };
        let message = format!("`{}` and `{}` have the same address", one.0, other.0);
        let diagnostic = Diagnostic::new(Code::SameAddress, at.clone(), message, "taken");
        reader.report(diagnostic.also(by, "by this one").help("give each a port of its own".to_owned()));
    }
}

fn check_https(reader: &mut Reader<'_>, folder: &Path, listener: &Listener) {
    let files = [("certificate", &listener.certificate), ("key", &listener.key)];
    for (name, file) in files {
        match (&listener.https, file) {
            (_, Some(file)) if listener.https.is_none() => {
                let message = format!("`{name}` is of no use without `https`");
                let help = "add `https`, the address where encrypted requests come in".to_owned();
                reader.report(Diagnostic::new(Code::BadHttps, file.at.clone(), message, "is of no use").help(help));
            }
            (_, Some(file)) => check_file(reader, folder, name, file),
            (Some(https), None) => {
                let message = format!("`https` needs `{name}`");
                let help = format!("add `{name}`, a file in PEM format");
                reader.report(Diagnostic::new(Code::BadHttps, https.at.clone(), message, "can't be served").help(help));
            }
            (None, None) => {}
        }
    }
}

fn check_file(reader: &mut Reader<'_>, folder: &Path, name: &str, file: &At<PathBuf>) {
    let found = fs::metadata(folder.join(&file.value));
    let found = found.and_then(|found| if found.is_file() { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) });
    if let Err(error) = found {
        let message = format!("the {name} {} {}", reader.quote(&file.at), why_unreadable(&error));
        let help = "paths are relative to this file".to_owned();
        reader.report(Diagnostic::new(Code::NoSuchFile, file.at.clone(), message, "can't be read").help(help));
    }
}
