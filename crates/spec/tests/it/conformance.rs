use std::fs;

use grantd_spec::catalogue::Catalogue;
use grantd_spec::conformance::{PAGE, page};
use grantd_spec::proofs::{Proof, collect};
use grantd_spec::repository;

use crate::{blesses, file, repository_files};

#[test]
fn the_conformance_page_says_what_the_catalogue_and_the_proofs_say() {
    let files = repository_files();
    let (catalogue, _) = Catalogue::parse(&files);
    let (proofs, _) = collect(&files);
    let generated = page(&catalogue, &proofs);
    if blesses() {
        fs::write(repository::root().join(PAGE), &generated).unwrap();
    }
    let committed = fs::read_to_string(repository::root().join(PAGE)).unwrap_or_default();
    let first = committed.lines().zip(generated.lines()).find(|(old, new)| old != new);
    assert!(committed == generated, "{PAGE} is out of date ({first:?}): run GRANTD_BLESS=1 cargo test -p grantd-spec");
}

#[test]
fn the_page_counts_and_names_no_more_than_is_there() {
    let rules = "# CODE — authorization code

| ID | Rule | Source | On violation | Status |
|---|---|---|---|---|
| CODE-01 | First. | policy | `BUILD` | in force |
| CODE-02 | Second. | policy | `BUILD` | in force: half |
| CODE-03 | Third. | policy | `BUILD` | planned |
";
    let (catalogue, _) = Catalogue::parse(&[file("spec/code.md", rules)]);
    let proof =
        Proof { rule: "CODE-01".into(), path: "crates/x/tests/it/a.rs".into(), line: 3, test: "it_holds".into() };
    let page = page(&catalogue, &[proof]);
    assert!(page.contains("| [CODE — authorization code](../../spec/code.md) | 2 | 1 | 1 |"), "{page}");
    assert!(page.contains("- **CODE-01** First.\n  - `crates/x/tests/it/a.rs`: `it_holds`\n"), "{page}");
    assert!(page.contains("- **CODE-02** *(so far: half)* Second.\n  - *proof to come*\n"), "{page}");
    assert!(!page.contains("CODE-03"), "{page}");
}
