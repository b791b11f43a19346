//! Refusals of the token endpoint.

use grantd_protocol::endpoint::{Endpoint, Next};
use grantd_protocol::facts::Facts;
use grantd_protocol::names::{Network, Scopes};
use grantd_protocol::records::{Client, ClientAuthentication, ClientSecret, RedirectUriAtToken, SessionState, Status};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::TokenRequest;
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Seconds, Secret, Time};

use super::{Outcome, Row, outcome};
use crate::forms_of_the_wire::{Browser, TokenCall};
use crate::town::{ALICE, BROWSER, LOCKBOXES, NATIVE, SERVICE, WEB, WEB_POST, secret_of};
use crate::world::{World, basic, code_in, parsed};

pub(super) fn rows() -> Vec<Row> {
    let all = [
        as_such(),
        authentication(),
        codes(),
        code_circumstances(),
        refresh_tokens(),
        refresh_circumstances(),
        targets(),
    ];
    all.into_iter().flatten().collect()
}

/// What is wrong with the request whatever the grant.
fn as_such() -> Vec<Row> {
    use Refusal as R;
    let parse =
        |query: Option<&[u8]>, body: &[u8]| TokenRequest::parse(query, None, body, Network::new("")).map(|_| ());
    let good: &[u8] = b"grant_type=refresh_token&refresh_token=t&client_id=c";
    let row = |refusal, query: Option<&[u8]>, body: &[u8]| Row {
        refusal,
        refused: parse(query, body),
        answered: parse(None, good),
    };
    let unregistered = |grant_types: &[GrantType]| {
        let mut world = World::new();
        let code = world.approve(WEB, "boxes:list");
        world.edit_client(WEB, |client| client.grant_types = grant_types.to_vec());
        outcome(world.redeem(WEB, &code))
    };
    vec![
        row(R::TokenInQuery, Some(b"client_id=c"), good),
        row(R::TokenMalformed, None, b"grant_type=%zz"),
        row(R::TokenParameterRepeated, None, b"grant_type=refresh_token&refresh_token=t&refresh_token=t&client_id=c"),
        row(R::GrantTypeMissing, None, b"grant_type=&refresh_token=t&client_id=c"),
        row(R::GrantTypeUnsupported, None, b"grant_type=password&username=u&password=p&client_id=c"),
        row(R::TokenParameterMissing, None, b"grant_type=refresh_token&client_id=c"),
        row(
            R::SeveralTargets,
            None,
            b"grant_type=refresh_token&refresh_token=t&client_id=c&resource=a%3Ab&resource=a%3Ac",
        ),
        row(R::CredentialsMissing, None, b"grant_type=refresh_token&refresh_token=t"),
        row(R::ScopeMalformed, None, b"grant_type=refresh_token&refresh_token=t&client_id=c&scope=%22"),
        Row {
            refusal: R::GrantTypeUnregistered,
            refused: unregistered(&[GrantType::RefreshToken]),
            answered: unregistered(&[GrantType::AuthorizationCode]),
        },
    ]
}

