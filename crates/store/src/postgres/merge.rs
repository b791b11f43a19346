//! One statement for one row → the same statement for many rows at once, derived from the one text in `statements.rs`.
//!
//! Owns the reading of that text: which row a statement names, and what it looks like over arrays. What cannot be derived runs
//! as it is. Start at [`Shape::of`].

/// What a statement that writes does to which rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The table it writes.
    pub(super) table: &'static str,
    /// Which of its parameters (from 0) are the primary key of the one row that it touches; none if it touches rows that its
    /// parameters do not name.
    pub(super) key: Option<Vec<usize>>,
    /// How it is run for many rows.
    pub(super) merged: Option<Merged>,
}

/// A statement over arrays.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) text: String,
    /// For each parameter, whether it is an array with a value for each row; otherwise one value for all.
    pub(super) is_array: Vec<bool>,
    pub(super) returns: Returns,
}

/// What tells which of the rows were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returns {
    /// Their places in the arrays, from 1.
    Place,
    /// Their primary keys.
    Key,
}

/// The primary keys, as the migrations declare them.
pub(super) const KEYS: &[(&str, &[&str])] = &[
    ("clients", &["issuer", "id"]),
    ("resources", &["issuer", "id"]),
    ("users", &["issuer", "id"]),
    ("sessions", &["issuer", "id"]),
    ("pending_requests", &["issuer", "handle"]),
    ("grants", &["issuer", "id"]),
    ("codes", &["issuer", "hash"]),
    ("refresh_tokens", &["issuer", "hash"]),
    ("access_tokens", &["issuer", "hash"]),
    ("consents", &["issuer", "user_id", "client_id"]),
    ("attempts", &["issuer", "counted_by"]),
    ("signing_keys", &["issuer", "algorithm", "kid"]),
    ("key_revisions", &["issuer"]),
    ("ended", &["issuer", "kind", "id"]),
    ("events", &["issuer", "happened_at", "id"]),
    ("leases", &["issuer", "name"]),
];

impl Shape {
    /// Of a statement that writes; nothing of one that reads.
    pub(super) fn of(sql: &'static str) -> Option<Self> {
        let (verb, rest) = sql.split_once(' ')?;
        match verb {
            "UPDATE" => {
                let (table, rest) = rest.split_once(" SET ")?;
                let (_, condition) = split_outside(rest, WHERE)?;
                let head = sql.split_at(sql.len() - condition.len() - WHERE.len()).0;
                Some(Self::by_condition(table, &Frame { head, joined_by: "FROM", condition }))
            }
            "DELETE" => {
                let (table, condition) = split_outside(rest.strip_prefix("FROM ")?, WHERE)?;
                let head = sql.split_at(sql.len() - condition.len() - WHERE.len()).0;
                Some(Self::by_condition(table, &Frame { head, joined_by: "USING", condition }))
            }
            "INSERT" => Self::of_insert(sql, rest.strip_prefix("INTO ")?),
            _ => None,
        }
    }

    fn by_condition(table: &'static str, frame: &Frame<'_>) -> Self {
        let unknown = Self { table, key: None, merged: None };
        // What asks about other rows depends on more than its own.
        if frame.condition.contains("SELECT") {
            return unknown;
        }
        let named: Vec<(&str, usize)> = frame.condition.split(" AND ").filter_map(equality).collect();
        let Some(key) =
            key_of(table, |column| named.iter().find(|(name, _)| *name == column).map(|(_, parameter)| *parameter))
        else {
            return unknown;
        };
        let count = parameters(frame.head).chain(parameters(frame.condition)).max().unwrap_or(0);
        let is_array = vec![true; count];
        let text = format!(
            "{} {} unnest({}) WITH ORDINALITY AS b ({}, n) WHERE {} RETURNING b.n",
            over_rows(frame.head, &is_array),
            frame.joined_by,
            numbered("$", &is_array),
            numbered("v", &is_array),
            over_rows(frame.condition, &is_array),
        );
        Self { table, key: Some(key), merged: Some(Merged { text, is_array, returns: Returns::Place }) }
    }

