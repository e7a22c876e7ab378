//! Who is served and who is refused: every function called by everybody, compared with the access rule that its
//! definition promises.

use opencom_contract::{Access, Descriptor, Kind, Otherwise, Who, catalogue};
use opencom_core::{Code, Millis, Permission, Result};
use opencom_testkit::{Kit, Nobody, Settings};
use serde_json::{Value, json};

use crate::catalogue::exceptions::{Exception, Instead, exceptions};
use crate::catalogue::principal::Principal;
use crate::catalogue::rows::fingerprints;
use crate::catalogue::shape;
use crate::catalogue::world::{World, unknown_like};
use crate::kit::kit_with;

/// The permission that a rule asks for.
fn permission_of(access: Access) -> Option<Permission> {
    match access.who {
        Who::Permitted(permission) | Who::PermittedOrVisitor(permission) | Who::PermittedOrPublic(permission) => {
            Some(permission)
        }
        _ => None,
    }
}

/// The refusal that the rule of a function promises somebody; `None` for whoever is served.
fn refusal(function: &Descriptor, principal: Principal) -> Option<(Code, String)> {
    let because = |code, text: &str| Some((code, text.to_owned()));
    let unless = |good: bool| {
        if good {
            None
        } else {
            because(Code::NotAuthenticated, "Not authenticated")
        }
    };
    match function.access.who {
        Who::Anyone => None,
        Who::Internal => because(
            Code::NotFound,
            &format!("Could not find public function for '{}'.", function.path),
        ),
        Who::SignedIn => unless(principal.is_signed_in()),
        Who::Agent => unless(principal.is_agent()),
        Who::Visitor => visitor_refusal(principal),
        Who::PermittedOrVisitor(_) if principal == Principal::OtherVisitor => {
            because(Code::NotAuthorized, not_theirs(function.path))
        }
        Who::PermittedOrVisitor(_) if principal.comes_as_visitor() => visitor_refusal(principal),
        Who::PermittedOrPublic(_) if !principal.is_agent() => None,
        Who::Member | Who::Permitted(_) | Who::PermittedOrVisitor(_) | Who::PermittedOrPublic(_) => {
            if !principal.is_agent() {
                return because(Code::NotAuthenticated, "Not authenticated");
            }
            if principal == Principal::Outsider {
                return because(Code::NotWorkspaceMember, "Not a member of this workspace");
            }
            let permission = permission_of(function.access)?;
            if principal.has(permission) {
                return None;
            }
            because(Code::PermissionDenied, &format!("Permission denied: {permission}"))
        }
    }
}

/// What the visitor's token of somebody is refused for, where it has to be one of the workspace.
fn visitor_refusal(principal: Principal) -> Option<(Code, String)> {
    let (code, text) = match principal {
        Principal::Visitor | Principal::OtherVisitor => return None,
        Principal::UnknownToken => (Code::NotAuthenticated, "Invalid session token"),
        Principal::ExpiredVisitor => (Code::SessionExpired, "Session expired"),
        Principal::ForeignVisitor => (Code::NotAuthorized, "Session token does not match workspace"),
        _ => (Code::NotAuthenticated, "Session token required"),
    };
    Some((code, text.to_owned()))
}

/// How a function tells a visitor that the row is another visitor's.
fn not_theirs(path: &str) -> &'static str {
    match path {
        "conversations:markAsRead" => "Not authorized",
        "identityVerification:getVisitorStatus" => "Not authorized to access visitor verification status",
        "messages:send" => "Not authorized to send messages to this conversation",
        "visitors:updateLocation" => "Not authorized to update location for this visitor",
        "supportAttachments:generateUploadUrl" | "supportAttachments:finalizeUpload" => {
            "Not authorized to upload files for this visitor"
        }
        "tickets:get" | "tickets:create" => "Not authorized to access this ticket",
        "articles:listForVisitor" | "articles:searchForVisitor" | "articles:getForVisitor" => {
            "Not authorized to read articles for this visitor"
        }
        "collections:listHierarchyForVisitor" => "Not authorized to list collections for this visitor",
        // Never seen: others get a fixed value.
        "conversations:get" | "messages:list" => "",
        _ => panic!("{path} is new: say in gateway/tests/it/catalogue/access.rs how it refuses another visitor"),
    }
}

/// What somebody gets.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Served,
    Refused(Code, String),
    Gets(Value),
    Less,
}

