//! Embeddings: what makes contents found by meaning.

use opencom_core::text_enum;

text_enum! {
    /// What a vector was made of.
    pub enum ContentType {
        /// A public article.
        Article = "article",
        /// An internal article.
        InternalArticle = "internalArticle",
        /// A snippet of the inbox.
        Snippet = "snippet",
    }
}
