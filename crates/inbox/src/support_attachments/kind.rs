//! Which files are accepted, by name.

/// The name of a file without the folders that some browsers send with it.
pub(super) fn file_name(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() {
        "attachment".to_owned()
    } else {
        name.to_owned()
    }
}

/// The type of a file by the ending of its name; `None`: not accepted.
pub(super) fn mime_type(file_name: &str) -> Option<&'static str> {
    let (stem, ending) = file_name.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    Some(match ending.to_lowercase().as_str() {
        "csv" => "text/csv",
        "gif" => "image/gif",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "txt" => "text/plain",
        "webp" => "image/webp",
        "zip" => "application/zip",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_cut_off() {
        for (given, name) in [
            ("a.png", "a.png"),
            ("C:\\fakepath\\a.png", "a.png"),
            ("../../etc/a.txt", "a.txt"),
            ("a/b\\c ", "c"),
            ("  ", "attachment"),
            ("", "attachment"),
            ("a/", "attachment"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
    }

    #[test]
    fn the_last_ending_decides() {
        for (name, mime) in [
            ("a.PNG", Some("image/png")),
            ("a.jpg", Some("image/jpeg")),
            ("a.jpeg", Some("image/jpeg")),
            ("a.tar.zip", Some("application/zip")),
            ("a.png.exe", None),
            ("attachment", None),
            (".png", None),
            ("a.", None),
        ] {
            assert_eq!(mime_type(name), mime, "{name:?}");
        }
    }
}
