//! The SQL rules: one text for SQLite and PostgreSQL, inside what distributed relatives of PostgreSQL understand as well.
//!
//! Reads tokens, not statements: what is forbidden is known by a few words in a row. The reason beside each says what to do instead.

use crate::finding::Finding;
use crate::repository::TextFile;
use crate::rust_literals::literals;

/// The only Rust sources with SQL in them, and what is derived from it for many rows at once.
const STATEMENTS: &[&str] = &["crates/store/src/statements.rs", "crates/store/src/statements/"];
const MIGRATIONS: &str = "crates/store/migrations/";

/// Words in a row (upper case) that must not stand in SQL, and what to write instead.
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["SERIAL"], "random 16-byte or hash keys"),
    (&["BIGSERIAL"], "random 16-byte or hash keys"),
    (&["SMALLSERIAL"], "random 16-byte or hash keys"),
    (&["AUTOINCREMENT"], "random 16-byte or hash keys"),
    (&["AUTO_INCREMENT"], "random 16-byte or hash keys"),
    (&["AS", "IDENTITY"], "random 16-byte or hash keys"),
    (&["SEQUENCE"], "random 16-byte or hash keys"),
    (&["NEXTVAL"], "random 16-byte or hash keys"),
    (&["LISTEN"], "poll a version row"),
    (&["NOTIFY"], "poll a version row"),
    (&["TRIGGER"], "application code"),
    (&["FUNCTION"], "application code"),
    (&["PROCEDURE"], "application code"),
    (&["CREATE", "RULE"], "application code"),
    (&["FOR", "UPDATE"], "one guarded UPDATE … WHERE … RETURNING"),
    (&["FOR", "NO", "KEY", "UPDATE"], "one guarded UPDATE … WHERE … RETURNING"),
    (&["FOR", "SHARE"], "one guarded UPDATE … WHERE … RETURNING"),
    (&["FOR", "KEY", "SHARE"], "one guarded UPDATE … WHERE … RETURNING"),
    (&["LOCK", "TABLE"], "one guarded UPDATE … WHERE … RETURNING"),
    (&["ON", "DELETE", "CASCADE"], "an orphan sweep"),
    (&["ON", "UPDATE", "CASCADE"], "an orphan sweep"),
    (&["NOW", "("], "the time as a parameter"),
    (&["CLOCK_TIMESTAMP"], "the time as a parameter"),
    (&["STATEMENT_TIMESTAMP"], "the time as a parameter"),
    (&["CURRENT_TIMESTAMP"], "the time as a parameter"),
    (&["CURRENT_TIME"], "the time as a parameter"),
    (&["CURRENT_DATE"], "the time as a parameter"),
    (&["DATETIME", "("], "the time as a parameter"),
    (&["JULIANDAY", "("], "the time as a parameter"),
    (&["STRFTIME", "("], "the time as a parameter"),
    (&["UNIXEPOCH", "("], "the time as a parameter"),
    (&["MERGE", "INTO"], "two statements in one transaction"),
    (&["ON", "CONFLICT", "ON", "CONSTRAINT"], "ON CONFLICT (columns)"),
    (&["AS", "(", "INSERT"], "two statements in one transaction"),
    (&["AS", "(", "UPDATE"], "two statements in one transaction"),
    (&["AS", "(", "DELETE"], "two statements in one transaction"),
    (&["AS", "ENUM"], "text"),
    (&["[", "]"], "no array columns: JSON as opaque text, or rows"),
    (&["TEMP"], "no temporary tables"),
    (&["TEMPORARY"], "no temporary tables"),
    (&["COPY"], "INSERT"),
    (&["DECLARE"], "no cursors: keyset paging"),
    (&["OFFSET"], "keyset paging"),
    (&["COUNT", "("], "keyset paging, or ask for one row more than is shown"),
];

/// Every breach of the SQL rules in the migrations and in the statements. Files that do not exist break nothing.
pub fn violations(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let is_of_statements = STATEMENTS.iter().any(|place| file.path.starts_with(place));
        if file.extension() == "sql" && (is_of_statements || file.path.starts_with(MIGRATIONS)) {
            findings.extend(judge(&file.path, 1, &file.text));
        } else if is_of_statements {
            for literal in literals(&file.text) {
                findings.extend(judge(&file.path, literal.line, &literal.value));
            }
        }
    }
    findings
}

