//! Writes the seeds of the corpora: small inputs of each kind that a parser takes, from which the fuzzer goes on.
//! `cargo xtask fuzz --seed` runs it. Existing files are left alone.

use std::path::Path;

/// Target, name of the seed, content.
type Seed = (&'static str, &'static str, Vec<u8>);

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, name, content) in h264().into_iter().chain(rtp()) {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).expect("the corpus can be written");
        let path = folder.join(format!("seed-{name}"));
        if !path.exists() {
            std::fs::write(&path, content).expect("the corpus can be written");
        }
    }
}

/// SPS of x264: 1280x720 baseline, and 1920x1080 high with cropping and VUI.
const SPS: [&[u8]; 2] = [
    &[
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x6a, 0x02, 0x02, 0x02, 0x80, 0x00, 0x00, 0x03,
        0x00, 0x80, 0x00, 0x00, 0x1e, 0x47, 0x8c, 0x19, 0x24,
    ],
    &[
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
        0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
    ],
];

fn h264() -> Vec<Seed> {
    let start = |nal: &[u8]| [&[0, 0, 0, 1], nal].concat();
    let length = |nal: &[u8]| [&(nal.len() as u32).to_be_bytes()[..], nal].concat();
    let pps: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];
    let slice: &[u8] = &[0x65, 0x88, 0x84, 0x00, 0x33, 0xff];
    vec![
        ("h264", "sps-baseline", SPS[0].to_vec()),
        ("h264", "sps-high", SPS[1].to_vec()),
        ("h264", "annex-b", [start(SPS[0]), start(pps), start(slice)].concat()),
        ("h264", "lengths", [length(SPS[1]), length(pps), length(slice)].concat()),
    ]
}

fn rtp() -> Vec<Seed> {
    // Sequence step, timestamp step, flags, wait, payload, as targets/media.rs reads them.
    let record = |step: i8, tick: u8, flags: u8, payload: &[u8]| {
        [&[step as u8, tick, flags, 1, payload.len() as u8], payload].concat()
    };
    let aggregate = [&[0x78, 0, 3][..], &[0x67, 0x42, 0xc0], &[0, 2], &[0x68, 0xce]].concat();
    let pieces = [record(1, 0, 0, &[0x7c, 0x85, 1, 2]), record(1, 0, 1, &[0x7c, 0x45, 3, 4])].concat();
    let keyframe = [record(1, 4, 2, &aggregate), pieces].concat();
    let late = [record(2, 4, 1, &[0x41, 1, 2]), record(-1, 0, 0, &[0x41, 3]), record(2, 4, 1, &[0x41, 4])].concat();
    vec![
        ("rtp", "keyframe", keyframe.clone()),
        ("rtp", "late", [keyframe.clone(), late].concat()),
        ("rtp", "jump", [keyframe.clone(), record(100, 4, 0x81, &[0x65, 9]), keyframe].concat()),
        ("rtp_round", "small", vec![0, 3, 0x67, 1, 2, 2, 0x68, 3, 4, 0x65, 1, 2, 3]),
        ("rtp_round", "cut", [&[0, 200][..], &[0x65; 200], &[9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]].concat()),
        ("rtp_round", "sei", [&[16, 70][..], &[0x06; 70], &[70], &[0x26; 70], &[2, 0x41, 5]].concat()),
    ]
}
