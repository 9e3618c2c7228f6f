//! Recordings as files, without a studio: made of packets, written to what refuses, and read back.

use std::io::{self, Cursor, Seek, SeekFrom, Write};

use footlight_media::fmp4::read;
use footlight_media::{Time, h264};

use super::cutter::Piece;
use super::file::{Medium, Movie};
use super::*;

/// Baseline, 1280x720.
const SPS: [u8; 24] = [
    0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
];
/// The same for another level.
const OTHER: [u8; 24] = {
    let mut sps = SPS;
    sps[3] = 0x20;
    sps
};
const BEGIN: u64 = 1_795_375_970_000_000;

fn at(ms: u64) -> Time {
    Time::from_micros(BEGIN + ms * 1_000)
}

fn picture(ms: u64, sps: Option<&[u8]>, size: usize) -> Packet {
    let mut data = Vec::new();
    if let Some(sps) = sps {
        h264::push_nal(&mut data, sps);
        h264::push_nal(&mut data, &[0x68, 0xcb, 0x83, 0xcb, 0x20]);
    }
    let mut slice = vec![if sps.is_some() { 0x65 } else { 0x41 }, 0x88];
    slice.resize(size.max(2), 1);
    h264::push_nal(&mut data, &slice);
    Packet {
        codec: Codec::H264,
        captured: at(ms),
        composition: Duration::ZERO,
        keyframe: sps.is_some(),
        data: data.into(),
    }
}

/// A silent frame of 48 kHz stereo.
fn sound(ms: u64) -> Packet {
    let data = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0xbf, 0xfc, 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];
    Packet {
        codec: Codec::Aac,
        captured: at(ms),
        composition: Duration::ZERO,
        keyframe: true,
        data: data.to_vec().into(),
    }
}

/// 25 pictures a second from `from` to `to` with a keyframe every second, and sound that comes 80 ms behind.
fn program(from: u64, to: u64, sps: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    for ms in (from..to).step_by(20) {
        if ms % 40 == 0 {
            packets.push(picture(ms, ms.is_multiple_of(1_000).then_some(sps), 1_000));
        }
        if ms >= from + 80 {
            packets.push(sound(ms - 80));
        }
    }
    packets
}

fn cut(packets: &[Packet]) -> Vec<Piece> {
    let (mut cutter, mut pieces) = (Cutter::default(), Vec::new());
    packets.iter().for_each(|packet| cutter.push(packet, |piece| pieces.push(piece)));
    cutter.finish(|piece| pieces.push(piece));
    pieces
}

#[test]
fn a_file_begins_with_a_keyframe_and_is_cut_into_short_fragments() {
    let pieces = cut(&program(480, 4_600, &SPS));
    assert!(pieces[0].init.is_some() && pieces[0].keyframe);
    assert!(pieces[1..].iter().all(|piece| piece.init.is_none()));
    assert!(pieces.len() >= 7, "{}", pieces.len());
    assert_eq!(pieces.last().unwrap().ends, Duration::from_millis(3_600), "from the keyframe at 1 s on");
    let lengths: Vec<_> = pieces.windows(2).map(|two| two[1].ends - two[0].ends).collect();
    assert!(lengths.iter().all(|length| *length <= Duration::from_millis(560)), "{lengths:?}");
    assert!(cut(&program(480, 900, &SPS)).is_empty(), "nothing can be decoded before the first keyframe");
}

#[test]
fn another_size_begins_another_file() {
    let mut packets = program(0, 2_000, &SPS);
    packets.extend(program(2_000, 4_000, &OTHER));
    let pieces = cut(&packets);
    let begins: Vec<_> = pieces.iter().filter(|piece| piece.init.is_some()).collect();
    assert_eq!(begins.len(), 2);
    assert!(begins[1].keyframe && begins[1].ends <= Duration::from_millis(600), "its time begins anew");
    assert_eq!(pieces.last().unwrap().ends, Duration::from_secs(2));
}

#[test]
fn a_slow_disk_leaves_a_gap_up_to_a_keyframe() {
    let pieces = cut(&program(0, 6_000, &SPS));
    // The disk refuses the first fragment, and some in the middle.
    let (mut gate, mut taken) = (Gate::default(), Vec::new());
    for (n, piece) in pieces.iter().enumerate() {
        gate.pass(piece.clone(), |piece| {
            let takes = n != 0 && n != 5;
            if takes {
                taken.push(piece);
            }
            takes
        });
    }
    assert_eq!(gate.gaps(), 2);
    assert!(taken[0].keyframe && taken[0].init == pieces[0].init, "the file begins with what it needs");
    assert!(taken[1..].iter().all(|piece| piece.init.is_none()));
    let ends = |piece: &Piece| piece.ends;
    let kept: Vec<_> = taken.iter().map(ends).collect();
    let after = kept.iter().position(|end| *end > pieces[5].ends).unwrap();
    assert!(taken[after].keyframe, "half a picture is worse than none");
    assert!(kept.contains(&ends(&pieces[4])) && !kept.contains(&ends(&pieces[5])));
}

