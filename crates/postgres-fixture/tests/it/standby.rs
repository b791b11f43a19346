//! A second server that has what the first one acknowledged.

use grantd_postgres_fixture::{Isolation, Options, Server};

use crate::connecting::{asked, connect};

#[tokio::test]
async fn a_standby_that_is_promoted_has_what_the_killed_primary_acknowledged() {
    let primary = Server::start(&Options::default());
    let schema = primary.schema(Isolation::ReadCommitted);
    let standby = primary.start_synchronous_standby();
    let client = connect(&schema.url_of_primary(&[&standby, &primary])).await;
    client.batch_execute("CREATE TABLE things (id TEXT)").await.unwrap();
    for _ in 0..100 {
        client.execute("INSERT INTO things VALUES ('a')", &[]).await.unwrap();
    }
    primary.kill();
    standby.promote();
    let client = connect(&schema.url_of_primary(&[&primary, &standby])).await;
    assert_eq!(asked(&client, "SELECT count(*)::text FROM things").await, "100");
    client.execute("INSERT INTO things VALUES ('b')", &[]).await.unwrap();
}
