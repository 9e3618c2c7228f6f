//! A WebDriver session, the same for the browser and for the desktop window.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;

use crate::output::Output;
use crate::wait;

/// A page's first paint on a busy machine without a GPU.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub struct Session {
    client: Client,
}

impl Session {
    /// Connects to a driver that may still be starting.
    pub async fn open(driver: &str, capabilities: Capabilities) -> Self {
        let mut last = None;
        let client = wait::within(Duration::from_secs(60), async || {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder.capabilities(capabilities.clone()).connect(driver).await {
                Ok(client) => Some(client),
                Err(error) => {
                    last = Some(error);
                    None
                }
            }
        })
        .await;
        Self { client: client.unwrap_or_else(|| panic!("no WebDriver session at {driver}: {last:?}")) }
    }

    pub fn capability(&self, name: &str) -> Option<Value> {
        self.client.capabilities()?.get(name).cloned()
    }

    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|e| panic!("open {url}: {e}"));
    }

    pub async fn url(&self) -> String {
        self.client.current_url().await.expect("the session is open").to_string()
    }

    /// Runs the body of a function in the page; a promise is waited for.
    pub async fn run(&self, script: &str) -> Value {
        self.try_run(script).await.unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    pub async fn try_run(&self, script: &str) -> Result<Value, String> {
        self.client.execute(script, vec![]).await.map_err(|e| e.to_string())
    }

    /// Like [`Session::run`], for drivers that do not wait for promises: `script` is an expression.
    pub async fn run_async(&self, expression: &str) -> Result<Value, String> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             Promise.resolve({expression}).then(value => done({{ value }}), \
             error => done({{ error: error && error.message || JSON.stringify(error) }}))"
        );
        let answer = self.client.execute_async(&script, vec![]).await.map_err(|e| e.to_string())?;
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["value"].clone()),
        }
    }

    /// Draws a picture, where `draw` says with `pen` how, and chooses it as a PNG of that name in the input of files.
    pub async fn choose_picture(&self, css: &str, name: &str, (width, height): (u32, u32), draw: &str) {
        let script = format!(
            "(async () => {{
                const canvas = Object.assign(document.createElement('canvas'), {{ width: {width}, height: {height} }});
                const pen = canvas.getContext('2d');
                {draw}
                const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
                const chosen = new DataTransfer();
                chosen.items.add(new File([blob], '{name}', {{ type: 'image/png' }}));
                const input = document.querySelector('{css}');
                input.files = chosen.files;
                input.dispatchEvent(new Event('change', {{ bubbles: true }}));
                return true;
            }})()"
        );
        self.run_async(&script).await.unwrap_or_else(|e| panic!("choose {name} in {css}: {e}"));
    }

    /// The element, when it is there.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|e| panic!("no {css} in the page: {e}"))
    }

    /// The element that contains this text, when it is there.
    pub async fn find_text(&self, css: &str, text: &str, limit: Duration) -> Element {
        wait::until(&format!("{css} with {text:?}"), limit, async || {
            for element in self.client.find_all(Locator::Css(css)).await.unwrap_or_default() {
                if element.text().await.is_ok_and(|t| t.contains(text)) {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.map_or(0, |found| found.len())
    }

    /// Clicks it as soon as it can be clicked and stands still: a driver clicks where it was when it looked.
    pub async fn click(&self, css: &str) {
        let (mut last, mut place) = (None, None);
        let clicked = wait::within(PATIENCE, async || {
            let element = self.find(css).await;
            // Drivers take what is inside the window for seen, also where the box around it cuts it off.
            let arguments = vec![serde_json::to_value(&element).expect("an element is plain data")];
            let nearest = "arguments[0].scrollIntoView({ block: 'nearest', inline: 'nearest' })";
            let _ = self.client.execute(nearest, arguments).await;
            let now = element.rectangle().await.map_err(|error| last = Some(error)).ok();
            if now.is_none() || std::mem::replace(&mut place, now) != now {
                return None;
            }
            element.click().await.map_err(|error| last = Some(error)).ok()
        })
        .await;
        assert!(clicked.is_some(), "cannot click {css}: {last:?}");
    }

    /// Presses a switch, as its label does: it lies under what is drawn of it.
    pub async fn switch(&self, css: &str) {
        self.find(css).await;
        self.run(&format!("document.querySelector('{css}').click()")).await;
    }

    pub async fn type_into(&self, css: &str, keys: &str) {
        self.find(css).await.send_keys(keys).await.unwrap_or_else(|e| panic!("type into {css}: {e}"));
    }

    /// Types to whatever has the focus.
    pub async fn type_keys(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("a page has an active element");
        focused.send_keys(keys).await.unwrap_or_else(|e| panic!("type {keys:?}: {e}"));
    }

    /// The attribute of the first such element; `None` where either is missing.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        self.client.find(Locator::Css(css)).await.ok()?.attr(name).await.ok()?
    }

    pub async fn wait_for_attribute(&self, css: &str, name: &str, value: &str, limit: Duration) {
        let mut last = None;
        let found = wait::within(limit, async || {
            last = self.attribute(css, name).await;
            (last.as_deref() == Some(value)).then_some(())
        })
        .await;
        assert!(found.is_some(), "{css} did not get {name}={value:?} within {limit:?}; it is {last:?}");
    }

    /// The page's picture, kept in the output folder as `name`.png.
    pub async fn screenshot(&self, output: &Output, name: &str) -> Vec<u8> {
        let png = self.client.screenshot().await.unwrap_or_else(|e| panic!("screenshot {name}: {e}"));
        output.write(&format!("{name}.png"), &png);
        png
    }

    pub async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.unwrap_or_else(|e| panic!("resize: {e}"));
    }

    pub async fn reload(&self) {
        self.client.refresh().await.expect("the session is open");
    }

    pub(crate) async fn post(&self, path: &'static str, body: Value) -> Value {
        let command = Post { path, body };
        self.client.issue_cmd(command).await.unwrap_or_else(|e| panic!("{path}: {e}"))
    }
}

/// A driver's own command: `POST /session/{id}/PATH`.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (::http::Method, Option<String>) {
        (::http::Method::POST, Some(self.body.to_string()))
    }
}
