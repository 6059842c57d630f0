//! The linkers: every import that the host serves, once, in every dialect.

use crate::bindings::{platform, wasi};
use crate::state::{Platform, State};
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime::component::types::ComponentItem;

/// What [`concurrent`] links: interfaces, each with the start of the versions that fit.
const SERVED: &[(&str, &str)] = &[
    ("wasi:cli/", "0.2."),
    ("wasi:cli/", "0.3."),
    ("wasi:clocks/", "0.2."),
    ("wasi:clocks/", "0.3."),
    ("wasi:filesystem/", "0.2."),
    ("wasi:filesystem/", "0.3."),
    ("wasi:random/", "0.2."),
    ("wasi:random/", "0.3."),
    ("wasi:sockets/", "0.2."),
    ("wasi:sockets/", "0.3."),
    ("wasi:io/", "0.2."),
    ("wasi:http/types", "0.2."),
    ("wasi:http/outgoing-handler", "0.2."),
    ("wasi:http/types", "0.3."),
    ("wasi:http/client", "0.3."),
    ("wasi:keyvalue/store", "0.2.0-draft"),
    ("wasi:keyvalue/atomics", "0.2.0-draft"),
    ("wasi:keyvalue/batch", "0.2.0-draft"),
    ("wasi:keyvalue/store", "0.2.0-draft2"),
    ("wasi:keyvalue/atomics", "0.2.0-draft2"),
    ("wasi:keyvalue/batch", "0.2.0-draft2"),
    ("wasi:blobstore/blobstore", "0.2.0-draft"),
    ("wasi:blobstore/container", "0.2.0-draft"),
    ("wasi:blobstore/types", "0.2.0-draft"),
    ("wasi:config/store", "0.2.0-rc.1"),
    ("wasi:config/store", "0.2.0-draft-2024-09-27"),
    ("wasi:logging/logging", "0.1.0-draft"),
    ("flint:platform/context", "0.1."),
    ("flint:platform/blob", "0.1."),
    ("flint:platform/invoke", "0.1."),
    ("flint:platform/kv", "0.1."),
    ("flint:platform/queue", "0.1."),
    ("flint:platform/secrets", "0.1."),
    ("flint:platform/topic", "0.1."),
    ("flint:platform/transaction", "0.1."),
    ("flint:platform/workflow", "0.1."),
];

/// Says whether the host has what a component imports under a name.
pub(crate) fn serves(engine: &Engine, name: &str, item: &ComponentItem) -> bool {
    if let ComponentItem::ComponentInstance(instance) = item
        && instance.exports(engine).all(|(_, export)| matches!(export.ty, ComponentItem::Type(_)))
    {
        // Types alone ask for nothing.
        return true;
    }
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    SERVED.iter().any(|(served, versions)| {
        let exact = !versions.ends_with('.');
        let version_fits =
            if exact { version == *versions } else { version.starts_with(versions) && !version.contains('-') };
        version_fits && if served.ends_with('/') { interface.starts_with(served) } else { interface == *served }
    })
}

/// Whether an interface is one of those that [`sequential`] links: of WASI, but not of 0.3.
pub(crate) fn is_sequential(name: &str) -> bool {
    name.starts_with("wasi:") && !name.contains("@0.3.")
}

/// Links everything.
pub(crate) fn concurrent(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = sequential(engine)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    // flint's in the place of wasmtime's, as below.
    linker.allow_shadowing(true);
    wasmtime_wasi::p3::bindings::cli::exit::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    linker.allow_shadowing(false);
    platform::context::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::blob::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::invoke::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::kv::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::queue::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::secrets::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::topic::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::transaction::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    platform::workflow::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Links what takes one call at a time, and makes no other.
pub(crate) fn sequential(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    // flint's in the place of wasmtime's, whose error the engine does not know.
    linker.allow_shadowing(true);
    wasmtime_wasi::p2::bindings::cli::exit::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    linker.allow_shadowing(false);
    wasi::keyvalue0_2_0_draft::store::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::keyvalue0_2_0_draft::atomics::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::keyvalue0_2_0_draft::batch::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::keyvalue0_2_0_draft2::store::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::keyvalue0_2_0_draft2::atomics::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::keyvalue0_2_0_draft2::batch::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::blobstore::blobstore::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::blobstore::container::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::blobstore::types::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::config0_2_0_rc_1::store::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::config0_2_0_draft_2024_09_27::store::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    wasi::logging::logging::add_to_linker::<_, Platform>(&mut linker, |state| state)?;
    Ok(linker)
}
