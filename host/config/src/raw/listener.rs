//! `[listener]`.

use super::section::{Entry, Section};
use super::{At, Field, Origin, Reader, secrets};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{self, Https};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) http: Field<SocketAddr>,
    /// Without a slash at its end.
    pub(crate) public_url: Option<String>,
    pub(crate) admin: Field<SocketAddr>,
    /// None if the file has no such key.
    pub(crate) admin_token: Option<Option<At<Origin>>>,
    pub(crate) https: Option<At<SocketAddr>>,
    pub(crate) certificate: Option<At<PathBuf>>,
    pub(crate) key: Option<At<PathBuf>>,
    certificate_check: Duration,
    trusted_proxies: Vec<IpNet>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Listener {
    Listener {
        http: section.field(reader, "http"),
        public_url: read_public_url(reader, section),
        admin: section.field(reader, "admin"),
        admin_token: section.get("admin-token").map(|(at, value)| {
            let entry = Entry { name: "admin-token", at, value };
            secrets::read_origin(reader, &entry, ("listener.admin-token", "listener.admin-token".to_owned()))
        }),
        https: section.optional(reader, "https"),
        certificate: section.optional(reader, "certificate"),
        key: section.optional(reader, "key"),
        certificate_check: section.field(reader, "certificate-check").value,
        trusted_proxies: read_networks(reader, section),
    }
}

fn read_public_url(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<String> {
    let At { value, at } = section.optional::<String>(reader, "public-url")?;
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    if rest.is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte))
    }) {
        return Some(value.trim_end_matches('/').to_owned());
    }
    let message = format!("{} is no URL that others could begin with", reader.quote(&at));
    let help = "such as: public-url = \"https://example.com\"".to_owned();
    reader.report(Diagnostic::new(Code::BadAddress, at, message, "not such a URL").help(help));
    None
}

fn read_networks(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Vec<IpNet> {
    let Some((_, value)) = section.get("trusted-proxies") else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        let help = "such as: [\"10.0.0.0/8\"]".to_owned();
        reader.wrong_type(value, "trusted-proxies", "a list of networks", help);
        return Vec::new();
    };
    let mut networks = Vec::new();
    for item in items.iter() {
        let Some(text) = reader.text(item, "trusted-proxies", "\"10.0.0.0/8\"") else { continue };
        // One address is a network too.
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        match network {
            Ok(network) => networks.push(network),
            Err(_) => {
                let message = format!("{} is no network", reader.quote(&item.span()));
                let help =
                    "a network is an address and how many of its bits count: `10.0.0.0/8`, `fd00::/8`".to_owned();
                reader.report(Diagnostic::new(Code::BadAddress, item.span(), message, "not a network").help(help));
            }
        }
    }
    networks
}

impl Listener {
    /// The listener as the platform has it; paths are relative to `folder`.
    pub(crate) fn finish(&self, folder: &Path) -> platform::Listener {
        let https = self.https.as_ref().zip(self.certificate.as_ref().zip(self.key.as_ref()));
        platform::Listener {
            http: self.http.value,
            https: https.map(|(address, (certificate, key))| Https {
                address: address.value,
                certificate: folder.join(&certificate.value),
                key: folder.join(&key.value),
                certificate_check: self.certificate_check,
            }),
            public_url: self.public_url.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            admin: self.admin.value,
            admin_token: None,
        }
    }
}

impl Default for platform::Listener {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("listener")).finish(Path::new(""))
    }
}