fn authentication() -> Vec<Row> {
    use Refusal as R;
    let authorization =
        |header: &str| redeemed(WEB, |_, call| TokenCall { authorization: Some(header.to_owned()), ..call });
    let right = basic(WEB, secret_of(WEB).expose());
    let row = |refusal, refused: Outcome| Row { refusal, refused, answered: authorization(&right) };
    let replaced = |world: &mut World, call: TokenCall| {
        let expires_at = Some(world.now);
        let old = ClientSecret { hash: secret_of(WEB).hash(), expires_at };
        world.edit_client(WEB, |client| {
            client.authentication = ClientAuthentication::ClientSecretBasic { secrets: vec![old] }
        });
        call
    };
    let throttled = |wrong: u32| {
        redeemed(WEB, |world, call| {
            world.settings.limits.wrong_secrets = 2;
            for _ in 0..wrong {
                let guess = TokenCall { authorization: Some(basic(WEB, "guess")), ..call.clone() };
                assert_eq!(outcome(world.token(&guess)), Err(R::WrongSecret));
            }
            call
        })
    };
    vec![
        row(R::SeveralMethods, redeemed(WEB, |_, call| call.with("client_secret", "s"))),
        row(R::BasicMalformed, authorization("Basic !!!")),
        row(R::ClientIdsDiffer, redeemed(WEB, |_, call| call.with("client_id", WEB_POST))),
        row(R::NoSuchClient, authorization(&basic("nobody", "s"))),
        row(
            R::ClientDisabled,
            redeemed(WEB, |world, call| {
                world.edit_client(WEB, |client| client.status = Status::Disabled);
                call
            }),
        ),
        row(
            R::WrongMethod,
            redeemed(WEB, |_, call| {
                let posted = call.with("client_id", WEB).with("client_secret", secret_of(WEB).expose());
                TokenCall { authorization: None, ..posted }
            }),
        ),
        row(R::WrongSecret, authorization(&basic(WEB, "guess"))),
        row(R::SecretReplaced, redeemed(WEB, replaced)),
        Row { refusal: R::ClientThrottled, refused: throttled(2), answered: throttled(1) },
    ]
}

fn codes() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, refused: Outcome| Row { refusal, refused, answered: redeemed(WEB, |_, call| call) };
    let guessed = |times: u8| {
        redeemed(WEB, |world, call| {
            for _ in 0..times {
                let wrong = call.clone().with("code_verifier", &"x".repeat(43));
                assert_eq!(outcome(world.token(&wrong)), Err(R::VerifierWrong));
            }
            call
        })
    };
    vec![
        row(R::CodeUnknown, redeemed(WEB, |_, call| call.with("code", "no such code"))),
        row(
            R::CodeOfAnotherClient,
            redeemed(WEB, |world, call| {
                let form = call.form.clone();
                world.call_of(WEB_POST, form)
            }),
        ),
        Row { refusal: R::CodeGuessedAt, refused: guessed(5), answered: guessed(4) },
        row(R::VerifierMissing, redeemed(WEB, |_, call| call.without("code_verifier"))),
        row(R::VerifierMalformed, redeemed(WEB, |_, call| call.with("code_verifier", &"x".repeat(42)))),
        row(R::VerifierWrong, redeemed(WEB, |_, call| call.with("code_verifier", &"x".repeat(43)))),
        row(
            R::CodeReplayed,
            redeemed(WEB, |world, call| {
                world.token(&call).unwrap();
                call
            }),
        ),
        Row { refusal: R::CodeExpired, refused: redeemed(WEB, after(60)), answered: redeemed(WEB, after(59)) },
        row(R::RedirectUriDiffers, redeemed(WEB, |_, call| call.with("redirect_uri", "https://app.example/"))),
    ]
}

/// What has changed since the code was issued.
fn code_circumstances() -> Vec<Row> {
    use Refusal as R;
    let must_repeat = |sent: Option<&str>| {
        redeemed(WEB, |world, call| {
            world.edit_client(WEB, |client| client.redirect_uri_at_token = RedirectUriAtToken::Required);
            sent.into_iter().fold(call, |call, uri| call.with("redirect_uri", uri))
        })
    };
    let row = |refusal, change: &dyn Fn(&mut World)| Row {
        refusal,
        refused: redeemed(WEB, |world, call| {
            change(world);
            call
        }),
        answered: redeemed(WEB, |_, call| call),
    };
    let signed_out = |leaves: bool| {
        let mut world = World::new();
        let mut browser = Browser::new();
        let form = world.request_of(WEB).with("scope", "boxes:list offline_access");
        let code = code_in(&world.approve_in(&mut browser, &form));
        if leaves {
            world.sign_out(&mut browser).unwrap();
        }
        outcome(world.redeem(WEB, &code))
    };
    vec![
        Row {
            refusal: R::RedirectUriNotRepeated,
            refused: must_repeat(None),
            answered: must_repeat(Some(crate::town::WEB_CALLBACK)),
        },
        row(R::RedirectUriWithdrawn, &|world| world.edit_client(WEB, |client| client.redirect_uris.clear())),
        row(R::CodeGrantGone, &|world| {
            let (user, at) = (crate::town::user_id(ALICE), world.now);
            world.operate(grantd_protocol::changes::Change::RemoveUser { user, at });
        }),
        Row {
            refusal: R::CodeUserGone,
            refused: redeemed_knowing(|facts| facts.user = None),
            answered: redeemed_knowing(|_| ()),
        },
        Row { refusal: R::CodeSessionEnded, refused: signed_out(true), answered: signed_out(false) },
    ]
}

