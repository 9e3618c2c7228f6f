//! That people who see, hear or move differently can use both faces: axe-core looks at their main states and finds nothing
//! serious.

use footlight_tests::browser::Setup;
use footlight_tests::faces::studio as face;
use footlight_tests::faces::viewer as viewer_face;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::window::Window;
use footlight_tests::{Output, axe, turn};

/// Ctrl and K, then no key.
const PALETTE: &str = "\u{e009}k\u{e000}";

#[tokio::test(flavor = "multi_thread")]
async fn both_faces_keep_nobody_out() {
    let _turn = turn().await;
    let output = Output::new("axe");
    let window = Window::open(&output).await;
    let page = &window.page;
    let mut found = Vec::new();
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(30)).await;
    for (language, theme) in [("en", "light"), ("zh-CN", "dark")] {
        let name = |state: &str| format!("{state}-{language}-{theme}");
        window.prefer(language, theme).await;
        page.find("#scene-1[aria-pressed=true]").await;
        if page.attribute("#layers-open", "aria-expanded").await.as_deref() != Some("true") {
            page.click("#layers-open").await;
        }
        page.find("#layers").await;
        page.click("#add-colour").await;
        page.find(".layer.selected").await;
        page.screenshot(&output, &name("layers")).await;
        found.extend(axe::look(page, &output, &name("layers")).await);

        page.click(&format!("{} [data-act=more]", face::MICROPHONE)).await;
        page.find("#filters[open]").await;
        found.extend(axe::look(page, &output, &name("mixer")).await);
        page.click("#filters .settings-head button").await;

        page.click("#open-settings").await;
        page.find("#settings[open]").await;
        page.screenshot(&output, &name("settings")).await;
        found.extend(axe::look(page, &output, &name("settings")).await);
        page.click("#settings-close").await;

        page.run("document.activeElement.blur()").await;
        page.type_keys(PALETTE).await;
        page.find("#palette-list [role=option]").await;
        found.extend(axe::look(page, &output, &name("palette")).await);
        page.type_keys("\u{e00c}").await;
        wait::until("the palette is closed", seconds(5), async || {
            (page.count("#palette[open]").await == 0).then_some(())
        })
        .await;
    }

    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    for (language, dark) in [("en", false), ("zh-CN", true)] {
        let setup = Setup { language, dark, ..Setup::default() };
        let viewer = Viewer::open(language, &link, setup, &output).await;
        viewer.playing(seconds(30)).await;
        viewer.say("Ada", "I can see you").await;
        let seen = &viewer.browser.page;
        seen.find_text(viewer_face::MESSAGE, "I can see you", seconds(10)).await;
        seen.screenshot(&output, &format!("viewer-{language}")).await;
        found.extend(axe::look(seen, &output, &format!("viewer-{language}")).await);
    }
    page.find_text(face::MESSAGE, "I can see you", seconds(10)).await;
    page.screenshot(&output, "live").await;
    found.extend(axe::look(page, &output, "live").await);
    assert!(found.is_empty(), "{} things keep people out:\n{}", found.len(), found.join("\n"));
}