    fn of_insert(sql: &'static str, rest: &'static str) -> Option<Self> {
        let (table, rest) = rest.split_once(" (")?;
        let (columns, rest) = rest.split_once(") ")?;
        let head = sql.split_at(sql.len() - rest.len()).0;
        let (values, conflict) = rest.split_once(" ON CONFLICT ")?;
        let (values, condition) = if let Some(values) = values.strip_prefix("VALUES (") {
            (values.strip_suffix(')')?, "")
        } else {
            split_outside(values.strip_prefix("SELECT ")?, WHERE)?
        };
        let columns: Vec<&str> = columns.split(", ").collect();
        let key = key_of(table, |column| {
            let place = columns.iter().position(|name| *name == column)?;
            split_all_outside(values).get(place).and_then(|value| parameter(value))
        });
        // What gives way to any conflict depends on rows of other keys, too: a username is taken by another user.
        let key = key.filter(|_| conflict.starts_with('('));
        let count = [values, condition, conflict].into_iter().flat_map(parameters).max().unwrap_or(0);
        let mut is_array = vec![true; count];
        // Beside the rows that are inserted, an update on conflict sees single values only.
        for shared in parameters(conflict) {
            if let Some(is_array) = is_array.get_mut(shared - 1) {
                *is_array = false;
            }
        }
        let condition =
            if condition.is_empty() { String::new() } else { format!(" WHERE {}", over_rows(condition, &is_array)) };
        let names = KEYS.iter().find(|(name, _)| *name == table).map(|(_, names)| names.join(", "));
        let merged = key.is_some().then(|| Merged {
            text: format!(
                "{head}SELECT {} FROM unnest({}) AS b ({}){condition} ON CONFLICT {conflict} RETURNING {}",
                over_rows(values, &is_array),
                numbered("$", &is_array),
                numbered("v", &is_array),
                names.unwrap_or_default(),
            ),
            is_array: is_array.clone(),
            returns: Returns::Key,
        });
        Some(Self { table, key, merged })
    }
}

const WHERE: &str = " WHERE ";

/// What stands before the arrays and behind them.
struct Frame<'a> {
    head: &'a str,
    joined_by: &'static str,
    condition: &'a str,
}

/// The places of the parameters that are the key, if each column of it has one.
fn key_of(table: &str, parameter_of: impl Fn(&str) -> Option<usize>) -> Option<Vec<usize>> {
    let (_, names) = KEYS.iter().find(|(name, _)| *name == table)?;
    names.iter().map(|name| parameter_of(name).map(|number| number - 1)).collect()
}

/// `column = $n`.
fn equality(condition: &str) -> Option<(&str, usize)> {
    let (column, value) = condition.split_once(" = ")?;
    let is_name = column.chars().all(|character| character.is_ascii_lowercase() || character == '_');
    is_name.then(|| parameter(value)).flatten().map(|parameter| (column, parameter))
}

/// `$n` and nothing else.
fn parameter(text: &str) -> Option<usize> {
    text.strip_prefix('$')?.parse().ok()
}

/// The numbers of all parameters in a text.
fn parameters(text: &str) -> impl Iterator<Item = usize> {
    text.split('$').skip(1).filter_map(|after| {
        let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        after.get(..digits)?.parse().ok()
    })
}

/// Each parameter that is an array is the value of its row.
fn over_rows(text: &str, is_array: &[bool]) -> String {
    let mut parts = text.split('$');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
        let (number, after) = part.split_at(digits);
        let is_array = number.parse::<usize>().is_ok_and(|number| is_array.get(number.wrapping_sub(1)) == Some(&true));
        whole.push_str(if is_array { "b.v" } else { "$" });
        whole.push_str(number);
        whole.push_str(after);
    }
    whole
}

fn numbered(before: &str, is_array: &[bool]) -> String {
    let numbers = is_array.iter().enumerate().filter(|(_, is_array)| **is_array);
    numbers.map(|(place, _)| format!("{before}{}", place + 1)).collect::<Vec<_>>().join(", ")
}

/// Splits at the first of these words that stands in no parentheses.
fn split_outside<'a>(text: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let found = text.match_indices(words).find(|(place, _)| {
        let before = text.get(..*place).unwrap_or_default();
        before.matches('(').count() == before.matches(')').count()
    });
    found.and_then(|(place, _)| Some((text.get(..place)?, text.get(place + words.len()..)?)))
}

