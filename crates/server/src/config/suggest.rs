//! "Did you mean": the nearest of the names there are.

/// The advice, if one of `names` is near enough to be what was meant.
pub(crate) fn did_you_mean<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(typed, names).map(|name| format!("did you mean {name}?"))
}

/// The one of `names` that is near enough to be what was meant.
pub(super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = typed.to_ascii_lowercase();
    // The right name in the wrong table counts as near: `listen` for `http.listen`.
    let distance = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        let typed_last = lower.rsplit('.').next().unwrap_or(&lower);
        if last == typed_last {
            1
        } else {
            strsim::osa_distance(&lower, name).min(1 + strsim::osa_distance(typed_last, last))
        }
    };
    let (distance, name) = names.into_iter().map(|name| (distance(name), name)).min()?;
    (distance <= 1 + lower.chars().count() / 4).then_some(name)
}
