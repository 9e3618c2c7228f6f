//! Texts that would run a script if a page took them for anything else than text: a published list, from PyPI, and our own.

use std::process::Stdio;

use crate::{bins, tool};

/// What the published lists hardly have: our languages, what turns text around, our own template and message syntax.
const OWN: [&str; 30] = [
    "你好<img src=x onerror=alert(1)>世界",
    "<svg/onload=alert('弹幕')>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\"}]}</script><script>alert(1)</script>",
    "{\"type\":\"event\",\"event\":{\"event\":\"said\"}}",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "#{alert(1)}",
    "<%= alert(1) %>",
    "{name}{text}{n}",
    "javascript:alert(1)//https://a.example",
    "https://a.example/\" onmouseover=\"alert(1)",
    "https://a.example/<img src=x onerror=alert(1)>",
    "data:text/html,<script>alert(1)</script>",
    "<a href=jav\u{ad}ascript:alert(1)>a",
    "<im\u{200b}g src=x onerror=alert(1)>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "\\u003cimg src=x onerror=alert(1)\\u003e",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "https://good.example@evil.example/",
    "https://good.example:80@evil.example/ https://b.example/?x=1&y=2#z.",
    "https://a.example/\u{202e}gpj.exe",
    "HTTPS://A.example/'onclick='alert(1)",
    "https://a.example/javascript:alert(1) http://javascript:alert(1)",
    "(https://a.example/x_(y))https://b.example</a><script>alert(1)</script>",
];

/// Of at most so many characters each, `most` of them, spread over the whole list; our own first.
pub fn payloads(longest: usize, most: usize) -> Vec<String> {
    let fits = |text: &&String| (1..=longest).contains(&text.chars().count());
    let published = published();
    let fitting: Vec<&String> = published.iter().filter(fits).collect();
    let own = OWN.iter().map(|text| (*text).to_owned());
    let wanted = most.saturating_sub(OWN.len());
    assert!(
        fitting.len() >= wanted,
        "the published list has {} that fit, and {wanted} are wanted",
        fitting.len()
    );
    own.chain((0..wanted).map(|n| fitting[n * fitting.len() / wanted].clone())).collect()
}

/// The list, as the package itself gives it; sorted, so that each run has the same.
fn published() -> Vec<String> {
    let folders = bins::target_dir().join("tools/python");
    let is_it = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("brs-kb-"))
    };
    let package =
        std::fs::read_dir(&folders).into_iter().flatten().flatten().map(|entry| entry.path()).find(is_it);
    let package = package.unwrap_or_else(|| {
        panic!("no brs-kb in {}: run `cargo xtask test`, which installs it by pip", folders.display())
    });
    let program = "import json, brs_kb; \
                   print(json.dumps(sorted({p['payload'] for p in brs_kb.get_all_payloads().values()})))";
    let listed = bins::command(tool::find("python3", "python3"))
        .env("PYTHONPATH", package)
        .args(["-c", program])
        .stderr(Stdio::inherit())
        .output()
        .expect("python3 runs");
    serde_json::from_slice(&listed.stdout).expect("the package lists its payloads")
}
