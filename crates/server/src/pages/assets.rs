//! The two files that pages load, compiled in. Their path carries a digest of their content, so a browser may keep
//! them for ever (`Cache-Control: public, max-age=31536000, immutable`) and still sees a new version at once.

use std::sync::LazyLock;

/// A file served at exactly [`Asset::path`]; any other path below `/static/` does not exist.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// `/static/<digest>/<name>`.
    pub path: &'static str,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

/// All files there are.
pub fn assets() -> [Asset; 2] {
    [stylesheet(), mark()]
}

/// The one style sheet.
pub fn stylesheet() -> Asset {
    Asset { path: &STYLESHEET_PATH, content_type: "text/css; charset=utf-8", bytes: STYLESHEET }
}

/// The lockbox door in the header, also the icon of the page.
pub fn mark() -> Asset {
    Asset { path: &MARK_PATH, content_type: "image/svg+xml", bytes: MARK }
}

static STYLESHEET_PATH: LazyLock<String> = LazyLock::new(|| path("style.css", STYLESHEET));
static MARK_PATH: LazyLock<String> = LazyLock::new(|| path("mark.svg", MARK));

fn path(name: &str, bytes: &[u8]) -> String {
    format!("/static/{:016x}/{name}", fnv_1a(bytes))
}

/// FNV-1a. Tells one version of a file from the next; nothing here needs to withstand an attacker.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

const STYLESHEET: &[u8] = include_bytes!("../../assets/style.css");
const MARK: &[u8] = include_bytes!("../../assets/mark.svg");
