//! Who and what may be registered: each fault beside its near twin.

use grantd_protocol::names::{ResourceId, Username};
use grantd_protocol::records::{
    AccessTokenFormat, Client, ClientAuthentication, ClientSecret, FieldKind, PasswordHash, Resource, ScopeDeclaration,
    Status, User,
};
use grantd_protocol::redirect_uri::LoopbackHttp;
use grantd_protocol::registration::{
    ClientRules, NewAction, NewClient, NewDetailType, NewField, NewPassword, NewResource, NewScope, NewSecret, NewUser,
    PasswordPolicy, RegisteredClient, RegistrationFault, ResourceRules, check_password, check_secret, rotate_secret,
};
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Random, Seconds, Secret, Time};

/// Counts instead of rolling dice.
struct Counter(u8);

impl Random for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(37).wrapping_add(11);
            *byte = self.0;
        }
    }
}

fn lockboxes() -> Resource {
    NewResource {
        id: "https://lockbox.example/".to_owned(),
        name: "Lockboxes".to_owned(),
        scopes: vec![
            NewScope { name: "mail.read".to_owned(), description: "See which letters have arrived".to_owned() },
            NewScope { name: "mail.collect".to_owned(), description: "Collect letters".to_owned() },
        ],
        detail_types: vec![lockbox()],
        ..NewResource::default()
    }
    .check(PRODUCTION_RESOURCE)
    .unwrap()
}

fn lockbox() -> NewDetailType {
    NewDetailType {
        name: "https://lockbox.example/types/lockbox".to_owned(),
        title: "Lockboxes".to_owned(),
        actions: vec![NewAction { name: "read".to_owned(), description: "look inside".to_owned() }],
        fields: vec![],
        things_endpoint: Some("https://lockbox.example/things".to_owned()),
    }
}

fn web() -> NewClient {
    NewClient {
        name: "Mail Reader".to_owned(),
        kind: "web".to_owned(),
        redirect_uris: vec!["https://reader.example/callback".to_owned()],
        ..NewClient::default()
    }
}

fn native() -> NewClient {
    NewClient { kind: "native".to_owned(), redirect_uris: vec!["http://127.0.0.1/callback".to_owned()], ..web() }
}

fn service() -> NewClient {
    NewClient { kind: "service".to_owned(), redirect_uris: vec![], ..web() }
}

fn with_redirect_uri(client: NewClient, uri: &str) -> NewClient {
    NewClient { redirect_uris: vec![uri.to_owned()], ..client }
}

const PRODUCTION_RESOURCE: ResourceRules<'_> =
    ResourceRules { others: &[], loopback_http: LoopbackHttp::ForNativeClients };

fn register_where(client: &NewClient, loopback_http: LoopbackHttp) -> Result<RegisteredClient, Vec<RegistrationFault>> {
    let resources = [lockboxes()];
    let checked = client.check(ClientRules { resources: &resources, loopback_http })?;
    Ok(checked.register(Time(1_000), &mut Counter(1)))
}

fn register(client: &NewClient) -> Result<RegisteredClient, Vec<RegistrationFault>> {
    register_where(client, LoopbackHttp::ForNativeClients)
}

fn registered(client: &NewClient) -> RegisteredClient {
    register(client).unwrap_or_else(|faults| panic!("refused: {faults:?}"))
}

/// `field rule` of each fault.
fn refused(client: &NewClient) -> Vec<String> {
    named(&register(client).unwrap_err())
}

fn named(faults: &[RegistrationFault]) -> Vec<String> {
    faults.iter().map(|fault| format!("{} {}", fault.field, fault.rule)).collect()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

// ---- clients ----

// proves: CAUTH-06, AUTHZ-15
#[test]
fn a_web_client_gets_what_its_kind_needs_and_no_default_scope() {
    let RegisteredClient { client, secret, notes } = registered(&web());
    let secret = secret.unwrap();
    assert!(secret.expose().len() >= 43);
    let ClientAuthentication::ClientSecretBasic { secrets } = &client.authentication else { panic!("another method") };
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].hash, secret.hash());
    assert_eq!(secrets[0].expires_at, None);
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    assert_eq!(client.scopes.to_string(), "mail.read mail.collect");
    assert!(client.default_scopes.is_empty());
    assert_eq!(client.resources, [ResourceId::new("https://lockbox.example/")]);
    assert_eq!(client.detail_types.len(), 1);
    assert_eq!(client.registered_at, Time(1_000));
    assert_eq!(client.id.as_str().len(), 22);
    assert!(!client.id.as_str().starts_with("https"));
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn two_clients_without_ids_get_different_ones() {
    let resources = [lockboxes()];
    let rules = ClientRules { resources: &resources, loopback_http: LoopbackHttp::ForNativeClients };
    let mut random = Counter(1);
    let first = web().check(rules).unwrap().register(Time(0), &mut random);
    let second = web().check(rules).unwrap().register(Time(0), &mut random);
    assert_ne!(first.client.id, second.client.id);
    assert_ne!(first.secret.unwrap(), second.secret.unwrap());
}