/// As much as fits, then no more.
struct Small(Cursor<Vec<u8>>, usize);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.1.saturating_sub(self.0.position() as usize);
        match bytes.len().min(room) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::StorageFull.into()),
            some => self.0.write(&bytes[..some]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Small {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Medium for &mut Small {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.get_mut().truncate(length as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The kinds of the boxes one behind the other; panics where they do not fill the file exactly.
fn kinds(mut file: &[u8]) -> Vec<String> {
    let mut kinds = Vec::new();
    while !file.is_empty() {
        let head = read::head(file).expect("a box");
        kinds.push(String::from_utf8_lossy(&head.kind).into_owned());
        file = &file[head.size as usize..];
    }
    kinds
}

#[test]
fn a_file_is_whole_after_every_write_and_an_ordinary_one_in_the_end() {
    let pieces = cut(&program(0, 3_000, &SPS));
    let mut medium = Small(Cursor::default(), usize::MAX);
    let mut movie = Movie::begin(&mut medium, pieces[0].init.as_ref().unwrap()).unwrap();
    pieces.iter().for_each(|piece| movie.append(&piece.bytes).unwrap());
    let before = movie.bytes();
    let bytes = movie.finish().unwrap();
    let file = medium.0.into_inner();
    assert_eq!(
        (kinds(&file), file.len() as u64),
        (["ftyp", "mdat", "moov"].map(str::to_owned).to_vec(), bytes)
    );
    // What the head of the `mdat` hides is what was there before.
    let mut unfinished = file[..before as usize].to_vec();
    let ftyp = read::head(&file).unwrap().size as usize;
    unfinished[ftyp..ftyp + 16].copy_from_slice(b"\0\0\0\x10free\0\0\0\0\0\0\0\0");
    let all = kinds(&unfinished);
    assert_eq!(all[..3], ["ftyp", "free", "moov"].map(str::to_owned));
    assert_eq!(all[3..].len(), 2 * pieces.len());
}

#[test]
fn a_full_disk_leaves_what_is_whole() {
    let pieces = cut(&program(0, 3_000, &SPS));
    let init = pieces[0].init.as_ref().unwrap();
    let mut medium = Small(Cursor::default(), init.len() + 16 + pieces[0].bytes.len() + 100);
    let mut movie = Movie::begin(&mut medium, init).unwrap();
    movie.append(&pieces[0].bytes).unwrap();
    let error = movie.append(&pieces[1].bytes).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    // No room for the tables either.
    let bytes = movie.finish().unwrap();
    let file = medium.0.into_inner();
    assert_eq!(file.len() as u64, bytes);
    assert_eq!(kinds(&file), ["ftyp", "free", "moov", "moof", "mdat"].map(str::to_owned));
}

#[test]
fn a_replay_buffer_holds_so_many_seconds_and_no_more() {
    let mut buffer = Buffer::new(Duration::from_secs(5));
    for packet in program(480, 30_000, &SPS) {
        buffer.push(&packet);
        assert!(buffer.held() <= Duration::from_millis(6_000), "{:?}", buffer.held());
    }
    assert!(buffer.held() >= Duration::from_secs(5), "{:?}", buffer.held());
    let packets = buffer.packets();
    assert!(packets[0].keyframe && packets[0].codec.is_video());
    let written = cut(&packets).last().unwrap().ends;
    assert_eq!(written, buffer.held() + Duration::from_millis(40), "to the end of the newest picture");
    buffer.set(Duration::from_secs(2));
    assert!(buffer.held() < Duration::from_millis(3_000));

    // 20 MB a second are more than it takes.
    let mut large = Buffer::new(Duration::from_secs(120));
    let size = 5_000_000;
    for n in 0..120 {
        large.push(&picture(n * 250, n.is_multiple_of(4).then_some(&SPS), size));
    }
    let bytes: usize = large.packets().iter().map(|packet| packet.data.len()).sum();
    assert!((200_000_000..=256 << 20).contains(&bytes), "{bytes}");
    assert!(large.packets()[0].keyframe);
}

#[test]
fn a_disk_lasts_as_long_as_the_rate_lets_it() {
    assert_eq!(disk(1_500_000_000, 500_000_000, 1_000_000), Disk { free: 1_000_000_000, left_s: 1_000 });
    assert_eq!(disk(400, 500, 1_000), Disk { free: 0, left_s: 0 });
    assert_eq!(disk(500, 0, 0).left_s, 500);
}
