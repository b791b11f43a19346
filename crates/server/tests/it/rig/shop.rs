//! The storage: a real API with lockboxes, protected by `grantd-resource`, that also tells the issuer who has which.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use grantd::fetch::HostPort;
use grantd_resource::{Access, Guard, Refusal};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How it answers the issuer's question for things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Truthfully.
    Answers,
    /// Longer than anybody waits.
    Slow,
    /// 200, and not what was asked for.
    Garbage,
    /// 503.
    Absent,
    /// That this person has nothing.
    Nothing,
    /// That this person has a hundred, with identifiers of two hundred characters.
    Many,
}

/// The API, and what it was asked.
pub(crate) struct Shop {
    origin: String,
    listener: Option<TcpListener>,
    inside: Inside,
}

#[derive(Clone)]
struct Inside {
    behaviour: Arc<Mutex<Behaviour>>,
    /// The claims of those who asked for things: subject, client and scope.
    asked: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Shop {
    /// Takes an address. Who asks is told when the issuer is known.
    pub(super) async fn reserve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let inside = Inside { behaviour: Arc::new(Mutex::new(Behaviour::Answers)), asked: Arc::default() };
        Self { origin, listener: Some(listener), inside }
    }

    pub(super) fn open(mut self, issuer: &str) -> Self {
        if let Ok(guard) = Guard::builder(issuer, &self.id()).development().build() {
            let routes = Router::new().route("/things", get(things)).route("/boxes", get(boxes));
            let app: Router = guard.protect(routes).with_state(self.inside.clone());
            let listener = self.listener.take().unwrap();
            tokio::spawn(async move { axum::serve(listener, app).await });
        }
        self
    }

    /// Its identifier: what stands in `resource` and `aud`.
    pub(crate) fn id(&self) -> String {
        format!("{}/", self.origin)
    }

    pub(crate) fn things_endpoint(&self) -> String {
        format!("{}/things", self.origin)
    }

    pub(super) fn host_port(&self) -> HostPort {
        self.origin.trim_start_matches("http://").parse().unwrap()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.inside.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn asked(&self) -> Vec<(String, String, String)> {
        self.inside.asked.lock().unwrap().clone()
    }

    /// Calls the API with an access token: status and body.
    pub(crate) async fn call(&self, token: &str) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.get(format!("{}/boxes", self.origin)).bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

/// Which boxes a person has. Only the issuer itself may ask.
async fn things(State(inside): State<Inside>, access: Access) -> Result<Response, Refusal> {
    access.require_scope("grantd:things")?;
    let asked = (access.subject().to_owned(), access.client_id().to_owned(), access.scopes().join(" "));
    inside.asked.lock().unwrap().push(asked);
    let behaviour = *inside.behaviour.lock().unwrap();
    if behaviour == Behaviour::Slow {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let one_box = |number: u32| json!({ "identifier": format!("box-{number}"), "title": format!("Box {number}") });
    Ok(match behaviour {
        Behaviour::Answers | Behaviour::Slow => {
            axum::Json(json!({ "things": [one_box(1), one_box(2), one_box(3)] })).into_response()
        }
        Behaviour::Many => {
            let many: Vec<Value> =
                (0..100).map(|number| json!({ "identifier": long_name(number), "title": "A box" })).collect();
            axum::Json(json!({ "things": many })).into_response()
        }
        Behaviour::Nothing => axum::Json(json!({ "things": [] })).into_response(),
        Behaviour::Garbage => axum::Json(json!({ "things": [one_box(1), one_box(1)] })).into_response(),
        Behaviour::Absent => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
}

/// The longest identifier that is taken.
pub(crate) fn long_name(number: u32) -> String {
    format!("{number:0>200}")
}

/// The boxes that this token opens.
async fn boxes(access: Access) -> Result<String, Refusal> {
    access.require_scope("letters:read")?;
    let details: Vec<Value> = access.details("lockbox")?;
    let boxes: Vec<&str> = details.iter().filter_map(|detail| detail["identifier"].as_str()).collect();
    Ok(boxes.join(" "))
}
