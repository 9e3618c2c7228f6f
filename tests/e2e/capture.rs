//! Screens, windows and videos in scenes: what other apps show reaches viewers, and nothing before it is meant to.

use footlight_protocol::scene::{Layer, Place, Scene, Scenes, Source};
use footlight_tests::browser::Setup;
use footlight_tests::faces::{studio as face, viewer as watch};
use footlight_tests::pane::Pane;
use footlight_tests::pixels::{colour_at, coloured};
use footlight_tests::process::Process;
use footlight_tests::scratch::Scratch;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, tool, turn};
use serde_json::json;

const RED: [u8; 3] = [200, 30, 30];
const BLUE: [u8; 3] = [30, 40, 200];
const GREEN: [u8; 3] = [20, 160, 60];
const BLACK: [u8; 3] = [0, 0, 0];
const TITLE: &str = "Their app";
/// Of the private screen; and where on it the other app's window lies, beside ours.
const SCREEN: (f64, f64) = (1440.0, 1000.0);
const CORNER: ((i16, i16), (u16, u16)) = ((1296, 840), (140, 150));

#[tokio::test(flavor = "multi_thread")]
async fn screens_and_windows_are_shown_and_edits_are_seen_when_they_are_taken() {
    let _turn = turn().await;
    let output = Output::new("capture");
    let window = Window::open(&output).await;
    let page = &window.page;
    let pane = Pane::open(&window.screen, TITLE, CORNER.0, CORNER.1, RED);
    open_layers(page).await;

    page.click("#add-screen").await;
    page.find("#capture-list [data-capture]").await;
    window.screenshot(&output, "screens").await;
    page.click("#capture-list [data-capture]").await;
    layers(page, 2).await;
    // All of the screen, in its own shape in the picture's middle.
    let wide = SCREEN.0 / SCREEN.1 / (16.0 / 9.0);
    let there = (0.5 - wide / 2.0 + 1366.0 / SCREEN.0 * wide, 915.0 / SCREEN.1);
    coloured(page, face::PREVIEW, there, RED).await;
    pane.paint(BLUE);
    coloured(page, face::PREVIEW, there, BLUE).await;
    window.screenshot(&output, "screen").await;

    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let viewer = Viewer::open("viewer", &link, Setup::default(), &output).await;
    let seen = &viewer.browser.page;
    seen.wait_for_attribute(watch::PLAYER, watch::STATE, "playing", seconds(30)).await;
    coloured(seen, "#video", there, BLUE).await;
    pane.paint(RED);
    coloured(seen, "#video", there, RED).await;

    // Cut down to the other app's window, and then its colour taken out, so that there is nothing left behind it.
    page.run("document.querySelector('#layer-shape').open = true").await;
    for (edge, percent) in [("left", "91"), ("top", "86"), ("right", "1"), ("bottom", "2")] {
        set(page, &format!("#layer-crop-{edge}"), percent).await;
    }
    set(page, "#layer-fit", "stretch").await;
    coloured(page, face::PREVIEW, (0.1, 0.1), RED).await;
    coloured(seen, "#video", (0.9, 0.9), RED).await;
    window.screenshot(&output, "cropped").await;
    page.click("[data-layer='0'][data-act=remove]").await;
    layers(page, 1).await;
    page.click("#layer-undo").await;
    layers(page, 2).await;
    page.click("[data-layer='0'][data-act=remove]").await;
    layers(page, 1).await;
    page.click("[data-layer='0'][data-act=pick]").await;
    page.run("document.querySelector('#layer-key-part').open = true").await;
    page.click("#layer-key").await;
    set(page, "#layer-key-colour", "#c81e1e").await;
    coloured(page, face::PREVIEW, (0.5, 0.5), BLACK).await;
    coloured(seen, "#video", (0.5, 0.5), BLACK).await;
    window.screenshot(&output, "keyed").await;
    page.click("#layer-key").await;
    coloured(seen, "#video", (0.5, 0.5), RED).await;

    let pane = a_window_comes_and_goes(&window, seen, pane, &output).await;
    studio_mode_keeps_edits_from_viewers(&window, seen, &pane, &output).await;

    for (language, theme) in [("zh-CN", "dark"), ("en", "light")] {
        window.prefer(language, theme).await;
        page.find("#program").await;
        page.click("[data-layer='0'][data-act=pick]").await;
        page.run("for (const part of document.querySelectorAll('details')) part.open = true").await;
        window.screenshot(&output, &format!("studio-{language}-{theme}")).await;
    }
    page.click("#layers-open").await;
    window.screenshot(&output, "side-by-side").await;
}

