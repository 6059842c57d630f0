//! Who does the work of a Task state.

/// A resource, as far as it tells who does the work and when the state goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// As it was written.
    pub text: String,
    /// Who does it.
    pub service: Service,
    /// When the state goes on.
    pub pattern: Pattern,
}

/// Who does the work of a Task state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// A function, by its name in kebab case: of `arn:aws:lambda:…:function:validateOrder:$LATEST`, `validate-order`. `name` is
    /// what was written (`validateOrder`).
    Function {
        /// Its name.
        name: String,
    },
    /// `lambda:invoke`: the function that the arguments name.
    Invoke,
    /// `sqs:sendMessage`.
    SqsSendMessage,
    /// `sns:publish`.
    SnsPublish,
    /// `states:startExecution`.
    StartExecution,
    /// `dynamodb:getItem`.
    DynamoDbGetItem,
    /// `dynamodb:putItem`.
    DynamoDbPutItem,
    /// `dynamodb:updateItem`.
    DynamoDbUpdateItem,
    /// `dynamodb:deleteItem`.
    DynamoDbDeleteItem,
    /// `events:putEvents`.
    PutEvents,
    /// An activity, by its name: a worker asks for what there is to do.
    Activity {
        /// Its name.
        name: String,
    },
    /// Any other service of AWS, which nothing here serves: a trial answers it by a mock.
    Other {
        /// Such as `glue`, or `aws-sdk:s3`.
        service: String,
        /// Such as `startJobRun`.
        action: String,
    },
}

/// When a Task state goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// When the service has answered.
    RequestResponse,
    /// When what was started has ended (`.sync`), whose output is a text then.
    Sync,
    /// The same (`.sync:2`), whose output is JSON.
    Sync2,
    /// When somebody has sent the token back (`.waitForTaskToken`).
    WaitForTaskToken,
}

/// The services that a platform serves, as the last parts of `arn:aws:states:::` name them.
const SERVICES: [(&str, Service); 9] = [
    ("lambda:invoke", Service::Invoke),
    ("sqs:sendMessage", Service::SqsSendMessage),
    ("sns:publish", Service::SnsPublish),
    ("states:startExecution", Service::StartExecution),
    ("dynamodb:getItem", Service::DynamoDbGetItem),
    ("dynamodb:putItem", Service::DynamoDbPutItem),
    ("dynamodb:updateItem", Service::DynamoDbUpdateItem),
    ("dynamodb:deleteItem", Service::DynamoDbDeleteItem),
    ("events:putEvents", Service::PutEvents),
];

/// How much alike two names are of which one may be meant for the other, of 1.
const NEAR: f64 = 0.85;

impl Resource {
    /// Whether the state goes on when somebody tells the end, rather than when the service has answered.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.pattern != Pattern::RequestResponse || matches!(self.service, Service::Activity { .. })
    }

    /// Why no platform can serve it, for people; `None`: one can.
    #[must_use]
    pub fn unserved(&self) -> Option<String> {
        let text = &self.text;
        if text.contains("${") {
            return Some(format!("`{text}` has a `${{…}}` in it, which is replaced when the definition is deployed"));
        }
        matches!(self.service, Service::Other { .. }).then(|| {
            format!("`{text}` is a service that no platform serves; `flint workflow run` tries it with a mock")
        })
    }

    /// The served one whose name is nearest to a text, if one is near.
    #[must_use]
    pub fn near(text: &str) -> Option<String> {
        let mut last = text.rsplitn(3, ':');
        let (action, service) = (last.next()?, last.next()?);
        let written = format!("{service}:{action}");
        let likeness = |name: &str| strsim::jaro_winkler(name, &written);
        let (near, _) = SERVICES.iter().max_by(|(left, _), (right, _)| likeness(left).total_cmp(&likeness(right)))?;
        (likeness(near) > NEAR).then(|| format!("arn:aws:states:::{near}"))
    }

    /// Reads the `Resource` of a Task state. A `${…}`, which is replaced when a definition is deployed, may stand for a part of
    /// it, or for a function.
    ///
    /// # Errors
    /// A sentence that says what is known, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let masked = masked(text);
        let (service, pattern) = match masked.strip_prefix("arn:") {
            None => (
                Service::Function { name: function(text).ok_or_else(|| not_a_function(text))? },
                Pattern::RequestResponse,
            ),
            Some(rest) => arn(rest).ok_or_else(|| unknown(text))?,
        };
        Ok(Self { text: text.to_owned(), service, pattern })
    }
}

/// A text whose `${…}` have no colons in them, as `${AWS::Region}` has.
fn masked(text: &str) -> String {
    let mut is_within = false;
    let mask = |(at, letter): (usize, char)| {
        is_within = (is_within || text[at..].starts_with("${")) && letter != '}';
        if is_within && letter == ':' { '_' } else { letter }
    };
    text.char_indices().map(mask).collect()
}

