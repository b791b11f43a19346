"""Authlib (PyPI), unmodified, on requests and on httpx, and joserfc for the tokens. Started by authlib.js, which says what there is."""

import json
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import urlsplit

import httpx
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import KeySet

from person import Person

WORLD = json.load(sys.stdin)
ISSUER, API, CALLBACK = WORLD["issuer"], WORLD["api"], WORLD["callback"]
METADATA = requests.get(get_well_known_url(ISSUER, external=True), timeout=10).json()
DETAILS = [{"type": "lockbox", "identifier": "box-1", "actions": ["read"]}]
GRANTED = [{**DETAILS[0], "locations": [API]}]


def test_the_metadata_passes_its_validation():
    metadata = AuthorizationServerMetadata(METADATA)
    for claim in ("authorization_endpoint", "token_endpoint", "response_types_supported", "grant_types_supported"):
        getattr(metadata, f"validate_{claim}")()
    assert metadata["issuer"] == ISSUER
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_code_key_and_rotated_refresh_token_on_requests_with_client_secret_basic():
    whole_life_of(OAuth2Session, "web-basic", WORLD["secret"], "client_secret_basic", CALLBACK)


def test_code_key_and_rotated_refresh_token_on_requests_with_client_secret_post():
    whole_life_of(OAuth2Session, "web-post", WORLD["secret"], "client_secret_post", CALLBACK)


def test_code_key_and_rotated_refresh_token_on_requests_without_a_secret():
    whole_life_of(OAuth2Session, "desktop", None, "none", WORLD["loopback_callback"])


def test_code_key_and_rotated_refresh_token_on_httpx_with_client_secret_basic():
    whole_life_of(OAuth2Client, "web-basic", WORLD["secret"], "client_secret_basic", CALLBACK)


def test_code_key_and_rotated_refresh_token_on_httpx_without_a_secret():
    whole_life_of(OAuth2Client, "spa", None, "none", CALLBACK)


def test_client_credentials_on_requests_and_httpx():
    for library in (OAuth2Session, OAuth2Client):
        for method in ("basic", "post"):
            client = library(f"robot-{method}", WORLD["secret"], token_endpoint_auth_method=f"client_secret_{method}")
            endpoint = METADATA["token_endpoint"]
            token = client.fetch_token(endpoint, grant_type="client_credentials", scope="letters:read", resource=API)
            assert "refresh_token" not in token
            assert decoded(token)["client_id"] == f"robot-{method}"


def test_a_denial_is_an_error_that_it_understands():
    client, answer, state, verifier = asked("web-basic", WORLD["secret"], "client_secret_basic", CALLBACK, decision="deny")
    # The fragment never reaches a web server.
    answer = answer.split("#")[0]
    assert "error=access_denied" in answer and f"state={state}" in answer
    raises(OAuthError, None, lambda: client.fetch_token(METADATA["token_endpoint"], authorization_response=answer, state=state))


