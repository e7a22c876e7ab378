//! What arguments are refused, for every public function, derived from the schema of its arguments.

use opencom_contract::{Descriptor, Who, catalogue};
use opencom_core::{Code, Result};
use opencom_testkit::{Nobody, Settings};
use serde_json::{Value, json};

use crate::catalogue::rows::{fingerprints, rows_of};
use crate::catalogue::shape::{Argument, Shape, arguments};
use crate::catalogue::world::{Asker, FOREIGN, World};
use crate::kit::{kit, kit_with};

/// Far more than any text may have.
const MEBIBYTE: usize = 1 << 20;
/// Refusals do not send back what was too long.
const LONGEST_REFUSAL: usize = 4096;

fn public() -> impl Iterator<Item = &'static Descriptor> {
    catalogue().filter(|function| function.access.who != Who::Internal)
}

/// Somebody whom the function serves.
pub(crate) fn somebody(world: &World<'_>, function: &Descriptor) -> Asker {
    match function.access.who {
        Who::SignedIn | Who::Agent | Who::Member | Who::Permitted(_) | Who::PermittedOrPublic(_) => world.as_owner(),
        Who::Anyone | Who::Internal | Who::Visitor | Who::PermittedOrVisitor(_) => world.as_visitor(),
    }
}

#[tokio::test]
async fn the_valid_arguments_name_every_argument_and_are_accepted() {
    let kit = kit().await;
    for function in public() {
        let world = World::new(&kit).await;
        let asker = somebody(&world, function);
        let valid = world.arguments(function.path, &asker).await;
        for argument in arguments(function).iter().filter(|argument| argument.path.len() == 1) {
            assert!(
                valid.get(&argument.path[0]).is_some(),
                "{} takes {:?}: add it to gateway/tests/it/catalogue/world.rs",
                function.path,
                argument.path[0]
            );
        }
        let answer = kit.call_json(&asker, function.path, valid.clone()).await;
        assert!(answer.is_ok(), "{} {valid}: {answer:?}", function.path);
        for name in function.nulls_in {
            let mut with_null = world.arguments(function.path, &asker).await;
            with_null[*name] = Value::Null;
            if let Err(error) = kit.call_json(&asker, function.path, with_null).await {
                assert!(
                    !error.message().contains("ArgumentValidationError"),
                    "{} {name}: {error:?}",
                    function.path
                );
            }
        }
    }
}

/// A request that must be refused.
struct Wrong {
    text: String,
    /// The argument that the refusal names.
    field: String,
    /// What its text has.
    says: String,
    /// For the failure's text: what is wrong.
    what: String,
}

impl Wrong {
    fn new(arguments: &Value, argument: &str, says: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            text: arguments.to_string(),
            field: argument.to_owned(),
            says: says.into(),
            what: what.into(),
        }
    }
}

/// Everything that can be wrong with the arguments of a function.
async fn wrong_requests(world: &World<'_>, function: &Descriptor, valid: &Value) -> Vec<Wrong> {
    const MISMATCH: &str = "ArgumentValidationError: Value does not match validator.";
    let mut wrong: Vec<_> = ["[]", "1", "\"x\"", "null", "true", "", "[{}]"]
        .map(|text| Wrong {
            text: text.to_owned(),
            field: String::new(),
            says: MISMATCH.to_owned(),
            what: "no object".to_owned(),
        })
        .into();
    let mut extra = valid.clone();
    extra["bogus"] = json!(1);
    let unknown = "ArgumentValidationError: Object contains extra field `bogus` that is not in the validator.";
    wrong.push(Wrong::new(&extra, "bogus", unknown, "an extra argument"));
    for argument in arguments(function) {
        let name = argument.dotted();
        let may_be_null = function.nulls_in.contains(&argument.path[0].as_str());
        if argument.required {
            let last = argument.path.last().unwrap();
            let says = format!("Object is missing the required field `{last}`.");
            wrong.push(Wrong::new(&argument.remove(valid), &name, says, "missing"));
        }
        if !may_be_null {
            wrong.push(Wrong::new(&argument.set(valid, Value::Null), &name, MISMATCH, "null"));
        }
        if argument.checked {
            for value in of_wrong_type(&argument.shape) {
                let what = format!("the wrong type: {value}");
                wrong.push(Wrong::new(&argument.set(valid, value), &name, MISMATCH, what));
            }
        }
        wrong.extend(wrong_values(world, valid, &argument).await);
        if let Shape::Object { closed: true, .. } = argument.shape {
            let inner = Argument {
                path: [&argument.path[..], &["bogus".to_owned()]].concat(),
                ..argument.clone()
            };
            let says = format!("Object contains extra field `bogus` that is not in the validator.\nPath: .{name}");
            wrong.push(Wrong::new(
                &inner.set(valid, json!(1)),
                &inner.dotted(),
                says,
                "an extra field",
            ));
        }
    }
    wrong
}