/// Reads what follows `arn:`.
fn arn(text: &str) -> Option<(Service, Pattern)> {
    let parts: Vec<_> = text.splitn(5, ':').collect();
    match parts[..] {
        [_, "lambda", _, _, rest] => {
            let name = rest.strip_prefix("function:")?.split(':').next()?;
            Some((Service::Function { name: function(name)? }, Pattern::RequestResponse))
        }
        [_, "states", _, _, rest] if rest.starts_with("activity:") => {
            let name = rest.strip_prefix("activity:").filter(|name| !name.is_empty() && !name.contains(':'))?;
            Some((Service::Activity { name: name.to_owned() }, Pattern::RequestResponse))
        }
        [_, "states", _, _, rest] => integration(rest),
        _ => None,
    }
}

/// Reads such as `sqs:sendMessage.waitForTaskToken`.
fn integration(text: &str) -> Option<(Service, Pattern)> {
    let (name, pattern) = match text.split_once('.') {
        None => (text, Pattern::RequestResponse),
        Some((name, "sync")) => (name, Pattern::Sync),
        Some((name, "sync:2")) => (name, Pattern::Sync2),
        Some((name, "waitForTaskToken")) => (name, Pattern::WaitForTaskToken),
        Some(_) => return None,
    };
    let of_sdk = name.strip_prefix("aws-sdk:");
    let known = match of_sdk {
        Some("sfn:startExecution") => "states:startExecution",
        Some("eventbridge:putEvents") => "events:putEvents",
        Some(name) => name,
        None => name,
    };
    let is_sync = matches!(pattern, Pattern::Sync | Pattern::Sync2);
    match SERVICES.iter().find(|(name, _)| *name == known) {
        Some((_, service)) if takes(service, pattern) => Some((service.clone(), pattern)),
        // "AWS SDK integrations": they wait for a token, and not for the end of a job.
        _ if of_sdk.is_some() => other(name).filter(|_| !is_sync).map(|service| (service, pattern)),
        // What these services do besides is called as an action of the SDK.
        _ if SERVICES.iter().any(|(known, _)| known.split(':').next() == name.split(':').next()) => None,
        _ => other(name).map(|service| (service, pattern)),
    }
}

/// Whether a state can go on so after a call of this service.
fn takes(service: &Service, pattern: Pattern) -> bool {
    match pattern {
        Pattern::RequestResponse => true,
        Pattern::Sync | Pattern::Sync2 => *service == Service::StartExecution,
        Pattern::WaitForTaskToken => matches!(
            service,
            Service::Invoke
                | Service::SqsSendMessage
                | Service::SnsPublish
                | Service::StartExecution
                | Service::PutEvents
        ),
    }
}

/// Reads the service and the action of one that is not served.
fn other(name: &str) -> Option<Service> {
    let (service, action) = name.rsplit_once(':')?;
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_${}".contains(letter))
    };
    let is_service = is_name(service.strip_prefix("aws-sdk:").unwrap_or(service));
    (is_service && is_name(action)).then(|| Service::Other { service: service.to_owned(), action: action.to_owned() })
}

/// The name of a function, if it can be one: as it is written.
fn function(name: &str) -> Option<String> {
    let is_placeholder = name.starts_with("${") && name.find('}') == Some(name.len() - 1);
    let is_name = !name.is_empty()
        && name.len() <= 140
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    (is_name || is_placeholder).then(|| name.to_owned())
}

fn not_a_function(text: &str) -> String {
    format!("`{text}` is neither the name of a function (letters, digits, `-` and `_`) nor an ARN")
}

fn unknown(text: &str) -> String {
    let near = Resource::near(text).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!(
        "`{text}` is no resource: there are functions, by name or Lambda ARN, activities, and `arn:aws:states:::` with a service \
         and its action, `.sync`, `.sync:2` and `.waitForTaskToken` after those that have it{near}"
    )
}

