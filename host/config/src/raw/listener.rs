//! `[listener]`.

use super::section::Section;
use super::{Field, Reader};
use crate::platform;
use std::net::SocketAddr;

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) http: Field<SocketAddr>,
    pub(crate) admin: Field<SocketAddr>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Listener {
    Listener { http: section.field(reader, "http"), admin: section.field(reader, "admin") }
}

impl From<&Listener> for platform::Listener {
    fn from(raw: &Listener) -> Self {
        Self { http: raw.http.value, admin: raw.admin.value }
    }
}

impl Default for platform::Listener {
    fn default() -> Self {
        (&read(&mut Reader::new("", &|_: &str| None), &Section::absent("listener"))).into()
    }
}