// proves: NATIVE-01
#[test]
fn a_native_client_is_public_and_any_secret_method_is_refused() {
    let client = registered(&native());
    assert_eq!(client.client.authentication, ClientAuthentication::None);
    assert!(client.secret.is_none());
    for method in ["client_secret_basic", "client_secret_post"] {
        let with_secret = NewClient { token_endpoint_auth_method: Some(method.to_owned()), ..native() };
        assert_eq!(refused(&with_secret), ["token_endpoint_auth_method NATIVE-01"]);
    }
    registered(&NewClient { token_endpoint_auth_method: Some("none".to_owned()), ..native() });
}

// proves: SPA-02
#[test]
fn a_browser_client_is_public_and_any_secret_method_is_refused() {
    let browser = NewClient { kind: "browser".to_owned(), ..web() };
    assert_eq!(registered(&browser).client.authentication, ClientAuthentication::None);
    let with_secret = NewClient { token_endpoint_auth_method: Some("client_secret_basic".to_owned()), ..browser };
    assert_eq!(refused(&with_secret), ["token_endpoint_auth_method SPA-02"]);
    registered(&NewClient { kind: "web".to_owned(), ..with_secret });
}

#[test]
fn a_service_is_confidential_has_client_credentials_only_and_nowhere_to_redirect() {
    let RegisteredClient { client, secret, notes } = registered(&service());
    assert!(secret.is_some());
    assert_eq!(client.grant_types, [GrantType::ClientCredentials]);
    assert!(client.scopes.is_empty(), "a service's scopes are said, not assumed");
    assert_eq!(notes.len(), 1);

    let public = NewClient { token_endpoint_auth_method: Some("none".to_owned()), ..service() };
    assert_eq!(refused(&public), ["token_endpoint_auth_method TOKEN-11"]);
    let redirected = with_redirect_uri(service(), "https://reader.example/callback");
    assert_eq!(refused(&redirected), ["redirect_uris REDIR-01"]);
    let with_users = NewClient { grant_types: Some(texts(&["authorization_code", "client_credentials"])), ..service() };
    assert_eq!(refused(&with_users), ["grant_types[0] TOKEN-06"]);
}

// proves: INTRO-01
#[test]
fn whoever_asks_about_tokens_proves_who_they_are_and_needs_no_grant_of_their_own() {
    let asking = |client: NewClient| NewClient { introspects: texts(&["https://lockbox.example/"]), ..client };
    let RegisteredClient { client, secret, notes } = registered(&asking(service()));
    assert_eq!(client.introspects, [ResourceId::new("https://lockbox.example/")]);
    assert!(secret.is_some() && client.grant_types.is_empty() && client.resources.is_empty(), "{client:?}");
    assert!(notes.is_empty(), "{notes:?}");
    let none_said = NewClient { grant_types: Some(vec![]), ..asking(service()) };
    assert!(registered(&none_said).client.grant_types.is_empty());
    assert_eq!(refused(&NewClient { grant_types: Some(vec![]), ..service() }), ["grant_types TOKEN-06"]);
    assert_eq!(refused(&NewClient { grant_types: Some(vec![]), ..asking(web()) })[0], "grant_types TOKEN-06");

    let busy = NewClient { scopes: Some(texts(&["mail.read"])), ..asking(service()) };
    assert_eq!(registered(&busy).client.grant_types, [GrantType::ClientCredentials]);
    assert_eq!(registered(&asking(web())).client.grant_types.len(), 2);
    assert_eq!(refused(&asking(native())), ["introspects INTRO-01"]);
    registered(&native());
    let open = NewClient { token_endpoint_auth_method: Some("none".to_owned()), ..asking(web()) };
    assert_eq!(refused(&open), ["introspects INTRO-01"]);
}

#[test]
fn what_a_client_asks_about_is_a_resource_of_this_server_byte_for_byte() {
    let asking = |ids: &[&str]| NewClient { introspects: texts(ids), ..service() };
    let unknown = asking(&["https://lockbox.example/", "https://lockbox.example"]);
    assert_eq!(refused(&unknown), ["introspects[1] RESIND-02"]);
    let twice = asking(&["https://lockbox.example/", "https://lockbox.example/"]);
    assert_eq!(registered(&twice).client.introspects.len(), 1);
}