/// A name in kebab case, as functions have it: of `validateOrder`, `ValidateOrder` and `validate_order`, `validate-order`.
#[must_use]
pub fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    let mut last_is_lower = false;
    for letter in name.chars() {
        if letter == '_' || letter == '-' {
            kebab.push('-');
            last_is_lower = false;
            continue;
        }
        if letter.is_ascii_uppercase() && last_is_lower {
            kebab.push('-');
        }
        last_is_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_is_read() {
        let function = |name: &str| Service::Function { name: name.to_owned() };
        let cases = [
            ("resize", function("resize"), Pattern::RequestResponse),
            (
                "arn:aws:lambda:us-east-1:123456789:function:validateOrder",
                function("validateOrder"),
                Pattern::RequestResponse,
            ),
            ("arn:aws-cn:lambda:cn-north-1:1:function:a_b:$LATEST", function("a_b"), Pattern::RequestResponse),
            ("arn:aws:lambda:eu-west-1:1:function:f:7", function("f"), Pattern::RequestResponse),
            ("arn:aws:states:::lambda:invoke", Service::Invoke, Pattern::RequestResponse),
            ("arn:aws:states:::lambda:invoke.waitForTaskToken", Service::Invoke, Pattern::WaitForTaskToken),
            ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", Service::SqsSendMessage, Pattern::WaitForTaskToken),
            ("arn:aws:states:::states:startExecution.sync", Service::StartExecution, Pattern::Sync),
            ("arn:aws:states:::states:startExecution.sync:2", Service::StartExecution, Pattern::Sync2),
            ("arn:aws:states:::aws-sdk:dynamodb:getItem", Service::DynamoDbGetItem, Pattern::RequestResponse),
            (
                "arn:aws:states:us-east-1:1:activity:review",
                Service::Activity { name: "review".to_owned() },
                Pattern::RequestResponse,
            ),
        ];
        for (text, service, pattern) in cases {
            let resource = Resource::parse(text).expect(text);
            assert_eq!(resource.unserved(), None);
            assert_eq!((resource.service, resource.pattern), (service, pattern), "{text}");
        }
    }

    #[test]
    fn a_service_that_nobody_serves_is_read_with_its_action() {
        let cases = [
            ("arn:aws:states:::glue:startJobRun.sync", "glue", "startJobRun", Pattern::Sync),
            ("arn:aws:states:::batch:submitJob.sync:2", "batch", "submitJob", Pattern::Sync2),
            ("arn:aws-cn:states:::ecs:runTask.waitForTaskToken", "ecs", "runTask", Pattern::WaitForTaskToken),
            ("arn:aws:states:::http:invoke", "http", "invoke", Pattern::RequestResponse),
            ("arn:aws:states:::emr-serverless:startJobRun", "emr-serverless", "startJobRun", Pattern::RequestResponse),
            ("arn:aws:states:eu-west-1:1:aws-sdk:s3:getObject", "aws-sdk:s3", "getObject", Pattern::RequestResponse),
            (
                "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
                "aws-sdk:dynamodb",
                "putItem",
                Pattern::WaitForTaskToken,
            ),
            (
                "arn:${AWS::Partition}:states:::athena:getQueryResults",
                "athena",
                "getQueryResults",
                Pattern::RequestResponse,
            ),
        ];
        for (text, service, action, pattern) in cases {
            let resource = Resource::parse(text).expect(text);
            assert!(resource.unserved().is_some_and(|why| why.contains(text)), "{text}");
            let service = Service::Other { service: service.to_owned(), action: action.to_owned() };
            assert_eq!((resource.service, resource.pattern), (service, pattern), "{text}");
        }
    }

    #[test]
    fn what_is_replaced_at_a_deployment_stands_for_a_function_or_a_part() {
        let function = |name: &str| Service::Function { name: name.to_owned() };
        let cases = [
            ("${ValidateArn}", function("${ValidateArn}")),
            ("arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${Validate}:live", function("${Validate}")),
            ("arn:${AWS::Partition}:states:::lambda:invoke", Service::Invoke),
        ];
        for (text, service) in cases {
            let resource = Resource::parse(text).expect(text);
            assert!(resource.unserved().is_some_and(|why| why.contains("is replaced when")), "{text}");
            assert_eq!(resource.service, service, "{text}");
        }
    }

    #[test]
    fn what_is_no_resource_is_told() {
        for text in [
            "",
            "a b",
            "${a}${b}",
            "${a",
            "arn:aws:states:::batch",
            "arn:aws:states:::batch:",
            "arn:aws:states:::batch:submit job",
            "arn:aws:states:::batch:submitJob.later",
            "arn:aws:states:::a:b:c",
            "arn:aws:states:::sqs:deleteMessage",
            "arn:aws:states:::sqs:sendMessage.sync",
            "arn:aws:states:::aws-sdk:glue:startJobRun.sync",
            "arn:aws:states:::dynamodb:getItem.waitForTaskToken",
            "arn:aws:lambda:x:1:layer:y",
        ] {
            Resource::parse(text).expect_err(text);
        }
        let message = Resource::parse("arn:aws:states:::sqs:sendMesage").expect_err("a typing error");
        assert!(message.contains("did you mean `arn:aws:states:::sqs:sendMessage`?"), "{message}");
    }

    #[test]
    fn names_of_functions_are_kebab_case() {
        let cases = [
            ("validateOrder", "validate-order"),
            ("ValidateOrder", "validate-order"),
            ("a_b", "a-b"),
            ("resize", "resize"),
            ("image2Text", "image2-text"),
        ];
        for (name, kebab_name) in cases {
            assert_eq!(kebab(name), kebab_name);
        }
    }
}
