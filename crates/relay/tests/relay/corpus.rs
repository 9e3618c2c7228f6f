//! Replays the fuzzer's corpora: what once broke a parser, and what reaches into its corners.

#[path = "../../../../fuzz/targets/media.rs"]
mod media;

use std::path::Path;

#[test]
fn the_corpora_of_the_media_parsers_replay() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in media::TARGETS {
        let folder = corpus.join(name);
        let mut count = 0;
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            let data = std::fs::read(&path).unwrap();
            let replayed = std::panic::catch_unwind(|| target(&data));
            assert!(replayed.is_ok(), "{name} fails on {}", path.display());
            count += 1;
        }
        assert!(count >= 3, "{name} has a corpus");
    }
}
