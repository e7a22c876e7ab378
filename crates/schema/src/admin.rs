//! Tables of the context `admin`.

diesel::table! {
    workspaces (id) {
        id -> Uuid,
        name -> Text,
        allowed_origins -> Nullable<Array<Text>>,
        help_center_access_policy -> Nullable<Text>,
        signup_mode -> Nullable<Text>,
        allowed_domains -> Nullable<Array<Text>>,
        auth_methods -> Nullable<Array<Text>>,
        identity_secret_sealed -> Nullable<Bytea>,
        identity_verification_enabled -> Nullable<Bool>,
        identity_verification_mode -> Nullable<Text>,
        session_lifetime_ms -> Nullable<Int8>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        workspace_id -> Nullable<Uuid>,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        role -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspace_members (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
        permissions -> Array<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspace_invitations (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        invited_by -> Nullable<Uuid>,
        email -> Text,
        role -> Text,
        status -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    auth_sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
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
        parent_id -> Nullable<Uuid>,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        first_used_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    auth_verification_codes (id) {
        id -> Uuid,
        email -> Text,
        code_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
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
