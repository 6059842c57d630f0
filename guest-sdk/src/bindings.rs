//! What `wit/` says, as Rust: one set of imports, and one export world a handler.
//!
//! Generated, and hidden from users: the modules around it wrap each interface. The worlds share the types of `imports`,
//! so a request that an export receives is the request that the HTTP module reads. A handler costs a component only what
//! it exports: imports that a function does not call are dropped by the linker.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]
#![allow(unused_qualifications, reason = "generated")]

/// Everything that a function may call.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world imports {
                include flint:platform/capabilities@0.1.0;
                import wasi:http/client@0.3.0;
                import wasi:clocks/monotonic-clock@0.3.0;
            }
        "#,
        world: "flint:sdk/imports",
        generate_all,
    });
}

/// Exports `wasi:http/handler`.
pub mod http {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world http {
                export wasi:http/handler@0.3.0;
            }
        "#,
        world: "flint:sdk/http",
        with: {
            "wasi:clocks/types@0.3.0": crate::bindings::imports::wasi::clocks0_3_0::types,
            "wasi:http/types@0.3.0": crate::bindings::imports::wasi::http0_3_0::types,
            "wasi:http/handler@0.3.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::http",
        export_macro_name: "export_http",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/http-handler`, the lean one.
pub mod http_buffered {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world http-buffered {
                export flint:platform/http-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/http-buffered",
        generate_all,
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::http_buffered",
        export_macro_name: "export_http_buffered",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/invoke-handler`.
pub mod invoke {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world invoke {
                export flint:platform/invoke-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/invoke",
        with: {
            "flint:platform/types@0.1.0": crate::bindings::imports::flint::platform::types,
            "flint:platform/invoke-handler@0.1.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::invoke",
        export_macro_name: "export_invoke",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/queue-handler`.
pub mod queue {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world queue {
                export flint:platform/queue-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/queue",
        with: {
            "flint:platform/types@0.1.0": crate::bindings::imports::flint::platform::types,
            "flint:platform/queue-handler@0.1.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::queue",
        export_macro_name: "export_queue",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/schedule-handler`.
pub mod schedule {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world schedule {
                export flint:platform/schedule-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/schedule",
        with: {
            "flint:platform/types@0.1.0": crate::bindings::imports::flint::platform::types,
            "flint:platform/schedule-handler@0.1.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::schedule",
        export_macro_name: "export_schedule",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/topic-handler`.
pub mod topic {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world topic {
                export flint:platform/topic-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/topic",
        with: {
            "flint:platform/types@0.1.0": crate::bindings::imports::flint::platform::types,
            "flint:platform/topic-handler@0.1.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::topic",
        export_macro_name: "export_topic",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/kv-handler`.
pub mod kv_change {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world kv {
                export flint:platform/kv-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/kv",
        with: {
            "flint:platform/types@0.1.0": crate::bindings::imports::flint::platform::types,
            "flint:platform/kv@0.1.0": crate::bindings::imports::flint::platform::kv,
            "flint:platform/kv-handler@0.1.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::kv_change",
        export_macro_name: "export_kv_change",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/blob-handler`.
pub mod blob {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world blob {
                export flint:platform/blob-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/blob",
        with: {
            "flint:platform/types@0.1.0": crate::bindings::imports::flint::platform::types,
            "flint:platform/blob@0.1.0": crate::bindings::imports::flint::platform::blob,
            "flint:platform/blob-handler@0.1.0": generate,
        },
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::blob",
        export_macro_name: "export_blob",
        pub_export_macro: true,
    });
}

/// Exports `flint:platform/init-handler`.
pub mod init {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package flint:sdk;

            world init {
                export flint:platform/init-handler@0.1.0;
            }
        "#,
        world: "flint:sdk/init",
        generate_all,
        runtime_path: "::flint_sdk::__internal::wit_bindgen::rt",
        default_bindings_module: "::flint_sdk::__internal::bindings::init",
        export_macro_name: "export_init",
        pub_export_macro: true,
    });
}