fn refresh_tokens() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, refused: Outcome| Row { refusal, refused, answered: refreshed(|_, call| call) };
    let shown_again_after = |seconds: i64| {
        refreshed(|world, call| {
            world.token(&call).unwrap();
            after(seconds)(world, call)
        })
    };
    vec![
        row(R::RefreshTokenUnknown, refreshed(|_, call| call.with("refresh_token", "no such token"))),
        row(
            R::RefreshTokenOfAnotherClient,
            refreshed(|world, call| {
                let form = call.form.clone();
                world.call_of(WEB_POST, form)
            }),
        ),
        // Spent, shown again: a theft at the end of the window, and a retry just before it.
        Row { refusal: R::RefreshTokenReused, refused: shown_again_after(30), answered: shown_again_after(29) },
        Row {
            refusal: R::RefreshRetriedTooOften,
            refused: refreshed(|world, call| after_retries(101)(world, call)),
            answered: refreshed(|world, call| after_retries(100)(world, call)),
        },
        row(
            R::RefreshGrantGone,
            refreshed(|world, call| {
                let (user, at) = (crate::town::user_id(ALICE), world.now);
                world.operate(grantd_protocol::changes::Change::RemoveUser { user, at });
                call
            }),
        ),
        Row {
            refusal: R::RefreshTokenIdle,
            refused: refreshed(|world, call| after(14 * 24 * 3600)(world, call)),
            answered: refreshed(|world, call| after(14 * 24 * 3600 - 1)(world, call)),
        },
        row(R::RefreshScopeWider, refreshed(|_, call| call.with("scope", "boxes:list boxes:read"))),
        Row { refusal: R::ScopeTakenBack, refused: narrowed("scope", true), answered: narrowed("scope", false) },
        Row {
            refusal: R::DetailsTakenBack,
            refused: narrowed("authorization_details", true),
            answered: narrowed("authorization_details", false),
        },
        row(
            R::NothingLeft,
            refreshed(|world, call| {
                world.edit_client(WEB, |client| client.scopes = Scopes::default());
                call
            }),
        ),
    ]
}

/// What the guards of the store keep from happening, and the decision refuses all the same.
fn refresh_circumstances() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, scope: &str, change: &dyn Fn(&mut Facts)| Row {
        refusal,
        refused: refreshed_knowing(scope, change),
        answered: refreshed_knowing(scope, &|_| ()),
    };
    vec![
        row(R::RefreshGrantEnded, "boxes:list offline_access", &|facts| {
            facts.grant.as_mut().unwrap().expires_at = Time(1);
        }),
        row(R::RefreshUserGone, "boxes:list offline_access", &|facts| {
            facts.user.as_mut().unwrap().status = Status::Disabled;
        }),
        row(R::RefreshSessionEnded, "boxes:list", &|facts| {
            facts.grant_session.as_mut().unwrap().state = SessionState::Ended { at: Time(1) };
        }),
    ]
}

