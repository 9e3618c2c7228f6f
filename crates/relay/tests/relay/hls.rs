//! LL-HLS: playlists that wait, parts, renditions.

use std::time::Instant;

use axum::http::{Method, StatusCode, header};
use tokio_util::sync::CancellationToken;

use crate::clip;
use crate::peer::Peer;
use crate::stage::{Stage, live};

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_reads_every_picture_of_ten_seconds_of_hls() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let watching = async {
        stage.until("live", live).await;
        clip::numbers(format!("{}/hls/main/index.m3u8", stage.ready.http), 10).await
    };
    let numbers = tokio::select! {
        numbers = watching => numbers,
        () = clip::broadcast(&publisher, CancellationToken::new()) => unreachable!(),
    };
    clip::assert_whole(&numbers, 10);
}

const HINT: &str = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"";

/// The value behind the last occurrence of `tag`, up to the end of the line.
fn last<'a>(text: &'a str, tag: &str) -> &'a str {
    text.rsplit_once(tag).unwrap_or_else(|| panic!("{tag} in {text}")).1.lines().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_is_told_of_each_part_as_it_is_made() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/hls/main/index.m3u8").await.status, StatusCode::NOT_FOUND);
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let story = async {
        stage.until("live", live).await;
        let index = stage.get("/hls/main/index.m3u8").await;
        assert_eq!(index.header(header::CONTENT_TYPE), "application/vnd.apple.mpegurl");
        assert_eq!(index.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        assert!(index.body.contains("RESOLUTION=320x180\nvideo.m3u8"), "{}", index.body);
        assert!(index.body.contains("CODECS=\"mp4a.40.2\"\naudio.m3u8"), "{}", index.body);
        let mut text = stage.get("/hls/main/video.m3u8").await.body;
        let started = Instant::now();
        for _ in 0..25 {
            // The hinted part, and the playlist that names it, come when it is made.
            let hint = last(&text, HINT).trim_end_matches('"').to_owned();
            let (sequence, part) = hint.trim_start_matches("video-").split_once('.').unwrap();
            let part = part.trim_end_matches(".m4s");
            let path = format!("/hls/main/video.m3u8?_HLS_msn={sequence}&_HLS_part={part}&_HLS_skip=YES");
            let hinted = format!("/hls/main/{hint}");
            let (playlist, data) = tokio::join!(stage.get(&path), stage.get(&hinted));
            assert_eq!(playlist.status, StatusCode::OK, "{}", playlist.body);
            assert_eq!(playlist.header(header::CACHE_CONTROL), "no-cache");
            text = playlist.body;
            if last(&text, HINT).trim_end_matches('"') == hint {
                // The machine had other things to do: who waited for five seconds is told what there is, and asks again.
                continue;
            }
            if text.contains(&hint) {
                assert_eq!((data.status, data.header(header::CONTENT_TYPE)), (StatusCode::OK, "video/mp4"));
            } else {
                // The segment ended first, and the hint was wrong.
                assert_eq!(data.status, StatusCode::NOT_FOUND);
            }
        }
        // Five seconds of the broadcast. A machine that has other things to do brings some of it late and at once.
        let took = started.elapsed().as_secs_f64();
        assert!(took > 1.0, "25 parts of 200 ms took {took} s: nobody was kept waiting");
        let sequence: u64 = last(&text, "#EXT-X-MEDIA-SEQUENCE:").parse().unwrap();
        for (query, status) in [
            (format!("_HLS_msn={}", sequence + 1000), StatusCode::BAD_REQUEST),
            ("_HLS_part=1".to_owned(), StatusCode::BAD_REQUEST),
            ("_HLS_msn=x".to_owned(), StatusCode::BAD_REQUEST),
            (format!("_HLS_msn={sequence}"), StatusCode::OK),
        ] {
            assert_eq!(stage.get(&format!("/hls/main/audio.m3u8?{query}")).await.status, status, "{query}");
        }
        for name in ["other.m3u8", "video-1.m4s", "video-init9.mp4", "video-1.1.m4s"] {
            let answer = stage.get(&format!("/hls/main/{name}")).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (StatusCode::NOT_FOUND, "not_found"),
                "{name}"
            );
        }
        let packed = [("accept-encoding", "br;q=1.0, gzip;q=0.8")];
        let packed = stage.ask(Method::GET, "/hls/main/video.m3u8", &packed, "").await;
        assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
        let segment = stage.get(&format!("/hls/main/video-{sequence}.m4s")).await;
        assert!(segment.header(header::CACHE_CONTROL).contains("immutable"));
        assert!(segment.header(header::CONTENT_LENGTH).parse::<usize>().unwrap() > 1000);
        stage.until("one viewer", |stats| stats.presence.viewers == 1).await;
        let owner = format!("Bearer {}", stage.owner());
        let status = stage.ask(Method::GET, "/api/v1/status", &[("authorization", &owner)], "").await.json();
        assert_eq!(status["sessions"]["viewers"], 1, "{status}");
    };
    tokio::select! {
        () = story => {}
        () = clip::broadcast(&publisher, CancellationToken::new()) => unreachable!(),
    }
    publisher.leave();
    stage.until("over", |stats| !live(stats)).await;
    // Who asks after the end is not kept waiting. The room says that it is over before the last segment is cut, on another
    // thread.
    let over = "/hls/main/video.m3u8?_HLS_msn=99999999999";
    stage.poll(over, |answer| answer.body.ends_with("#EXT-X-ENDLIST\n")).await;
    stage.until("gone", |stats| stats.presence.viewers == 0).await;
}
