//! Whom routes ask: functions, and workflows, of which a request starts an execution.

use super::Generation;
use super::slot::Slot;
use super::starts::request;
use super::workflows::{Answer, StartError, start};
use bytes::Bytes;
use flint_config::platform::{self, Input, Methods, Segment};
use flint_model::{ByteSize, WorkflowName};
use flint_stores::CommitError;
use flint_triggers::request::body::Capped;
use flint_triggers::request::header::VERSION;
use flint_triggers::request::{ClientBody, Problem, Refusal, idempotency};
use flint_workflows::execution::{ExecutionError, Started};
use flint_workflows::run::Outcome;
use flint_world::{Failure, Invocation, ResponseBody};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::Arc;

/// The largest body of a request that starts an execution. An input has 256 KiB as compact JSON; white space may come with it.
pub(crate) const BODY_MAX: ByteSize = ByteSize::mib(1);
/// The execution that a request started: its ARN.
const EXECUTION: HeaderName = HeaderName::from_static("flint-execution");

/// Whom a route asks.
#[derive(Debug, Clone)]
pub(crate) enum Callee {
    /// The function of this place.
    Function(Arc<Slot>),
    /// A workflow.
    Workflow(Arc<Entrance>),
}

/// How a route leads into a workflow.
#[derive(Debug)]
pub(crate) struct Entrance {
    workflow: WorkflowName,
    input: Input,
    /// The parameters of its path.
    params: Vec<String>,
    /// Whether a key is the name of the execution, and, if it is, whether there must be one.
    names: Option<Names>,
    /// The methods that it takes, for who may not ask with `HEAD`.
    allow: HeaderValue,
}

/// That keys are names.
#[derive(Debug, Clone, Copy)]
struct Names {
    required: bool,
}

/// What comes of a request.
type Called = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

/// An answer of a function, or of the host in the place of one.
pub(crate) type Body = Either<ResponseBody, Full<Bytes>>;

impl Entrance {
    /// The entrance of a route to a workflow of this kind. The answers of an express one may be kept, as those of functions are; then
    /// its key is not a name.
    pub(crate) fn new(route: &platform::Route, workflow: &WorkflowName, input: Input, kind: platform::Kind) -> Self {
        let param = |segment: &Segment| match segment {
            Segment::Literal(_) => None,
            Segment::Param(name) | Segment::Rest(name) => Some(name.clone()),
        };
        let names = route.idempotency.filter(|_| kind == platform::Kind::Standard);
        let methods = match &route.methods {
            Methods::Any => Vec::new(),
            Methods::Only(methods) => methods.iter().map(ToString::to_string).collect(),
        };
        Self {
            workflow: workflow.clone(),
            input,
            params: route.path.segments().iter().filter_map(param).collect(),
            names: names.map(|keys| Names { required: keys.required }),
            // Methods are tokens, which a header can have.
            allow: HeaderValue::try_from(methods.join(", ")).unwrap_or(HeaderValue::from_static("POST")),
        }
    }
}

impl Callee {
    /// Asks with a request, by what is served at this moment. What was chosen for it stays, whatever changes meanwhile.
    ///
    /// # Errors
    /// That of the function, or that the request could not be read.
    pub(crate) fn call(
        &self,
        current: &Arc<Generation>,
        invocation: Invocation,
        request: Request<Capped<ClientBody>>,
    ) -> Called {
        // In a box: it is handed on several times until it is polled, and what it holds would be copied each time.
        match self {
            Self::Function(slot) => {
                let chosen = slot.choose_for(request.extensions());
                Box::pin(async move {
                    let (live, tells) = chosen?;
                    let mut response = live.function.http(invocation, request).await?;
                    if tells {
                        response.headers_mut().insert(VERSION, live.header().clone());
                    }
                    Ok(response.map(Either::Left))
                })
            }
            Self::Workflow(entrance) => {
                let (entrance, current) = (Arc::clone(entrance), Arc::clone(current));
                Box::pin(async move { entrance.enter(&current, invocation, request).await })
            }
        }
    }
}

impl Entrance {
    async fn enter(
        &self,
        current: &Generation,
        invocation: Invocation,
        request: Request<Capped<ClientBody>>,
    ) -> Result<Response<Body>, Failure> {
        let id = invocation.id;
        let (parts, body) = request.into_parts();
        let (body, _held) = current.request_memory.read(body, BODY_MAX).await?;
        let answered = async {
            // Who only looks starts nothing.
            if parts.method == Method::HEAD {
                return Err(Refusal::MethodNotAllowed(self.allow.clone()).into());
            }
            let key = match self.names {
                Some(Names { required }) => idempotency::key(required, &parts.method, &parts.headers)?,
                None => None,
            };
            let name = request::name(key.as_deref(), &parts.headers);
            let input = request::input(self.input, &parts, &self.params, &body)
                .map_err(|reason| Problem::new(StatusCode::BAD_REQUEST, "workflow/invalid-input", reason))?;
            Ok((start(current, &self.workflow, &name, input, invocation).await.map_err(|error| problem(&error))?, name))
        };
        let response = match answered.await {
            Ok((Answer::Started(started), name)) => accepted(&started, &name),
            Ok((Answer::Ended(Outcome::Succeeded(output)), _)) => json_answer(StatusCode::OK, &output),
            Ok((Answer::Ended(outcome), _)) => failed(outcome).into_response(id),
            Err::<_, Problem>(problem) => problem.into_response(id),
        };
        Ok(response.map(|body| Either::Right(Full::new(body))))
    }
}

/// The execution runs, whoever waits for it.
fn accepted(started: &Started, name: &str) -> Response<Bytes> {
    let Started { id, is_new } = started;
    let mut response = json_answer(StatusCode::ACCEPTED, &json!({ "id": id, "name": name, "is_new": is_new }));
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(EXECUTION, id);
    }
    if !is_new {
        response.headers_mut().insert(idempotency::REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn json_answer(status: StatusCode, value: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How an execution ended that did not succeed, for who waited for it.
fn failed(outcome: Outcome) -> Problem {
    match outcome {
        Outcome::TimedOut => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "workflow/timed-out", "the execution ran into its time-out")
        }
        Outcome::Failed(failure) | Outcome::Aborted(failure) => {
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "workflow/failed", "the execution failed");
            problem.with("error", failure.error).with("cause", failure.cause)
        }
        Outcome::Succeeded(_) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host/internal", "the host failed to answer")
        }
    }
}

/// Why nothing was started, for its client; the log has what that need not know.
fn problem(error: &StartError) -> Problem {
    use ExecutionError as E;
    let (status, code) = match error {
        StartError::Execution(E::Exists { .. }) => (StatusCode::CONFLICT, "workflow/execution-exists"),
        StartError::Execution(E::TooLarge { .. }) => (StatusCode::PAYLOAD_TOO_LARGE, "workflow/too-large"),
        StartError::Execution(E::Commit(CommitError::Unavailable { .. } | CommitError::Full { .. }) | E::Read(_))
        | StartError::NoWorkflow(_) => (StatusCode::SERVICE_UNAVAILABLE, "workflow/unavailable"),
        StartError::Execution(
            E::Commit(_) | E::Corrupt { .. } | E::Missing { .. } | E::Ended { .. } | E::Name { .. } | E::Express { .. },
        ) => {
            tracing::error!(%error, "a request could not start an execution");
            let detail = "the host failed to start the execution";
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host/internal", detail);
        }
    };
    Problem::new(status, code, error.to_string())
}
