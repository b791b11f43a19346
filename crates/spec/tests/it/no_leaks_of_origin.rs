use grantd_spec::sources::leaks_of_origin;

use crate::{assert_none, file, repository_files};

#[test]
fn no_text_file_tells_on_which_machine_it_was_written() {
    assert_none(&leaks_of_origin(&repository_files()));
}

#[test]
fn a_path_of_a_machine_is_found() {
    for home in [
        concat!("/ho", "me/ann"),
        concat!("/ro", "ot/x"),
        concat!("/Us", "ers/ann"),
        concat!("C:\\Us", "ers\\ann"),
        concat!("/wo", "rk/x"),
    ] {
        for text in
            [format!("{home}/grantd"), format!("see `{home}`"), format!("file://{home}"), format!("PATH=/bin:{home}")]
        {
            assert_eq!(leaks_of_origin(&[file("README.md", &text)]).len(), 1, "{text}");
        }
    }
}

#[test]
fn a_path_inside_a_url_or_a_relative_path_is_none() {
    for text in [
        concat!("https://api.example/wo", "rk/items"),
        concat!("./ho", "me/x"),
        concat!("docs/ho", "me/x"),
        concat!("{base}/wo", "rk/"),
    ] {
        assert_none(&leaks_of_origin(&[file("README.md", text)]));
    }
}
