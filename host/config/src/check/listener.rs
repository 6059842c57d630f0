//! The addresses that are listened on.

use crate::diagnostic::{Code, Diagnostic};
use crate::raw::{Listener, Reader};

/// The admin listener has to be on loopback, and the two listeners on two addresses.
pub(crate) fn check(reader: &mut Reader<'_>, listener: &Listener) {
    let (http, admin) = (&listener.http, &listener.admin);
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
    let clash = http.value.port() != 0 && http.value.port() == admin.value.port();
    // `::` takes IPv4 too, `0.0.0.0` takes nothing of IPv6.
    let all = http.value.ip().is_unspecified() && (http.value.is_ipv6() || admin.value.is_ipv4());
    let same_ip = all || http.value.ip() == admin.value.ip();
    if let Some(at) = admin.at.as_ref().or(http.at.as_ref())
        && clash
        && same_ip
    {
        let other = if admin.at.is_some() { http.at.clone() } else { None };
        let diagnostic =
            Diagnostic::new(Code::SameAddress, at.clone(), "`http` and `admin` have the same address", "taken");
        reader.report(diagnostic.also(other, "by this one").help("give each a port of its own".to_owned()));
    }
}
