//! Slugs: names in addresses, made from titles and unique within a workspace and table.

use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use uuid::Uuid;

/// The tables that have slugs, each a namespace of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Table {
    Articles,
    Collections,
}

/// Tries `$2`, `$2-1`, `$2-2` … and ends at the first that no other row has.
macro_rules! first_free {
    ($table:literal) => {
        concat!(
            "WITH RECURSIVE tried (n, slug) AS (
                SELECT 0, $2
                UNION ALL
                SELECT n + 1, $2 || '-' || (n + 1) FROM tried WHERE EXISTS (
                    SELECT FROM ",
            $table,
            " AS taken WHERE taken.workspace_id = $1 AND taken.slug = tried.slug AND taken.id <> $3
                )
            )
            SELECT slug FROM tried ORDER BY n DESC LIMIT 1"
        )
    };
}

#[derive(QueryableByName)]
struct Free {
    #[diesel(sql_type = Text)]
    slug: String,
}

/// The slug that a row with this title gets; one that it has already counts as free. The workspace is locked.
pub(crate) async fn free(
    cx: &mut MutationCx,
    table: Table,
    workspace: WorkspaceId,
    title: &str,
    row: Uuid,
) -> Result<String> {
    let sql = match table {
        Table::Articles => first_free!("articles"),
        Table::Collections => first_free!("collections"),
    };
    let free: Free = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(workspace)
        .bind::<Text, _>(base(title))
        .bind::<SqlUuid, _>(row)
        .get_result(cx.connection().await?)
        .await?;
    Ok(free.slug)
}

/// The title in lower case with one hyphen for each run of anything but `a` to `z` and digits, and none at either end.
fn base(title: &str) -> String {
    let mut slug = String::with_capacity(title.len());
    for c in title.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn slugs_are_made_as_in_the_contract() {
        for (title, slug) in [
            ("Getting Started", "getting-started"),
            ("C++ & C#", "c-c"),
            ("a_b.c", "a-b-c"),
            ("Ünïcode Café", "n-code-caf"),
            ("日本語", ""),
            ("---", ""),
            ("", ""),
            ("  Hello, World!  ", "hello-world"),
            ("2.0", "2-0"),
        ] {
            assert_eq!(base(title), slug, "{title}");
        }
    }
}
