//! FLV over HTTP and over a WebSocket.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use footlight_media::flv;
use footlight_protocol::room::Action;
use futures_util::StreamExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::clip;
use crate::member::Chat;
use crate::peer::Peer;
use crate::stage::{PATIENCE, Stage, live};

/// A stream that is read for as long as it lasts.
async fn open(stage: &Stage, token: Option<&str>) -> (StatusCode, axum::body::BodyDataStream) {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::get(format!("{}/live/main.flv", stage.ready.http));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = client.request(request.body(Body::empty()).unwrap()).await.unwrap();
    (response.status(), Body::new(response.into_body()).into_data_stream())
}

/// Reads until the end, or until so many bytes.
async fn read(body: &mut axum::body::BodyDataStream, bytes: usize) -> Vec<u8> {
    let mut data = Vec::new();
    let reading = async {
        while data.len() < bytes
            && let Some(Ok(piece)) = body.next().await
        {
            data.extend_from_slice(&piece);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("in time");
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_reads_every_picture_of_ten_seconds_of_flv() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let watching = async {
        stage.until("live", live).await;
        clip::numbers(format!("{}/live/main.flv", stage.ready.http), 10).await
    };
    let numbers = tokio::select! {
        numbers = watching => numbers,
        () = clip::broadcast(&publisher, CancellationToken::new()) => unreachable!(),
    };
    clip::assert_whole(&numbers, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn flv_starts_at_a_keyframe_counts_its_viewers_and_obeys_bans() {
    let stage = Stage::new().await;
    let offline = stage.get("/live/main.flv").await;
    assert_eq!((offline.status, offline.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(stage.get("/live/nobody.flv").await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.get("/live/main.mp3").await.status, StatusCode::NOT_FOUND);
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let mut owner = Chat::owner(&stage).await;
    let ada = Chat::named(&stage, "Ada").await;
    let story = async {
        stage.until("live", live).await;
        let (status, mut hers) = open(&stage, Some(&ada.token)).await;
        assert_eq!(status, StatusCode::OK);
        let data = read(&mut hers, 60_000).await;
        let tags: Vec<_> = flv::file(&data).unwrap().collect();
        let kinds: Vec<_> = tags.iter().take(4).map(|tag| (tag.kind, tag.timestamp)).collect();
        use flv::TagKind::{Audio, Script, Video};
        assert_eq!(kinds, [(Script, 0), (Video, 0), (Audio, 0), (Video, 0)]);
        assert!(matches!(flv::body::video(tags[3].body), Ok(flv::body::Video::Frame { keyframe: true, .. })));
        let url = format!("{}/live/main.flv", stage.ready.http.replacen("http", "ws", 1));
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut file = Vec::new();
        while file.len() < 60_000 {
            let Some(Ok(Message::Binary(piece))) = socket.next().await else { panic!("a piece of the file") };
            file.extend_from_slice(&piece);
        }
        assert!(flv::file(&file).unwrap().count() > 20);
        stage.until("two viewers", |stats| stats.presence.viewers == 2).await;
        owner.moderate("ban", Action::Ban { user: ada.me.id.clone(), range: false }).await.unwrap();
        read(&mut hers, usize::MAX).await;
        stage.until("one viewer", |stats| stats.presence.viewers == 1).await;
        assert_eq!(open(&stage, Some(&ada.token)).await.0, StatusCode::FORBIDDEN);
        drop(socket);
        stage.until("no viewer", |stats| stats.presence.viewers == 0).await;
        open(&stage, None).await.1
    };
    let mut last = tokio::select! {
        last = story => last,
        () = clip::broadcast(&publisher, CancellationToken::new()) => unreachable!(),
    };
    // The broadcast is over, and so is the file.
    publisher.leave();
    assert!(!read(&mut last, usize::MAX).await.is_empty());
}
