//! WHIP and WHEP held against their texts, sentence by sentence: RFC 9725 and draft-ietf-wish-whep-04.
//!
//! Every claim names the section that it is drawn from. The two protocols share most of their words, so what both
//! say is asked of both.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use footlight_relay::{Config, IceServer, Limits};
use str0m::media::Direction;

use crate::peer::{Over, Peer, number, offer, picture};
use crate::stage::{Answer, Folder, PATIENCE, Stage, config};

const SDP: (&str, &str) = ("content-type", "application/sdp");
const FRAGMENT: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const LATE: &str = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n";
/// The suite is worth nothing with fewer.
const LEAST: usize = 45;

struct Claim {
    section: String,
    says: &'static str,
    holds: bool,
}

/// The text that a claim is drawn from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Whip,
    Whep,
}

impl Text {
    fn section(self, number: &str) -> String {
        match self {
            Self::Whip => format!("RFC 9725 §{number}"),
            Self::Whep => format!("draft-ietf-wish-whep-04 §{number}"),
        }
    }

    fn route(self) -> &'static str {
        if self == Self::Whip { "/whip/main" } else { "/whep/main" }
    }

    /// The direction that its client offers.
    fn direction(self) -> Direction {
        if self == Self::Whip { Direction::SendOnly } else { Direction::RecvOnly }
    }
}

#[derive(Default)]
struct Claims(Vec<Claim>);

impl Claims {
    fn add(&mut self, section: String, says: &'static str, holds: bool) {
        self.0.push(Claim { section, says, holds });
    }

