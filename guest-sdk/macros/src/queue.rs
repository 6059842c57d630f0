//! `#[flint_sdk::queue]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Lit, Meta, MetaNameValue};

use crate::handler::{self, Mistakes, Rules};

const RULES: Rules = Rules {
    attribute: "#[flint_sdk::queue]",
    example: "async fn handle(message: Message<Job>) -> Result<(), Failure>",
    is_async: true,
    parameters: 1,
    returns: true,
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let concurrency = concurrency(arguments, &mut mistakes);
    handler::expand(&RULES, mistakes, item, |function| {
        let name = &function.sig.ident;
        let serve = match concurrency {
            Some(at_once) => quote! { export::serve_at_once(messages, #at_once, #name) },
            None => quote! { export::serve(messages, #name) },
        };
        quote! {
            const _: () = {
                use ::flint_sdk::__internal::handler::queue as export;

                struct Handler;

                impl export::Guest for Handler {
                    async fn handle(
                        messages: ::std::vec::Vec<export::Incoming>,
                    ) -> ::core::result::Result<::std::vec::Vec<export::ItemFailure>, export::Refusal> {
                        #serve.await
                    }
                }

                export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::queue);
            };
        }
    })
}

/// How many messages are handled at once, if it is said.
fn concurrency(arguments: TokenStream, mistakes: &mut Mistakes) -> Option<usize> {
    if arguments.is_empty() {
        return None;
    }
    let wrong = |mistakes: &mut Mistakes, arguments: &TokenStream| {
        mistakes.add(arguments, "#[flint_sdk::queue] takes `concurrency = N` alone, a number from 1 on");
        None
    };
    let Ok(Meta::NameValue(MetaNameValue { path, value, .. })) = syn::parse2(arguments.clone()) else {
        return wrong(mistakes, &arguments);
    };
    match number(&value) {
        Some(at_once) if path.is_ident("concurrency") && at_once > 0 => Some(at_once),
        _ => wrong(mistakes, &arguments),
    }
}

fn number(value: &Expr) -> Option<usize> {
    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = value else { return None };
    number.base10_parse().ok()
}
