//! The tables as the migrations make them, for diesel. Alone in a crate, so that the slow macro compiles early and by
//! itself. A test of the kit compares this file with a migrated database.

diesel::table! {
    jobs (id) {
        id -> Uuid,
        kind -> Text,
        payload -> Jsonb,
        state -> Text,
        run_at -> Timestamptz,
        attempts -> Int4,
        last_error -> Nullable<Text>,
        dedupe_key -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    schedules (name) {
        name -> Text,
        next_run_at -> Timestamptz,
    }
}

diesel::table! {
    sync_requests (session_id, request_id) {
        session_id -> Uuid,
        request_id -> Int8,
        ts -> Int8,
        result_sealed -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    stored_files (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        size -> Int8,
        content_type -> Text,
        sha256 -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    uploads (id) {
        id -> Uuid,
        token_hash -> Bytea,
        workspace_id -> Uuid,
        uploader -> Text,
        max_bytes -> Int8,
        expires_at -> Timestamptz,
        file_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspaces (id) {
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
        allowed_origins -> Nullable<Array<Text>>,
        help_center_access_policy -> Nullable<Text>,
        signup_mode -> Nullable<Text>,
        allowed_domains -> Nullable<Array<Text>>,
        auth_methods -> Nullable<Array<Text>>,
        identity_secret_sealed -> Nullable<Bytea>,
        identity_verification_enabled -> Nullable<Bool>,
        identity_verification_mode -> Nullable<Text>,
        session_lifetime_ms -> Nullable<Int8>,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        workspace_id -> Nullable<Uuid>,
        role -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspace_members (id) {
        id -> Uuid,
        user_id -> Uuid,
        workspace_id -> Uuid,
        role -> Text,
        permissions -> Array<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspace_invitations (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        email -> Text,
        role -> Text,
        invited_by -> Nullable<Uuid>,
        status -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    auth_sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    auth_accounts (id) {
        id -> Uuid,
        user_id -> Uuid,
        provider -> Text,
        provider_account_id -> Text,
        secret -> Nullable<Text>,
        email_verified -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    auth_refresh_tokens (id) {
        id -> Uuid,
        session_id -> Uuid,
        token_hash -> Bytea,
        parent_id -> Nullable<Uuid>,
        expires_at -> Timestamptz,
        first_used_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    auth_verification_codes (id) {
        id -> Uuid,
        email -> Text,
        code_hash -> Bytea,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    auth_rate_limits (identifier) {
        identifier -> Text,
        full_at -> Timestamptz,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Uuid,
        private_key_sealed -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_logs (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        actor_id -> Nullable<Uuid>,
        actor_type -> Text,
        action -> Text,
        resource_type -> Text,
        resource_id -> Nullable<Text>,
        metadata -> Nullable<Jsonb>,
        timestamp -> Timestamptz,
    }
}

diesel::table! {
    audit_log_settings (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        retention_days -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    ai_agent_settings (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        enabled -> Bool,
        knowledge_sources -> Array<Text>,
        confidence_threshold -> Float8,
        personality -> Nullable<Text>,
        handoff_message -> Nullable<Text>,
        working_hours -> Nullable<Jsonb>,
        model -> Text,
        suggestions_enabled -> Bool,
        embedding_model -> Text,
        last_config_error -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    automation_settings (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        suggest_articles_enabled -> Bool,
        show_reply_time_enabled -> Bool,
        collect_email_enabled -> Bool,
        ask_for_rating_enabled -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    visitors (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        session_id -> Text,
        user_id -> Nullable<Uuid>,
        readable_id -> Nullable<Text>,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        external_user_id -> Nullable<Text>,
        location -> Nullable<Jsonb>,
        device -> Nullable<Jsonb>,
        referrer -> Nullable<Text>,
        current_url -> Nullable<Text>,
        custom_attributes -> Nullable<Jsonb>,
        first_seen_at -> Nullable<Timestamptz>,
        last_seen_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        identity_verified -> Nullable<Bool>,
        identity_verified_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    visitor_presence (visitor_id) {
        visitor_id -> Uuid,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    visitor_aliases (old_visitor_id) {
        old_visitor_id -> Uuid,
        visitor_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    widget_sessions (id) {
        id -> Uuid,
        token_hash -> Bytea,
        visitor_id -> Uuid,
        workspace_id -> Uuid,
        identity_verified -> Bool,
        client_type -> Nullable<Text>,
        client_version -> Nullable<Text>,
        client_identifier -> Nullable<Text>,
        origin -> Nullable<Text>,
        current_url -> Nullable<Text>,
        device_platform -> Nullable<Text>,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        replaced_token_hash -> Nullable<Bytea>,
        replaced_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    conversations (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        visitor_id -> Nullable<Uuid>,
        user_id -> Nullable<Uuid>,
        assigned_agent_id -> Nullable<Uuid>,
        status -> Text,
        channel -> Nullable<Text>,
        subject -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        last_message_at -> Nullable<Timestamptz>,
        last_message_id -> Nullable<Uuid>,
        activity_at -> Timestamptz,
        unread_by_agent -> Nullable<Int4>,
        unread_by_visitor -> Nullable<Int4>,
        first_response_at -> Nullable<Timestamptz>,
        resolved_at -> Nullable<Timestamptz>,
        csat_completed_at -> Nullable<Timestamptz>,
        csat_response_id -> Nullable<Uuid>,
        ai_workflow_state -> Nullable<Text>,
        ai_handoff_reason -> Nullable<Text>,
        ai_last_confidence -> Nullable<Float8>,
        ai_last_response_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    messages (id) {
        id -> Uuid,
        conversation_id -> Uuid,
        sender_id -> Text,
        sender_user_id -> Nullable<Uuid>,
        sender_type -> Text,
        content -> Text,
        channel -> Nullable<Text>,
        email_metadata -> Nullable<Jsonb>,
        delivery_status -> Nullable<Text>,
        attachment_ids -> Nullable<Array<Uuid>>,
        created_at -> Timestamptz,
        provider_mail_id -> Nullable<Text>,
        delivery_error -> Nullable<Text>,
    }
}

diesel::table! {
    mailed_messages (message_id) {
        message_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    support_attachments (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        file_id -> Uuid,
        file_name -> Text,
        mime_type -> Text,
        size -> Int8,
        status -> Text,
        message_id -> Nullable<Uuid>,
        uploaded_by_type -> Text,
        uploaded_by_id -> Text,
        created_at -> Timestamptz,
        attached_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        ticket_id -> Nullable<Uuid>,
        ticket_comment_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    ticket_forms (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        fields -> Jsonb,
        is_default -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    tickets (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        conversation_id -> Nullable<Uuid>,
        visitor_id -> Nullable<Uuid>,
        subject -> Text,
        description -> Nullable<Text>,
        status -> Text,
        priority -> Text,
        assignee_id -> Nullable<Uuid>,
        team_id -> Nullable<Text>,
        form_id -> Nullable<Uuid>,
        form_data -> Nullable<Jsonb>,
        resolution_summary -> Nullable<Text>,
        attachment_ids -> Nullable<Array<Uuid>>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    ticket_comments (id) {
        id -> Uuid,
        ticket_id -> Uuid,
        author_id -> Text,
        author_type -> Text,
        content -> Text,
        is_internal -> Bool,
        attachment_ids -> Nullable<Array<Uuid>>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notification_events (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        event_key -> Text,
        event_type -> Text,
        domain -> Text,
        audience -> Text,
        actor_type -> Text,
        actor_user_id -> Nullable<Uuid>,
        actor_visitor_id -> Nullable<Uuid>,
        ticket_id -> Nullable<Uuid>,
        title -> Nullable<Text>,
        body_preview -> Nullable<Text>,
        data -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notification_dedupe_keys (dedupe_key) {
        dedupe_key -> Text,
        event_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notification_deliveries (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        event_id -> Nullable<Uuid>,
        event_key -> Text,
        dedupe_key -> Text,
        channel -> Text,
        recipient_type -> Text,
        user_id -> Nullable<Uuid>,
        visitor_id -> Nullable<Uuid>,
        token_count -> Nullable<Int4>,
        status -> Text,
        reason -> Nullable<Text>,
        error -> Nullable<Text>,
        metadata -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    snippets (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        name -> Text,
        content -> Text,
        shortcut -> Nullable<Text>,
        folder_id -> Nullable<Uuid>,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search_text -> Text,
    }
}

diesel::table! {
    tags (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        name -> Text,
        color -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    conversation_tags (id) {
        id -> Uuid,
        conversation_id -> Uuid,
        tag_id -> Uuid,
        applied_by -> Nullable<Text>,
        applied_by_user_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    collections (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        name -> Text,
        slug -> Text,
        description -> Nullable<Text>,
        icon -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        import_source_id -> Nullable<Uuid>,
        import_path -> Nullable<Text>,
        sort_order -> Float8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

/// Types of PostgreSQL that diesel does not know.
pub mod sql_types {
    /// The words of a text, for search.
    #[derive(Clone, Copy, Debug, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "tsvector"))]
    pub struct TsVector;
}

diesel::table! {
    use diesel::sql_types::{Array, BigInt, Bool, Float8, Jsonb, Nullable, Text, Timestamptz, Uuid};
    use crate::sql_types::TsVector;

    articles (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        collection_id -> Nullable<Uuid>,
        folder_id -> Nullable<Uuid>,
        title -> Text,
        slug -> Text,
        content -> Text,
        content_html -> Text,
        title_lower -> Text,
        content_lower -> Text,
        widget_large_screen -> Nullable<Bool>,
        visibility -> Nullable<Text>,
        status -> Text,
        is_readable -> Bool,
        sort_order -> Float8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        published_at -> Nullable<Timestamptz>,
        author_id -> Nullable<Uuid>,
        audience_rules -> Nullable<Jsonb>,
        import_source_id -> Nullable<Uuid>,
        import_path -> Nullable<Text>,
        tags -> Nullable<Array<Text>>,
        legacy_internal_article_id -> Nullable<Uuid>,
        legacy_folder_id -> Nullable<Uuid>,
        search_language -> Text,
        search_words -> TsVector,
        fragments -> Nullable<Array<BigInt>>,
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
        title -> Text,
        content -> Text,
        status -> Text,
        author_id -> Nullable<Uuid>,
        tags -> Nullable<Array<Text>>,
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
        import_source_id -> Nullable<Uuid>,
        import_path -> Nullable<Text>,
        file_id -> Uuid,
        file_name -> Text,
        mime_type -> Text,
        size -> Int8,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    article_feedback (id) {
        id -> Uuid,
        article_id -> Uuid,
        helpful -> Bool,
        visitor_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    email_configs (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        forwarding_address -> Text,
        from_name -> Nullable<Text>,
        from_email -> Nullable<Text>,
        signature -> Nullable<Text>,
        enabled -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    early_mail_reports (provider_mail_id, kind) {
        provider_mail_id -> Text,
        kind -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    email_threads (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        conversation_id -> Uuid,
        message_id -> Text,
        in_reply_to -> Nullable<Text>,
        reference_ids -> Nullable<Array<Text>>,
        subject -> Text,
        normalized_subject -> Text,
        sender_email -> Text,
        is_inbound -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    inbound_emails (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        provider_id -> Nullable<Text>,
        message_id -> Nullable<Text>,
        sender -> Text,
        subject -> Text,
        outcome -> Text,
        reason -> Nullable<Text>,
        original -> Nullable<Jsonb>,
        raw_file_id -> Nullable<Uuid>,
        conversation_id -> Nullable<Uuid>,
        stored_message_id -> Nullable<Uuid>,
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

// Which tables may stand in one query, by foreign key or by the joins that queries make.
diesel::allow_tables_to_appear_in_same_query!(workspaces, workspace_members, users, workspace_invitations);
diesel::allow_tables_to_appear_in_same_query!(auth_sessions, auth_accounts, auth_refresh_tokens);
diesel::allow_tables_to_appear_in_same_query!(auth_sessions, users);
diesel::allow_tables_to_appear_in_same_query!(audit_logs, users);
diesel::allow_tables_to_appear_in_same_query!(
    conversations,
    messages,
    visitors,
    visitor_presence,
    visitor_aliases,
    widget_sessions
);
diesel::allow_tables_to_appear_in_same_query!(messages, users);
diesel::allow_tables_to_appear_in_same_query!(support_attachments, stored_files);
diesel::allow_tables_to_appear_in_same_query!(support_attachments, messages);
diesel::allow_tables_to_appear_in_same_query!(uploads, stored_files);
diesel::allow_tables_to_appear_in_same_query!(tickets, visitors, users);
diesel::allow_tables_to_appear_in_same_query!(conversation_tags, tags);
diesel::allow_tables_to_appear_in_same_query!(articles, collections, internal_articles, article_assets, stored_files);
diesel::allow_tables_to_appear_in_same_query!(articles, workspaces);
diesel::allow_tables_to_appear_in_same_query!(email_threads, conversations);
