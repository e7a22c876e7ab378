//! Uploads and downloads as a browser does them.

use opencom_testkit::Visitor;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Wire, answer};

struct Uploader {
    wire: Wire,
    workspace: Value,
    visitor: Visitor,
}

impl Uploader {
    async fn start() -> Self {
        let wire = Wire::start().await;
        let workspace = wire.kit.workspace().await;
        let visitor = wire.kit.visitor(&workspace).await;
        Self {
            wire,
            workspace: json!(workspace.id),
            visitor,
        }
    }

    /// An upload address, as a path on this server: the address itself has the public name.
    async fn address(&self) -> String {
        let args = json!({ "workspaceId": self.workspace, "sessionToken": self.visitor.token });
        let url = self
            .wire
            .value("mutation", "supportAttachments:generateUploadUrl", args, None)
            .await;
        url.as_str()
            .unwrap()
            .strip_prefix("http://opencom.test")
            .unwrap()
            .to_owned()
    }

    async fn put(&self, address: &str, content_type: &str, bytes: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let request = self
            .wire
            .request(Method::POST, address)
            .header("Content-Type", content_type);
        answer(request.body(bytes).send().await.unwrap()).await
    }

    async fn finalize(&self, storage_id: &Value, name: &str) -> Value {
        let args = json!({
            "workspaceId": self.workspace,
            "sessionToken": self.visitor.token,
            "storageId": storage_id,
            "fileName": name,
        });
        self.wire
            .value("mutation", "supportAttachments:finalizeUpload", args, None)
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_file_is_attached_and_fetched() {
    let uploader = Uploader::start().await;
    let (status, stored) = uploader
        .put(&uploader.address().await, "image/png", "not really a picture")
        .await;
    assert_eq!(status, StatusCode::OK, "{stored}");
    let staged = uploader.finalize(&stored["storageId"], "C:\\shots\\screen.PNG").await;
    assert_eq!(
        (
            &staged["status"],
            &staged["fileName"],
            &staged["mimeType"],
            &staged["size"]
        ),
        (
            &json!("staged"),
            &json!("screen.PNG"),
            &json!("image/png"),
            &json!(20.0)
        )
    );

    let id = stored["storageId"].as_str().unwrap();
    let path = format!("/api/storage/{id}");
    let whole = uploader
        .wire
        .request(Method::GET, &path)
        .header("Origin", "https://x.example")
        .send()
        .await
        .unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(whole.headers()["content-type"], "image/png");
    assert_eq!(whole.headers()["content-disposition"], "inline");
    assert_eq!(whole.headers()["cache-control"], "private, max-age=2592000");
    assert_eq!(whole.headers()["access-control-allow-origin"], "https://x.example");
    assert_eq!(whole.text().await.unwrap(), "not really a picture");

    let part = uploader
        .wire
        .request(Method::GET, &path)
        .header("Range", "bytes=4-9")
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 4-9/20");
    assert_eq!(part.text().await.unwrap(), "really");
    let end = uploader
        .wire
        .request(Method::GET, &path)
        .header("Range", "bytes=-7")
        .send()
        .await
        .unwrap();
    assert_eq!(end.text().await.unwrap(), "picture");
    let beyond = uploader
        .wire
        .request(Method::GET, &path)
        .header("Range", "bytes=99-")
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_address_is_good_once_and_for_an_hour() {
    let uploader = Uploader::start().await;
    let address = uploader.address().await;
    assert_eq!(uploader.put(&address, "text/plain", "one").await.0, StatusCode::OK);
    assert_eq!(
        uploader.put(&address, "text/plain", "two").await.0,
        StatusCode::FORBIDDEN
    );
    let late = uploader.address().await;
    uploader.wire.kit.clock.advance(opencom_core::Millis::HOUR + 1);
    assert_eq!(uploader.put(&late, "text/plain", "late").await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        uploader
            .put("/api/storage/upload?token=nope", "text/plain", "x")
            .await
            .0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        uploader.put("/api/storage/upload", "text/plain", "x").await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_page_is_not_run_on_our_address() {
    let uploader = Uploader::start().await;
    let (_, stored) = uploader
        .put(&uploader.address().await, "text/html", "<script>alert(1)</script>")
        .await;
    let path = format!("/api/storage/{}", stored["storageId"].as_str().unwrap());
    let response = uploader.wire.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["content-disposition"], "attachment");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(
        response.headers()["content-security-policy"],
        "sandbox; default-src 'none'"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_there_are_404() {
    let uploader = Uploader::start().await;
    for id in ["nope", "0123456789abcdef0123456789abcdf0"] {
        let path = format!("/api/storage/{id}");
        let response = uploader.wire.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