    /// Both texts say it, in these sections.
    fn table(&mut self, text: Text, rows: &[(&str, &str, &'static str, bool)]) {
        for (whip, whep, says, holds) in rows {
            self.add(text.section(if text == Text::Whip { whip } else { whep }), says, *holds);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whip_and_whep_do_what_their_texts_say() {
    let mut claims = Claims::default();
    for text in [Text::Whip, Text::Whep] {
        set_up(text, &mut claims).await;
        offers(text, &mut claims).await;
        options(text, &mut claims).await;
        sessions(text, &mut claims).await;
        trickle(text, &mut claims).await;
        restart(text, &mut claims).await;
        goodbyes(text, &mut claims).await;
    }
    authorisation(&mut claims).await;
    whep_alone(&mut claims).await;

    let broken: Vec<_> = claims.0.iter().filter(|claim| !claim.holds).collect();
    println!("{} claims, {} do not hold", claims.0.len(), broken.len());
    for claim in &claims.0 {
        println!("{} {}: {}", if claim.holds { "✓" } else { "✗" }, claim.section, claim.says);
    }
    let list = |claim: &&Claim| format!("{}: {}", claim.section, claim.says);
    assert!(broken.is_empty(), "{:#?}", broken.iter().map(list).collect::<Vec<_>>());
    let sections: BTreeSet<_> = claims.0.iter().map(|claim| &claim.section).collect();
    assert!(claims.0.len() >= LEAST && sections.len() >= 20, "{} claims ran", claims.0.len());
}

/// A relay that tells its clients of a STUN and a TURN server.
async fn stage() -> Stage {
    let folder = Folder::new();
    let server = |url: &str, credential: Option<&str>| IceServer {
        url: url.to_owned(),
        username: credential.map(|_| "user".to_owned()),
        credential: credential.map(str::to_owned),
    };
    let ice_servers = vec![
        server("stun:stun.example.net", None),
        server("turn:turn.example.net?transport=udp", Some("my \"password\"")),
    ];
    Stage::in_its_own(folder, |folder| Config { ice_servers, ..config(folder) }).await
}

/// Posts the offer, with the key where one is needed.
async fn post(stage: &Stage, text: Text, offer: impl Into<String>) -> Answer {
    let key = format!("Bearer {}", stage.key());
    let headers: &[_] = if text == Text::Whip { &[SDP, ("authorization", &key)] } else { &[SDP] };
    stage.ask(Method::POST, text.route(), headers, offer.into()).await
}

fn refused(answer: &Answer) -> bool {
    answer.status.is_client_error()
}

/// The lines of each media section of an SDP.
fn sections(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

fn line<'a>(sdp: &'a str, start: &str) -> Option<&'a str> {
    sdp.lines().find(|line| line.starts_with(start))
}

async fn set_up(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let offered = offer(text.direction()).text;
    let answer = post(&stage, text, offered.clone()).await;
    let again = post(&stage, text, offered.clone()).await;
    let key = format!("Bearer {}", stage.key());
    let plain = [("content-type", "text/plain"), ("authorization", key.as_str())];
    let plain = stage.ask(Method::POST, text.route(), &plain, offered.clone()).await;
    let location = answer.header(header::LOCATION);
    let tag = answer.header(header::ETAG);
    let sdp = &answer.body;
    let parts = sections(sdp);
    let every = |wanted: &str| !parts.is_empty() && parts.iter().all(|part| part.contains(&wanted));
    let way = if text == Text::Whip { "a=recvonly" } else { "a=sendonly" };
    let group = line(sdp, "a=group:BUNDLE ").unwrap_or_default();
    let mids: Vec<_> = sdp.lines().filter_map(|line| line.strip_prefix("a=mid:")).collect();
    let links: Vec<_> =
        answer.headers.get_all(header::LINK).iter().map(|value| value.to_str().unwrap()).collect();
    claims.table(
        text,
        &[
            ("4.2", "4.3.1", "an offer is answered with 201 Created", answer.status == 201),
            (
                "4.2",
                "4.3.1",
                "the answer has the content type application/sdp",
                answer.header(header::CONTENT_TYPE) == "application/sdp",
            ),
            ("4.2", "4.3.1", "the body is an SDP answer", sdp.starts_with("v=0")),
            (
                "4.2",
                "4.3.1",
                "Location points to the new session",
                location.starts_with(&format!("{}/", text.route())),
            ),
            (
                "4.2",
                "4.3.4",
                "another content type than application/sdp is rejected with 4xx",
                refused(&plain),
            ),
            (
                "4.2",
                "4.3.4",
                "malformed SDP is rejected with 4xx",
                refused(&post(&stage, text, "v=0\r\nnonsense").await)
                    && refused(&post(&stage, text, "").await),
            ),
            ("4.2", "4.3.5", "every section of the answer goes the one right way", every(way)),
            (
                "4.3.1",
                "4.5.1",
                "201 carries a strong entity tag of the ICE session",
                tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'),
            ),
            (
                "4.3.1",
                "4.5.1",
                "the entity tag is unique to the ICE session",
                again.header(header::ETAG) != tag,
            ),
            (
                "4.3.2",
                "4.5.2",
                "an offer without candidates is taken",
                !offered.contains("a=candidate") && answer.status == 201,
            ),
            (
                "4.3.2",
                "4.5.2",
                "the answer has the server's candidates, over UDP and TCP",
                line(sdp, "a=candidate:").is_some()
                    && sdp.lines().any(|line| line.contains(" udp ") && line.contains("candidate"))
                    && sdp.to_lowercase().contains(" tcptype passive"),
            ),
            (
                "4.4.1",
                "4.6.1",
                "all sections are in one BUNDLE group",
                group == format!("a=group:BUNDLE {}", mids.join(" ")) && mids.len() == 2,
            ),
            (
                "4.4.1",
                "4.6.1",
                "RTP and RTCP share the port in every section, and nothing else is offered",
                every("a=rtcp-mux") && every("a=rtcp-mux-only"),
            ),
            (
                "4.4.2",
                "4.6.2",
                "every section has a msid",
                parts.iter().all(|part| part.iter().any(|line| line.starts_with("a=msid:"))),
            ),
            (
                "4.4.5",
                "4.6.3",
                "a server on an address that all reach may be ICE-lite, and says so",
                line(sdp, "a=ice-lite").is_some(),
            ),
            ("4.4.4", "4.3.1", "an actpass offer makes the server passive", every("a=setup:passive")),
            (
                "4.6",
                "4.8",
                "a Link header with rel=\"ice-server\" names each server",
                links.len() == 2
                    && links[0] == "<stun:stun.example.net>; rel=\"ice-server\""
                    && links[1].starts_with("<turn:turn.example.net?transport=udp>; rel=\"ice-server\""),
            ),
            (
                "4.6",
                "4.8",
                "username, credential and credential-type go with a TURN server",
                links.last().is_some_and(|link| {
                    link.ends_with(
                        "username=\"user\"; credential=\"my \\\"password\\\"\"; credential-type=\"password\"",
                    )
                }),
            ),
            (
                "5",
                "5",
                "session URLs differ and cannot be guessed",
                again.header(header::LOCATION) != location
                    && location.rsplit('/').next().is_some_and(|secret| secret.len() >= 26),
            ),
            ("4.5", "4.7", "POST is not redirected by 301 or 302", !answer.status.is_redirection()),
        ],
    );
}

async fn offers(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let good = offer(text.direction()).text;
    let (right, wrong) = match text {
        Text::Whip => ("a=sendonly", "a=recvonly"),
        Text::Whep => ("a=recvonly", "a=sendonly"),
    };
    let both = post(&stage, text, good.replace(right, "a=sendrecv")).await;
    let wrong_way = post(&stage, text, good.replace(right, wrong)).await;
    let inactive = post(&stage, text, good.replace(right, "a=inactive")).await;
    let active = post(&stage, text, good.replace("a=setup:actpass", "a=setup:active")).await;
    let twice = post(&stage, text, twice_the_video(&good)).await;
    claims.table(
        text,
        &[
            (
                "4.2",
                "4.3.5",
                "sendrecv may be offered and is answered one way",
                both.status == 201 && !both.body.contains("a=sendrecv") && both.body.contains(wrong),
            ),
            ("4.2", "4.3.5", "media in the wrong direction are refused", refused(&wrong_way)),
            ("4.2", "4.3.5", "inactive media are refused", refused(&inactive)),
            (
                "4.4.2",
                "4.6.2",
                "two tracks of the same kind are refused with 422 or 400",
                matches!(twice.status.as_u16(), 422 | 400),
            ),
            (
                "4.4.4",
                "4.3.1",
                "an offer with setup:active is taken",
                active.status == 201 && active.body.contains("a=setup:passive"),
            ),
        ],
    );
    let other = post(&stage, text, good.replace("H264/90000", "VP8/90000")).await;
    let none = good.replace("H264/90000", "VP8/90000").replace("opus/48000/2", "PCMU/8000");
    let none = post(&stage, text, none).await;
    if text == Text::Whip {
        claims.table(
            text,
            &[
                (
                    "4.4.3",
                    "",
                    "no answer refuses some sections and takes others: 422 or 400",
                    matches!(other.status.as_u16(), 422 | 400),
                ),
                (
                    "4.4.3",
                    "",
                    "the error gives further details: which codecs were offered, which are carried",
                    other.body.contains("VP8") && other.body.contains("H.264"),
                ),
            ],
        );
    }
    claims.table(
        text,
        &[(
            "4.1",
            "4.1",
            "an error says in JSON what is wrong",
            refused(&none)
                && none.header(header::CONTENT_TYPE) == "application/json"
                && none.code() == "unsupported_media",
        )],
    );
}

/// The offer with its video section once more, under another mid.
fn twice_the_video(offer: &str) -> String {
    let at = offer.find("m=video").unwrap();
    let video = &offer[at..];
    let mid = line(video, "a=mid:").unwrap().strip_prefix("a=mid:").unwrap();
    let group = line(offer, "a=group:BUNDLE").unwrap();
    let second = video.replace(&format!("a=mid:{mid}"), "a=mid:second");
    offer.replace(group, &format!("{group} second")) + &second
}

async fn options(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let plain = stage.ask(Method::OPTIONS, text.route(), &[], "").await;
    let preflight = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let preflight = stage.ask(Method::OPTIONS, text.route(), &preflight, "").await;
    let location = post(&stage, text, offer(text.direction()).text).await;
    let session = location.header(header::LOCATION).to_owned();
    let session = stage.ask(Method::OPTIONS, &session, &[], "").await;
    let allows = |answer: &Answer, name, all: &[&str]| {
        let allowed = answer.header(name).to_lowercase();
        all.iter().all(|one| allowed.split(", ").any(|allowed| allowed == *one))
    };
    let exposed = location.header(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    claims.table(
        text,
        &[
            ("4.2", "4.4", "OPTIONS is answered with 200 OK, without a token", plain.status == 200),
            (
                "4.2",
                "4.4",
                "OPTIONS has Accept-Post: application/sdp",
                [&plain, &preflight, &session]
                    .iter()
                    .all(|answer| answer.header(ACCEPT_POST) == "application/sdp"),
            ),
            (
                "4.2",
                "4.4",
                "CORS lets any page post an offer with a token",
                preflight.header(header::ACCESS_CONTROL_ALLOW_ORIGIN) == "*"
                    && allows(&preflight, header::ACCESS_CONTROL_ALLOW_METHODS, &["post"])
                    && allows(
                        &preflight,
                        header::ACCESS_CONTROL_ALLOW_HEADERS,
                        &["authorization", "content-type"],
                    ),
            ),
            (
                "4.2",
                "4.4",
                "CORS lets any page patch and end its session",
                allows(&session, header::ACCESS_CONTROL_ALLOW_METHODS, &["patch", "delete"])
                    && allows(&session, header::ACCESS_CONTROL_ALLOW_HEADERS, &["if-match"]),
            ),
            (
                "4.2",
                "4.4",
                "pages see Location, ETag and Link",
                ["location", "etag", "link"].iter().all(|name| exposed.split(", ").any(|one| one == *name)),
            ),
        ],
    );
    if text == Text::Whip {
        claims.add(
            text.section("4.6"),
            "OPTIONS names the ICE servers for clients that need them before the offer",
            plain.headers.get_all(header::LINK).iter().count() == 2,
        );
        claims.add(
            text.section("4.6"),
            "a CORS preflight does not",
            !preflight.headers.contains_key(header::LINK),
        );
    }
}

async fn sessions(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let endpoint = stage.get(text.route()).await;
    let answer = post(&stage, text, offer(text.direction()).text).await;
    let location = answer.header(header::LOCATION).to_owned();
    let session = stage.get(&location).await;
    let put = stage.ask(Method::PUT, &location, &[], "").await;
    let wrong_tag = stage.ask(Method::DELETE, &location, &[("if-match", "\"other\"")], "").await;
    let gone = stage.get(&location).await;
    let again = stage.ask(Method::DELETE, &location, &[], "").await;
    let late = stage.ask(Method::PATCH, &location, &[FRAGMENT, ("if-match", "*")], LATE).await;
    claims.table(
        text,
        &[
            (
                "4.1",
                "4.1",
                "GET of the endpoint succeeds and has no content",
                endpoint.status.is_success() && endpoint.body.is_empty(),
            ),
            (
                "4.1",
                "4.1",
                "GET of a session succeeds and has no content",
                session.status.is_success() && session.body.is_empty(),
            ),
            (
                "4.1",
                "4.1",
                "a method without meaning is 405 and names those that have one",
                put.status == 405 && put.header(header::ALLOW).contains("PATCH"),
            ),
            ("4.3.1", "4.5.1", "DELETE ignores an entity tag", wrong_tag.status == 200),
            (
                "4.2",
                "4.4",
                "DELETE removes the session",
                gone.status == 404 && again.status == 404 && late.status == 404,
            ),
        ],
    );
}

async fn trickle(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let answer = post(&stage, text, offer(text.direction()).text).await;
    let (location, tag) = (answer.header(header::LOCATION), answer.header(header::ETAG));
    let patch = async |headers: &[(&str, &str)], body: &str| {
        stage.ask(Method::PATCH, location, headers, body.to_owned()).await
    };
    let matching = ("if-match", tag);
    let taken = patch(&[FRAGMENT, matching], LATE).await;
    let list = format!("\"other\", {tag}");
    let one_of = patch(&[FRAGMENT, ("if-match", &list)], LATE).await;
    let odd = "a=candidate:1 1 sctp 1 192.0.2.1 5000 typ host\r\n\
               a=candidate:2 1 udp 1 nowhere.invalid 5000 typ host\r\n";
    let odd = patch(&[FRAGMENT, matching], odd).await;
    let weak = format!("W/{tag}");
    claims.table(
        text,
        &[
            ("4.3.2", "4.5.2", "more candidates are answered with 204", taken.status == 204),
            ("4.3.2", "4.5.2", "that answer has no body", taken.body.is_empty()),
            ("4.3.2", "4.5.2", "that answer has no ETag", !taken.headers.contains_key(header::ETAG)),
            ("4.3.2", "4.5.2", "candidates that cannot be used are silently discarded", odd.status == 204),
            ("4.3.1", "4.5.1", "one matching tag of several is enough", one_of.status == 204),
            (
                "4.3.1",
                "4.5.1",
                "another content type than a fragment's is rejected with 4xx",
                refused(&patch(&[("content-type", "application/sdp"), matching], LATE).await),
            ),
            (
                "4.3.1",
                "4.5.1",
                "a malformed fragment is rejected with 4xx",
                refused(&patch(&[FRAGMENT, matching], "hello").await)
                    && refused(&patch(&[FRAGMENT, matching], "a=candidate:1\r\n").await)
                    && refused(&patch(&[FRAGMENT, matching], "a=ice-ufrag:abcd\r\n").await),
            ),
            (
                "4.3.1",
                "4.5.1",
                "a PATCH without If-Match gets 428",
                patch(&[FRAGMENT], LATE).await.status == 428,
            ),
            (
                "4.3.1",
                "4.5.1",
                "a PATCH for another ICE session gets 412",
                patch(&[FRAGMENT, ("if-match", "\"other\"")], LATE).await.status == 412,
            ),
            (
                "4.3.1",
                "4.5.1",
                "a weak tag does not match",
                patch(&[FRAGMENT, ("if-match", &weak)], LATE).await.status == 412,
            ),
        ],
    );
}

async fn restart(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let (base, key) = (stage.ready.http.clone(), stage.key());
    let mut publisher = Peer::publish(&base, &key).await;
    let mut viewer = Peer::watch(&base).await;
    publisher.connected().await;
    viewer.connected().await;
    publisher.send(picture(1, true, 5_000));
    assert_eq!(number(&viewer.video().await.data), 1);
    let mover = if text == Text::Whip { &publisher } else { &viewer };
    let (location, first) = (mover.location.clone(), mover.tag.clone());
    let patch = async |condition: &str, body: String| {
        stage.ask(Method::PATCH, &location, &[FRAGMENT, ("if-match", condition)], body).await
    };
    // Half a restart is none, and leaves everything as it was.
    let (ufrag, password) = ("newfrag1", "a-password/that+has+its+length".replace('-', "+"));
    let half = patch("*", format!("a=ice-ufrag:{ufrag}\r\n")).await;
    let kept = patch(&first, LATE.to_owned()).await;

    let moved = mover.moves("*").await;
    let second = moved.header(header::ETAG).to_owned();
    let before = mover.answer.clone();
    let carried = carries(&publisher, &mut viewer, 100).await;
    let mover = if text == Text::Whip { &publisher } else { &viewer };
    let outdated = patch(&first, LATE.to_owned()).await;
    let current = patch(&second, LATE.to_owned()).await;
    let quoted = mover.moves("\"*\"").await;
    let carried_again = carries(&publisher, &mut viewer, 200).await;
    let fragment = &moved.body;
    let differs = |start: &str| {
        line(fragment, start).is_some_and(|new| line(&before, start).is_some_and(|old| old != new))
    };
    let as_before =
        |start: &str| line(fragment, start).is_some() && line(fragment, start) == line(&before, start);
    // A client that names the current tag instead of the star has restarted as well.
    let body = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n");
    let by_tag = patch(quoted.header(header::ETAG), body.clone()).await;
    let repeated = patch(by_tag.header(header::ETAG), body).await;
    let mut flooded = false;
    for n in 0..10 {
        let body = format!("a=ice-ufrag:again{n}\r\na=ice-pwd:{password}{n}\r\n");
        flooded |= patch("*", body).await.status == 429;
    }
    let there = stage.get(&location).await;
    claims.table(
        text,
        &[
            (
                "4.3.3",
                "4.5.3",
                "new credentials under If-Match: * are answered with 200",
                moved.status == 200,
            ),
            (
                "4.3.3",
                "4.5.3",
                "the answer is a fragment",
                moved.header(header::CONTENT_TYPE) == "application/trickle-ice-sdpfrag",
            ),
            (
                "4.3.3",
                "4.5.3",
                "it has a new user name and a new password",
                differs("a=ice-ufrag:") && differs("a=ice-pwd:"),
            ),
            ("4.3.3", "4.5.3", "it has the server's candidates", line(fragment, "a=candidate:").is_some()),
            (
                "4.3.3",
                "4.5.3",
                "it has the ice-lite and ice-options of the answer",
                as_before("a=ice-lite") && as_before("a=ice-options:"),
            ),
            (
                "4.3.3",
                "4.5.3",
                "it has the one media section that bears the bundle",
                fragment.matches("m=").count() == 1 && as_before("m=") && as_before("a=mid:"),
            ),
            (
                "4.3.3",
                "4.5.3",
                "it carries the entity tag of the new ICE session",
                second.len() > 2 && second != first,
            ),
            ("4.3.3", "4.5.3", "media go on over the new path, nothing renegotiated", carried),
            ("4.3.1", "4.5.1", "the tag before the restart is outdated", outdated.status == 412),
            ("4.3.2", "4.5.2", "candidates come under the new tag", current.status == 204),
            (
                "4.3.3",
                "4.5.3",
                "a client may restart again, with the star in quotes as the examples have it",
                quoted.status == 200 && carried_again,
            ),
            (
                "4.3.3",
                "4.5.3",
                "new credentials are a restart whatever the condition that holds",
                by_tag.status == 200 && by_tag.header(header::ETAG) != quoted.header(header::ETAG),
            ),
            ("4.3.2", "4.5.2", "the credentials of the running ICE session are none", repeated.status == 204),
            (
                "4.3.3",
                "4.5.3",
                "a restart that cannot be done gets an error and keeps the ICE session",
                refused(&half) && kept.status == 204,
            ),
            ("5", "5", "a flood of restarts is held off with 429", flooded && there.status == 204),
        ],
    );
}

/// Whether what is published reaches the viewer by now. While ICE begins anew packets are lost, so pictures
/// are sent until one arrives.
async fn carries(publisher: &Peer, viewer: &mut Peer, from: u32) -> bool {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let pictures = async {
        for next in from.. {
            pace.tick().await;
            publisher.send(picture(next, true, 1_000));
        }
    };
    let arrived = async { while number(&viewer.video().await.data) < from {} };
    tokio::select! {
        () = pictures => false,
        arrived = tokio::time::timeout(PATIENCE, arrived) => arrived.is_ok(),
    }
}

async fn goodbyes(text: Text, claims: &mut Claims) {
    let stage = stage().await;
    let (base, key) = (stage.ready.http.clone(), stage.key());
    let client = async || match text {
        Text::Whip => Peer::publish(&base, &key).await,
        Text::Whep => Peer::watch(&base).await,
    };
    let mut deleted = client().await;
    deleted.connected().await;
    let answer = stage.ask(Method::DELETE, &deleted.location.clone(), &[], "").await;
    // The peer hears of it on the media connection.
    deleted.ended().await;
    let mut leaving = client().await;
    leaving.connected().await;
    leaving.leave();
    leaving.ended().await;
    let mut left = stage.get(&leaving.location).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while left.status != 404 && tokio::time::Instant::now() < deadline {
        left = stage.get(&leaving.location).await;
    }
    claims.table(
        text,
        &[
            ("4.2", "4.4", "DELETE is answered with 200 and tears DTLS down", answer.status == 200),
            ("4.2", "4.3.8", "a client that tears DTLS down has ended its session", left.status == 404),
        ],
    );
}

async fn authorisation(claims: &mut Claims) {
    let stage = stage().await;
    let text = offer(Direction::SendOnly).text;
    let key = stage.key();
    let whip = async |method: Method, path: &str, bearer: Option<&str>| {
        let mut headers = vec![SDP];
        headers.extend(bearer.map(|bearer| ("authorization", bearer)));
        stage.ask(method, path, &headers, text.clone()).await
    };
    let none = whip(Method::POST, "/whip/main", None).await;
    let wrong = whip(Method::POST, "/whip/main", Some("Bearer wrong")).await;
    let basic = whip(Method::POST, "/whip/main", Some(&format!("Basic {key}"))).await;
    let right = whip(Method::POST, "/whip/main", Some(&format!("bearer {key}"))).await;
    let session = right.header(header::LOCATION);
    let theirs = whip(Method::DELETE, session, Some("Bearer wrong")).await;
    let by_url = whip(Method::DELETE, session, None).await;
    let section = |number| Text::Whip.section(number);
    let challenged = |answer: &Answer| {
        answer.status == 401 && answer.header(header::WWW_AUTHENTICATE).starts_with("Bearer")
    };
    claims.add(section("4.7"), "a POST without a token is challenged for one", challenged(&none));
    claims.add(section("4.7.1"), "a wrong token is refused", challenged(&wrong) && challenged(&basic));
    claims.add(section("4.7.1"), "the key as bearer token is taken", right.status == 201);
    claims.add(section("4.7.1"), "a wrong token does not end a session", challenged(&theirs));
    claims.add(section("4.7.1"), "the secret in the session's URL is enough", by_url.status == 200);
}

async fn whep_alone(claims: &mut Claims) {
    let section = |number| Text::Whep.section(number);
    let stage = stage().await;
    let head = stage.ask(Method::HEAD, "/whep/main", &[], "").await;
    let get = stage.get("/whep/main").await;
    let kind = |answer: &Answer| answer.header(header::CONTENT_TYPE) == "application/sdp";
    claims.add(
        section("4.2"),
        "HEAD of the endpoint is 200 with the type of an offer",
        head.status == 200 && kind(&head),
    );
    claims.add(
        section("4.2"),
        "GET has the same header, and neither has a body",
        kind(&get) && head.body.is_empty(),
    );
    let answer = post(&stage, Text::Whep, offer(Direction::RecvOnly).text).await;
    claims.add(
        section("4.3.3"),
        "an offer that can be served is answered, not countered with 406",
        answer.status == 201,
    );
    claims.add(section("4.3.8"), "a player may join before anybody publishes", answer.status == 201);
    let more = offer(Direction::RecvOnly).text.replace("H264/90000", "VP8/90000");
    let sound = post(&stage, Text::Whep, more).await;
    claims.add(
        section("4.3.6"),
        "a player without the picture's codec gets the sound",
        sound.status == 201 && sound.body.contains("opus"),
    );
    let unasked = [SDP, ("authorization", "Bearer somebody")];
    let named = stage.ask(Method::POST, "/whep/main", &unasked, offer(Direction::RecvOnly).text).await;
    claims.add(section("4.9.1"), "a bearer token is taken and not demanded", named.status == 201);

    let folder = Folder::new();
    let limits = Limits { viewers: 1, ..Limits::default() };
    let full = Stage::in_its_own(folder, |folder| Config { limits, ..config(folder) }).await;
    let first = Peer::watch_as(&full.ready.http, None, Over::Udp).await;
    let second = post(&full, Text::Whep, offer(Direction::RecvOnly).text).await;
    claims.add(
        section("4.7"),
        "a full house is 503 with Retry-After",
        first.is_ok() && second.status == 503 && second.header(header::RETRY_AFTER).parse::<u32>().is_ok(),
    );
}