def test_a_wrong_state_and_a_wrong_verifier_get_no_key_and_a_replayed_code_ends_it():
    client, answer, state, verifier = asked("web-basic", WORLD["secret"], "client_secret_basic", CALLBACK)

    def redeem(state=state, verifier=verifier):
        return client.fetch_token(METADATA["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier)

    raises(Exception, "state", lambda: redeem(state="another"))
    raises(OAuthError, "invalid_grant", lambda: redeem(verifier=generate_token(48)))
    token = redeem()
    raises(OAuthError, "invalid_grant", redeem)
    raises(OAuthError, "invalid_grant", lambda: client.refresh_token(METADATA["token_endpoint"], refresh_token=token["refresh_token"]))


def test_a_wrong_redirect_uri_gets_a_page():
    client = OAuth2Session("web-basic", redirect_uri=CALLBACK + "&x=1", scope="letters:read", code_challenge_method="S256")
    url, _ = client.create_authorization_url(METADATA["authorization_endpoint"], code_verifier=generate_token(48))
    assert person().read(url).status_code == 400


def test_a_lost_answer_is_asked_for_again_with_the_same_refresh_token():
    for library, (client_id, secret, method, callback) in product((OAuth2Session, OAuth2Client), APPS):
        client, token = obtained(library, client_id, secret, method, callback)
        shown = token["refresh_token"]
        requests.post(WORLD["lose_answer"], data=METADATA["token_endpoint"], timeout=10).raise_for_status()
        raises((requests.ConnectionError, httpx.TransportError), None, lambda: refreshed(client, shown))
        repeated = refreshed(client, shown)
        refreshed(client, repeated["refresh_token"])
        raises(OAuthError, "invalid_grant", lambda: refreshed(client, shown))


def test_two_refreshes_at_once_are_both_answered_and_the_later_answer_counts():
    for client_id, secret, method, callback in APPS:
        client, token = obtained(OAuth2Session, client_id, secret, method, callback)
        arrived = []
        another = OAuth2Session(client_id, secret, token_endpoint_auth_method=method)
        with ThreadPoolExecutor(2) as threads:
            both = [threads.submit(lambda one: arrived.append(refreshed(one, token["refresh_token"])), one) for one in (client, another)]
        for one in both:
            one.result()
        refreshed(client, arrived[1]["refresh_token"])
        raises(OAuthError, "invalid_grant", lambda: refreshed(client, arrived[0]["refresh_token"]))


def test_a_refresh_token_that_is_given_back_ends_everything_on_requests_and_httpx():
    for library, (client_id, secret, method, callback) in product((OAuth2Session, OAuth2Client), APPS):
        client, token = obtained(library, client_id, secret, method, callback)
        assert introspected(token["access_token"])["active"] is True
        for hint in ("refresh_token", "access_token"):
            answer = client.revoke_token(METADATA["revocation_endpoint"], token=token["refresh_token"], token_type_hint=hint)
            assert (answer.status_code, answer.content) == (200, b"")
        assert introspected(token["access_token"]) == {"active": False}
        raises(OAuthError, "invalid_grant", lambda: refreshed(client, token["refresh_token"]))


def test_an_access_token_that_is_given_back_ends_alone():
    for resource, scope in ((API, "letters:read"), (WORLD["opaque_api"], "tickets:use")):
        client, token = obtained(OAuth2Session, "web-post", WORLD["secret"], "client_secret_post", CALLBACK, resource=resource, scope=scope)
        told = introspected(token["access_token"])
        assert (told["active"], told["aud"], told["scope"], told["client_id"]) == (True, resource, scope, "web-post")
        assert client.revoke_token(METADATA["revocation_endpoint"], token=token["access_token"]).status_code == 200
        assert introspected(token["access_token"]) == {"active": False}
        assert introspected(refreshed(client, token["refresh_token"])["access_token"])["active"] is True


def test_garbage_and_what_is_not_theirs_is_not_active_and_nothing_else_is_said():
    _, token = obtained(OAuth2Session, "web-basic", WORLD["secret"], "client_secret_basic", CALLBACK)
    for garbage in ("x", token["access_token"][:-2], token["refresh_token"] + "A"):
        assert introspected(garbage) == {"active": False}
    assert introspected(token["refresh_token"]) == {"active": False}
    assert introspected(token["access_token"], "parcels") == {"active": False}
    raises(OAuthError, "invalid_client", lambda: introspected(token["access_token"], "spa", None, "none"))


APPS = (
    ("web-basic", WORLD["secret"], "client_secret_basic", CALLBACK),
    ("web-post", WORLD["secret"], "client_secret_post", CALLBACK),
    ("desktop", None, "none", WORLD["loopback_callback"]),
)


def obtained(library, client_id, secret, method, callback, **more):
    client, answer, state, verifier = asked(client_id, secret, method, callback, library, **more)
    token = client.fetch_token(METADATA["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier)
    return client, token


def refreshed(client, refresh_token):
    return client.refresh_token(METADATA["token_endpoint"], refresh_token=refresh_token)


def introspected(token, asker="letters-basic", secret=WORLD["secret"], method="client_secret_basic"):
    """What an API is told; the library hands over the answer as it came."""
    client = OAuth2Session(asker, secret, token_endpoint_auth_method=method)
    answer = client.introspect_token(METADATA["introspection_endpoint"], token=token, token_type_hint="access_token")
    told = answer.json()
    if "error" in told:
        raise OAuthError(told["error"], told["error_description"])
    return told


def whole_life_of(library, client_id, secret, method, callback):
    client, answer, state, verifier = asked(client_id, secret, method, callback, library, authorization_details=json.dumps(DETAILS))
    endpoint = METADATA["token_endpoint"]
    token = client.fetch_token(endpoint, authorization_response=answer, state=state, code_verifier=verifier, resource=API)
    claims = decoded(token)
    assert claims["sub"] == WORLD["person"]["subject"]
    assert claims["aud"] == API
    assert token["authorization_details"] == GRANTED == claims["authorization_details"]
    refreshed = client.refresh_token(endpoint, refresh_token=token["refresh_token"])
    assert refreshed["refresh_token"] != token["refresh_token"]
    assert decoded(refreshed)["aud"] == API


def asked(client_id, secret, method, callback, library=OAuth2Session, decision="allow", scope="letters:read", resource=API, **more):
    # Authlib does not revoke with the method of the token endpoint unless told to: with a secret it takes client_secret_basic.
    methods = {"token_endpoint_auth_method": method, "revocation_endpoint_auth_method": method}
    client = library(client_id, secret, scope=scope, redirect_uri=callback, code_challenge_method="S256", **methods)
    verifier = generate_token(48)
    url, state = client.create_authorization_url(METADATA["authorization_endpoint"], code_verifier=verifier, resource=resource, **more)
    answer = person().decide(url, decision)
    assert urlsplit(answer)[:3] == urlsplit(callback)[:3]
    return client, answer, state, verifier


def decoded(token):
    keys = KeySet.import_key_set(httpx.get(METADATA["jwks_uri"]).json())
    decoded = jwt.decode(token["access_token"], keys)
    assert decoded.header["typ"] == "at+jwt"
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": API}, exp={"essential": True}, jti={"essential": True}
    )
    claims.validate(decoded.claims)
    return decoded.claims


def person():
    return Person(ISSUER, WORLD["person"]["username"], WORLD["person"]["password"])


def raises(kind, code, action):
    try:
        action()
    except kind as error:
        assert code is None or code in str(error), f"{code} expected, not {error}"
    else:
        raise AssertionError(f"{code or kind.__name__} expected, and nothing was refused")


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        began, failure = time.monotonic(), None
        try:
            test()
        except Exception:
            failure = traceback.format_exc()
        milliseconds = round((time.monotonic() - began) * 1000)
        said = {"name": name.removeprefix("test_").replace("_", " "), "milliseconds": milliseconds, "failure": failure}
        print(json.dumps(said), flush=True)


main()