#[test]
fn grant_types_must_make_sense_together() {
    let granted = |client: NewClient, types: &[&str]| NewClient { grant_types: Some(texts(types)), ..client };
    assert_eq!(refused(&granted(web(), &["password"])), ["grant_types[0] TOKEN-06", "redirect_uris REDIR-01"]);
    assert_eq!(refused(&granted(native(), &["authorization_code", "client_credentials"])), ["grant_types[1] TOKEN-11"]);
    assert_eq!(
        refused(&granted(NewClient { redirect_uris: vec![], ..web() }, &["refresh_token"])),
        ["grant_types TOKEN-06"]
    );
    registered(&granted(web(), &["authorization_code", "client_credentials"]));
    registered(&granted(native(), &["authorization_code"]));
}

#[test]
fn a_client_with_codes_needs_a_redirect_uri() {
    assert_eq!(refused(&NewClient { redirect_uris: vec![], ..web() }), ["redirect_uris REDIR-01"]);
}

// proves: NEVER-04
#[test]
fn no_wildcard_is_registered_anywhere_in_a_redirect_uri() {
    for uri in ["https://*.reader.example/cb", "https://reader.example/*", "https://reader.example/cb?x=*", "*"] {
        assert_eq!(refused(&with_redirect_uri(web(), uri)), ["redirect_uris[0] NEVER-04"], "{uri}");
    }
    registered(&with_redirect_uri(web(), "https://reader.example/cb?x=1"));
}

// proves: REDIR-05
#[test]
fn a_redirect_uri_is_absolute_and_plain() {
    for uri in [
        "/callback",
        "reader.example/callback",
        "https://reader.example/cb#",
        "https://reader.example/cb#top",
        "https://ann@reader.example/cb",
        "https://ann:pw@reader.example/cb",
        "https://reader.example/c b",
        "https://reader.example/cb\u{7}",
        "https://reader.example\\@evil.example/cb",
        "https://réader.example/cb",
        "https://reader.example/../cb",
        "https://reader.example/a/./cb",
        "https://reader.example/%2e%2E/cb",
        "https:///cb",
        "https:cb",
        "",
        "https://a.example/%zz",
        "https://a.example/cb?x=%2",
        "https://a.example:99999/cb",
        "https://a.example:/cb",
        "https://a.example:8o/cb",
    ] {
        assert_eq!(refused(&with_redirect_uri(web(), uri)), ["redirect_uris[0] REDIR-05"], "{uri:?}");
    }
    for uri in ["https://reader.example/cb", "https://reader.example", "https://reader.example:8443/a..b/cb?x=%2e"] {
        registered(&with_redirect_uri(web(), uri));
    }
}

// proves: REDIR-06
#[test]
fn a_web_client_registers_https_only_in_whatever_case_a_scheme_is_written() {
    for uri in [
        "http://reader.example/cb",
        "JavaScript:alert(1)",
        "javascript://reader.example/%0aalert(1)",
        "DATA:text/html,x",
        "vbscript:x",
        "FILE:///etc/passwd",
        "blob:https://reader.example/x",
        "about:blank",
        "ftp://reader.example/cb",
        "wS://reader.example/cb",
        "http://127.0.0.1/cb",
        "http://localhost:3000/cb",
    ] {
        assert_eq!(refused(&with_redirect_uri(web(), uri)), ["redirect_uris[0] REDIR-06"], "{uri}");
    }
    registered(&with_redirect_uri(web(), "HTTPS://reader.example/cb"));
    let in_development =
        register_where(&with_redirect_uri(web(), "http://localhost:3000/cb"), LoopbackHttp::ForEveryClient);
    assert!(in_development.is_ok(), "development is on loopback");
    let elsewhere = register_where(&with_redirect_uri(web(), "http://reader.example/cb"), LoopbackHttp::ForEveryClient);
    assert!(elsewhere.is_err(), "development is on loopback only");
}

// proves: REDIR-07, NATIVE-02
#[test]
fn a_private_scheme_is_for_native_clients_and_has_a_dot() {
    assert_eq!(refused(&with_redirect_uri(native(), "reader:/cb")), ["redirect_uris[0] REDIR-07"]);
    assert_eq!(refused(&with_redirect_uri(native(), "javascript:alert(1)")), ["redirect_uris[0] REDIR-07"]);
    assert_eq!(refused(&with_redirect_uri(web(), "com.example.reader:/cb")), ["redirect_uris[0] NATIVE-02"]);
    for uri in ["com.example.reader:/cb", "https://reader.example/cb", "http://[::1]/cb", "http://localhost:7000/cb"] {
        registered(&with_redirect_uri(native(), uri));
    }
}

