//! A room's own emotes: the owner sets them, everybody has them, and where only emotes may be sent they may be.

use axum::http::{Method, StatusCode, header};
use footlight_protocol::Code;
use footlight_protocol::emote::{Emote, MAX_EMOTE_FILE, MAX_EMOTES};
use footlight_protocol::moderation::Rules;
use footlight_protocol::room::{Action, ServerMessage};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage};

on_both_grounds! {
    an_emote_is_everybodys_at_once_and_after_a_restart,
}

/// A file of that size, with something behind its picture.
fn file(width: u32, height: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let image = image::RgbaImage::from_pixel(width, height, image::Rgba([200, 40, 90, 128]));
    image::DynamicImage::ImageRgba8(image).write_to(&mut file, image::ImageFormat::Png).unwrap();
    let mut file = file.into_inner();
    file.extend_from_slice(b"<script>hidden</script>");
    file
}

async fn told(chat: &mut Chat) -> Vec<Emote> {
    chat.until(|heard| if let ServerMessage::Emotes { emotes } = heard { Some(emotes) } else { None }).await
}

fn path(name: &str) -> String {
    format!("/api/v1/rooms/main/emotes/{name}")
}

async fn an_emote_is_everybodys_at_once_and_after_a_restart(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let bearer = format!("Bearer {}", stage.owner());
    let owner = [("authorization", bearer.as_str())];
    let mut ada = Chat::named(&stage, "Ada").await;
    let made = stage.ask(Method::PUT, &path("wave"), &owner, file(256, 128)).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let wave: Emote = serde_json::from_str(&made.body).unwrap();
    assert_eq!((wave.name.as_str(), wave.width, wave.height), ("wave", 128, 64));
    assert_eq!(told(&mut ada).await, std::slice::from_ref(&wave));
    // 波波
    let made = stage.ask(Method::PUT, &path("%E6%B3%A2%E6%B3%A2"), &owner, file(20, 20)).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let bobo: Emote = serde_json::from_str(&made.body).unwrap();
    assert_eq!((bobo.name.as_str(), bobo.width, bobo.height), ("波波", 20, 20));
    assert_eq!(told(&mut ada).await, [wave.clone(), bobo.clone()]);

    let served = stage.get(&format!("/api/v1/pictures/{}", wave.picture)).await;
    assert_eq!((served.status, served.header(header::CONTENT_TYPE)), (StatusCode::OK, "image/png"));
    assert_eq!(served.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert_eq!(served.header(header::CONTENT_SECURITY_POLICY), "default-src 'none'");
    assert!(served.header(header::CACHE_CONTROL).contains("immutable"));
    assert!(!served.body.contains("hidden"));

    // Emoji and the room's own are no words.
    let mut desk = Chat::owner(&stage).await;
    let rules = Rules { emote_only: true, ..Rules::default() };
    desk.moderate("rules", Action::SetRules { rules }).await.unwrap();
    assert!(ada.say("a1", ":wave: 🎉 :波波:").await.is_ok());
    for (nonce, text) in [("a2", ":wave: hi"), ("a3", ":nobody:"), ("a4", "wave")] {
        assert_eq!(ada.say(nonce, text).await, Err((Code::AgainstRules, None)), "{text}");
    }

    drop((ada, desk));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut bob = Chat::join(&stage).await;
    let list: Vec<Emote> = serde_json::from_str(&stage.get("/api/v1/rooms/main/emotes").await.body).unwrap();
    assert_eq!(list, [wave.clone(), bobo.clone()]);
    let gone = stage.ask(Method::DELETE, &path("wave"), &owner, "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(told(&mut bob).await, [bobo]);
    let served = stage.get(&format!("/api/v1/pictures/{}", wave.picture)).await;
    assert_eq!(served.code(), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_owner_sets_emotes_and_of_what_is_none_nothing_is_kept() {
    let stage = Stage::new().await;
    let bearer = format!("Bearer {}", stage.owner());
    let owner = [("authorization", bearer.as_str())];
    let ada = Chat::named(&stage, "Ada").await;
    let theirs = format!("Bearer {}", ada.token);
    for not_owner in [&[][..], &[("authorization", theirs.as_str())]] {
        assert_eq!(stage.ask(Method::PUT, &path("wave"), not_owner, file(9, 9)).await.code(), "unauthorized");
        assert_eq!(stage.ask(Method::DELETE, &path("wave"), not_owner, "").await.code(), "unauthorized");
    }
    for name in ["a", "a%20b", "a:b", "%3Cb%3E", &"x".repeat(25)] {
        let refused = stage.ask(Method::PUT, &path(name), &owner, file(9, 9)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "malformed".to_owned()),
            "{name}"
        );
    }
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>";
    assert_eq!(stage.ask(Method::PUT, &path("wave"), &owner, svg).await.code(), "file_unreadable");
    let large = vec![0; MAX_EMOTE_FILE + 1];
    assert_eq!(stage.ask(Method::PUT, &path("wave"), &owner, large).await.code(), "too_long");
    assert_eq!(stage.get("/api/v1/rooms/main/emotes").await.body, "[]");
    for n in 0..MAX_EMOTES {
        let set = stage.ask(Method::PUT, &path(&format!("e{n}")), &owner, file(1 + n as u32, 1)).await;
        assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    }
    assert_eq!(stage.ask(Method::PUT, &path("more"), &owner, file(2, 2)).await.code(), "full");
    // In place of one there is room.
    assert_eq!(stage.ask(Method::PUT, &path("e0"), &owner, file(2, 2)).await.status, StatusCode::OK);
}
