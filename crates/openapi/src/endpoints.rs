//! The endpoints that are not functions: calls that name their function in the body, and plain HTTP.

use opencom_contract::workspaces::{AuthMethod, SignupMode};
use serde_json::{Map, Value, json};

use crate::envelope::{JSON, answer, call_responses, reference};

/// The tags of these endpoints.
pub(crate) fn tags() -> impl Iterator<Item = Value> {
    [
        ("HTTP calls", "Calls that name their function in the body."),
        ("Files", "Uploads and downloads."),
        ("Discovery", "What clients read before they connect."),
        ("Mail", "Webhooks of the provider of mail. Signed; no page calls them."),
        ("Operations", "What operators and their machines ask."),
    ]
    .into_iter()
    .map(|(name, description)| json!({ "name": name, "description": description }))
}

/// A schema of an object whose fields are texts, all of them required.
fn texts(names: &[&str]) -> Value {
    let properties: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "type": "string" })))
        .collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

/// The operations, by path.
pub(crate) fn paths() -> Map<String, Value> {
    calls()
        .into_iter()
        .chain(files())
        .chain(discovery())
        .chain(mail())
        .chain(operations())
        .chain(description())
        .map(|(path, method, operation)| (path.to_owned(), json!({ method: operation })))
        .collect()
}

/// Path, method and operation.
type Endpoint = (&'static str, &'static str, Value);

fn calls() -> [Endpoint; 3] {
    [
        ("/api/query", "post", call("query")),
        ("/api/mutation", "post", call("mutation")),
        ("/api/action", "post", call("action")),
    ]
}

fn files() -> [Endpoint; 2] {
    [
        ("/api/storage/upload", "post", upload()),
        ("/api/storage/{id}", "get", download()),
    ]
}

fn discovery() -> [Endpoint; 3] {
    let known = |id: &str, schema: &Value| {
        let summary = "How others verify agents' tokens";
        get("Discovery", id, summary, &answer("The document.", schema))
    };
    let configuration = texts(&["issuer", "jwks_uri", "authorization_endpoint"]);
    let keys = json!({
        "type": "object",
        "properties": { "keys": { "type": "array", "items": texts(&["use", "kty", "n", "e"]) } },
        "required": ["keys"],
    });
    [
        ("/.well-known/opencom.json", "get", metadata()),
        (
            "/.well-known/openid-configuration",
            "get",
            known("getOpenidConfiguration", &configuration),
        ),
        ("/.well-known/jwks.json", "get", known("getJwks", &keys)),
    ]
}

fn mail() -> [Endpoint; 2] {
    [
        (
            "/email/inbound",
            "post",
            webhook("receiveMail", "Takes in a mail that came"),
        ),
        (
            "/email/webhook",
            "post",
            webhook("noteDelivery", "Notes what became of a mail that was sent"),
        ),
    ]
}

fn operations() -> [Endpoint; 3] {
    let status = |value: &str| {
        let properties = json!({ "status": { "const": value } });
        json!({ "type": "object", "properties": properties, "required": ["status"] })
    };
    let health = get(
        "Operations",
        "getHealth",
        "Whether the process answers",
        &answer("It does.", &status("ok")),
    );
    let mut ready = get(
        "Operations",
        "getReadiness",
        "Whether the database answers too",
        &answer("It does.", &status("ready")),
    );
    ready["responses"]["503"] = answer("It does not.", &status("unavailable"));
    let metrics = text("Numbers for Prometheus.", "text/plain");
    let metrics = get("Operations", "getMetrics", "Numbers for Prometheus", &metrics);
    [
        ("/healthz", "get", health),
        ("/readyz", "get", ready),
        ("/metrics", "get", metrics),
    ]
}

fn description() -> [Endpoint; 2] {
    let document = get(
        "Discovery",
        "getOpenapi",
        "This document",
        &answer("The document.", &json!({ "type": "object" })),
    );
    let page = get(
        "Discovery",
        "getDocs",
        "This document as a page",
        &text("The page.", "text/html"),
    );
    [("/openapi.json", "get", document), ("/docs", "get", page)]
}

/// A response that is text of this media type.
fn text(description: &str, media_type: &str) -> Value {
    json!({ "description": description, "content": { media_type: { "schema": { "type": "string" } } } })
}

fn get(tag: &str, id: &str, summary: &str, success: &Value) -> Value {
    json!({
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "security": [],
        "responses": { "200": success },
    })
}

