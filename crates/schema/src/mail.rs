//! Tables of mail, which the context `inbox` owns.

diesel::table! {
    mailed_messages (message_id) {
        message_id -> Uuid,
        workspace_id -> Uuid,
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
        conversation_id -> Nullable<Uuid>,
        stored_message_id -> Nullable<Uuid>,
        raw_file_id -> Nullable<Uuid>,
        provider_id -> Nullable<Text>,
        message_id -> Nullable<Text>,
        sender -> Text,
        subject -> Text,
        outcome -> Text,
        reason -> Nullable<Text>,
        original -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}
