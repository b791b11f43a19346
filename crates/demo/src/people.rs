//! Who lives in the demonstration: two people with three lockboxes each, and a parcel or two.
//!
//! Accounts are declared to grantd, belongings are the APIs' own; what joins them is the subject (`sub`), nothing else.

use serde::Serialize;

/// A person, as grantd knows them and as the APIs do.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// `sub`: how the APIs know the person.
    pub subject: &'static str,
    /// What they type to sign in.
    pub username: &'static str,
    /// What they are called.
    pub name: &'static str,
    /// Printed in the guide: this is a demonstration, and nothing is behind it.
    pub password: &'static str,
    pub(crate) boxes: &'static [Lockbox],
    pub(crate) parcels: &'static [Parcel],
}

/// A lockbox and what lay in it when the day began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lockbox {
    pub(crate) identifier: &'static str,
    pub(crate) title: &'static str,
    pub(crate) subtitle: &'static str,
    pub(crate) letters: &'static [Letter],
}

/// A letter.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Letter {
    pub(crate) from: &'static str,
    pub(crate) subject: &'static str,
}

/// A parcel at the counter.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Parcel {
    pub(crate) number: &'static str,
    pub(crate) state: &'static str,
}

/// The people of the demonstration; the first is who the guide speaks to.
pub const PEOPLE: [Person; 2] = [
    Person {
        subject: "person-7d1f0c52",
        username: "ada",
        name: "Ada Byron",
        password: "analytical engine",
        boxes: &[
            Lockbox {
                identifier: "box-1",
                title: "Box 1",
                subtitle: "letters from the bank",
                letters: &[
                    Letter { from: "Threadneedle Bank", subject: "Your statement for November" },
                    Letter { from: "Threadneedle Bank", subject: "A new card is on its way" },
                ],
            },
            Lockbox {
                identifier: "box-2",
                title: "Box 2",
                subtitle: "letters from the doctor",
                letters: &[Letter { from: "Dr Somerville", subject: "The results of your examination" }],
            },
            Lockbox {
                identifier: "box-3",
                title: "Box 3",
                subtitle: "letters from Charles",
                letters: &[
                    Letter { from: "Charles", subject: "On the wheels of the Engine" },
                    Letter { from: "Charles", subject: "Note G, with corrections" },
                ],
            },
        ],
        parcels: &[
            Parcel { number: "RR 1842", state: "at the counter: punched cards" },
            Parcel { number: "RR 1843", state: "on its way: brass wheels" },
        ],
    },
    Person {
        subject: "person-b83e9a06",
        username: "grace",
        name: "Grace Hopper",
        password: "nanosecond of wire",
        boxes: &[
            Lockbox {
                identifier: "box-1",
                title: "Box 1",
                subtitle: "letters from the Navy",
                letters: &[Letter { from: "Bureau of Ships", subject: "Orders for Monday" }],
            },
            Lockbox {
                identifier: "box-2",
                title: "Box 2",
                subtitle: "letters from students",
                letters: &[Letter { from: "A student", subject: "What is a compiler?" }],
            },
            Lockbox { identifier: "box-3", title: "Box 3", subtitle: "empty so far", letters: &[] },
        ],
        parcels: &[Parcel { number: "RR 1947", state: "at the counter: one moth, taped" }],
    },
];

/// The person with this subject. The APIs let in tokens of one issuer only, so the subject alone names a person there.
pub(crate) fn by_subject(subject: &str) -> Option<&'static Person> {
    PEOPLE.iter().find(|person| person.subject == subject)
}