/// In a scene of its own, in front of the camera.
async fn a_window_comes_and_goes(window: &Window, seen: &Session, pane: Pane, output: &Output) -> Pane {
    let page = &window.page;
    page.click("#scene-add").await;
    page.find("#scene-2[aria-pressed=true]").await;
    page.click("#add-window").await;
    page.find(&format!("#capture-list [data-capture='{TITLE}']")).await;
    window.screenshot(output, "windows").await;
    page.click(&format!("#capture-list [data-capture='{TITLE}']")).await;
    layers(page, 2).await;
    set(page, "#layer-fit", "cover").await;
    coloured(page, face::PREVIEW, (0.5, 0.5), RED).await;
    coloured(seen, "#video", (0.5, 0.5), RED).await;
    // What lies over it is not seen, and it may be sized.
    let over = Pane::open(&window.screen, "Private", CORNER.0, (200, 200), GREEN);
    pane.paint(BLUE);
    coloured(page, face::PREVIEW, (0.9, 0.1), BLUE).await;
    drop(over);
    pane.resize(300, 120);
    pane.paint(RED);
    coloured(page, face::PREVIEW, (0.9, 0.1), RED).await;

    pane.hide();
    page.find_text("#layer-lost", "minimised", seconds(10)).await;
    window.screenshot(output, "minimised").await;
    let gone = |got: [u8; 3]| got.iter().zip(RED).any(|(got, red)| got.abs_diff(red) > 60);
    wait::until("the card stands in", seconds(10), async || {
        colour_at(seen, "#video", (0.5, 0.5)).await.filter(|got| gone(*got)).map(drop)
    })
    .await;
    pane.show();
    coloured(seen, "#video", (0.5, 0.5), RED).await;
    drop(pane);
    page.find_text("#layer-lost", "closed", seconds(10)).await;
    let pane = Pane::open(&window.screen, TITLE, CORNER.0, CORNER.1, GREEN);
    coloured(seen, "#video", (0.5, 0.5), GREEN).await;
    wait::until("nothing is wrong any more", seconds(5), async || {
        (page.count("#layer-lost").await == 0).then_some(())
    })
    .await;
    pane
}

async fn studio_mode_keeps_edits_from_viewers(window: &Window, seen: &Session, pane: &Pane, output: &Output) {
    let page = &window.page;
    page.click("#studio-mode").await;
    coloured(page, "#program", (0.5, 0.5), GREEN).await;
    page.click("#add-colour").await;
    layers(page, 3).await;
    set(page, "#layer-colour", "#c81e1e").await;
    for at in 0..2 {
        page.click(&format!("[data-layer='{at}'][data-act=up]")).await;
    }
    coloured(page, face::PREVIEW, (0.5, 0.5), RED).await;
    window.screenshot(output, "studio-mode").await;
    // Viewers see the window's own changes, and still not the layer before it.
    pane.paint(BLUE);
    coloured(page, "#program", (0.5, 0.5), BLUE).await;
    coloured(seen, "#video", (0.5, 0.5), BLUE).await;
    coloured(page, face::PREVIEW, (0.5, 0.5), RED).await;
    page.click("#transition").await;
    coloured(page, "#program", (0.5, 0.5), RED).await;
    coloured(seen, "#video", (0.5, 0.5), RED).await;
    // And the other way, by key.
    page.click("[data-layer='2'][data-act=hide]").await;
    coloured(page, face::PREVIEW, (0.5, 0.5), BLUE).await;
    coloured(seen, "#video", (0.5, 0.5), RED).await;
    page.run("document.activeElement.blur()").await;
    page.type_keys("\u{e007}").await;
    coloured(seen, "#video", (0.5, 0.5), BLUE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_a_layer_and_comes_back_with_its_file() {
    let _turn = turn().await;
    let output = Output::new("video-layer");
    let scratch = Scratch::new("video-layer");
    let file = scratch.path().join("clip.mp4");
    let make = || {
        let mut command = std::process::Command::new(tool::find("ffmpeg", "ffmpeg"));
        command.args([
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=c=0x14a03c:s=320x180:r=30:d=2",
            "-g",
            "15",
        ]);
        command.args(["-pix_fmt", "yuv420p", "-c:v", "libx264", "-y"]).arg(&file);
        Process::start("ffmpeg", &mut command, &output)
    };
    let window = Window::open(&output).await;
    let page = &window.page;
    open_layers(page).await;
    let source = Source::Media { file: file.display().to_string(), repeats: true };
    let place = Place { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
    let layers = vec![Layer::new(Source::Camera, Place::WHOLE), Layer::new(source, place)];
    let scenes = Scenes { scenes: vec![Scene { name: String::new(), layers }], ..Scenes::default() };
    window.invoke("set_scenes", json!({ "scenes": scenes })).await.expect("they are taken");
    page.click("[data-layer='1'][data-act=pick]").await;
    page.find("#layer-lost").await;
    assert_eq!(make().exit_code(seconds(30)).await, 0);
    coloured(page, face::PREVIEW, (0.5, 0.5), GREEN).await;
    page.find("#layer-loop:checked").await;
    wait::until("nothing is wrong any more", seconds(10), async || {
        (page.count("#layer-lost").await == 0).then_some(())
    })
    .await;
    // Over its end.
    let end = std::time::Instant::now() + seconds(3);
    while std::time::Instant::now() < end {
        coloured(page, face::PREVIEW, (0.5, 0.5), GREEN).await;
    }
    window.screenshot(&output, "video").await;
}

async fn open_layers(page: &Session) {
    page.find("#scene-1[aria-pressed=true]").await;
    if page.count("#layers").await == 0 {
        page.click("#layers-open").await;
    }
    page.find("#layers").await;
}

async fn layers(page: &Session, many: usize) {
    wait::until(&format!("{many} layers"), seconds(10), async || {
        (page.count(".layer").await == many).then_some(())
    })
    .await;
}

/// Sets a field as a hand would.
async fn set(page: &Session, css: &str, value: &str) {
    page.find(css).await;
    let script = format!(
        "const field = document.querySelector('{css}'); field.value = '{value}'; \
         for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {{ bubbles: true }}))"
    );
    page.run(&script).await;
}
