use bench::statistics::{Repeats, percentile};

#[test]
fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
    assert_eq!(Repeats::of([3.0, 1.0, 2.0]).median().to_string(), "2");
    assert_eq!(Repeats::of([4.0, 1.0, 2.0, 3.0]).median().to_string(), "2.5");
    assert_eq!(Repeats::of([7.0]).median().to_string(), "7");
    assert!(Repeats::default().median().is_nan());
}

#[test]
fn what_is_not_finite_was_no_measurement() {
    assert_eq!(Repeats::of([f64::NAN, 1.0, f64::INFINITY]).sorted(), [1.0]);
}

#[test]
fn repeats_that_differ_by_more_than_15_per_cent_of_the_median_are_too_noisy() {
    assert!(!Repeats::of([100.0, 107.0, 114.0]).are_too_noisy());
    assert!(Repeats::of([100.0, 107.0, 117.0]).are_too_noisy());
    assert!(!Repeats::of([100.0]).are_too_noisy(), "one repeat has no spread that is known");
    assert_eq!(Repeats::of([100.0]).spread(), None);
}

#[test]
fn a_percentile_is_the_value_of_the_nearest_rank() {
    let sorted: Vec<u32> = (1..=100).collect();
    assert_eq!([percentile(&sorted, 0.5), percentile(&sorted, 0.99), percentile(&sorted, 1.0)], [50, 99, 100]);
    assert_eq!([percentile(&[7], 0.0), percentile(&[7], 0.99), percentile(&[], 0.5)], [7, 7, 0]);
}
