//! Deliveries to a real HTTP server that refuses, forgets to answer, and comes back.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// Nothing on the loopback interface takes this long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);
const QUICK: Pace = Pace { first: Duration::from_millis(2), longest: Duration::from_millis(8), attempts: 4 };

/// One request that arrived.
struct Request {
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A receiver: answers with the statuses it was told, then with 204.
#[derive(Clone, Default)]
struct Receiver {
    statuses: Arc<Mutex<VecDeque<u16>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    async fn start(&self) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?token=hidden", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(Self::take)).with_state(self.clone());
        (url, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }

    async fn take(
        State(this): State<Self>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, [(&'static str, &'static str); 1]) {
        this.requests.lock().unwrap().push(Request { headers, body });
        let status = this.statuses.lock().unwrap().pop_front().unwrap_or(204);
        // Where a redirect would lead must not be asked.
        (StatusCode::from_u16(status).unwrap(), [("location", "/elsewhere")])
    }

    fn refuse(&self, statuses: &[u16]) {
        self.statuses.lock().unwrap().extend(statuses);
    }

    async fn until(&self, count: usize) {
        let arrived = async {
            while self.requests.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.expect("the requests arrive in time");
    }

    /// `type` of each request's body, oldest first.
    fn types(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| request.json()["type"].as_str().unwrap().to_owned()).collect()
    }
}

fn hook(url: &str, events: &[Topic]) -> Webhook {
    Webhook { url: url.to_owned(), secret: Secret::new("a long secret"), events: events.to_vec() }
}

struct Running {
    hooks: Hooks,
    metrics: Arc<Metrics>,
    cancel: CancellationToken,
    lanes: JoinHandle<()>,
}

impl Running {
    fn start(webhooks: &[Webhook], pace: Pace) -> Self {
        let (metrics, cancel) = (Arc::new(Metrics::default()), CancellationToken::new());
        let (hooks, lanes) = open(webhooks, pace, &metrics).unwrap();
        Self { hooks, metrics, lanes: tokio::spawn(lanes.run(cancel.clone())), cancel }
    }

    fn tell(&self, happening: Happening) {
        self.hooks.tell(&RoomId::default(), happening);
    }

    async fn stop(self) -> Arc<Metrics> {
        self.cancel.cancel();
        tokio::time::timeout(Duration::from_secs(2), self.lanes).await.expect("ends in time").unwrap();
        self.metrics
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_signed_and_in_order_though_the_receiver_fails_at_first() {
    let receiver = Receiver::default();
    receiver.refuse(&[500, 302, 429]);
    let (url, _server) = receiver.start().await;
    let running = Running::start(&[hook(&url, &[])], QUICK);
    running.tell(Happening::Began { since: 5 });
    running.tell(Happening::Interrupted { since: 6 });
    running.tell(Happening::Ended);
    receiver.until(6).await;
    assert_eq!(
        receiver.types(),
        [
            "publish.began",
            "publish.began",
            "publish.began",
            "publish.began",
            "publish.interrupted",
            "publish.ended"
        ]
    );
    let requests = std::mem::take(&mut *receiver.requests.lock().unwrap());
    let deliveries: Vec<&str> = requests.iter().map(|request| request.header("footlight-delivery")).collect();
    assert!(deliveries[..4].iter().all(|id| *id == deliveries[0]), "{deliveries:?}");
    assert_ne!(deliveries[3], deliveries[4]);
    let attempts: Vec<&str> = requests.iter().map(|request| request.header("footlight-attempt")).collect();
    assert_eq!(attempts, ["1", "2", "3", "4", "1", "1"]);
    for request in &requests {
        let said = request.header("footlight-signature");
        let seconds = said.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        assert_eq!(said, sign::signature(&Secret::new("a long secret"), seconds, &request.body));
        assert!(seconds.abs_diff(clock::now_millis() / 1000) < 60);
        let json = request.json();
        assert_eq!((json["room"].as_str(), json["lost"].as_u64()), (Some("main"), Some(0)));
        assert_eq!(json["id"], request.header("footlight-delivery"));
    }
    assert_eq!(requests[0].json()["data"]["since"], 5);
    let metrics = running.stop().await;
    assert_eq!(
        (metrics.hooks_delivered.get(), metrics.hooks_failed.get(), metrics.hooks_lost.get()),
        (3, 3, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_given_up_is_counted_and_the_next_one_says_so() {
    let receiver = Receiver::default();
    receiver.refuse(&[503; 4]);
    let (url, _server) = receiver.start().await;
    let running = Running::start(&[hook(&url, &[])], QUICK);
    running.tell(Happening::Began { since: 5 });
    running.tell(Happening::Ended);
    receiver.until(5).await;
    let last = receiver.requests.lock().unwrap()[4].json();
    assert_eq!((last["type"].as_str(), last["lost"].as_u64()), (Some("publish.ended"), Some(1)));
    assert_eq!(running.stop().await.hooks_lost.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receiver_that_is_down_holds_up_no_other_and_its_queue_is_bounded() {
    let receiver = Receiver::default();
    let (url, _server) = receiver.start().await;
    // A port where nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let slow = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(60), attempts: 4 };
    let down = hook(&format!("http://{closed}/"), &[Topic::Publish]);
    let running = Running::start(&[down, hook(&url, &[Topic::Publish])], slow);
    let events = QUEUE + 100;
    for n in 0..events {
        running.tell(Happening::Began { since: n as u64 });
        // As fast as one receiver takes them.
        receiver.until(n + 1).await;
    }
    let lost = running.metrics.hooks_lost.get();
    assert!((99..=100).contains(&lost), "one is being tried and the queue is full: {lost}");
    assert_eq!(running.stop().await.hooks_lost.get(), events as u64, "the end loses the rest, and counts it");
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_hear_only_what_they_asked_for() {
    let receiver = Receiver::default();
    let (url, _server) = receiver.start().await;
    let running = Running::start(&[hook(&url, &[Topic::Viewer, Topic::Moderation])], QUICK);
    running.tell(Happening::Ended);
    running.tell(Happening::ViewerLeft { user: None, viewers: 3 });
    receiver.until(1).await;
    let json = receiver.requests.lock().unwrap()[0].json();
    assert_eq!((json["type"].as_str(), json["data"]["viewers"].as_u64()), (Some("viewer.left"), Some(3)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_still_leaves_at_the_end() {
    let receiver = Receiver::default();
    let (url, _server) = receiver.start().await;
    let running = Running::start(&[hook(&url, &[])], QUICK);
    running.tell(Happening::Ended);
    let metrics = running.stop().await;
    assert_eq!((receiver.types(), metrics.hooks_lost.get()), (vec!["publish.ended".to_owned()], 0));
}

#[test]
fn an_address_that_cannot_be_used_is_refused() {
    for url in ["nowhere", "ftp://example.org/", "/hook", "http://"] {
        let opened = open(&[hook(url, &[])], QUICK, &Arc::default()).map(drop);
        assert!(opened.unwrap_err().to_string().starts_with("webhooks.url: "), "{url}");
    }
}