fn call(kind: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "path": { "type": "string", "description": "`module:function`", "examples": ["messages:list"] },
            "args": { "type": "object", "description": "What the function takes." },
            "format": reference("ValueFormat"),
        },
        "required": ["path"],
    });
    let success = json!({
        "title": "Success",
        "type": "object",
        "properties": {
            "status": { "const": "success" },
            "value": { "description": "What the function gives." },
            "logLines": reference("LogLines"),
        },
        "required": ["status", "value", "logLines"],
    });
    let outcome = answer("The outcome.", &json!({ "oneOf": [success, reference("Refused")] }));
    json!({
        "operationId": format!("call_{kind}"),
        "tags": ["HTTP calls"],
        "summary": format!("Calls the {kind} that the body names"),
        "security": [{ "agent": [] }, {}],
        "requestBody": { "required": true, "content": { JSON: { "schema": schema } } },
        "responses": call_responses(&outcome),
    })
}

fn upload() -> Value {
    let refused = |description: &str| answer(description, &reference("TransportError"));
    json!({
        "operationId": "uploadFile",
        "tags": ["Files"],
        "summary": "Stores a file",
        "description": "The address, with its token, is what a function like `supportAttachments:generateUploadUrl` gives. \
                        It is good once.",
        "security": [],
        "parameters": [{ "name": "token", "in": "query", "required": true, "schema": { "type": "string" } }],
        "requestBody": { "required": true, "content": { "application/octet-stream": { "schema": {} } } },
        "responses": {
            "200": answer("The file's id.", &json!({
                "type": "object",
                "properties": { "storageId": { "type": "string" } },
                "required": ["storageId"],
            })),
            "400": refused("The upload was cut short."),
            "403": refused("The address is not good, or not any more."),
            "413": refused("The file is larger than the address allows."),
            "500": refused("The file could not be stored."),
        },
    })
}

fn download() -> Value {
    let bytes = json!({ "*/*": { "schema": {} } });
    let refused = |description: &str| answer(description, &reference("TransportError"));
    json!({
        "operationId": "downloadFile",
        "tags": ["Files"],
        "summary": "A file, or a range of it",
        "security": [],
        "parameters": [
            { "name": "id", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" } },
            { "name": "Range", "in": "header", "schema": { "type": "string" } },
        ],
        "responses": {
            "200": { "description": "The file.", "content": bytes },
            "206": { "description": "The range.", "content": bytes },
            "404": refused("There is no such file."),
            "416": { "description": "The file has no such range." },
            "500": refused("The file could not be read."),
        },
    })
}

fn metadata() -> Value {
    let choices = |texts: Vec<&str>| json!({ "type": "string", "enum": texts });
    let mut document = texts(&["version", "name", "convexUrl"]);
    let properties = &mut document["properties"];
    properties["features"] = json!({ "type": "array", "items": { "type": "string" } });
    properties["signupMode"] = choices(SignupMode::ALL.iter().map(|mode| mode.as_str()).collect());
    let methods = choices(AuthMethod::ALL.iter().map(|method| method.as_str()).collect());
    properties["authMethods"] = json!({ "type": "array", "items": methods });
    document["required"] = json!(["version", "name", "convexUrl", "features"]);
    let summary = "What apps read before they connect";
    let mut operation = get(
        "Discovery",
        "getDiscovery",
        summary,
        &answer("The description.", &document),
    );
    operation["responses"]["403"] = answer("The page's origin may not.", &reference("WebhookError"));
    operation["responses"]["500"] = answer("The server's fault.", &reference("WebhookError"));
    operation
}

fn webhook(id: &str, summary: &str) -> Value {
    let refused = |description: &str| answer(description, &reference("WebhookError"));
    let signature = ["svix-id", "svix-timestamp", "svix-signature"]
        .map(|name| json!({ "name": name, "in": "header", "schema": { "type": "string" } }));
    json!({
        "operationId": id,
        "tags": ["Mail"],
        "summary": summary,
        "security": [],
        "parameters": signature,
        "requestBody": { "required": true, "content": { JSON: { "schema": { "type": "object" } } } },
        "responses": {
            "200": answer("Taken.", &json!({ "type": "object" })),
            "400": refused("The body was cut short."),
            "401": refused("The signature is missing or wrong, or the server has no secret to check it with."),
            "403": refused("The workspace takes no mail."),
            "404": refused("No workspace has this address."),
            "413": refused("The report is too large."),
            "429": refused("Too many reports from this address. Try again after `Retry-After` seconds."),
            "500": refused("The server's fault; the provider reports again."),
        },
    })
}
