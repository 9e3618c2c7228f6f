//! Pictures of a room and its people: emotes that the creator sets and viewers use, and faces that people show.

use footlight_tests::browser::Setup;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

/// Draws two pictures, and chooses them by their files' names, with a file that is no picture.
const UPLOAD: &str = "(async () => {
    const drawn = (width, height, draw) => {
        const canvas = Object.assign(document.createElement('canvas'), { width, height });
        draw(canvas.getContext('2d'));
        return new Promise(done => canvas.toBlob(done, 'image/png'));
    };
    const wave = await drawn(128, 128, pen => {
        pen.fillStyle = '#ff00c8'; pen.beginPath(); pen.arc(64, 64, 60, 0, 7); pen.fill();
        pen.fillStyle = '#fff'; pen.fillRect(36, 40, 14, 22); pen.fillRect(78, 40, 14, 22);
        pen.lineWidth = 8; pen.strokeStyle = '#fff'; pen.beginPath(); pen.arc(64, 74, 26, 0.3, 2.8); pen.stroke();
    });
    const cheer = await drawn(320, 128, pen => {
        pen.fillStyle = '#ffb224'; pen.beginPath(); pen.roundRect(0, 0, 320, 128, 40); pen.fill();
        pen.fillStyle = '#201000'; pen.font = 'bold 88px sans-serif'; pen.textBaseline = 'middle';
        pen.textAlign = 'center'; pen.fillText('加油', 160, 70);
    });
    const chosen = new DataTransfer();
    chosen.items.add(new File([wave], 'wave.png', { type: 'image/png' }));
    chosen.items.add(new File(['<svg/>'], 'script.png', { type: 'image/png' }));
    chosen.items.add(new File([cheer], '加油.png', { type: 'image/png' }));
    const input = document.querySelector('#emote-files');
    input.files = chosen.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
    return true;
})()";

/// Draws a face.
const FACE: &str = "
    pen.fillStyle = '#7ac7ff'; pen.fillRect(0, 0, 600, 400);
    pen.fillStyle = '#ffd7b0'; pen.beginPath(); pen.arc(300, 220, 130, 0, 7); pen.fill();
    pen.fillStyle = '#402a1a'; pen.fillRect(170, 70, 260, 70);
    pen.fillRect(250, 190, 20, 30); pen.fillRect(330, 190, 20, 30);";

/// A broadcast, somebody who has said something from a phone, and somebody at a computer.
async fn on_air(output: &Output) -> (Window, Viewer, Viewer) {
    let window = Window::open(output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &link, phone, output).await;
    let bob = Viewer::open("bob", &link, Setup::default(), output).await;
    lin.say("琳", "主播好").await;
    (window, lin, bob)
}

/// How many faces of people are seen in the chat.
async fn faces(page: &Session, count: u64) {
    let seen = "return [...document.querySelectorAll('.message-line img.avatar')] \
                .filter(one => !one.hidden && one.naturalWidth > 0).length";
    wait::until(&format!("{count} faces are seen"), seconds(10), async || {
        (page.run(seen).await == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_show_their_faces_until_a_moderator_takes_one_away() {
    let _turn = turn().await;
    let output = Output::new("faces");
    let (window, lin, bob) = on_air(&output).await;
    let page = &lin.browser.page;
    page.click("#me-open").await;
    page.choose_picture("#picture-file", "me.png", (600, 400), FACE).await;
    page.find("#me .person-face img.avatar").await;
    page.screenshot(&output, "me-phone").await;
    page.click("#me-close").await;
    lin.say("琳", "换了头像").await;
    bob.say("Bob", "nice one").await;
    for page in [page, &bob.browser.page, &window.page] {
        faces(page, 1).await;
    }
    bob.browser.page.screenshot(&output, "chat").await;
    page.screenshot(&output, "chat-phone").await;

    window.page.click(".message-line img.avatar + .message-name").await;
    window.page.find("[data-deed='picture-away']").await;
    window.screenshot(&output, "card").await;
    window.page.click("[data-deed='picture-away']").await;
    for page in [page, &bob.browser.page, &window.page] {
        faces(page, 0).await;
    }
    window.screenshot(&output, "away").await;
    // Taken back in the five seconds.
    window.page.run("document.querySelector('#person-close')?.click(); document.querySelector('.toast button').click()").await;
    lin.say("琳", "回来了").await;
    faces(&bob.browser.page, 1).await;
}

/// Waits until so many emotes of the log are on the screen.
async fn shows(page: &Session, count: u64) {
    let loaded = "return [...document.querySelectorAll('.message-text img.emote')] \
                  .filter(one => one.naturalWidth > 0).length";
    wait::until(&format!("{count} emotes are shown"), seconds(10), async || {
        (page.run(loaded).await == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_creators_pictures_stand_in_what_people_say() {
    let _turn = turn().await;
    let output = Output::new("emotes");
    let (window, lin, bob) = on_air(&output).await;
    let page = &lin.browser.page;
    assert_eq!(page.count("#emotes-open").await, 0, "there is nothing to pick");

    window.page.click("#open-settings").await;
    window.page.run_async(UPLOAD).await.expect("files are chosen");
    window.page.run("document.querySelector('.emote-field').scrollIntoView()").await;
    let rows = "return [...document.querySelectorAll('.emote-row')].map(row => row.textContent).join(' ')";
    wait::until("both are there", seconds(10), async || {
        (window.page.run(rows).await == ":wave: :加油:").then_some(())
    })
    .await;
    window.page.find_text(".emote-field .key-failure", "script.png", seconds(10)).await;
    window.screenshot(&output, "settings").await;
    window.page.click("#settings .settings-head button").await;

    // Picked on a phone, and typed.
    page.click("#emotes-open").await;
    page.find("#emotes img").await;
    page.screenshot(&output, "picker-phone").await;
    page.click("#emotes li:nth-of-type(2) button").await;
    page.type_into(viewer_face::CHAT_INPUT, "!\u{e007}").await;
    shows(page, 1).await;
    shows(&bob.browser.page, 1).await;
    let page = &bob.browser.page;
    page.type_into(viewer_face::CHAT_INPUT, "hi :wav").await;
    page.find_text("#mentions", "wave", seconds(5)).await;
    page.screenshot(&output, "offered").await;
    page.type_keys("\u{e007}").await;
    wait::until("the name is whole", seconds(5), async || {
        let typed = page.run("return document.querySelector('#chat-input').value").await;
        (typed == "hi :wave: ").then_some(())
    })
    .await;
    bob.write("Bob", "").await;
    for page in [page, &lin.browser.page, &window.page] {
        shows(page, 2).await;
    }
    // The pictures fly: nothing else is as pink.
    let pink = format!(
        "const c = document.querySelector('{}'); if (!c || c.hidden || !c.width) return 0; \
         const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0; \
         for (let i = 0; i < d.length; i += 4) \
           n += d[i] > 220 && d[i + 1] < 40 && d[i + 2] > 160 && d[i + 3] > 200; return n",
        viewer_face::SKY
    );
    wait::until("an emote flies", seconds(10), async || {
        (page.run(&pink).await.as_u64() > Some(100)).then_some(())
    })
    .await;
    page.screenshot(&output, "flies").await;
    lin.browser.page.screenshot(&output, "chat-phone").await;
    window.screenshot(&output, "window").await;
}
