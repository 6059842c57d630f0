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

/// The services that a state can call, as the last parts of `arn:aws:states:::` name them.
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

impl Resource {
    /// Whether the state goes on when somebody tells the end, rather than when the service has answered.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.pattern != Pattern::RequestResponse || matches!(self.service, Service::Activity { .. })
    }

    /// Reads the `Resource` of a Task state.
    ///
    /// # Errors
    /// A sentence that says what is known, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (service, pattern) = match text.strip_prefix("arn:") {
            None => (
                Service::Function { name: function(text).ok_or_else(|| not_a_function(text))? },
                Pattern::RequestResponse,
            ),
            Some(rest) => arn(rest).ok_or_else(|| unknown(text))?,
        };
        Ok(Self { text: text.to_owned(), service, pattern })
    }
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
    let (action, pattern) = match text.split_once('.') {
        None => (text, Pattern::RequestResponse),
        Some((action, "sync")) => (action, Pattern::Sync),
        Some((action, "sync:2")) => (action, Pattern::Sync2),
        Some((action, "waitForTaskToken")) => (action, Pattern::WaitForTaskToken),
        Some(_) => return None,
    };
    let action = match action.strip_prefix("aws-sdk:") {
        Some("sfn:startExecution") => "states:startExecution",
        Some("eventbridge:putEvents") => "events:putEvents",
        Some(action) => action,
        None => action,
    };
    let (_, service) = SERVICES.iter().find(|(name, _)| *name == action)?;
    let is_allowed = match (pattern, service) {
        (Pattern::RequestResponse, _) | (Pattern::Sync | Pattern::Sync2, Service::StartExecution) => true,
        (Pattern::WaitForTaskToken, service) => {
            let with_token = [
                Service::Invoke,
                Service::SqsSendMessage,
                Service::SnsPublish,
                Service::StartExecution,
                Service::PutEvents,
            ];
            with_token.contains(service)
        }
        _ => false,
    };
    is_allowed.then(|| (service.clone(), pattern))
}

/// The name of a function, if it can be one: as it is written.
fn function(name: &str) -> Option<String> {
    let is_name = !name.is_empty()
        && name.len() <= 140
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    is_name.then(|| name.to_owned())
}

fn not_a_function(text: &str) -> String {
    format!("`{text}` is neither the name of a function (letters, digits, `-` and `_`) nor an ARN")
}

fn unknown(text: &str) -> String {
    let names = SERVICES.iter().map(|(name, _)| *name);
    let written = text.rsplitn(3, ':').take(2).collect::<Vec<_>>();
    let written = written.into_iter().rev().collect::<Vec<_>>().join(":");
    let near = names
        .clone()
        .max_by(|left, right| strsim::jaro_winkler(left, &written).total_cmp(&strsim::jaro_winkler(right, &written)));
    let near = near
        .filter(|near| strsim::jaro_winkler(near, &written) > 0.85)
        .map(|near| format!("; did you mean `arn:aws:states:::{near}`?"));
    let known = names.collect::<Vec<_>>().join("`, `");
    format!(
        "`{text}` is no resource that can be called here: there are functions, by name or Lambda ARN, activities, and `arn:aws:states:::` with \
         `{known}` (`.sync` and `.sync:2` of an execution, `.waitForTaskToken` of those that pass a token on){}",
        near.unwrap_or_default()
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
            assert_eq!((resource.service, resource.pattern), (service, pattern), "{text}");
        }
    }

    #[test]
    fn what_is_no_resource_is_told() {
        for text in [
            "",
            "a b",
            "arn:aws:states:::batch:submitJob.sync",
            "arn:aws:states:::sqs:sendMessage.sync",
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
