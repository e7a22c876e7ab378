//! Optional texts of requests.

/// Returns the text, unless it is absent or empty.
pub(crate) fn given<T: AsRef<str> + ?Sized>(text: Option<&T>) -> Option<&str> {
    text.map(AsRef::as_ref).filter(|text| !text.is_empty())
}
