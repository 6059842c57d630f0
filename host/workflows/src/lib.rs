//! Amazon States Language: definitions, and the executions that are made from them.
//!
//! [`source::load`] reads a definition, or tells every mistake in it with its line. [`run::Run`] is an execution as a pure
//! state machine. Whoever drives runs has the clock, the randomness and the stores.
//!
//! Specification: <https://states-language.net/spec.html> and AWS's developer guide; where they are silent, what the service
//! was seen to do. *Absent:* WebAssembly, HTTP, redb; of tokio, all but what keeps its threads free ([`aside`]).

pub mod amount;
mod arn;
pub mod aside;
mod chance;
pub mod choice;
pub mod clock;
pub mod definition;
pub mod distributed;
pub mod draw;
pub mod dynamodb;
pub mod execution;
pub mod express;
pub mod failure;
pub mod flow;
pub mod history;
pub mod intrinsic;
pub mod jsonata;
pub mod map_run;
pub mod mistake;
pub mod moment;
pub mod number;
pub mod path;
pub mod reference;
pub mod resource;
pub mod retry;
pub mod run;
pub mod scene;
pub mod size;
pub mod source;
pub mod template;
pub mod token;
pub mod trial;