/// Values of another JSON type.
fn of_wrong_type(shape: &Shape) -> Vec<Value> {
    let (text, number, flag, list, object) = (json!("x"), json!(1), json!(true), json!([]), json!({}));
    match shape {
        Shape::Id(_) | Shape::Text => vec![number, flag, list, object],
        Shape::Choice(choices) => vec![number, flag, list, object, text, json!({ &choices[0]: {} })],
        Shape::Number => vec![text, flag, list, object, json!("1")],
        Shape::Boolean => vec![text, number, list, object],
        Shape::List(_) => vec![text, number, flag, object],
        // A list with a value for each field, in their order, is no object either.
        Shape::Object { fields, .. } => vec![text, number, flag, list, json!(vec!["x"; fields.len()])],
        Shape::Map => vec![text, number, flag, list],
        Shape::Any => Vec::new(),
    }
}

/// Values of the right JSON type.
async fn wrong_values(world: &World<'_>, valid: &Value, argument: &Argument) -> Vec<Wrong> {
    let name = argument.dotted();
    let long = json!("x".repeat(MEBIBYTE));
    let wrong = |value: Value, says: &str, what: &str| Wrong::new(&argument.set(valid, value), &name, says, what);
    match &argument.shape {
        Shape::Id(table) => {
            let other = if table == "users" { "visitors" } else { "users" };
            let validator = format!("v.id(\"{table}\")");
            let mut found = vec![
                wrong(
                    json!(world.foreign_id(other).await),
                    &validator,
                    "an id of another table",
                ),
                wrong(json!("a\u{0}"), "U+0000", "NUL"),
            ];
            let id = world.foreign_id(table).await;
            for text in [
                "",
                "nope",
                &id.to_uppercase(),
                &format!("{id}0"),
                &id[1..],
                &format!(" {id}"),
            ] {
                let no_id = if text == id { continue } else { json!(text) };
                found.push(wrong(no_id, &validator, "no id"));
            }
            found.push(wrong(long, &validator, "1 MiB"));
            found
        }
        Shape::Text => vec![
            wrong(long, &format!("{name} must be at most"), "1 MiB"),
            wrong(json!("a\u{0}b"), "U+0000", "NUL"),
        ],
        Shape::Choice(_) => vec![
            wrong(long, "Value does not match validator", "1 MiB"),
            wrong(json!("a\u{0}b"), "U+0000", "NUL"),
        ],
        Shape::Map => vec![
            wrong(json!({ "a": "a\u{0}" }), "U+0000", "NUL"),
            wrong(json!({ "a\u{0}": 1 }), "U+0000", "NUL in a key"),
        ],
        Shape::List(inner) => match &**inner {
            Shape::Id(table) => {
                let validator = format!("v.id(\"{table}\")");
                vec![
                    wrong(json!(["nope"]), &validator, "an element that is no id"),
                    wrong(
                        json!([world.foreign_id("users").await]),
                        &validator,
                        "an element of another table",
                    ),
                    wrong(
                        json!([null]),
                        "Value does not match validator",
                        "an element that is null",
                    ),
                    wrong(
                        json!(vec![world.unknown_id(table).await; 2000]),
                        &format!("{name} must be at most"),
                        "long",
                    ),
                ]
            }
            Shape::Text => vec![
                wrong(
                    json!([1]),
                    "Value does not match validator",
                    "an element of another type",
                ),
                wrong(
                    json!([null]),
                    "Value does not match validator",
                    "an element that is null",
                ),
                wrong(json!(["a\u{0}"]), "U+0000", "NUL"),
                wrong(json!([long]), "must be at most", "an element of 1 MiB"),
                wrong(json!(vec!["x"; 2000]), &format!("{name} must be at most"), "long"),
            ],
            Shape::Choice(choices) => vec![
                wrong(
                    json!([1]),
                    "Value does not match validator",
                    "an element of another type",
                ),
                wrong(
                    json!([null]),
                    "Value does not match validator",
                    "an element that is null",
                ),
                wrong(json!(["x"]), "Value does not match validator", "an unknown element"),
                wrong(
                    json!(vec![&choices[0]; 2000]),
                    &format!("{name} must be at most"),
                    "long",
                ),
            ],
            other => panic!("lists of {other:?} are new: say in arguments.rs what is wrong with them"),
        },
        Shape::Number | Shape::Boolean | Shape::Object { .. } | Shape::Any => Vec::new(),
    }
}

