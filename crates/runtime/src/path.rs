//! Function paths as callers write them.

use std::borrow::Cow;

use opencom_core::{Error, Result};

/// The form under which functions are registered: `module[/sub]:function`, without `.js`, `default` when no function is
/// named.
///
/// # Errors
/// `INVALID_INPUT` for a text that is no path.
pub fn canonical(path: &str) -> Result<Cow<'_, str>> {
    let (module, function) = path.rsplit_once(':').unwrap_or((path, "default"));
    let plain = module.strip_suffix(".js").unwrap_or(module);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names_module = |part: &str| !part.is_empty() && part.chars().all(is_word);
    if !plain.split('/').all(names_module) || function.is_empty() || !function.chars().all(is_word) {
        let shown: String = path.chars().take(100).collect();
        return Err(Error::invalid(
            "path",
            format!("{shown:?} is not a valid path to a function."),
        ));
    }
    if plain.len() == module.len() && path.contains(':') {
        return Ok(Cow::Borrowed(path));
    }
    Ok(Cow::Owned(format!("{plain}:{function}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_in_several_ways() {
        for (sent, meant) in [
            ("messages:list", "messages:list"),
            ("messages.js:list", "messages:list"),
            ("dir/messages:list", "dir/messages:list"),
            ("dir/messages.js:list", "dir/messages:list"),
            ("messages", "messages:default"),
            ("messages.js", "messages:default"),
        ] {
            assert_eq!(canonical(sent).unwrap(), meant);
        }
    }

    #[test]
    fn other_texts_are_no_paths() {
        for bad in [
            "", ":", "a:", ":b", "a:b:c", "../a:b", "/a:b", "a b:c", "a.ts:b", "ä:b", "a-b:c",
        ] {
            canonical(bad).unwrap_err();
        }
    }
}
