//! The bindings of the WIT package, and nothing else.
//!
//! Generated from `wit/` at the top of the repository, which the guest SDK binds to as well: one source of both sides.

#![allow(missing_docs, unreachable_pub, reason = "generated code")]

mod imports {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world imports {
                import flint:platform/types@0.1.0;
                import flint:platform/context@0.1.0;
                import flint:platform/blob@0.1.0;
                import flint:platform/invoke@0.1.0;
                import flint:platform/kv@0.1.0;
                import flint:platform/queue@0.1.0;
                import flint:platform/secrets@0.1.0;
                import flint:platform/topic@0.1.0;
                import flint:platform/transaction@0.1.0;
                import flint:platform/workflow@0.1.0;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:blobstore/blobstore@0.2.0-draft;
                import wasi:blobstore/container@0.2.0-draft;
                import wasi:blobstore/types@0.2.0-draft;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:config/store@0.2.0-draft-2024-09-27;
                import wasi:logging/logging@0.1.0-draft;
            }
        ",
        world: "flint:host/imports",
        imports: {
            "flint:platform/context": trappable,
            "flint:platform/blob": async | store,
            "flint:platform/invoke": async | store,
            "flint:platform/kv": async | store,
            "flint:platform/queue": async | store,
            "flint:platform/secrets": async | store,
            "flint:platform/topic": async | store,
            "flint:platform/transaction.commit": async | store,
            "flint:platform/workflow": async | store,
            "wasi:keyvalue/store": async | trappable,
            "wasi:keyvalue/atomics": async | trappable,
            "wasi:keyvalue/batch": async | trappable,
            "wasi:blobstore/blobstore": async | trappable,
            "wasi:blobstore/container": async | trappable,
            "wasi:blobstore/types": async | trappable,
            default: trappable,
        },
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:blobstore/container.container": crate::imports::blob::wasi_draft::Container,
            "wasi:blobstore/container.stream-object-names": crate::imports::blob::wasi_draft::names::ObjectNames,
            "wasi:blobstore/types.outgoing-value": crate::imports::blob::wasi_draft::outgoing::OutgoingValue,
            "wasi:blobstore/types.incoming-value": crate::imports::blob::wasi_draft::incoming::IncomingValue,
            "wasi:keyvalue/store@0.2.0-draft.bucket": crate::imports::kv::Bucket,
            "wasi:keyvalue/store@0.2.0-draft2.bucket": crate::imports::kv::Bucket,
            "wasi:keyvalue/atomics@0.2.0-draft2.cas": crate::imports::kv::Cas,
        },
        require_store_data_send: true,
    });
}

pub use imports::flint::platform;
pub use imports::wasi;

/// Calls of `flint:platform/invoke-handler`.
pub mod invoke {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world invoke {
                export flint:platform/invoke-handler@0.1.0;
            }
        ",
        world: "flint:host/invoke",
        exports: { default: async | store },
        with: { "flint:platform/types@0.1.0": super::platform::types },
        require_store_data_send: true,
    });
}

/// Calls of `flint:platform/queue-handler`.
pub mod queue {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world queue {
                export flint:platform/queue-handler@0.1.0;
            }
        ",
        world: "flint:host/queue",
        exports: { default: async | store },
        with: { "flint:platform/types@0.1.0": super::platform::types },
        require_store_data_send: true,
    });
}

/// Calls of `flint:platform/schedule-handler`.
pub mod schedule {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world schedule {
                export flint:platform/schedule-handler@0.1.0;
            }
        ",
        world: "flint:host/schedule",
        exports: { default: async | store },
        with: { "flint:platform/types@0.1.0": super::platform::types },
        require_store_data_send: true,
    });
}

/// Calls of `flint:platform/topic-handler`.
pub mod topic {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world topic {
                export flint:platform/topic-handler@0.1.0;
            }
        ",
        world: "flint:host/topic",
        exports: { default: async | store },
        with: { "flint:platform/types@0.1.0": super::platform::types },
        require_store_data_send: true,
    });
}

/// Calls of `flint:platform/kv-handler`.
pub mod kv {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world kv {
                export flint:platform/kv-handler@0.1.0;
            }
        ",
        world: "flint:host/kv",
        exports: { default: async | store },
        with: {
            "flint:platform/types@0.1.0": super::platform::types,
            "flint:platform/kv@0.1.0": super::platform::kv,
        },
        require_store_data_send: true,
    });
}

/// Calls of `flint:platform/blob-handler`.
pub mod blob {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world blob {
                export flint:platform/blob-handler@0.1.0;
            }
        ",
        world: "flint:host/blob",
        exports: { default: async | store },
        with: {
            "flint:platform/types@0.1.0": super::platform::types,
            "flint:platform/blob@0.1.0": super::platform::blob,
        },
        require_store_data_send: true,
    });
}

/// Calls of `flint:platform/http-handler`.
pub mod http {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package flint:host;

            world http {
                export flint:platform/http-handler@0.1.0;
            }
        ",
        world: "flint:host/http",
        exports: { default: async | store },
        require_store_data_send: true,
    });
}