fn targets() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, name: &str, wrong: &str, right: &str| Row {
        refusal,
        refused: redeemed(WEB, |_, call| call.with(name, wrong)),
        answered: redeemed(WEB, |_, call| call.with(name, right)),
    };
    let card = r#"[{"type":"postcard","motif":"sea"}]"#;
    let other = r#"[{"type":"postcard","motif":"hills"}]"#;
    let alone = |client: &str| {
        let mut world = World::new();
        world.edit_client(client, |held: &mut Client| held.grant_types.push(GrantType::ClientCredentials));
        let form =
            crate::forms_of_the_wire::Form::new(&[("grant_type", "client_credentials"), ("scope", "boxes:list")]);
        let call = world.call_of(client, form);
        outcome(world.token(&call))
    };
    assert_eq!(alone(NATIVE), alone(BROWSER));
    vec![
        row(R::TargetNotGranted, "resource", crate::town::CALENDAR, LOCKBOXES),
        row(R::DetailsNotGranted, "authorization_details", other, card),
        Row { refusal: R::PublicClientAlone, refused: alone(NATIVE), answered: alone(SERVICE) },
    ]
}

/// A code for `boxes:list` and a postcard with the sea on it, redeemed as `prepare` has it.
fn redeemed(client: &str, prepare: impl FnOnce(&mut World, TokenCall) -> TokenCall) -> Outcome {
    let mut world = World::new();
    let code = approved(&mut world, client);
    let call = world.redemption_of(client, &code);
    let call = prepare(&mut world, call);
    outcome(world.token(&call))
}

fn approved(world: &mut World, client: &str) -> Secret {
    let card = r#"[{"type":"postcard","motif":"sea"}]"#;
    let form = world.request_of(client).with("authorization_details", card);
    world.approve_form(&form)
}

/// The refresh token of a grant that lasts, used as `prepare` has it.
fn refreshed(prepare: impl FnOnce(&mut World, TokenCall) -> TokenCall) -> Outcome {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list offline_access");
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let call = world.refresh_of(WEB, &token);
    let call = prepare(&mut world, call);
    outcome(world.token(&call))
}

/// A scope or a box is asked for in so many words: after that one, or another, was taken back.
fn narrowed(name: &str, the_one: bool) -> Outcome {
    let boxes = r#"[{"type":"lockbox","actions":["list"]}]"#;
    let mut world = World::new();
    let form = world.request_of(WEB).with("scope", "boxes:list boxes:read offline_access");
    let code = world.approve_form(&form.with("authorization_details", boxes));
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let (scope, thing) = if the_one { ("boxes:list", "alice-1") } else { ("boxes:read", "alice-2") };
    world.narrow(|grant| match name {
        "scope" => {
            grant.scopes = grant.scopes.filtered(|held| held.as_str() != scope);
            grant.details.clear();
        }
        _ => grant.details.retain(|held| held.identifier.as_deref() != Some(thing)),
    });
    let asked = match name {
        "scope" => "boxes:list",
        _ => r#"[{"type":"lockbox","actions":["list"],"identifier":"alice-1"}]"#,
    };
    outcome(world.token(&world.refresh_of(WEB, &token).with(name, asked)))
}

/// The answer, and all that took its place.
fn after_retries(answers: usize) -> impl FnOnce(&mut World, TokenCall) -> TokenCall {
    move |world, call| {
        for _ in 0..answers {
            world.token(&call).unwrap();
        }
        call
    }
}

fn after(seconds: i64) -> impl FnOnce(&mut World, TokenCall) -> TokenCall {
    move |world, call| {
        world.advance(Seconds(seconds));
        call
    }
}

fn redeemed_knowing(change: impl FnOnce(&mut Facts)) -> Outcome {
    let mut world = World::new();
    let code = approved(&mut world, WEB);
    let call = world.redemption_of(WEB, &code);
    decided(&mut world, &call, change)
}

fn refreshed_knowing(scope: &str, change: &dyn Fn(&mut Facts)) -> Outcome {
    let mut world = World::new();
    let code = world.approve(WEB, scope);
    let token = world.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let call = world.refresh_of(WEB, &token);
    decided(&mut world, &call, change)
}

fn decided(world: &mut World, call: &TokenCall, change: impl FnOnce(&mut Facts)) -> Outcome {
    let request = parsed(call)?;
    let mut facts = world.load(&request.lookup());
    change(&mut facts);
    match world.decide_on(&request, &facts) {
        Next::Done(decision) => outcome(decision.answer),
        Next::Fetch(_) => panic!("a token request fetches nothing"),
    }
}
