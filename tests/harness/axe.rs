//! What axe-core finds in a page that keeps people from using it.

use serde::Deserialize;

use crate::bins;
use crate::output::Output;
use crate::webdriver::Session;

/// One rule that the page breaks.
#[derive(Debug, Deserialize)]
struct Violation {
    id: String,
    impact: Option<String>,
    help: String,
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    html: String,
    #[serde(rename = "failureSummary", default)]
    summary: String,
}

/// Looks at what the page shows now, and keeps all that is found as `name`.txt. What is serious or critical is given back,
/// a line each.
pub async fn look(page: &Session, output: &Output, name: &str) -> Vec<String> {
    if page.run("return typeof window.axe").await != "object" {
        page.run(&library()).await;
    }
    // Contrast of what is still fading in is nobody's.
    let run = "Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < 2000) \
               .map(a => a.finished.catch(() => {}))).then(() => axe.run({ resultTypes: ['violations'] })) \
               .then(found => found.violations)";
    let found = page.run_async(run).await.unwrap_or_else(|e| panic!("axe in {name}: {e}"));
    let found: Vec<Violation> =
        serde_json::from_value(found).expect("axe's answer is as its documentation says");
    let lines = |violation: &Violation| -> Vec<String> {
        let Violation { id, impact, help, nodes } = violation;
        let line = |node: &Node| {
            let summary = node.summary.replace('\n', " ");
            format!("{name}: {} {id}: {help}: {} {summary}", impact.as_deref().unwrap_or("?"), node.html)
        };
        nodes.iter().map(line).collect()
    };
    let all: Vec<String> = found.iter().flat_map(lines).collect();
    output.write(&format!("{name}.txt"), all.join("\n"));
    let grave = found.iter().filter(|v| matches!(v.impact.as_deref(), Some("serious" | "critical")));
    grave.flat_map(lines).collect()
}

fn library() -> String {
    let path = bins::target_dir().join("tools/npm/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
}
