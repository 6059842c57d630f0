//! `[listener]`.

use super::section::{Entry, Section};
use super::{At, Field, Origin, Reader, secrets};
use crate::platform;
use std::net::SocketAddr;

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) http: Field<SocketAddr>,
    pub(crate) admin: Field<SocketAddr>,
    /// None if the file has no such key.
    pub(crate) admin_token: Option<Option<At<Origin>>>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Listener {
    Listener {
        http: section.field(reader, "http"),
        admin: section.field(reader, "admin"),
        admin_token: section.get("admin-token").map(|(at, value)| {
            let entry = Entry { name: "admin-token", at, value };
            secrets::read_origin(reader, &entry, ("listener.admin-token", "listener.admin-token".to_owned()))
        }),
    }
}

impl From<&Listener> for platform::Listener {
    fn from(raw: &Listener) -> Self {
        Self { http: raw.http.value, admin: raw.admin.value, admin_token: None }
    }
}

impl Default for platform::Listener {
    fn default() -> Self {
        (&read(&mut Reader::new("", &|_: &str| None), &Section::absent("listener"))).into()
    }
}