// proves: REDIR-04
#[test]
fn loopback_in_any_other_form_cannot_be_registered() {
    for host in
        ["127.1", "0x7f.1", "2130706433", "127.0.0.1.", "[::ffff:127.0.0.1]", "127.0.0.2", "localhost.", "LOCALHOST"]
    {
        let uri = format!("http://{host}/cb");
        assert_eq!(refused(&with_redirect_uri(native(), &uri)), ["redirect_uris[0] REDIR-04"], "{uri}");
    }
    registered(&with_redirect_uri(native(), "http://127.0.0.1:9/cb"));
}

// proves: REDIR-03
#[test]
fn localhost_is_for_native_clients_and_comes_with_a_note() {
    let client = registered(&with_redirect_uri(native(), "http://localhost:7000/cb"));
    assert_eq!(client.notes.len(), 1);
    assert!(client.notes[0].contains("http://127.0.0.1 is the better form"), "{:?}", client.notes);
    assert!(registered(&native()).notes.is_empty());
    assert_eq!(refused(&with_redirect_uri(web(), "http://localhost:7000/cb")), ["redirect_uris[0] REDIR-06"]);
}

// proves: REDIR-12
#[test]
fn a_query_that_collides_with_the_response_cannot_be_registered() {
    for query in ["code=1", "a=b&state", "iss=x", "error=", "response=x", "c%6fde=1"] {
        let uri = format!("https://reader.example/cb?{query}");
        assert_eq!(refused(&with_redirect_uri(web(), &uri)), ["redirect_uris[0] REDIR-12"], "{uri}");
    }
    registered(&with_redirect_uri(web(), "https://reader.example/cb?codes=1&my_state=2"));
}

// proves: AUTHZ-15
#[test]
fn default_scopes_are_among_the_scopes() {
    let asking = |scopes: &[&str], default: &[&str]| NewClient {
        scopes: Some(texts(scopes)),
        default_scopes: texts(default),
        ..web()
    };
    assert_eq!(refused(&asking(&["mail.read"], &["mail.collect"])), ["default_scopes[0] AUTHZ-15"]);
    let client = registered(&asking(&["mail.read", "mail.collect"], &["mail.collect"])).client;
    assert_eq!(client.default_scopes.to_string(), "mail.collect");
}

#[test]
fn scopes_are_words_that_a_resource_defines_and_none_of_the_servers_own() {
    let asking = |scope: &str| NewClient { scopes: Some(texts(&[scope])), ..web() };
    assert_eq!(refused(&asking("two words")), ["scopes[0] AUTHZ-12"]);
    assert_eq!(refused(&asking("")), ["scopes[0] AUTHZ-12"]);
    assert_eq!(refused(&asking("grantd:things")), ["scopes[0] AUTHZ-13"]);
    assert_eq!(refused(&asking("mail.reed")), ["scopes[0] AUTHZ-13"]);
    registered(&asking("mail.read"));
    registered(&asking("offline_access"));
}

#[test]
fn resources_and_types_must_be_known_byte_for_byte() {
    let at = |resource: &str| NewClient { resources: Some(texts(&[resource])), ..web() };
    assert_eq!(refused(&at("https://lockbox.example")), ["resources[0] RESIND-02"]);
    assert_eq!(refused(&NewClient { resources: Some(vec![]), ..web() }), ["resources AT-04"]);
    registered(&at("https://lockbox.example/"));
    let typed = |name: &str| NewClient { authorization_details_types: Some(texts(&[name])), ..web() };
    assert_eq!(refused(&typed("payment")), ["authorization_details_types[0] RAR-03"]);
    registered(&typed("https://lockbox.example/types/lockbox"));
}

#[test]
fn without_a_resource_or_with_several_one_must_be_named() {
    let rules = |resources| ClientRules { resources, loopback_http: LoopbackHttp::ForNativeClients };
    assert_eq!(named(&web().check(rules(&[])).unwrap_err()), ["resources AT-04"]);
    let other = Resource { id: ResourceId::new("https://other.example/"), detail_types: vec![], ..lockboxes() };
    let two = [lockboxes(), other];
    assert_eq!(named(&web().check(rules(&two)).unwrap_err()), ["resources AT-04"]);
    let named_one = NewClient { resources: Some(texts(&["https://other.example/"])), ..web() };
    assert!(named_one.check(rules(&two)).is_ok());
}

#[test]
fn an_id_is_unreserved_and_never_an_address() {
    let called = |id: &str| NewClient { id: Some(id.to_owned()), ..web() };
    assert_eq!(refused(&called("https://reader.example/client")), ["id DCR-04"]);
    let too_long = "x".repeat(129);
    for id in ["", "a b", "a:b", "ä", "a/b", too_long.as_str()] {
        assert_eq!(refused(&called(id)), ["id CAUTH-04"], "{id:?}");
    }
    assert_eq!(registered(&called("mail-reader_1.2~x")).client.id.as_str(), "mail-reader_1.2~x");
    registered(&called(&"x".repeat(128)));
}

