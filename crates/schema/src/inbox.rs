//! Tables of the context `inbox`, but for mail.

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
        identity_verified -> Nullable<Bool>,
        location -> Nullable<Jsonb>,
        device -> Nullable<Jsonb>,
        referrer -> Nullable<Text>,
        current_url -> Nullable<Text>,
        custom_attributes -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        first_seen_at -> Nullable<Timestamptz>,
        last_seen_at -> Nullable<Timestamptz>,
        identity_verified_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    visitor_presence (visitor_id) {
        visitor_id -> Uuid,
        workspace_id -> Uuid,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    visitor_aliases (old_visitor_id) {
        old_visitor_id -> Uuid,
        workspace_id -> Uuid,
        visitor_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    widget_sessions (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        visitor_id -> Uuid,
        token_hash -> Bytea,
        replaced_token_hash -> Nullable<Bytea>,
        identity_verified -> Bool,
        client_type -> Nullable<Text>,
        client_version -> Nullable<Text>,
        client_identifier -> Nullable<Text>,
        origin -> Nullable<Text>,
        current_url -> Nullable<Text>,
        device_platform -> Nullable<Text>,
        created_at -> Timestamptz,
        replaced_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
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
        last_message_id -> Nullable<Uuid>,
        unread_by_agent -> Nullable<Int4>,
        unread_by_visitor -> Nullable<Int4>,
        csat_response_id -> Nullable<Uuid>,
        ai_workflow_state -> Nullable<Text>,
        ai_handoff_reason -> Nullable<Text>,
        ai_last_confidence -> Nullable<Float8>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        last_message_at -> Nullable<Timestamptz>,
        activity_at -> Timestamptz,
        first_response_at -> Nullable<Timestamptz>,
        resolved_at -> Nullable<Timestamptz>,
        csat_completed_at -> Nullable<Timestamptz>,
        ai_last_response_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    messages (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        conversation_id -> Uuid,
        sender_id -> Text,
        sender_user_id -> Nullable<Uuid>,
        sender_type -> Text,
        content -> Text,
        channel -> Nullable<Text>,
        email_metadata -> Nullable<Jsonb>,
        provider_mail_id -> Nullable<Text>,
        delivery_status -> Nullable<Text>,
        delivery_error -> Nullable<Text>,
        attachment_ids -> Nullable<Array<Uuid>>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    support_attachments (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        message_id -> Nullable<Uuid>,
        ticket_id -> Nullable<Uuid>,
        ticket_comment_id -> Nullable<Uuid>,
        file_id -> Uuid,
        file_name -> Text,
        mime_type -> Text,
        size -> Int8,
        status -> Text,
        uploaded_by_type -> Text,
        uploaded_by_id -> Text,
        created_at -> Timestamptz,
        attached_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
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
        assignee_id -> Nullable<Uuid>,
        team_id -> Nullable<Text>,
        form_id -> Nullable<Uuid>,
        subject -> Text,
        description -> Nullable<Text>,
        status -> Text,
        priority -> Text,
        form_data -> Nullable<Jsonb>,
        attachment_ids -> Nullable<Array<Uuid>>,
        resolution_summary -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    ticket_comments (id) {
        id -> Uuid,
        workspace_id -> Uuid,
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
        ticket_id -> Nullable<Uuid>,
        event_key -> Text,
        event_type -> Text,
        domain -> Text,
        audience -> Text,
        actor_type -> Text,
        actor_user_id -> Nullable<Uuid>,
        actor_visitor_id -> Nullable<Uuid>,
        title -> Nullable<Text>,
        body_preview -> Nullable<Text>,
        data -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notification_dedupe_keys (dedupe_key) {
        dedupe_key -> Text,
        workspace_id -> Uuid,
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
        folder_id -> Nullable<Uuid>,
        created_by -> Nullable<Uuid>,
        name -> Text,
        content -> Text,
        shortcut -> Nullable<Text>,
        search_text -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
        workspace_id -> Uuid,
        conversation_id -> Uuid,
        tag_id -> Uuid,
        applied_by -> Nullable<Text>,
        applied_by_user_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}
