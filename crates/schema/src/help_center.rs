//! Tables of the context `help-center`.

diesel::table! {
    collections (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        parent_id -> Nullable<Uuid>,
        name -> Text,
        slug -> Text,
        description -> Nullable<Text>,
        icon -> Nullable<Text>,
        sort_order -> Float8,
        import_source_id -> Nullable<Uuid>,
        import_path -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::{Array, BigInt, Bool, Float8, Jsonb, Nullable, Text, Timestamptz, Uuid};
    use crate::sql_types::TsVector;

    articles (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        collection_id -> Nullable<Uuid>,
        folder_id -> Nullable<Uuid>,
        author_id -> Nullable<Uuid>,
        title -> Text,
        slug -> Text,
        content -> Text,
        content_html -> Text,
        title_lower -> Text,
        content_lower -> Text,
        fragments -> Nullable<Array<BigInt>>,
        search_language -> Text,
        search_words -> TsVector,
        tags -> Nullable<Array<Text>>,
        widget_large_screen -> Nullable<Bool>,
        visibility -> Nullable<Text>,
        status -> Text,
        is_readable -> Bool,
        audience_rules -> Nullable<Jsonb>,
        sort_order -> Float8,
        import_source_id -> Nullable<Uuid>,
        import_path -> Nullable<Text>,
        legacy_internal_article_id -> Nullable<Uuid>,
        legacy_folder_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        published_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    article_words (workspace_id, word) {
        workspace_id -> Uuid,
        word -> Text,
    }
}

diesel::table! {
    internal_articles (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        folder_id -> Nullable<Uuid>,
        author_id -> Nullable<Uuid>,
        title -> Text,
        content -> Text,
        tags -> Nullable<Array<Text>>,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        published_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    article_assets (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        article_id -> Nullable<Uuid>,
        created_by -> Nullable<Uuid>,
        file_id -> Uuid,
        file_name -> Text,
        mime_type -> Text,
        size -> Int8,
        import_source_id -> Nullable<Uuid>,
        import_path -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    article_feedback (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        article_id -> Uuid,
        visitor_id -> Nullable<Uuid>,
        helpful -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    content_embeddings (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        content_type -> Text,
        content_id -> Text,
        model -> Text,
        embedding -> Array<Float4>,
        code -> Bytea,
        text_hash -> Text,
        title -> Text,
        snippet -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    content_embedding_states (content_type, content_id) {
        content_type -> Text,
        content_id -> Text,
        workspace_id -> Uuid,
        status -> Text,
        error -> Nullable<Text>,
        updated_at -> Timestamptz,
    }
}