#[test]
fn a_name_is_plain_text_of_reasonable_length() {
    let called = |name: &str| NewClient { name: name.to_owned(), ..web() };
    let too_long = "x".repeat(101);
    for name in ["", "  ", "Mail\nReader", "Mail\u{202E}redaeR", "Mail\u{200B}Reader", too_long.as_str()] {
        assert_eq!(refused(&called(name)), ["name CONSENT-06"], "{name:?}");
    }
    registered(&called("Post für Zoë 📬"));
}

#[test]
fn a_homepage_is_https() {
    let at = |homepage: &str| NewClient { homepage: Some(homepage.to_owned()), ..web() };
    assert_eq!(refused(&at("http://reader.example/")), ["homepage NEVER-07"]);
    assert_eq!(refused(&at("javascript:alert(1)")), ["homepage META-08"]);
    registered(&at("https://reader.example/"));
}

#[test]
fn an_algorithm_is_one_that_is_offered() {
    let signed = |algorithm: &str| NewClient { access_token_algorithm: Some(algorithm.to_owned()), ..web() };
    for algorithm in ["none", "HS256", "es256", "RS512"] {
        assert_eq!(refused(&signed(algorithm)), ["access_token_algorithm KEYS-01"], "{algorithm}");
    }
    registered(&signed("RS256"));
}

#[test]
fn a_declared_client_brings_its_secret_or_is_refused() {
    let with = |secret| NewClient { secret, ..web() };
    assert_eq!(refused(&with(NewSecret::Missing)), ["secret CAUTH-06"]);
    let hash = check_secret(&Secret::new("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")).unwrap();
    let client = registered(&with(NewSecret::Hashed(hash)));
    assert!(client.secret.is_none(), "what was made elsewhere is not shown here");
    let ClientAuthentication::ClientSecretBasic { secrets } = client.client.authentication else {
        panic!("another method")
    };
    assert_eq!(secrets[0].hash, hash);
    let public = NewClient { secret: NewSecret::Hashed(hash), ..native() };
    assert_eq!(refused(&public), ["secret CAUTH-01"]);
}

fn live_secrets(client: &Client, now: Time) -> Vec<ClientSecret> {
    let ClientAuthentication::ClientSecretBasic { secrets } = &client.authentication else { panic!("another method") };
    secrets.iter().filter(|secret| secret.expires_at.is_none_or(|end| !now.is_past(end))).cloned().collect()
}

// proves: CAUTH-07
#[test]
fn of_all_secrets_ever_rotated_two_are_live_and_the_old_one_ends_in_time() {
    let mut random = Counter(3);
    let RegisteredClient { mut client, secret: first, .. } = registered(&web());
    let first = first.unwrap();
    let second = rotate_secret(&mut client, Time(2_000), Seconds(100), &mut random).unwrap();
    let live = live_secrets(&client, Time(2_099));
    assert_eq!(live.len(), 2);
    assert!(live.iter().any(|secret| secret.hash == first.hash() && secret.expires_at == Some(Time(2_100))));
    assert!(live.iter().any(|secret| secret.hash == second.hash() && secret.expires_at.is_none()));
    assert_eq!(live_secrets(&client, Time(2_100)).len(), 1, "the old one has ended");

    let third = rotate_secret(&mut client, Time(2_050), Seconds(100), &mut random).unwrap();
    let live = live_secrets(&client, Time(2_051));
    assert_eq!(live.len(), 2, "the first makes room: {live:?}");
    assert!(live.iter().all(|secret| secret.hash == second.hash() || secret.hash == third.hash()));

    rotate_secret(&mut client, Time(2_060), Seconds(0), &mut random).unwrap();
    assert_eq!(live_secrets(&client, Time(2_060)).len(), 1, "without grace the old one ends at once");
}

#[test]
fn a_public_client_has_no_secret_to_rotate() {
    let mut client = registered(&native()).client;
    assert!(rotate_secret(&mut client, Time(1), Seconds(100), &mut Counter(1)).is_none());
    assert_eq!(client.authentication, ClientAuthentication::None);
}

// proves: CAUTH-06
#[test]
fn a_secret_made_elsewhere_must_be_long_enough_to_be_random() {
    let fault = check_secret(&Secret::new("hunter2")).unwrap_err();
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
    assert!(check_secret(&Secret::new("x".repeat(42))).is_err());
    assert!(check_secret(&Secret::new("x".repeat(43))).is_ok());
    assert!(check_secret(&Secret::new(format!("{} x", "x".repeat(43)))).is_err());
}

