//! `#[flint_sdk::topic]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::handler::{self, Rules};

const RULES: Rules = Rules {
    attribute: "#[flint_sdk::topic]",
    example: "async fn handle(message: Message<Order>) -> Result<(), Failure>",
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
                use ::flint_sdk::__internal::handler::topic as export;

                struct Handler;

                impl export::Guest for Handler {
                    async fn handle(
                        messages: ::std::vec::Vec<export::Incoming>,
                    ) -> ::core::result::Result<::std::vec::Vec<export::ItemFailure>, export::Refusal> {
                        export::serve(messages, #name).await
                    }
                }

                export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::topic);
            };
        }
    })
}
