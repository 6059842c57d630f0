//! `[outbound]`, and what a function says of it.

use super::section::Section;
use super::{At, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{HostOutbound, IpNet, Outbound};
use std::path::PathBuf;
use toml::Spanned;
use toml::de::DeValue;

#[derive(Debug)]
pub(crate) struct Host {
    /// The file that `ca` names; it is read later.
    pub(crate) ca: Option<At<PathBuf>>,
    pub(crate) limits: HostOutbound,
}

/// Reads the section of the host.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Host {
    let ca = section.optional(reader, "ca");
    let limits = HostOutbound {
        ca: None,
        connect_timeout: section.field(reader, "connect-timeout").value,
        first_byte_timeout: section.field(reader, "first-byte-timeout").value,
        between_bytes_timeout: section.field(reader, "between-bytes-timeout").value,
        lookup_timeout: section.field(reader, "lookup-timeout").value,
        lookups_max: section.field(reader, "lookups-max").value,
        connections_max: section.field(reader, "connections-max").value,
        idle_max: section.field(reader, "idle-max").value,
        idle_timeout: section.field(reader, "idle-timeout").value,
        header_size_max: section.field(reader, "header-size-max").value,
    };
    Host { ca, limits }
}

impl Default for HostOutbound {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("outbound")).limits
    }
}

/// Reads the hosts that a function may call. None if the file has no such key.
pub(super) fn read_hosts(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Vec<Outbound>> {
    read_list(reader, section, "outbound", "a list of hosts", "\"api.example.com\"", |reader, item, text| {
        Outbound::parse(text)
            .map_err(|error| {
                let message = format!("{} is no host", reader.quote(&item.span()));
                let diagnostic = Diagnostic::new(Code::BadHost, item.span(), message, "not a host");
                reader.report(diagnostic.help(error.to_string()));
            })
            .ok()
    })
}

/// Reads the internal networks that a function may reach. None if the file has no such key.
pub(super) fn read_networks(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Vec<IpNet>> {
    read_list(reader, section, "outbound-internal", "a list of networks", "\"10.0.0.0/8\"", |reader, item, text| {
        let network = text.parse::<IpNet>().ok();
        let exact = network.filter(|network| network.trunc() == *network);
        if exact.is_none() {
            let message = format!("{} is no network", reader.quote(&item.span()));
            let help = match network {
                Some(network) => format!("the network is `{}`", network.trunc()),
                None => "a network is an address and how many of its bits count: `10.0.0.0/8`, `fd00::/8`".to_owned(),
            };
            reader.report(Diagnostic::new(Code::BadNetwork, item.span(), message, "not a network").help(help));
        }
        exact
    })
}

fn read_list<T>(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    name: &str,
    what: &str,
    example: &str,
    parse: impl Fn(&mut Reader<'_>, &Spanned<DeValue<'_>>, &str) -> Option<T>,
) -> Option<Vec<T>> {
    let (_, value) = section.get(name)?;
    let DeValue::Array(items) = value.get_ref() else {
        reader.wrong_type(value, name, what, format!("such as: [{example}]"));
        return Some(Vec::new());
    };
    let mut read = Vec::new();
    for item in items.iter() {
        let text = reader.text(item, name, example);
        read.extend(text.and_then(|text| parse(reader, item, &text)));
    }
    Some(read)
}
