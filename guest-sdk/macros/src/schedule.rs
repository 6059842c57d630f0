//! `#[flint_sdk::schedule]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::handler::{self, Rules};

const RULES: Rules = Rules {
    attribute: "#[flint_sdk::schedule]",
    example: "async fn handle(tick: Tick) -> Result<(), Failure>",
    is_async: true,
    parameters: 1,
    returns: true,
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mistakes = handler::no_arguments(&RULES, &arguments);
    handler::expand(&RULES, mistakes, item, |function| {
        let name = &function.sig.ident;
        quote! {
            const _: () = {
                use ::flint_sdk::__internal::handler::schedule as export;

                struct Handler;

                impl export::Guest for Handler {
                    async fn handle(tick: export::Incoming) -> ::core::result::Result<(), export::Refusal> {
                        export::serve(tick, #name).await
                    }
                }

                export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::schedule);
            };
        }
    })
}