#[test]
fn all_faults_come_at_once_each_with_what_to_do() {
    let broken = NewClient {
        id: Some("a b".to_owned()),
        name: String::new(),
        token_endpoint_auth_method: Some("client_secret_basic".to_owned()),
        redirect_uris: texts(&["http://127.0.0.1/ok", "http://evil.example/cb", "https://app.example/#x"]),
        resources: Some(texts(&["https://nowhere.example/"])),
        access_token_algorithm: Some("none".to_owned()),
        ..native()
    };
    let faults = register(&broken).unwrap_err();
    assert_eq!(
        named(&faults),
        [
            "id CAUTH-04",
            "name CONSENT-06",
            "token_endpoint_auth_method NATIVE-01",
            "redirect_uris[1] REDIR-04",
            "redirect_uris[2] REDIR-05",
            "resources[0] RESIND-02",
            "access_token_algorithm KEYS-01",
        ]
    );
    assert!(faults.iter().all(|fault| !fault.problem.is_empty() && !fault.fix.is_empty()));
    assert_eq!(faults[4].fix, "register \"https://app.example/\"");
    assert!(faults[3].fix.contains("\"https://evil.example/cb\""), "{}", faults[3].fix);
}

// ---- resources ----

fn resource() -> NewResource {
    NewResource { id: "https://api.example/v1".to_owned(), name: "API".to_owned(), ..NewResource::default() }
}

fn resource_faults(resource: &NewResource) -> Vec<String> {
    named(&resource.check(PRODUCTION_RESOURCE).unwrap_err())
}

#[test]
fn a_resource_is_an_absolute_https_uri_without_fragment() {
    let at = |id: &str| NewResource { id: id.to_owned(), ..resource() };
    assert_eq!(resource_faults(&at("https://api.example/#x")), ["id RESIND-01"]);
    assert_eq!(resource_faults(&at("api.example")), ["id META-08"]);
    assert_eq!(resource_faults(&at("http://api.example/")), ["id NEVER-07"]);
    assert_eq!(resource_faults(&at("http://127.0.0.1:8001/")), ["id NEVER-07"]);
    let in_development = ResourceRules { others: &[], loopback_http: LoopbackHttp::ForEveryClient };
    assert!(at("http://127.0.0.1:8001/").check(in_development).is_ok());
    assert!(at("http://api.example/").check(in_development).is_err());
    assert_eq!(resource().check(PRODUCTION_RESOURCE).unwrap().status, Status::Active);
}

// proves: AT-06
#[test]
fn a_resource_cannot_ask_for_access_tokens_of_more_than_an_hour() {
    let living = |seconds| NewResource { access_token_lifetime: Some(Seconds(seconds)), ..resource() };
    assert_eq!(resource_faults(&living(3601)), ["access_token_lifetime AT-06"]);
    assert_eq!(resource_faults(&living(0)), ["access_token_lifetime AT-06"]);
    assert!(living(3600).check(PRODUCTION_RESOURCE).is_ok());
}

#[test]
fn the_form_of_access_tokens_is_one_of_two_words() {
    let formed = |word: Option<&str>| NewResource { access_token_format: word.map(str::to_owned), ..resource() };
    let format = |word| formed(word).check(PRODUCTION_RESOURCE).unwrap().access_token_format;
    assert_eq!(format(None), AccessTokenFormat::Jwt);
    assert_eq!(format(Some("jwt")), AccessTokenFormat::Jwt);
    assert_eq!(format(Some("opaque")), AccessTokenFormat::Opaque);
    for word in ["JWT", "reference", ""] {
        assert_eq!(resource_faults(&formed(Some(word))), ["access_token_format AT-07"], "{word}");
    }
}

#[test]
fn scopes_are_declared_once_with_words_and_never_in_the_servers_name() {
    let scoped = |names: &[&str]| NewResource {
        scopes: names
            .iter()
            .map(|name| NewScope { name: (*name).to_owned(), description: "Read".to_owned() })
            .collect(),
        ..resource()
    };
    assert_eq!(resource_faults(&scoped(&["read", "read"])), ["scopes[1].name AUTHZ-12"]);
    assert_eq!(resource_faults(&scoped(&["grantd:read"])), ["scopes[0].name AUTHZ-13"]);
    assert_eq!(resource_faults(&scoped(&["offline_access"])), ["scopes[0].name AUTHZ-13"]);
    let wordless =
        NewResource { scopes: vec![NewScope { name: "read".to_owned(), description: String::new() }], ..resource() };
    assert_eq!(resource_faults(&wordless), ["scopes[0].description CONSENT-06"]);
    let declared = scoped(&["read", "write"]).check(PRODUCTION_RESOURCE).unwrap().scopes;
    assert!(matches!(declared.as_slice(), [ScopeDeclaration { .. }, ScopeDeclaration { .. }]));
}

