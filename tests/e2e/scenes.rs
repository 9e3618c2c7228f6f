//! Scenes: made in the window from layers, changed while live, and seen by a viewer.

use footlight_tests::browser::Setup;
use footlight_tests::faces::studio as face;
use footlight_tests::pixels::coloured;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

/// Draws a picture as a creator would have it: a green disc on nothing.
const LOGO: &str = "
    pen.fillStyle = '#00c040'; pen.beginPath(); pen.arc(150, 150, 140, 0, 7); pen.fill();";

const SAID: &str = "欢迎来到直播间 Welcome";

#[tokio::test(flavor = "multi_thread")]
async fn scenes_are_made_of_layers_and_changed_while_live() {
    let _turn = turn().await;
    let output = Output::new("scenes");
    let window = Window::open(&output).await;
    let page = &window.page;
    page.find("#scene-1[aria-pressed=true]").await;
    window.screenshot(&output, "begin").await;
    layers(page, 1).await;

    page.click("#add-text").await;
    page.find("#layer-text").await;
    page.run("const text = document.querySelector('#layer-text'); text.select(); text.focus()").await;
    page.type_into("#layer-text", SAID).await;
    // Another layer is selected before anybody has stopped typing.
    page.choose_picture("#add-image-file", "logo.png", (300, 300), LOGO).await;
    layers(page, 3).await;
    page.wait_for_attribute("[data-layer='1'][data-act=pick]", "title", SAID, seconds(5)).await;
    a_layer_is_dragged(page).await;
    page.click("#add-camera").await;
    layers(page, 4).await;
    page.click("#add-colour").await;
    layers(page, 5).await;
    coloured(page, face::PREVIEW, (0.885, 0.115), [0, 192, 64]).await;
    window.screenshot(&output, "five-layers").await;

    // A second scene without a camera, for breaks.
    page.click("#scene-add").await;
    page.find("#scene-2[aria-pressed=true]").await;
    layers(page, 1).await;
    page.click("#add-colour").await;
    layers(page, 2).await;
    let choose = "const input = document.querySelector('#layer-colour'); input.value = '#c00090'; \
        for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, { bubbles: true }))";
    page.run(choose).await;
    // In front of the camera.
    page.click("[data-layer='0'][data-act=up]").await;
    coloured(page, face::PREVIEW, (0.5, 0.5), [192, 0, 144]).await;
    window.screenshot(&output, "break").await;

    page.run("document.activeElement.blur()").await;
    page.type_keys("1").await;
    page.find("#scene-1[aria-pressed=true]").await;
    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let viewer = Viewer::open("viewer", &link, Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    let seen = &viewer.browser.page;
    coloured(seen, "#video", (0.885, 0.115), [0, 192, 64]).await;
    seen.screenshot(&output, "viewer-one").await;
    page.run("document.activeElement.blur()").await;
    page.type_keys("2").await;
    coloured(seen, "#video", (0.5, 0.5), [192, 0, 144]).await;
    seen.screenshot(&output, "viewer-two").await;
    page.type_keys("1").await;
    coloured(seen, "#video", (0.885, 0.115), [0, 192, 64]).await;
    viewer.number(seconds(10), |number| number.age_ms < 1000.0).await;

    for (language, theme) in [("zh-CN", "dark"), ("en", "light")] {
        window.prefer(language, theme).await;
        layers(page, 5).await;
        page.click("[data-layer='2'][data-act=pick]").await;
        window.screenshot(&output, &format!("studio-{language}-{theme}")).await;
    }
}

/// Takes the picture from the upper right to the middle of the upper edge, and back by the cells of the editor.
async fn a_layer_is_dragged(page: &Session) {
    page.find("#placing-frame[data-layer='2']").await;
    let drag = "const field = document.querySelector('#placing'), frame = document.querySelector('#placing-frame'); \
        const [all, one] = [field.getBoundingClientRect(), frame.getBoundingClientRect()]; \
        const send = (kind, x, y) => field.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: y, \
            button: 0, pointerId: 1, bubbles: true })); \
        const [x, y] = [one.left + one.width / 2, one.top + one.height / 2]; \
        const before = [(one.left - all.left) / all.width, one.width / all.width]; \
        send('pointerdown', x, y); send('pointermove', x - all.width * 0.2, y); \
        send('pointermove', x - all.width * 0.33, y); send('pointerup', x - all.width * 0.33, y); return before";
    let before: [f64; 2] = serde_json::from_value(page.run(drag).await).expect("two numbers");
    assert!((before[0] - 0.72).abs() < 0.01 && (before[1] - 0.23).abs() < 0.01, "{before:?}");
    // Close to the middle it snaps.
    wait::until("the picture is in the middle", seconds(5), async || {
        let left = page.run("return document.querySelector('#layer-x').value").await;
        (left.as_str() == Some("38.5")).then_some(())
    })
    .await;
    coloured(page, face::PREVIEW, (0.5, 0.165), [0, 192, 64]).await;
    page.click("[data-cell='2-0']").await;
    coloured(page, face::PREVIEW, (0.885, 0.115), [0, 192, 64]).await;
}

async fn layers(page: &Session, many: usize) {
    wait::until(&format!("{many} layers"), seconds(10), async || {
        (page.count(".layer").await == many).then_some(())
    })
    .await;
}
