//! The limits that settings must keep.

use grantd_protocol::names::Issuer;
use grantd_protocol::settings::{SettingFault, Settings};
use grantd_tokens::Seconds;

fn faults(change: impl FnOnce(&mut Settings)) -> Vec<SettingFault> {
    let mut settings = Settings::new(Issuer::new("https://id.example"));
    change(&mut settings);
    settings.faults()
}

// proves: REFRESH-10
#[test]
fn the_lost_response_window_is_nothing_to_a_minute_and_half_a_minute_by_default() {
    let with = |seconds| faults(|settings| settings.lifetimes.lost_response = Seconds(seconds));
    for allowed in [0, 30, 60] {
        assert!(with(allowed).is_empty(), "{allowed}");
    }
    for refused in [-1, 61] {
        let faults = with(refused);
        assert_eq!(faults.len(), 1);
        assert_eq!((faults[0].name, faults[0].rule), ("lifetimes.lost_response", "REFRESH-10"));
        assert_eq!((faults[0].least, faults[0].ceiling), (Seconds(0), Seconds(60)));
    }
    assert_eq!(Settings::new(Issuer::new("https://id.example")).lifetimes.lost_response, Seconds(30));
}

#[test]
fn every_other_lifetime_is_at_least_a_second() {
    let none = faults(|settings| settings.lifetimes.access_token = Seconds(0));
    assert_eq!((none[0].name, none[0].least), ("lifetimes.access_token", Seconds(1)));
}
