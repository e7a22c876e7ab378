//! What is no function: the envelope of calls, and the plain HTTP endpoints.

use opencom_contract::workspaces::{AuthMethod, SignupMode};
use serde_json::{Map, Value, json};

use crate::schemas::Components;

const JSON: &str = "application/json";

/// The groups of these endpoints.
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

/// The envelope's types.
pub(crate) fn schemas() -> Components {
    let codes = [
        ("NOT_AUTHENTICATED", "Nobody is signed in, or a credential is unknown."),
        ("SESSION_EXPIRED", "The credential was good and has run out."),
        ("NOT_AUTHORIZED", "Signed in, but this is not the caller's."),
        ("PERMISSION_DENIED", "The permission named in `permission` is missing."),
        ("NOT_WORKSPACE_MEMBER", "Not a member of the workspace."),
        ("NOT_FOUND", "No such row, or not in this workspace."),
        ("ALREADY_EXISTS", "Only one of these may exist."),
        ("INVALID_INPUT", "The argument named in `field` is wrong."),
        ("RATE_LIMITED", "Too many calls; try again after `retryAfterMs`."),
        (
            "INTERNAL_ERROR",
            "The server's fault. Its log has the cause, under `requestId`.",
        ),
    ];
    let codes: Vec<_> = codes
        .into_iter()
        .map(|(code, meaning)| json!({ "const": code, "description": meaning }))
        .collect();
    let schemas = [
        (
            "Code",
            json!({ "description": "What went wrong, for programs. Every one comes with status 200.", "oneOf": codes }),
        ),
        (
            "ErrorData",
            json!({
                "type": "object",
                "properties": {
                    "code": { "$ref": "#/components/schemas/Code" },
                    "message": { "type": "string", "description": "The same as `errorMessage`." },
                    "field": { "type": "string", "description": "The argument that is wrong, as a dotted path." },
                    "permission": { "type": "string", "description": "The permission that is missing." },
                    "retryAfterMs": { "type": "number", "description": "When another try may succeed." },
                    "requestId": { "type": "string", "description": "The name of the call in the server's log." },
                },
                "required": ["code", "message"],
            }),
        ),
        (
            "Refused",
            json!({
                "title": "Error",
                "type": "object",
                "properties": {
                    "status": { "const": "error" },
                    "errorMessage": { "type": "string", "description": "For people." },
                    "errorData": { "$ref": "#/components/schemas/ErrorData" },
                    "logLines": { "$ref": "#/components/schemas/LogLines" },
                },
                "required": ["status", "errorMessage", "errorData", "logLines"],
            }),
        ),
        (
            "LogLines",
            json!({ "type": "array", "items": { "type": "string" }, "description": "Always empty." }),
        ),
        (
            "ValueFormat",
            json!({
                "type": "string",
                "enum": ["json", "convex_encoded_json"],
                "description": "How values are written. Both are the same here.",
            }),
        ),
        (
            "TransportError",
            json!({
                "type": "object",
                "description": "No function ran.",
                "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
                "required": ["code", "message"],
            }),
        ),
        (
            "WebhookError",
            json!({
                "type": "object",
                "properties": { "error": { "type": "string" } },
                "required": ["error"],
            }),
        ),
    ];
    schemas
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// The headers that answers share.
pub(crate) fn headers() -> Value {
    json!({ "RequestId": { "description": "The name of the call in the server's log.", "schema": { "type": "string" } } })
}

/// The answers of calls that got to no function.
pub(crate) fn responses() -> Value {
    let transport = |description: &str| answer(description, &reference("TransportError"));
    json!({
        "BadRequest": transport("The body is no call, or the path has no form that a function could have."),
        "BadToken": transport("The `Authorization` header is no token of this server that is still good."),
        "TooLarge": transport("The body is larger than 16 MiB."),
        "Unavailable": transport("The database does not answer. Try again after `Retry-After` seconds."),
    })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { JSON: { "schema": schema } } })
}

/// An object of texts, all of them there.
fn texts(names: &[&str]) -> Value {
    let properties: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "type": "string" })))
        .collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

/// The operations, by path.
pub(crate) fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for kind in ["query", "mutation", "action"] {
        paths.insert(format!("/api/{kind}"), json!({ "post": call(kind) }));
    }
    paths.insert("/api/storage/upload".to_owned(), json!({ "post": upload() }));
    paths.insert("/api/storage/{id}".to_owned(), json!({ "get": download() }));
    paths.insert("/.well-known/opencom.json".to_owned(), json!({ "get": discovery() }));
    let known = [
        (
            "openid-configuration",
            "getOpenidConfiguration",
            texts(&["issuer", "jwks_uri", "authorization_endpoint"]),
        ),
        (
            "jwks.json",
            "getJwks",
            json!({
                "type": "object",
                "properties": { "keys": { "type": "array", "items": texts(&["use", "kty", "n", "e"]) } },
                "required": ["keys"],
            }),
        ),
    ];
    for (name, id, schema) in known {
        let get = get(
            "Discovery",
            id,
            "How others verify agents' tokens",
            &answer("The document.", &schema),
        );
        paths.insert(format!("/.well-known/{name}"), json!({ "get": get }));
    }
    for (path, id, summary) in [
        ("/email/inbound", "receiveMail", "Takes in a mail that came"),
        (
            "/email/webhook",
            "noteDelivery",
            "Notes what became of a mail that was sent",
        ),
    ] {
        paths.insert(path.to_owned(), json!({ "post": webhook(id, summary) }));
    }
    let status = |value: &str| json!({ "type": "object", "properties": { "status": { "const": value } }, "required": ["status"] });
    let text = |description: &str, kind: &str| json!({ "description": description, "content": { kind: { "schema": { "type": "string" } } } });
    let mut ready = get(
        "Operations",
        "getReadiness",
        "Whether the database answers too",
        &answer("It does.", &status("ready")),
    );
    ready["responses"]["503"] = answer("It does not.", &status("unavailable"));
    let health = get(
        "Operations",
        "getHealth",
        "Whether the process answers",
        &answer("It does.", &status("ok")),
    );
    let metrics = text("Numbers for Prometheus.", "text/plain");
    let metrics = get("Operations", "getMetrics", "Numbers for Prometheus", &metrics);
    let this = get(
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
    for (path, operation) in [
        ("/healthz", health),
        ("/readyz", ready),
        ("/metrics", metrics),
        ("/openapi.json", this),
        ("/docs", page),
    ] {
        paths.insert(path.to_owned(), json!({ "get": operation }));
    }
    paths
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
    json!({
        "operationId": format!("call_{kind}"),
        "tags": ["HTTP calls"],
        "summary": format!("Calls the {kind} that the body names"),
        "security": [{ "agent": [] }, {}],
        "requestBody": { "required": true, "content": { JSON: { "schema": schema } } },
        "responses": {
            "200": answer("The outcome.", &json!({ "oneOf": [success, reference("Refused")] })),
            "400": { "$ref": "#/components/responses/BadRequest" },
            "401": { "$ref": "#/components/responses/BadToken" },
            "413": { "$ref": "#/components/responses/TooLarge" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
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

fn discovery() -> Value {
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
