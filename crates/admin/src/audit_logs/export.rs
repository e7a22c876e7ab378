//! Entries as files have them.

use opencom_contract::audit_logs::{Entry, ExportData, ExportedEntry, Format};
use opencom_core::Millis;

const HEAD: &str =
    "timestamp,action,actorType,actorId,actorName,actorEmail,resourceType,resourceId,ipAddress,userAgent";

/// Writes entries.
pub(super) fn write(format: Format, entries: Vec<Entry>) -> ExportData {
    match format {
        Format::Json => ExportData::Json(entries.into_iter().map(exported).collect()),
        Format::Csv => {
            let mut lines = vec![HEAD.to_owned()];
            lines.extend(entries.iter().map(line));
            ExportData::Csv(lines.join("\n"))
        }
    }
}

fn exported(entry: Entry) -> ExportedEntry {
    ExportedEntry {
        timestamp: iso(entry.timestamp),
        action: entry.action,
        actor_type: entry.actor_type,
        actor_id: entry.actor_id,
        actor_name: entry.actor_name,
        actor_email: entry.actor_email,
        resource_type: entry.resource_type,
        resource_id: entry.resource_id,
        metadata: entry.metadata,
    }
}

fn line(entry: &Entry) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        iso(entry.timestamp),
        entry.action.clone(),
        entry.actor_type.to_string(),
        entry.actor_id.map(|id| id.to_string()).unwrap_or_default(),
        text(&entry.actor_name),
        text(&entry.actor_email),
        entry.resource_type.clone(),
        text(&entry.resource_id),
        // Where a call came from and with which program is not kept.
        String::new(),
        String::new(),
    ];
    cells.map(|text| cell(&text)).join(",")
}

fn iso(time: Millis) -> String {
    time.to_datetime().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A cell in quotes. People choose their names, and spreadsheets would take some of them for formulas.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_milliseconds() {
        assert_eq!(iso(Millis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(Millis(1_764_115_200_007)), "2025-11-26T00:00:00.007Z");
    }

    #[test]
    fn cells_are_text_whatever_is_in_them() {
        assert_eq!(cell(""), r#""""#);
        assert_eq!(cell(r#"Ada "the" First"#), r#""Ada ""the"" First""#);
        assert_eq!(cell("=1+1"), r#""'=1+1""#);
        assert_eq!(cell("a=1"), r#""a=1""#);
    }
}
