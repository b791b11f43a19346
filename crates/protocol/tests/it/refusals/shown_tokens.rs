//! Refusals of the revocation and introspection endpoints, and why a token is not active.

use grantd_protocol::changes::Change;
use grantd_protocol::endpoint::{Endpoint, Next};
use grantd_protocol::facts::Facts;
use grantd_protocol::introspection::Introspected;
use grantd_protocol::names::{AccessTokenId, Network, ResourceId};
use grantd_protocol::records::{AccessTokenFormat, IssuedAccessToken, Revocation, Status};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::revocation::RevocationRequest;
use grantd_protocol::token::Issued;
use grantd_tokens::{Seconds, Secret};

use super::{Outcome, Row};
use crate::shown_tokens::{API, introspect, introspection, issued, showing, world_with, written};
use crate::town::{LOCKBOXES, NATIVE, WEB, WEB_POST};
use crate::world::World;

pub(super) fn rows() -> Vec<Row> {
    [as_such(), ended(), unfitting(), refresh_tokens()].into_iter().flatten().collect()
}

fn as_such() -> Vec<Row> {
    use Refusal as R;
    let parse = |body: &[u8]| RevocationRequest::parse(None, None, body, Network::new("")).map(|_| ());
    let asked_by = |client: &str| {
        shown(client, |world, _| {
            world.edit_client(client, |client| client.introspects = vec![ResourceId::new(LOCKBOXES)]);
        })
    };
    let of_another = |resources: &[&str]| {
        shown(API, |world, _| {
            let resources = resources.iter().map(|id| ResourceId::new(*id)).collect();
            world.edit_client(API, |client| client.introspects = resources);
        })
    };
    vec![
        Row {
            refusal: R::ShownTokenMissing,
            refused: parse(b"client_id=c&token="),
            answered: parse(b"client_id=c&token=t"),
        },
        Row { refusal: R::IntrospectionByPublicClient, refused: asked_by(NATIVE), answered: asked_by(WEB_POST) },
        Row {
            refusal: R::AccessTokenForAnother,
            refused: of_another(&["https://elsewhere.example/"]),
            answered: of_another(&["https://elsewhere.example/", LOCKBOXES]),
        },
    ]
}

/// What ends a token.
fn ended() -> Vec<Row> {
    use Refusal as R;
    let after = |seconds: i64| shown(API, |world, issued| world.now = issued.access_token.iat + Seconds(seconds));
    let given_back = |id: fn(&Issued) -> String| {
        shown(API, |world, issued| {
            let (id, expires_at) = (AccessTokenId::new(id(issued)), issued.access_token.exp);
            let token = IssuedAccessToken { id, expires_at };
            world.operate(Change::EndAccessToken { token, at: world.now });
        })
    };
    let taken_back = |left: &str| {
        shown(API, |world, _| {
            let grant = world.records().grants.values().next().unwrap().clone();
            let (narrowings, scopes) = (grant.narrowings, crate::town::scopes(left));
            let (grant, resources) = (grant.id, grant.resources);
            world.operate(Change::NarrowGrant { grant, narrowings, scopes, resources, details: Vec::new() });
        })
    };
    vec![
        Row { refusal: R::AccessTokenExpired, refused: after(300), answered: after(299) },
        Row { refusal: R::AccessTokenNotYetValid, refused: after(-16), answered: after(-15) },
        Row {
            refusal: R::AccessTokenEnded,
            refused: given_back(|issued| issued.access_token.jti.clone()),
            answered: given_back(|_| "another".to_owned()),
        },
        Row {
            refusal: R::AccessTokenGrantGone,
            refused: shown(API, |world, _| {
                let grant = world.records().grants.keys().next().unwrap().clone();
                world.operate(Change::RevokeGrant { grant, at: world.now, because: Revocation::EndedByUser });
            }),
            answered: shown(API, |_, _| ()),
        },
        Row { refusal: R::AccessTokenTakenBack, refused: taken_back("boxes:read"), answered: taken_back("boxes:list") },
    ]
}

/// What does not fit together.
fn unfitting() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, change: &dyn Fn(&mut Facts)| Row {
        refusal,
        refused: shown_knowing(change),
        answered: shown_knowing(&|_| ()),
    };
    let under = |other: bool| {
        shown(API, |world, _| {
            if other {
                world.keys = grantd_tokens::JwkSet::default();
            }
        })
    };
    vec![
        Row { refusal: R::ShownTokenUnknown, refused: under(true), answered: under(false) },
        row(R::AccessTokenUserGone, &|facts| facts.user.as_mut().unwrap().status = Status::Disabled),
        row(R::AccessTokenClientGone, &|facts| facts.holder.as_mut().unwrap().status = Status::Disabled),
    ]
}

fn refresh_tokens() -> Vec<Row> {
    use Refusal as R;
    let asked = |caller: &str, uses: bool| {
        let mut world = world_with(AccessTokenFormat::Jwt);
        let token = issued(&mut world, "boxes:list").refresh_token.unwrap();
        if uses {
            world.refresh(WEB, &token).unwrap();
        }
        told(introspect(&mut world, caller, &token))
    };
    vec![
        Row { refusal: R::RefreshTokenShownByAnother, refused: asked(WEB_POST, false), answered: asked(WEB, false) },
        Row { refusal: R::RefreshTokenSpent, refused: asked(WEB, true), answered: asked(WEB, false) },
    ]
}

/// Alice's token for the lockbox API, shown by `caller` after what `change` does.
fn shown(caller: &str, change: impl FnOnce(&mut World, &Issued)) -> Outcome {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let issued = issued(&mut world, "boxes:list");
    change(&mut world, &issued);
    told(introspect(&mut world, caller, &written(&issued)))
}

fn shown_knowing(change: &dyn Fn(&mut Facts)) -> Outcome {
    let mut world = world_with(AccessTokenFormat::Jwt);
    let token: Secret = written(&issued(&mut world, "boxes:list"));
    let request = introspection(&showing(&world, API, &token)).unwrap();
    let mut facts = world.load(&request.lookup());
    change(&mut facts);
    match world.decide_on(&request, &facts) {
        Next::Done(decision) => told(decision.answer),
        Next::Fetch(_) => panic!("nothing is fetched here"),
    }
}

/// That a token is not active is an answer on the wire, and has its reason all the same.
fn told(answer: Result<Introspected, grantd_protocol::endpoint::Refused>) -> Outcome {
    match answer {
        Ok(Introspected::Active(_)) => Ok(()),
        Ok(Introspected::Inactive(refusal)) => Err(refusal),
        Err(refused) => Err(refused.refusal),
    }
}
