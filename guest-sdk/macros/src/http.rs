//! `#[flint_sdk::http]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;
use syn::punctuated::Punctuated;

use crate::handler::{self, Mistakes, Rules};

const RULES: Rules = Rules {
    attribute: "#[flint_sdk::http]",
    example: "async fn handle(request: Request) -> Response",
    is_async: true,
    parameters: 1,
    returns: true,
};

/// Which interface the component exports.
enum Interface {
    Streaming,
    Buffered,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let interface = interface(arguments, &mut mistakes);
    handler::expand(&RULES, mistakes, item, |function| match interface {
        Interface::Streaming => streaming(function),
        Interface::Buffered => buffered(function),
    })
}

fn interface(arguments: TokenStream, mistakes: &mut Mistakes) -> Interface {
    let parser = Punctuated::<syn::Ident, syn::Token![,]>::parse_terminated;
    let arguments = match syn::parse::Parser::parse2(parser, arguments.clone()) {
        Ok(idents) => idents,
        Err(_) => {
            mistakes.add(arguments, "the only argument is `buffered`: `#[flint_sdk::http(buffered)]`");
            return Interface::Streaming;
        }
    };
    let mut interface = Interface::Streaming;
    for argument in arguments {
        match argument == "buffered" {
            true => interface = Interface::Buffered,
            false => mistakes.add(&argument, format!("there is no argument `{argument}`; the only one is `buffered`")),
        }
    }
    interface
}

fn streaming(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    quote! {
        const _: () = {
            use ::flint_sdk::__internal::handler::http as export;

            struct Handler;

            impl export::Guest for Handler {
                async fn handle(request: export::Incoming) -> ::core::result::Result<export::Outgoing, export::ErrorCode> {
                    export::serve(request, #name).await
                }
            }

            export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::http);
        };
    }
}

fn buffered(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    quote! {
        const _: () = {
            use ::flint_sdk::__internal::handler::http_buffered as export;

            struct Handler;

            impl export::Guest for Handler {
                async fn handle(request: export::Incoming) -> export::Outgoing {
                    export::serve(request, #name).await
                }
            }

            export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::http_buffered);
        };
    }
}
