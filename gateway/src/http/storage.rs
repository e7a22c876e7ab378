//! Files: uploads to an address that was given out, and downloads.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, Header,
    RANGE, Range,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use opencom_core::Error;
use opencom_core::id::StoredFileId;
use opencom_providers::files::{FileError, FileKey};
use opencom_runtime::files::{self, StoredFile};
use opencom_runtime::{Caller, ScopedFutureExt};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::answer::{self, TransportError};
use crate::compose::App;

/// The type of a file that came without one.
const UNKNOWN_TYPE: &str = "application/octet-stream";
/// The longest type that is kept.
const LONGEST_TYPE: usize = 255;

/// The query of an upload address.
#[derive(Deserialize)]
pub(super) struct UploadToken {
    #[serde(default)]
    token: String,
}

/// `POST /api/storage/upload?token=…`: the raw bytes of one file.
pub(super) async fn upload(
    app: web::Data<App>,
    request: HttpRequest,
    token: web::Query<UploadToken>,
    payload: web::Payload,
) -> HttpResponse {
    let request_id = answer::request_id();
    match receive(&app, &request, &token.token, payload).await {
        Ok(id) => HttpResponse::Ok().json(serde_json::json!({ "storageId": id })),
        Err(error) => error.answer(&request_id),
    }
}

fn bad(message: impl Into<String>) -> TransportError {
    TransportError::new(StatusCode::BAD_REQUEST, "BadUpload", message)
}

fn fault(error: &Error) -> TransportError {
    if error.code() == opencom_core::Code::NotFound {
        return TransportError::new(
            StatusCode::FORBIDDEN,
            "InvalidUploadUrl",
            "This upload address is not good (any more).",
        );
    }
    tracing::error!(cause = error.cause().map(tracing::field::debug), "an upload failed");
    TransportError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerError",
        "The upload failed. Try again.",
    )
}

async fn receive(
    app: &App,
    request: &HttpRequest,
    token: &str,
    payload: web::Payload,
) -> Result<StoredFileId, TransportError> {
    let cx = app.dispatcher.action_cx(Caller::Anonymous);
    let upload = cx
        .read(|cx| files::open_upload(cx, token).scope_boxed())
        .await
        .map_err(|error| fault(&error))?;
    let id = StoredFileId::generate();
    let key = FileKey::new(id.to_string()).map_err(|error| bad(error.to_string()))?;
    let max_bytes = upload.max_bytes.unsigned_abs();
    let stored = match app.files.put(&key, bridge(payload), max_bytes).await {
        Ok(stored) => stored,
        Err(FileError::TooLarge { max_bytes }) => {
            let message = format!("The file is larger than {max_bytes} bytes.");
            return Err(TransportError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "PayloadTooLarge",
                message,
            ));
        }
        Err(FileError::Interrupted(error)) => return Err(bad(format!("The upload was cut short: {error}"))),
        Err(error) => return Err(fault(&Error::internal(error))),
    };
    let content_type = Some(request.content_type())
        .filter(|text| !text.is_empty() && text.len() <= LONGEST_TYPE && text.is_ascii())
        .unwrap_or(UNKNOWN_TYPE);
    let file = StoredFile {
        id,
        workspace_id: upload.workspace_id,
        size: i64::try_from(stored.size).unwrap_or(i64::MAX),
        content_type: content_type.to_owned(),
        sha256: stored.sha256,
        created_at: cx.now(),
    };
    let completed = cx
        .transaction(|cx| files::complete_upload(cx, upload.id, &file).scope_boxed())
        .await;
    if let Err(error) = completed {
        // Nothing refers to the bytes.
        if let Err(error) = app.files.delete(&key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, file = %id, "a refused upload's bytes stay");
        }
        return Err(fault(&error));
    }
    Ok(id)
}

/// The body as a stream that may cross threads: actix's own may not.
fn bridge(mut payload: web::Payload) -> futures_util::stream::BoxStream<'static, std::io::Result<bytes::Bytes>> {
    let (sender, receiver) = mpsc::channel(8);
    actix_web::rt::spawn(async move {
        while let Some(part) = payload.next().await {
            let part = part.map_err(std::io::Error::other);
            if sender.send(part).await.is_err() {
                break;
            }
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|part| (part, receiver))
    })
    .boxed()
}

/// `GET /api/storage/{id}`: a file, or a range of it.
pub(super) async fn download(app: web::Data<App>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    match deliver(&app, &request, &id).await {
        Ok(answer) => answer,
        Err(error) => error.answer(&answer::request_id()),
    }
}

async fn deliver(app: &App, request: &HttpRequest, id: &str) -> Result<HttpResponse, TransportError> {
    let missing = || TransportError::new(StatusCode::NOT_FOUND, "NotFound", "There is no such file.");
    let id: StoredFileId = id.parse().map_err(|_| missing())?;
    let cx = app.dispatcher.action_cx(Caller::Anonymous);
    let file = cx
        .read(|cx| files::by_id(cx, id).scope_boxed())
        .await
        .map_err(|error| fault(&error))?;
    let file = file.ok_or_else(missing)?;
    let key = FileKey::new(id.to_string()).map_err(|_| missing())?;
    let size = file.size.unsigned_abs();
    // Several ranges at once are answered with the whole file, which is allowed.
    let range = match Range::parse(request) {
        Ok(Range::Bytes(ranges)) if request.headers().contains_key(RANGE) => match ranges.as_slice() {
            [one] => match one.to_satisfiable_range(size) {
                Some((first, last)) => Some(first..last + 1),
                None => {
                    return Ok(HttpResponse::RangeNotSatisfiable()
                        .insert_header((CONTENT_RANGE, format!("bytes */{size}")))
                        .finish());
                }
            },
            _ => None,
        },
        _ => None,
    };
    let partial = range.is_some();
    let body = app.files.open(&key, range).await.map_err(|error| match error {
        FileError::NotFound => missing(),
        error => fault(&Error::internal(error)),
    })?;
    let mut answer = if partial {
        HttpResponse::PartialContent()
    } else {
        HttpResponse::Ok()
    };
    if partial {
        let (first, last) = (body.range.start, body.range.end.saturating_sub(1));
        answer.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
    }
    // The bytes are a stranger's: a browser shows pictures and media, runs nothing and guesses nothing.
    let shown = ["image/", "video/", "audio/"]
        .iter()
        .any(|kind| file.content_type.starts_with(kind))
        && !file.content_type.starts_with("image/svg");
    Ok(answer
        .insert_header((CONTENT_TYPE, file.content_type))
        .insert_header((CONTENT_DISPOSITION, if shown { "inline" } else { "attachment" }))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((CACHE_CONTROL, "private, max-age=2592000"))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .no_chunking(body.range.end - body.range.start)
        .streaming(body.stream))
}