/// What the rule promises.
fn promised(function: &Descriptor, principal: Principal) -> Outcome {
    let Some((code, text)) = refusal(function, principal) else {
        return Outcome::Served;
    };
    match function.access.otherwise {
        Otherwise::Refused => Outcome::Refused(code, text),
        Otherwise::Gets(value) => Outcome::Gets(serde_json::from_str(value).unwrap()),
        Otherwise::Less => Outcome::Less,
        Otherwise::StrangersGet(value) if code == Code::NotAuthenticated => {
            Outcome::Gets(serde_json::from_str(value).unwrap())
        }
        Otherwise::StrangersGet(_) => Outcome::Refused(code, text),
    }
}

impl From<&Instead> for Outcome {
    fn from(instead: &Instead) -> Self {
        match instead {
            Instead::Served => Self::Served,
            Instead::Refused(code, text) => Self::Refused(*code, (*text).to_owned()),
            Instead::Gets(value) => Self::Gets(serde_json::from_str(value).unwrap()),
        }
    }
}

/// What is wrong with an answer.
fn complaint(function: &Descriptor, expected: &Outcome, answer: &Result<Value>) -> Option<String> {
    let good = match (expected, answer) {
        (Outcome::Refused(code, text), Err(error)) => error.code() == *code && error.message() == text,
        (Outcome::Gets(value), Ok(answer)) => answer == value,
        (Outcome::Less, Ok(answer)) => {
            let fields: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
            less(function.path).iter().copied().eq(fields)
        }
        (Outcome::Served, Ok(answer)) => got_something(function, answer),
        _ => false,
    };
    (!good).then(|| format!("{expected:?} was expected, not {answer:?}"))
}

/// The fields that remain for those who get less.
fn less(path: &str) -> &'static [&'static str] {
    match path {
        "workspaces:get" => &["_id", "_creationTime", "name", "createdAt"],
        _ => panic!("{path} is new: say in gateway/tests/it/catalogue/access.rs what remains for others"),
    }
}

/// Whether a query gave more than others get. Mutations may give nothing.
fn got_something(function: &Descriptor, answer: &Value) -> bool {
    match function.access.otherwise {
        _ if function.kind != Kind::Query => true,
        Otherwise::Refused => true,
        Otherwise::Gets(value) | Otherwise::StrangersGet(value) => {
            *answer != serde_json::from_str::<Value>(value).unwrap()
        }
        Otherwise::Less => answer.as_object().unwrap().len() > less(function.path).len(),
    }
}

/// A server that serves today's apps, or one that insists on tokens.
async fn server(strict_visitors: bool) -> Kit {
    kit_with(Settings {
        strict_visitors,
        ..Settings::default()
    })
    .await
}

