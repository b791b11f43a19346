//! Grants by time, page by page, and what hangs on one of them.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::GrantId;
use grantd_protocol::records::{
    EndedThing, Grant, IssuedAccessToken, RefreshToken, Revocation, Session, SessionState, Spending,
};
use grantd_protocol::refusals::Refusal;
use grantd_store::{GrantList, GrantsOf, Store};
use grantd_tokens::Time;

use crate::databases::{database, store};
use crate::records::{
    access_token, access_token_id, client_id, code, grant, grant_id, issuer, refresh_token, session, user, user_id,
};

const FAR: i64 = 1_000_000;

/// Of three users and to two clients in turn, two in each second.
fn given(number: u64) -> Grant {
    let created_at = Time(i64::try_from(100 + number / 2).unwrap());
    Grant { created_at, narrowings: 0, ..grant(number, 0, number, FAR) }
}

async fn put(store: &Store, changes: Vec<Change>) {
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
}

async fn with(grants: impl IntoIterator<Item = Grant>) -> Store {
    let store = store();
    fill(&store, grants).await;
    store
}

async fn fill(store: &Store, grants: impl IntoIterator<Item = Grant>) {
    let live = Session { state: SessionState::Live, ..session(0, 0, FAR) };
    put(
        store,
        vec![
            Change::AddUser { user: user(0, 0, 0), or: Refusal::NameTaken },
            Change::AddSession { session: live, credentials_generation: 0 },
        ],
    )
    .await;
    put(store, grants.into_iter().map(Change::AddGrant).collect()).await;
}

/// Every page of a list, with so many on each.
async fn listed(store: &Store, list: &GrantList, limit: u32) -> Vec<GrantId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = store.grants(&issuer(0), list, after, limit).await.unwrap();
        assert!(page.grants.len() <= usize::try_from(limit).unwrap());
        ids.extend(page.grants.into_iter().map(|grant| grant.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

/// The newest first; of one second, by id.
fn expected(of: impl Fn(&Grant) -> bool) -> Vec<GrantId> {
    let mut grants: Vec<Grant> = (0..24).map(given).filter(of).collect();
    grants.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    grants.into_iter().map(|grant| grant.id).collect()
}

#[tokio::test]
async fn grants_are_listed_newest_first_whatever_the_size_of_the_pages() {
    let store = with((0..24).map(given)).await;
    for limit in [1, 2, 3, 5, 24, 100] {
        let list = |of| GrantList { of, ..GrantList::default() };
        assert_eq!(listed(&store, &list(GrantsOf::Everybody), limit).await, expected(|_| true), "{limit}");
        let of_user = listed(&store, &list(GrantsOf::User(user_id(1))), limit).await;
        assert_eq!(of_user, expected(|grant| grant.user == user_id(1)), "{limit}");
        let to_client = listed(&store, &list(GrantsOf::Client(client_id(0))), limit).await;
        assert_eq!(to_client, expected(|grant| grant.client == client_id(0)), "{limit}");
        assert_eq!(listed(&store, &list(GrantsOf::User(user_id(9))), limit).await, []);
    }
    let others = store.grants(&issuer(1), &GrantList::default(), None, 10).await.unwrap();
    assert_eq!((others.grants, others.next), (Vec::new(), None), "another issuer has none");
}

#[tokio::test]
async fn a_list_begins_and_ends_when_it_is_told_to() {
    let store = with((0..24).map(given)).await;
    let (since, until) = (Time(103), Time(107));
    for limit in [1, 3, 100] {
        let list = GrantList { since: Some(since), until: Some(until), ..GrantList::default() };
        let between = expected(|grant| since <= grant.created_at && grant.created_at < until);
        assert_eq!(between.len(), 8);
        assert_eq!(listed(&store, &list, limit).await, between, "{limit}");
        let list = GrantList { of: GrantsOf::Client(client_id(1)), since: Some(since), until: None };
        let later = expected(|grant| grant.client == client_id(1) && since <= grant.created_at);
        assert_eq!(listed(&store, &list, limit).await, later, "{limit}");
    }
}

#[tokio::test]
async fn a_grant_from_before_its_time_had_a_column_is_found_by_the_time_in_its_record() {
    let database = database();
    let store = database.open();
    fill(&store, (0..24).map(given)).await;
    let old: Vec<String> = [7, 9].map(|number| format!("'{}'", grant_id(number))).into();
    let sql = format!("UPDATE grants SET created_at = 0 WHERE id IN ({}) RETURNING id", old.join(", "));
    assert_eq!(database.look(&sql).len(), 2);
    for limit in [1, 3, 100] {
        let list = GrantList { since: Some(Time(104)), until: Some(Time(106)), ..GrantList::default() };
        let mut ids = listed(&store, &list, limit).await;
        ids.sort();
        let mut between = expected(|grant| grant.created_at == Time(104) || grant.created_at == Time(105));
        between.sort();
        assert_eq!(ids, between, "{limit}");
    }
}

#[tokio::test]
async fn the_lineage_of_a_grant_is_all_that_is_kept_of_it_and_nothing_of_another() {
    let store = with([given(2), given(4)]).await;
    let (first, second) = (refresh_token(0, 2), RefreshToken { generation: 4, ..refresh_token(1, 2) });
    let of_two = [2, 4].map(|number| IssuedAccessToken { id: access_token_id(number), expires_at: Time(FAR) });
    put(
        &store,
        vec![
            Change::AddCode(code(0, 2, 50)),
            Change::AddCode(code(1, 4, 50)),
            Change::AddRefreshToken(first.clone()),
            Change::SpendRefreshToken { token: first.hash, successor: second.hash, at: Time(7) },
            Change::AddRefreshToken(second.clone()),
            Change::AddRefreshToken(refresh_token(2, 4)),
            Change::AddAccessToken(access_token(2, Some(2), 60)),
            Change::AddAccessToken(access_token(4, Some(4), 60)),
        ],
    )
    .await;
    let ending = of_two.map(|token| Change::EndAccessToken { token, at: Time(8) });
    put(&store, ending.into()).await;
    put(&store, vec![Change::RevokeGrant { grant: grant_id(2), at: Time(9), because: Revocation::EndedByOperator }])
        .await;

    let lineage = store.lineage(&issuer(0), &grant_id(2)).await.unwrap().unwrap();
    assert_eq!(lineage.grant.id, grant_id(2));
    assert_eq!(lineage.codes, [code(0, 2, 50)]);
    let spent = Spending::Spent { at: Time(7), successor: second.hash };
    assert_eq!(lineage.refresh_tokens, [RefreshToken { spending: spent, ..first }, second]);
    assert_eq!(lineage.access_tokens, [access_token(2, Some(2), 60)]);
    let ended: Vec<_> = lineage.ended.into_iter().map(|ended| ended.thing).collect();
    assert_eq!(ended, [EndedThing::AccessToken(access_token_id(2))]);

    assert_eq!(store.lineage(&issuer(0), &grant_id(5)).await.unwrap(), None);
    assert_eq!(store.lineage(&issuer(1), &grant_id(2)).await.unwrap(), None);
}
