//! What the planner is told of the tables: how selective each index is.
//!
//! Left to its guess, SQLite takes the issuer, with which every key begins, for selective, and goes through all rows of an
//! issuer where it could find one. What `ANALYZE` would find depends on when it runs; this holds from the first row on.
//! Start at [`tell`].

use rusqlite::{Connection, Result};

/// So many rows in a table, all of one issuer.
const ROWS: u64 = 1_000_000;
/// So many are of the same user, grant, session or family.
const RELATED: u64 = 10;
/// So many are of the same client, network or kind.
const OF_A_KIND: u64 = 10_000;
/// So many have the same time, or none: a column of times finds what lies before a moment, not what has none.
const OF_A_TIME: u64 = 100_000;

/// Replaces what the planner knows of each index. Every connection that is opened later knows it.
pub(super) fn tell(connection: &Connection) -> Result<()> {
    // Makes the table of statistics, and looks at nothing else.
    connection.execute_batch("ANALYZE sqlite_schema; DELETE FROM sqlite_stat1")?;
    let mut indexes = connection.prepare(
        "SELECT tables.name, indexes.name, indexes.\"unique\", indexes.origin = 'pk' AND tables.wr \
         FROM pragma_table_list AS tables, pragma_index_list(tables.name) AS indexes \
         WHERE tables.schema = 'main' AND tables.type = 'table' AND tables.name NOT LIKE 'sqlite%'",
    )?;
    let mut add = connection.prepare("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)")?;
    let mut rows = indexes.query([])?;
    while let Some(row) = rows.next()? {
        let (table, index): (String, String) = (row.get(0)?, row.get(1)?);
        let (is_unique, is_the_table): (bool, bool) = (row.get(2)?, row.get(3)?);
        let statistic = statistic(&columns(connection, &index)?, is_unique);
        // Where a table is its own primary key, that index has its name.
        add.execute((&table, if is_the_table { &table } else { &index }, statistic))?;
    }
    // Read again: this connection prepares its statements next.
    connection.execute_batch("ANALYZE sqlite_schema")
}

fn columns(connection: &Connection, index: &str) -> Result<Vec<String>> {
    let mut columns = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    columns.query_map([index], |row| row.get(0))?.collect()
}

/// How many rows there are, and how many have the same first column, the same first two, and so on.
fn statistic(columns: &[String], is_unique: bool) -> String {
    let mut same = ROWS;
    let mut numbers = vec![ROWS.to_string()];
    for (place, column) in columns.iter().enumerate() {
        same = match column.as_str() {
            "issuer" => same,
            _ if is_unique && place + 1 == columns.len() => 1,
            "client_id" | "network" | "kind" | "algorithm" => same.min(OF_A_KIND),
            time if time.ends_with("_at") || time.ends_with("_until") => same.min(OF_A_TIME),
            _ => same.min(RELATED),
        };
        numbers.push(same.to_string());
    }
    numbers.join(" ")
}
