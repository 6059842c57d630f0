//! The management API as OpenAPI 3.1, made of the handlers themselves: what is not routed is not in it, and the other way round.

use super::server;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement};

const TOKEN: &str = "token";

/// The document.
pub(crate) fn document() -> OpenApi {
    server::routes().into_openapi()
}

/// What the handlers are added to.
pub(super) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("flint: management")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Functions, versions, routes, stores and metrics of a flint host."));
    let mut document = OpenApiBuilder::new().info(info.build()).build();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of `listener.admin-token`, if the host has one."));
    document.components.get_or_insert_default().add_security_scheme(TOKEN, SecurityScheme::Http(scheme.build()));
    document.security =
        Some(vec![SecurityRequirement::new(TOKEN, Vec::<String>::new()), SecurityRequirement::default()]);
    document
}

/// OpenAPI has no word for a parameter of several segments: it is written like the others.
pub(super) fn finish(mut document: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}