/// Every statement that is put together at run time, and every statement outside the store.
///
/// STORE-10: a value reaches the database as a parameter only. Reads literals that begin like a statement; a statement glued from fragments
/// without a verb is for the reviewer to see.
pub fn concatenated_or_astray(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = files.iter().filter(|file| file.path.contains("/src/") && file.extension() == "rs");
    // What the tests' database server is told as its administrator is nobody's records.
    let not_ours = ["crates/spec/", "crates/postgres-fixture/"];
    let is_ours = |path: &str| path.starts_with("crates/") && !not_ours.iter().any(|folder| path.starts_with(folder));
    for file in sources.filter(|file| is_ours(&file.path)) {
        for literal in literals(&file.text).iter().filter(|literal| begins_like_sql(&literal.value)) {
            if !file.path.starts_with("crates/store/") {
                findings.push(Finding::at(&file.path, literal.line, "SQL belongs into crates/store"));
            } else if literal.value.contains('{') {
                findings.push(Finding::at(
                    &file.path,
                    literal.line,
                    "a statement is a constant: pass the value as a parameter",
                ));
            }
        }
    }
    findings
}

fn begins_like_sql(text: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "SELECT ",
        "INSERT INTO ",
        "INSERT OR ",
        "UPDATE ",
        "DELETE FROM ",
        "WITH ",
        "CREATE ",
        "ALTER TABLE ",
        "DROP ",
    ];
    BEGINNINGS.iter().any(|beginning| text.trim_start().starts_with(beginning))
}

fn judge(path: &str, first_line: usize, sql: &str) -> Vec<Finding> {
    let tokens = tokens(sql);
    let mut findings = Vec::new();
    for start in 0..tokens.len() {
        let here = tokens.get(start..).unwrap_or_default();
        let line = first_line + here.first().map_or(0, |token| token.line);
        for (words, instead) in FORBIDDEN {
            if words.len() <= here.len() && words.iter().zip(here).all(|(word, token)| token.is_word(word)) {
                findings.push(Finding::at(path, line, format!("`{}` is not portable: {instead}", words.join(" "))));
            }
        }
        if here.first().is_some_and(|token| token.text.starts_with("PG_") && token.text.contains("ADVISORY")) {
            findings.push(Finding::at(path, line, "advisory locks are not portable: a lease row with an expiry"));
        }
        if is_conflict_on_expression(here) {
            findings.push(Finding::at(path, line, "`ON CONFLICT (expression)` is not portable: name plain columns"));
        }
    }
    findings
}

// `ON CONFLICT ( name, name )` is the one portable form; anything but names and commas up to the parenthesis is an expression.
fn is_conflict_on_expression(tokens: &[Token]) -> bool {
    let [on, conflict, open, inside @ ..] = tokens else { return false };
    if !(on.is_word("ON") && conflict.is_word("CONFLICT") && open.is_word("(")) {
        return false;
    }
    let names = inside.iter().take_while(|token| !token.is_word(")"));
    !names.enumerate().all(|(index, token)| if index % 2 == 0 { token.is_name() } else { token.is_word(",") })
}

struct Token {
    // Upper case, unless quoted.
    text: String,
    // Lines below the first.
    line: usize,
    is_quoted: bool,
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        !self.is_quoted && self.text == word
    }

    fn is_name(&self) -> bool {
        self.text.chars().all(|character| character.is_alphanumeric() || character == '_')
    }
}

// Words, quoted texts (one token each, so that a value is never read as a keyword) and single marks; comments are dropped.
fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, text) in without_block_comments(sql).lines().enumerate() {
        let text = text.split("--").next().unwrap_or_default();
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            let mut word = String::from(next);
            if next == '\'' || next == '"' {
                word = rest.by_ref().take_while(|character| *character != next).collect();
            } else if next.is_alphanumeric() || next == '_' {
                while let Some(more) = rest.next_if(|character| character.is_alphanumeric() || *character == '_') {
                    word.push(more);
                }
                word.make_ascii_uppercase();
            } else if next.is_whitespace() {
                continue;
            }
            tokens.push(Token { text: word, line, is_quoted: next == '\'' || next == '"' });
        }
    }
    tokens
}

// Each comment leaves its line breaks behind, so that lines keep their numbers.
fn without_block_comments(sql: &str) -> String {
    let mut kept = String::new();
    let mut rest = sql;
    while let Some((before, inside)) = rest.split_once("/*") {
        kept.push_str(before);
        let (comment, after) = inside.split_once("*/").unwrap_or((inside, ""));
        kept.extend(comment.chars().filter(|character| *character == '\n'));
        rest = after;
    }
    kept + rest
}