#[test]
fn a_type_name_belongs_to_one_resource_of_the_issuer() {
    let taken = lockbox().name;
    let typed = NewResource {
        detail_types: vec![NewDetailType { name: taken, things_endpoint: None, ..lockbox() }],
        ..resource()
    };
    let others = [lockboxes()];
    let rules = ResourceRules { others: &others, ..PRODUCTION_RESOURCE };
    assert_eq!(named(&typed.check(rules).unwrap_err()), ["detail_types[0].name RAR-02"]);
    assert!(typed.check(PRODUCTION_RESOURCE).is_ok());
    let replacing = NewResource { id: "https://lockbox.example/".to_owned(), ..typed };
    assert!(replacing.check(rules).is_ok(), "a resource may be replaced by itself");
}

#[test]
fn things_are_asked_for_at_the_origin_of_the_resource_only() {
    let asking = |endpoint: &str| NewResource {
        detail_types: vec![NewDetailType { things_endpoint: Some(endpoint.to_owned()), ..lockbox() }],
        ..resource()
    };
    assert_eq!(resource_faults(&asking("https://evil.example/things")), ["detail_types[0].things_endpoint AT-04"]);
    assert_eq!(resource_faults(&asking("https://api.example:8443/things")), ["detail_types[0].things_endpoint AT-04"]);
    assert_eq!(resource_faults(&asking("http://api.example/things")), ["detail_types[0].things_endpoint NEVER-07"]);
    assert!(asking("https://api.example/things").check(PRODUCTION_RESOURCE).is_ok());
    assert!(asking("https://api.example:443/things").check(PRODUCTION_RESOURCE).is_ok());
}

#[test]
fn fields_and_actions_are_named_once_and_not_like_the_common_members() {
    let with_field = |field: NewField| NewResource {
        detail_types: vec![NewDetailType { fields: vec![field], things_endpoint: None, ..lockbox() }],
        ..resource()
    };
    let field = |name: &str, kind: &str, choices: &[&str]| NewField {
        name: name.to_owned(),
        title: "Size".to_owned(),
        kind: Some(kind.to_owned()),
        choices: texts(choices),
        required: true,
    };
    let at = |field: &str, rule: &str| vec![format!("detail_types[0].{field} {rule}")];
    assert_eq!(resource_faults(&with_field(field("actions", "text", &[]))), at("fields[0].name", "RAR-02"));
    assert_eq!(resource_faults(&with_field(field("size", "float", &[]))), at("fields[0].kind", "RAR-02"));
    assert_eq!(resource_faults(&with_field(field("size", "one_of", &[]))), at("fields[0].choices", "RAR-02"));
    assert_eq!(resource_faults(&with_field(field("size", "text", &["s"]))), at("fields[0].choices", "RAR-02"));
    assert_eq!(
        resource_faults(&with_field(field("size", "one_of", &["s", "s"]))),
        at("fields[0].choices[1]", "RAR-02")
    );
    let declared = with_field(field("size", "one_of", &["s", "m"])).check(PRODUCTION_RESOURCE).unwrap();
    assert_eq!(declared.detail_types[0].fields[0].kind, FieldKind::OneOf(texts(&["s", "m"])));
    let mut twice = lockbox();
    twice.actions.push(twice.actions[0].clone());
    let twice = NewResource { detail_types: vec![NewDetailType { things_endpoint: None, ..twice }], ..resource() };
    assert_eq!(resource_faults(&twice), at("actions[1].name", "RAR-02"));
}

// ---- users ----

fn ann() -> NewUser {
    NewUser {
        username: "ann".to_owned(),
        password: NewPassword::Typed(Secret::new("letters for a rainy day")),
        ..NewUser::default()
    }
}

fn ann_with(existing: &[User], user: &NewUser) -> Vec<String> {
    named(&user.check(PasswordPolicy::OnlyFactor, existing).unwrap_err())
}

fn add(user: &NewUser) -> User {
    let checked = user.check(PasswordPolicy::OnlyFactor, &[]).unwrap();
    let hash = checked.typed_password().map(|_| PasswordHash::new("$argon2id$hash"));
    checked.add(hash, Time(5), &mut Counter(9))
}

#[test]
fn a_user_gets_a_random_subject() {
    let user = add(&ann());
    assert_eq!(user.id.as_str().len(), 22);
    assert_eq!(user.username.as_str(), "ann");
    assert_eq!(user.created_at, Time(5));
    assert!(user.password.is_some());
    assert!(add(&NewUser { password: NewPassword::Absent, ..ann() }).password.is_none());
}

