//! The dependency rule: which crate of the workspace may import which, and what may never enter the pure core.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::finding::Finding;

/// What each crate may import of ours. A crate that is not named here is a finding: a new crate states its place first.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("grantd-tokens", &[]),
    ("grantd-protocol", &["grantd-tokens"]),
    ("grantd-store", &["grantd-protocol", "grantd-tokens"]),
    ("grantd-resource", &["grantd-tokens"]),
    ("grantd-demo", &["grantd-resource"]),
    ("grantd", &["grantd-demo", "grantd-protocol", "grantd-resource", "grantd-store", "grantd-tokens"]),
    // For tests and measurements alone: nobody may ship it, so nobody names it here.
    ("grantd-postgres-fixture", &[]),
    ("grantd-spec", &[]),
    // It measures the parts by themselves, and the whole over HTTP alone.
    ("bench", &["grantd-postgres-fixture", "grantd-protocol", "grantd-resource", "grantd-store", "grantd-tokens"]),
];

/// The crates that decide without I/O.
const PURE: &[&str] = &["grantd-tokens", "grantd-protocol"];

/// Runtimes, frameworks, databases and clocks: not in the pure core, not even through something else.
const NEVER_BELOW_PURE: &[&str] = &[
    "async-std",
    "axum",
    "axum-core",
    "chrono",
    "futures",
    "http",
    "hyper",
    "hyper-util",
    "libsqlite3-sys",
    "mio",
    "postgres-protocol",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "time",
    "tokio",
    "tokio-postgres",
    "tower",
    "tracing-subscriber",
    "ureq",
];

/// Sources of randomness: the core takes it as an argument. Only a direct import counts, for the crypto library brings its own.
const NOT_BY_PURE: &[&str] = &["fastrand", "getrandom", "rand", "rand_core", "uuid"];

/// The part of `cargo metadata` that the gates read.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// Every package of the graph.
    pub packages: Vec<Package>,
    /// Ids of our own packages.
    pub workspace_members: Vec<String>,
    /// Which package uses which.
    pub resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Unique in the graph.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// An SPDX expression, if it states one.
    pub license: Option<String>,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub struct Resolve {
    /// One node a package.
    pub nodes: Vec<Node>,
}

/// A package in the resolved graph.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// The package.
    pub id: String,
    /// What it uses.
    pub deps: Vec<Dependency>,
}

/// One edge of the graph.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The package used.
    pub pkg: String,
    /// For what it is used.
    pub dep_kinds: Vec<DependencyKind>,
}

/// For what a package is used.
#[derive(Debug, Deserialize)]
pub struct DependencyKind {
    /// Nothing for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Dependency {
    /// Whether it ends up in what is built for users, rather than in tests alone.
    fn is_shipped(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}

impl Metadata {
    /// Reads what `cargo metadata --format-version 1` prints.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Every edge that breaks the dependency rule. Dependencies of tests alone are free.
    pub fn forbidden_edges(&self) -> Vec<Finding> {
        let graph = Graph::of(self);
        let mut findings = Vec::new();
        for member in &self.workspace_members {
            let name = graph.name(member);
            let Some((_, allowed)) = MAY_IMPORT.iter().find(|(of, _)| *of == name) else {
                findings.push(edge(name, "is not named in the dependency rule (crates/spec/src/dependencies.rs)"));
                continue;
            };
            for used in graph.used_by(member).filter(|id| self.workspace_members.iter().any(|ours| ours == *id)) {
                let used = graph.name(used);
                if !allowed.contains(&used) {
                    findings.push(edge(name, &format!("must not import {used}")));
                }
            }
            if PURE.contains(&name) {
                findings.extend(graph.impurities(member));
            }
        }
        findings
    }
}

struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    edges: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let names = metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let edges = metadata.resolve.nodes.iter().map(|node| {
            let shipped = node.deps.iter().filter(|dependency| dependency.is_shipped());
            (node.id.as_str(), shipped.map(|dependency| dependency.pkg.as_str()).collect())
        });
        Self { names, edges: edges.collect() }
    }

    fn name(&self, id: &'a str) -> &'a str {
        self.names.get(id).copied().unwrap_or(id)
    }

    fn used_by(&self, id: &str) -> impl Iterator<Item = &'a str> + use<'a, '_> {
        self.edges.get(id).into_iter().flatten().copied()
    }

    // What must not stand below a pure crate, each with the way by which it came in.
    fn impurities(&self, member: &'a str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for used in self.used_by(member).map(|id| self.name(id)).filter(|name| NOT_BY_PURE.contains(name)) {
            findings.push(edge(self.name(member), &format!("must not import {used}: randomness is an argument")));
        }
        let mut seen = BTreeSet::from([member]);
        let mut ways = vec![vec![member]];
        while let Some(way) = ways.pop() {
            for used in way.last().into_iter().flat_map(|id| self.used_by(id)) {
                if !seen.insert(used) {
                    continue;
                }
                let longer: Vec<&str> = way.iter().copied().chain([used]).collect();
                if NEVER_BELOW_PURE.contains(&self.name(used)) {
                    let names: Vec<&str> = longer.iter().map(|id| self.name(id)).collect();
                    findings.push(edge(self.name(member), &format!("is pure but reaches {}", names.join(" → "))));
                }
                ways.push(longer);
            }
        }
        findings
    }
}

fn edge(from: &str, what: &str) -> Finding {
    Finding::at("Cargo.toml", 0, format!("{from} {what}"))
}
