//! The house's rules about who may know whom, kept over what cargo and the sources say.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use footlight_tests::bins;

const MEDIA: &str = "footlight-media";
const OVERLAY: &str = "footlight-overlay";
const PROTOCOL: &str = "footlight-protocol";
const CODEC: &str = "footlight-codec";
const RENDITIONS: &str = "footlight-renditions";
const RELAY: &str = "footlight-relay";
const STUDIO: &str = "footlight-studio";
const UI: &str = "footlight-ui";
const DESKTOP: &str = "footlight";

#[test]
fn rooms_depend_in_one_direction() {
    let house = House::look();
    for (package, may) in [
        (PROTOCOL, &[][..]),
        (MEDIA, &[]),
        (OVERLAY, &[PROTOCOL]),
        (UI, &[OVERLAY, PROTOCOL]),
        (CODEC, &[MEDIA, PROTOCOL]),
        (RENDITIONS, &[CODEC, MEDIA, PROTOCOL]),
        (STUDIO, &[CODEC, MEDIA, OVERLAY, PROTOCOL]),
        (RELAY, &[MEDIA, PROTOCOL]),
        (DESKTOP, &[MEDIA, OVERLAY, PROTOCOL, STUDIO, RELAY, RENDITIONS]),
    ] {
        let strangers: Vec<_> =
            house.neighbours(package).into_iter().filter(|name| !may.contains(&name.as_str())).collect();
        assert!(strangers.is_empty(), "{package} must not know {strangers:?}");
    }
}

#[test]
fn only_the_desktop_program_names_tauri() {
    let house = House::look();
    for package in house.metadata.workspace_packages() {
        let named = package.dependencies.iter().find(|dependency| dependency.name.starts_with("tauri"));
        assert!(
            named.is_none() || package.name == DESKTOP,
            "{} names {:?}",
            package.name,
            named.map(|d| &d.name)
        );
    }
}

#[test]
fn trees_are_free_of_what_does_not_belong() {
    let house = House::look();
    for (package, banned) in [
        (MEDIA, &["tokio", "mio", "socket2", "hyper", "rustix"][..]),
        (PROTOCOL, &["tokio", "mio", "socket2", "hyper", "rustix"]),
        (OVERLAY, &["tokio", "mio", "socket2", "hyper", "rustix"]),
        (RELAY, &["tauri", "wry", "webkit2gtk", "gtk", "nokhwa", "cpal", "x264-sys", "openh264", "webrtc"]),
        (RENDITIONS, &["tokio", "mio", "socket2", "hyper"]),
        (STUDIO, &["tauri", "wry", "webkit2gtk", "axum", "rusqlite", "str0m"]),
    ] {
        let tree = house.tree(package);
        let found: Vec<_> = banned.iter().filter(|name| tree.contains(**name)).collect();
        assert!(found.is_empty(), "{package} has {found:?} in its tree");
    }
}

#[test]
fn sources_keep_the_house_rules() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let name = path.display().to_string();
        let code = without_comments(&text);
        let product =
            !name.starts_with("tests/") && !name.contains("/tests/") && !name.starts_with("benches/");
        let mut rule = |holds: bool, what: &str| {
            if !holds {
                broken.push(format!("{name}: {what}"));
            }
        };
        rule(
            text.trim_start().starts_with("//!") || text.trim_start().starts_with("#!"),
            "a module says what it is for",
        );
        rule(!code.contains(concat!("#[", "ignore")), "no test is ignored");
        rule(!product || !code.contains(concat!("unbounded", "_channel")), "every queue is bounded");
        rule(allows_have_reasons(&code), "an allow carries its reason");
        rule(
            !product
                || text.split("#[cfg(test)]\nmod tests").next().map_or(0, |body| body.lines().count()) <= 500,
            "at most 500 lines",
        );
        for word in ["Manager", "Service", "Helper", "Util", "Common", "Core"] {
            let made = ["struct", "enum", "trait"].iter().any(|kind| names_type(&code, kind, word));
            rule(!made, &format!("no type is called a {word}"));
        }
        if ["media", "overlay", "protocol"].iter().any(|pure| name.starts_with(&format!("crates/{pure}/"))) {
            for clock in ["Instant::now", "SystemTime::now"] {
                rule(!code.contains(clock), "pure code is told the time");
            }
            for io in ["std::net", "std::fs", "std::thread"] {
                rule(!code.contains(io), "pure code does no I/O and starts no thread");
            }
        }
        if product && !name.starts_with("crates/relay/src/store") {
            rule(!code.contains("rusqlite"), "SQL lives in the store only");
        }
        if name.starts_with("ui/src/") {
            for (word, home) in [
                ("RtcPeerConnection", "ui/src/player"),
                ("WebSocket", "ui/src/socket"),
                ("__TAURI__", "ui/src/bridge"),
            ] {
                rule(
                    !code.contains(word) || name.starts_with(home),
                    &format!("{word} is touched in {home} only"),
                );
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What cargo knows of the workspace, for this machine's platform.
struct House {
    metadata: Metadata,
}

impl House {
    fn look() -> Self {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let metadata = MetadataCommand::new()
            .manifest_path(bins::workspace().join("Cargo.toml"))
            .other_options(["--offline".to_owned(), "--filter-platform".to_owned(), platform])
            .exec()
            .expect("cargo metadata works where the tests were built");
        Self { metadata }
    }

    /// The workspace's packages that this one names, for its program and for its tests.
    fn neighbours(&self, package: &str) -> Vec<String> {
        let ours: BTreeSet<_> =
            self.metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
        let package = self.metadata.workspace_packages().into_iter().find(|p| p.name == package);
        let package = package.expect("the room exists");
        package.dependencies.iter().map(|d| d.name.clone()).filter(|name| ours.contains(name)).collect()
    }

    /// Names of everything that is linked into this package.
    fn tree(&self, package: &str) -> BTreeSet<String> {
        let names: HashMap<&PackageId, &str> =
            self.metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
        let resolve = self.metadata.resolve.as_ref().expect("cargo resolved the workspace");
        let nodes: HashMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
        let root = self
            .metadata
            .workspace_packages()
            .into_iter()
            .find(|p| p.name == package)
            .expect("the room exists");
        let (mut tree, mut open) = (BTreeSet::new(), vec![&root.id]);
        let mut seen = BTreeSet::from([&root.id]);
        while let Some(id) = open.pop() {
            tree.insert(names[id].to_owned());
            for dependency in &nodes[id].deps {
                let linked = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
                if linked && seen.insert(&dependency.pkg) {
                    open.push(&dependency.pkg);
                }
            }
        }
        tree
    }
}

/// Every Rust file of the workspace: its path from the root, and its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["crates", "src-tauri", "ui/src", "tests", "benches", "xtask"] {
        collect(&bins::workspace().join(folder), &mut found);
    }
    assert!(found.len() > 30, "the sources were found");
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
            let name = path.strip_prefix(bins::workspace()).expect("it lies in the workspace").to_owned();
            found.push((name, text));
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn allows_have_reasons(code: &str) -> bool {
    code.split(concat!("#[", "allow("))
        .skip(1)
        .all(|rest| rest.split(")]").next().is_some_and(|list| list.contains("reason")))
}

/// Whether a type whose name ends in `word` is made here.
fn names_type(code: &str, kind: &str, word: &str) -> bool {
    let keyword = format!("{kind} ");
    let mut names = code.split(keyword.as_str()).skip(1);
    names.any(|rest| {
        rest.split(|c: char| !c.is_alphanumeric()).next().is_some_and(|name| name.ends_with(word))
    })
}
