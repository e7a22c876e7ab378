//! Files: up to the address that a function gave out, and down again.

use opencom_core::id::StoredFileId;
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use crate::Client;
use crate::error::Error;
use crate::http::{lost, rejected};

impl Client {
    /// Puts a file to the address that `supportAttachments:generateUploadUrl` or another function gave. Not sent again: the
    /// address is good once.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the address is not good (any more) or the file is too large.
    pub async fn upload(&self, address: &str, content_type: &str, bytes: Vec<u8>) -> Result<StoredFileId, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Stored {
            storage_id: StoredFileId,
        }
        let request = self.http.client.post(self.own(address)?);
        let request = request.header("Content-Type", content_type).body(bytes);
        let response = request.send().await.map_err(lost)?;
        let (status, body) = self.http.read(response).await?;
        if status != StatusCode::OK {
            return Err(rejected(status, &body));
        }
        let stored: Stored = serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
            path: "storage/upload".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(stored.storage_id)
    }

    /// Reads a file whose address stands in a message, at most as much as an answer may have.
    ///
    /// # Errors
    /// [`Error::Rejected`] when there is no such file.
    pub async fn download(&self, address: &str) -> Result<Vec<u8>, Error> {
        let response = self.http.client.get(self.own(address)?).send().await.map_err(lost)?;
        let (status, body) = self.http.read(response).await?;
        if status == StatusCode::OK {
            Ok(body)
        } else {
            Err(rejected(status, &body))
        }
    }

    /// An address, which may be one of the server's without its name.
    fn own(&self, address: &str) -> Result<Url, Error> {
        self.http.at(address)
    }
}