/// Compares every function with its rule, and the exceptions with what they except.
async fn compare(strict: bool) {
    let kit = server(strict).await;
    let exceptions: Vec<Exception> = exceptions().filter(|exception| exception.holds(strict)).collect();
    let mut complaints = Vec::new();
    for exception in &exceptions {
        if !catalogue().any(|function| function.path == exception.path) {
            complaints.push(format!("{} is gone: delete its exception", exception.path));
        }
    }
    for function in catalogue() {
        let takes_token = shape::arguments(function)
            .iter()
            .any(|argument| argument.path == ["sessionToken"]);
        if !strict && !takes_token {
            // Only functions with a token know the difference.
            continue;
        }
        let world = World::new(&kit).await;
        let permission = permission_of(function.access);
        for principal in Principal::ALL {
            if permission.is_none() && matches!(principal, Principal::Lacking | Principal::Only) {
                continue;
            }
            let place = format!("{} as {principal:?} (strict: {strict})", function.path);
            let rule = promised(function, principal);
            let mut fitting = (exceptions.iter())
                .filter(|exception| exception.path == function.path && exception.who.contains(&principal));
            let exception = fitting.next().map(|exception| Outcome::from(&exception.instead));
            if exception.as_ref() == Some(&rule) {
                complaints.push(format!("{place}: the rule says the same: delete the exception"));
            }
            let expected = exception.unwrap_or(rule);
            if fitting.next().is_some() {
                complaints.push(format!("{place}: two exceptions"));
            }
            let asker = principal.come(&world, permission).await;
            let arguments = world.arguments(function.path, &asker).await;
            let before = fingerprints(&kit).await;
            let answer = kit.call_json(&asker, function.path, arguments).await;
            if matches!(expected, Outcome::Refused(..)) && before != fingerprints(&kit).await {
                complaints.push(format!("{place}: wrote something"));
            }
            if let Some(complaint) = complaint(function, &expected, &answer) {
                complaints.push(format!("{place}: {complaint}"));
            }
            if principal == Principal::OtherVisitor
                && function.access.who == Who::Visitor
                && let Ok(answer) = &answer
                && (answer.to_string().contains(&world.thread.conversation)
                    || answer.to_string().contains(&world.visitor.id.to_string()))
            {
                complaints.push(format!("{place}: shows another visitor's {answer}"));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[tokio::test]
async fn every_function_keeps_its_access_rule() {
    compare(true).await;
}

#[tokio::test]
async fn every_function_with_a_token_keeps_its_access_rule_where_todays_apps_are_served() {
    compare(false).await;
}

/// A heartbeat answers everybody alike, so what it did is looked up.
#[tokio::test]
async fn a_heartbeat_counts_for_the_visitor_whose_session_it_shows_and_for_nobody_else() {
    for strict in [true, false] {
        let kit = server(strict).await;
        let world = World::new(&kit).await;
        let online = json!({ "visitorId": world.visitor.id });
        for principal in Principal::ALL {
            let asker = principal.come(&world, None).await;
            let beat = world.arguments("visitors:heartbeat", &asker).await;
            kit.clock.advance(3 * Millis::MINUTE);
            kit.call_json(&asker, "visitors:heartbeat", beat).await.unwrap();
            let counted = kit
                .call_json(&Nobody, "visitors:isOnline", online.clone())
                .await
                .unwrap();
            let shows_token = principal.comes_as_visitor() && principal != Principal::NoToken;
            let counts = principal == Principal::Visitor || (!strict && !shows_token);
            assert_eq!(counted, json!(counts), "{principal:?} (strict: {strict})");
        }
    }
}

/// Whoever is not known gets the same answer for rows that exist and for rows that do not.
#[tokio::test]
async fn strangers_never_learn_whether_a_row_exists() {
    let kit = server(true).await;
    let world = World::new(&kit).await;
    // What is public is there for everybody to see.
    let guarded = catalogue().filter(|function| {
        !matches!(
            function.access.who,
            Who::Anyone | Who::Internal | Who::PermittedOrPublic(_)
        )
    });
    let mut complaints = Vec::new();
    for function in guarded {
        for principal in [
            Principal::Nobody,
            Principal::SignedOut,
            Principal::Expired,
            Principal::Incomplete,
            Principal::NoToken,
            Principal::UnknownToken,
        ] {
            // A user without an active workspace is known to functions for whoever is signed in.
            if principal == Principal::Incomplete && function.access.who == Who::SignedIn {
                continue;
            }
            let asker = principal.come(&world, None).await;
            let arguments = world.arguments(function.path, &asker).await;
            let said = |answer: Result<Value>| match answer {
                Ok(value) => value.to_string(),
                Err(error) => format!("{:?} {}", error.code(), error.message()),
            };
            let existing = said(kit.call_json(&asker, function.path, arguments.clone()).await);
            for argument in shape::arguments(function) {
                let (shape::Shape::Id(_), Some(id)) = (&argument.shape, arguments.get(&argument.path[0])) else {
                    continue;
                };
                let request = argument.set(&arguments, json!(unknown_like(id.as_str().unwrap())));
                let unknown = said(kit.call_json(&asker, function.path, request).await);
                // `workspaces:get` tells everyone which workspaces there are.
                if unknown != existing && function.access.otherwise != Otherwise::Less {
                    let name = argument.dotted();
                    complaints.push(format!(
                        "{} {name} as {principal:?}: {existing:?}, but {unknown:?} when there is none",
                        function.path
                    ));
                }
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    // The comparison means something: somebody known is told.
    let gone = json!({ "id": unknown_like(&world.thread.conversation), "status": "open" });
    let error = kit
        .call_json(&world.as_owner(), "conversations:updateStatus", gone.clone())
        .await
        .unwrap_err();
    assert_eq!(error.message(), "Conversation not found");
    let error = kit
        .call_json(&Nobody, "conversations:updateStatus", gone)
        .await
        .unwrap_err();
    assert_eq!(error.message(), "Not authenticated");
}
