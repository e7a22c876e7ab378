//! Uploaded pictures in articles: texts name them as `oc-asset://<id>`, readers get addresses.

use crate::topics;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use opencom_core::Result;
use opencom_core::id::{ArticleAssetId, StoredFileId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{QueryCx, files};
use opencom_schema::{article_assets, stored_files};

/// What a reference starts with.
const SCHEME: &str = "oc-asset://";

/// The addresses of the pictures that some texts name.
pub(crate) struct Pictures(HashMap<ArticleAssetId, String>);

impl Pictures {
    /// Looks up what the texts name among the pictures of the workspace whose files are there.
    pub(crate) async fn named_in<'t>(
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        texts: impl Iterator<Item = &'t str>,
    ) -> Result<Self> {
        let named: HashSet<ArticleAssetId> = texts
            .flat_map(references)
            .filter_map(|(_, id)| id.parse().ok())
            .collect();
        if named.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        for id in &named {
            cx.read(topics::article_asset(*id));
        }
        let found: Vec<(ArticleAssetId, StoredFileId)> = article_assets::table
            .inner_join(stored_files::table.on(stored_files::id.eq(article_assets::file_id)))
            .filter(article_assets::id.eq_any(named))
            .filter(article_assets::workspace_id.eq(workspace))
            .select((article_assets::id, article_assets::file_id))
            .load(cx.connection().await?)
            .await?;
        let public_url = &cx.server().public_url;
        let address = |(id, file)| (id, files::url(public_url, file));
        Ok(Self(found.into_iter().map(address).collect()))
    }

    /// The text with addresses in place of references. What names no picture stays as it is.
    pub(crate) fn fill_in<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.0.is_empty() {
            return text.into();
        }
        let mut filled = String::with_capacity(text.len());
        let mut done = 0;
        for (start, id) in references(text) {
            let address = id.parse().ok().and_then(|id| self.0.get(&id));
            if let Some(address) = address {
                filled.push_str(&text[done..start]);
                filled.push_str(address);
                done = start + SCHEME.len() + id.len();
            }
        }
        filled.push_str(&text[done..]);
        filled.into()
    }
}

/// Where the references of a text start, and what they name.
fn references(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices(SCHEME).map(|(start, _)| {
        let rest = &text[start + SCHEME.len()..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(rest.len());
        (start, &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_pictures_get_their_address_and_everything_else_stays() {
        let (known, unknown) = (ArticleAssetId::generate(), ArticleAssetId::generate());
        let pictures = Pictures(HashMap::from([(known, "https://files/1".to_owned())]));
        for (text, filled) in [
            (format!("![a](oc-asset://{known})"), "![a](https://files/1)".to_owned()),
            (
                format!("oc-asset://{known} oc-asset://{known}."),
                "https://files/1 https://files/1.".to_owned(),
            ),
            (format!("oc-asset://{unknown}"), format!("oc-asset://{unknown}")),
            // The longest run counts.
            (format!("oc-asset://{known}x"), format!("oc-asset://{known}x")),
            ("oc-asset://".to_owned(), "oc-asset://".to_owned()),
            ("oc-asset://no/such".to_owned(), "oc-asset://no/such".to_owned()),
            ("ä oc-asset://ä".to_owned(), "ä oc-asset://ä".to_owned()),
        ] {
            assert_eq!(pictures.fill_in(&text), filled, "{text}");
        }
    }
}