/// What is not as it should be about a refusal.
fn complaint(answer: Result<String>, wrong: &Wrong) -> Option<String> {
    let Err(error) = answer else {
        return Some("it was accepted".to_owned());
    };
    let (field, text) = (error.data().field.as_deref().unwrap_or_default(), error.message());
    let is_inside = (field.strip_prefix(wrong.field.as_str())).is_some_and(|rest| rest.starts_with(['[', '.']));
    let good = error.code() == Code::InvalidInput
        && (field == wrong.field || is_inside)
        && text.contains(&wrong.says)
        && text.len() <= LONGEST_REFUSAL;
    let shown: String = text.chars().take(200).collect();
    (!good).then(|| format!("{:?} {field:?} {shown:?}", error.code()))
}

#[tokio::test]
async fn wrong_arguments_are_refused_by_name_before_anything_is_written() {
    let kit = kit().await;
    let world = World::new(&kit).await;
    let mut complaints = Vec::new();
    for function in public() {
        let valid = world.arguments(function.path, &world.as_visitor()).await;
        let requests = wrong_requests(&world, function, &valid).await;
        let before = fingerprints(&kit).await;
        for wrong in requests {
            // Nobody calls: wrong arguments are told before it is asked who calls.
            let answer = kit.call_text(&Nobody, function.kind, function.path, &wrong.text).await;
            if let Some(complaint) = complaint(answer, &wrong) {
                complaints.push(format!(
                    "{} with {} {}: {complaint}",
                    function.path, wrong.field, wrong.what
                ));
            }
        }
        if before != fingerprints(&kit).await {
            complaints.push(format!("{} wrote something", function.path));
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
async fn attributes_of_a_mebibyte_are_refused_and_nothing_is_written() {
    let kit = kit().await;
    let world = World::new(&kit).await;
    for function in public() {
        for argument in arguments(function)
            .iter()
            .filter(|argument| argument.shape == Shape::Map)
        {
            let asker = somebody(&world, function);
            let valid = world.arguments(function.path, &asker).await;
            let request = argument.set(&valid, json!({ "a": "x".repeat(MEBIBYTE) }));
            let before = fingerprints(&kit).await;
            let error = kit.call_json(&asker, function.path, request).await.unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput, "{}", function.path);
            assert_eq!(error.data().field, Some(argument.dotted()), "{}", function.path);
            assert_eq!(before, fingerprints(&kit).await, "{} wrote something", function.path);
        }
    }
}

/// The requests in which one id is another one.
async fn with_other_id(world: &World<'_>, valid: &Value, argument: &Argument, unknown: bool) -> Option<Value> {
    let id_of = async |table: &str| {
        let id = if unknown {
            world.unknown_id(table).await
        } else {
            world.foreign_id(table).await
        };
        json!(id)
    };
    Some(match &argument.shape {
        Shape::Id(table) => argument.set(valid, id_of(table).await),
        Shape::List(inner) => match &**inner {
            Shape::Id(table) => argument.set(valid, json!([id_of(table).await])),
            _ => return None,
        },
        _ => return None,
    })
}

#[tokio::test]
async fn ids_that_no_row_has_are_never_our_fault() {
    let kit = kit().await;
    let world = World::new(&kit).await;
    for function in public() {
        for asker in [world.as_owner(), world.as_visitor(), Asker::NOBODY] {
            for argument in arguments(function) {
                let valid = world.arguments(function.path, &asker).await;
                let Some(request) = with_other_id(&world, &valid, &argument, true).await else {
                    continue;
                };
                let answer = kit.call_json(&asker, function.path, request).await;
                if let Err(error) = answer {
                    assert_ne!(
                        error.code(),
                        Code::InternalError,
                        "{} {}: {error:?}",
                        function.path,
                        argument.dotted()
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn ids_of_another_workspace_show_and_change_nothing_of_it() {
    // Otherwise today's apps may name a visitor without a token.
    let kit = kit_with(Settings {
        strict_visitors: true,
        ..Settings::default()
    })
    .await;
    let world = World::new(&kit).await;
    for function in public() {
        for asker in [world.as_owner(), world.as_visitor(), Asker::NOBODY] {
            for argument in arguments(function) {
                let valid = world.arguments(function.path, &asker).await;
                let Some(request) = with_other_id(&world, &valid, &argument, false).await else {
                    continue;
                };
                let before = rows_of(&kit, &world.other.id.to_string()).await;
                let answer = kit.call_json(&asker, function.path, request).await;
                let place = format!("{} with a foreign {} for {asker:?}", function.path, argument.dotted());
                match answer {
                    Err(error) => assert_ne!(error.code(), Code::InternalError, "{place}: {error:?}"),
                    Ok(value) => assert!(!value.to_string().contains(FOREIGN), "{place}: {value}"),
                }
                // Everyone may call the others for any workspace.
                if function.access.who != Who::Anyone {
                    let after = rows_of(&kit, &world.other.id.to_string()).await;
                    assert_eq!(before, after, "{place}");
                }
            }
        }
    }
}