// proves: TOKEN-11
#[test]
fn a_user_can_never_have_a_clients_subject() {
    let with_id = |id: &str| NewUser { id: Some(id.to_owned()), ..ann() };
    for id in ["client:mail-reader", "client:", "a b", ""] {
        assert_eq!(ann_with(&[], &with_id(id)), ["id TOKEN-11"], "{id:?}");
    }
    assert_eq!(add(&with_id("client-7")).id.as_str(), "client-7");
}

// proves: LOGIN-05
#[test]
fn usernames_are_folded_once_and_look_alikes_refused() {
    let called = |name: &str| NewUser { username: name.to_owned(), ..ann() };
    assert_eq!(add(&called("ANN")).username.as_str(), "ann");
    assert_eq!(add(&called("ａｎｎ")).username.as_str(), "ann");
    for name in ["", "two words", "a\u{0}b"] {
        assert_eq!(ann_with(&[], &called(name)), ["username LOGIN-05"], "{name:?}");
    }
    // A Cyrillic а among Latin letters.
    assert_eq!(ann_with(&[], &called("p\u{430}ul")), ["username LOGIN-05"]);
    assert_eq!(add(&called("\u{43f}\u{430}\u{432}\u{435}\u{43b}")).username.as_str(), "павел");
    let ann_is_there = add(&ann());
    let existing = [ann_is_there.clone()];
    assert_eq!(ann_with(&existing, &called("Ann")), ["username LOGIN-05"]);
}

// proves: LOGIN-16
#[test]
fn a_username_is_never_somebodys_subject_nor_a_subject_somebodys_username() {
    let bob = add(&NewUser { id: Some("ann".to_owned()), username: "bob".to_owned(), ..ann() });
    let existing = [bob.clone()];
    assert_eq!(ann_with(&existing, &ann()), ["username LOGIN-16"]);
    let existing = [bob.clone()];
    let eve = NewUser { id: Some("bob".to_owned()), username: "eve".to_owned(), ..ann() };
    assert_eq!(ann_with(&existing, &eve), ["id LOGIN-16"]);
    assert!(ann().check(PasswordPolicy::OnlyFactor, &[]).is_ok());
}

// proves: LOGIN-02
#[test]
fn a_password_is_long_enough_and_not_the_first_that_anybody_would_try() {
    let username = Username::parse("annabella").unwrap();
    let judge = |typed: &str| check_password(&Secret::new(typed), &username, PasswordPolicy::OnlyFactor);
    let too_long = "ab c".repeat(257);
    for typed in [
        "",
        "fourteen chars",
        "passwordpassword",
        "PasswordPassword",
        "correct horse battery staple",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "abcdefghijklmnop",
        "1234567890123456789",
        "annabella-annabella",
        too_long.as_str(),
    ] {
        let fault = judge(typed).unwrap_err();
        assert_eq!((fault.field.as_str(), fault.rule), ("password", "LOGIN-02"), "{typed:?}");
        assert!(typed.is_empty() || !fault.to_string().contains(typed), "the fault holds the password");
    }
    let long_but_allowed: String = (100..228).map(|number: i32| number.to_string()).collect::<Vec<_>>().join(" ");
    for typed in [
        "fifteen chars !",
        "letters for a rainy day",
        "五月雨をあつめて早し最上川の水面",
        "annabella keeps bees",
        long_but_allowed.as_str(),
    ] {
        assert!(judge(typed).is_ok(), "{typed:?}");
    }
}

// proves: LOGIN-02
#[test]
fn development_takes_eight_characters_but_still_no_common_password() {
    let username = Username::parse("ann").unwrap();
    let judge = |typed: &str| check_password(&Secret::new(typed), &username, PasswordPolicy::Development);
    assert!(judge("rainy-da").is_ok());
    assert!(judge("rainy-d").is_err());
    assert!(judge("password1").is_err());
}

// proves: LOGIN-06
#[test]
fn a_password_is_kept_in_its_composed_form_and_otherwise_as_typed() {
    let username = Username::parse("ann").unwrap();
    let stored = |typed: &str| check_password(&Secret::new(typed), &username, PasswordPolicy::OnlyFactor).unwrap();
    assert_eq!(stored("Zoe\u{308} rides at Noon").expose(), "Zo\u{eb} rides at Noon");
    assert_eq!(stored("  UPPER and lower ").expose(), "  UPPER and lower ");
}

#[test]
fn a_hash_made_elsewhere_is_argon2id_in_phc_form() {
    let hashed = |hash: &str| NewUser { password: NewPassword::Hashed(PasswordHash::new(hash)), ..ann() };
    for hash in
        ["$2y$10$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "letters"]
    {
        assert_eq!(ann_with(&[], &hashed(hash)), ["password_hash LOGIN-03"], "{hash}");
    }
    let good = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo";
    assert_eq!(add(&hashed(good)).password.unwrap().expose(), good);
}
