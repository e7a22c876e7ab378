//! Tables of the runtime: jobs, answers that are kept, and files.

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
        workspace_id -> Uuid,
        file_id -> Nullable<Uuid>,
        token_hash -> Bytea,
        uploader -> Text,
        max_bytes -> Int8,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}