/// The parts of a list, whose commas stand in no parentheses.
fn split_all_outside(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = list;
    while let Some((part, after)) = split_outside(rest, ", ") {
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements as sql;

    fn merged(statement: &'static str) -> String {
        Shape::of(statement).unwrap().merged.unwrap().text
    }

    #[test]
    fn an_update_is_joined_with_its_rows_and_says_which_it_wrote() {
        assert_eq!(
            merged(sql::SPEND_REFRESH_TOKEN),
            "UPDATE refresh_tokens SET spent_at = b.v3, successor = b.v4 \
             FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS b (v1, v2, v3, v4, n) \
             WHERE issuer = b.v1 AND hash = b.v2 AND spent_at IS NULL RETURNING b.n"
        );
    }

    #[test]
    fn a_deletion_is_joined_with_its_rows() {
        assert_eq!(
            merged(sql::COMPLETE_PENDING),
            "DELETE FROM pending_requests USING unnest($1, $2) WITH ORDINALITY AS b (v1, v2, n) \
             WHERE issuer = b.v1 AND handle = b.v2 RETURNING b.n"
        );
    }

    #[test]
    fn an_insertion_selects_its_rows_and_returns_their_keys() {
        assert_eq!(
            merged(sql::ADD_EVENT),
            "INSERT INTO events (issuer, happened_at, id, weight, record) SELECT b.v1, b.v2, b.v3, b.v4, b.v5 \
             FROM unnest($1, $2, $3, $4, $5) AS b (v1, v2, v3, v4, v5) \
             ON CONFLICT (issuer, happened_at, id) DO NOTHING RETURNING issuer, happened_at, id"
        );
    }

    #[test]
    fn what_an_update_on_conflict_reads_is_the_same_for_all_rows() {
        let Shape { key, merged, .. } = Shape::of(sql::COUNT_ATTEMPT).unwrap();
        let merged = merged.unwrap();
        assert_eq!(key, Some(vec![0, 1]));
        assert_eq!(merged.is_array, [true, true, true, false, false]);
        assert!(
            merged.text.contains("FROM unnest($1, $2, $3) AS b (v1, v2, v3) WHERE 0 < CAST($5 AS BIGINT) ON CONFLICT"),
            "{}",
            merged.text
        );
    }

    #[test]
    fn what_touches_rows_that_it_does_not_name_is_never_merged() {
        for statement in [
            sql::REVOKE_GRANTS_OF_CLIENT,
            sql::SWEEP_SESSIONS,
            sql::SWEEP_GRANT,
            sql::FORGET_CONSENTS_OF_USER,
            sql::ADD_USER,
        ] {
            let shape = Shape::of(statement).unwrap();
            assert_eq!((shape.key, shape.merged), (None, None), "{statement}");
        }
        assert_eq!(Shape::of(sql::GRANT), None);
    }

    /// The file is what the rules of portable SQL are held against: `crates/spec/src/sql.rs`.
    #[test]
    fn what_is_derived_from_each_statement_stands_in_a_file() {
        let derived = sql::ALL.iter().filter_map(|sql| Shape::of(sql)?.merged).map(|merged| merged.text + ";\n");
        let derived = derived.collect::<String>();
        let written = include_str!("../statements/merged.sql");
        let written: Vec<&str> = written.lines().filter(|line| !line.starts_with("--")).collect();
        assert!(
            written == derived.lines().collect::<Vec<_>>(),
            "crates/store/src/statements/merged.sql must hold:\n{derived}"
        );
    }

    #[test]
    fn the_keys_are_those_that_the_migrations_declare() {
        let mut declared = Vec::new();
        for migration in crate::migrations::ALL {
            for table in migration.split("CREATE TABLE ").skip(1) {
                let name = table.split_once(" (").unwrap().0;
                let key = table.split_once("PRIMARY KEY (").unwrap().1.split_once(')').unwrap().0;
                if key.starts_with("issuer") {
                    declared.push((name, key.split(", ").collect::<Vec<_>>()));
                }
            }
        }
        declared.sort_unstable();
        let mut known: Vec<_> = KEYS.iter().map(|(name, key)| (*name, key.to_vec())).collect();
        known.sort_unstable();
        assert_eq!(known, declared);
    }
}
