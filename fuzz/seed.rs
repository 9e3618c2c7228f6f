//! Writes the seeds of the corpora: small inputs of each kind that a parser takes, from which the fuzzer goes on.
//! `cargo xtask fuzz --seed` runs it. Existing files are left alone.

use std::path::Path;

use footlight_media::amf0::Value;
use footlight_media::flv::{self, Tag, TagKind, body};
use footlight_media::rtmp::message::{Command, kind};
use footlight_media::rtmp::{Message, chunk};
use footlight_media::{Codec, aac};

/// Target, name of the seed, content.
type Seed = (&'static str, &'static str, Vec<u8>);

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, name, content) in h264()
        .into_iter()
        .chain(rtp())
        .chain(formats())
        .chain(rtmp())
        .chain(texts())
        .chain(routers())
        .chain(coins())
        .chain(passkeys())
        .chain(relays())
    {
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
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x6a, 0x02, 0x02, 0x02, 0x80, 0x00, 0x00,
        0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x47, 0x8c, 0x19, 0x24,
    ],
    &[
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00,
        0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
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
    let late =
        [record(2, 4, 1, &[0x41, 1, 2]), record(-1, 0, 0, &[0x41, 3]), record(2, 4, 1, &[0x41, 4])].concat();
    vec![
        ("rtp", "keyframe", keyframe.clone()),
        ("rtp", "late", [keyframe.clone(), late].concat()),
        ("rtp", "jump", [keyframe.clone(), record(100, 4, 0x81, &[0x65, 9]), keyframe].concat()),
        ("rtp_round", "small", vec![0, 3, 0x67, 1, 2, 2, 0x68, 3, 4, 0x65, 1, 2, 3]),
        ("rtp_round", "cut", [&[0, 200][..], &[0x65; 200], &[9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]].concat()),
        ("rtp_round", "sei", [&[16, 70][..], &[0x06; 70], &[70], &[0x26; 70], &[2, 0x41, 5]].concat()),
    ]
}

/// A configuration of AAC: low complexity, 48 kHz, stereo.
const AAC: &[u8] = &[0x11, 0x90];
/// avcC: one SPS and one PPS behind its header.
fn avcc() -> Vec<u8> {
    let (sps, pps): (&[u8], &[u8]) = (SPS[0], &[0x68, 0xce, 0x3c, 0x80]);
    let length = |nal: &[u8]| (nal.len() as u16).to_be_bytes();
    [&[1, 0x42, 0xc0, 0x1f, 0xff, 0xe1][..], &length(sps), sps, &[1], &length(pps), pps].concat()
}

fn formats() -> Vec<Seed> {
    let adts = aac::Config::low_complexity(48_000, 2).and_then(|config| config.frame(&[0x21, 0x10, 4, 0x60]));
    let mut object = Vec::new();
    Value::object([("app", Value::text("live")), ("tcUrl", Value::text("rtmp://h/live"))]).write(&mut object);
    let mut list = Vec::new();
    for value in [Value::text("connect"), Value::Number(1.0), Value::Null, Value::Boolean(true)] {
        value.write(&mut list);
    }
    let mut file = flv::header(true, true).to_vec();
    let metadata = flv::metadata(vec![("width".to_owned(), Value::Number(1280.0))]);
    let frame = body::write_frame(Codec::H264, true, 0, &[0, 0, 0, 3, 0x65, 0x88, 0x84]);
    let tags = [
        (TagKind::Script, metadata),
        (TagKind::Video, body::write_config(Codec::H264, &avcc())),
        (TagKind::Audio, body::write_config(Codec::Aac, AAC)),
        (TagKind::Video, frame),
        (TagKind::Audio, body::write_frame(Codec::Aac, true, 0, &[0x21, 0x10, 4])),
    ];
    for (kind, body) in &tags {
        flv::write_tag(&Tag { kind: *kind, timestamp: 40, body }, &mut file);
    }
    let enhanced = |codec| {
        [&flv::header(false, true)[..], &tag(&body::write_frame(codec, true, 7, &[0, 0, 0, 1, 9]))].concat()
    };
    // OBUs: a temporal delimiter, and a sequence header of the main profile.
    let sequence = [0x12, 0, 0x0a, 0x0b, 0, 0, 0, 0x24, 0xcf, 0x7f, 0x0d, 0xbf, 0xff, 0x30, 8];
    let hevc_sps: &[u8] = &[
        0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5d, 0xa0, 2, 0x80, 0x80, 0x2d, 0x16,
        0x59, 0x59, 0xa4, 0x93, 0x2b, 0xc0, 0x5a, 0x70, 0x80, 0, 1, 0xf4, 0x80, 0, 0x3a, 0x98, 4,
    ];
    let moof: &[u8] = &[
        0, 0, 0, 92, b'm', b'o', b'o', b'f', 0, 0, 0, 16, b'm', b'f', b'h', b'd', 0, 0, 0, 0, 0, 0, 0, 1, 0,
        0, 0, 68, b't', b'r', b'a', b'f', 0, 0, 0, 16, b't', b'f', b'h', b'd', 0, 2, 0, 0, 0, 0, 0, 1, 0, 0,
        0, 20, b't', b'f', b'd', b't', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 24, b't', b'r', b'u',
        b'n', 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 90, 0, 0, 3, 0xe8,
    ];
    vec![
        ("aac", "config", AAC.to_vec()),
        ("aac", "sbr", vec![0x2b, 0x92, 8, 0]),
        ("aac", "adts", adts.unwrap_or_default()),
        ("amf0", "object", object),
        ("amf0", "list", list),
        ("amf0", "array", vec![8, 0, 0, 0, 1, 0, 1, b'a', 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
        ("av1", "sequence", sequence.to_vec()),
        ("av1", "header", sequence[4..].to_vec()),
        ("av1", "frame", vec![0x12, 0, 0x32, 2, 0x10, 0]),
        ("flv", "file", file),
        ("flv", "hevc", enhanced(Codec::Hevc)),
        ("flv", "av1", enhanced(Codec::Av1)),
        ("fmp4", "moof", moof.to_vec()),
        ("fmp4", "large", [&[0, 0, 0, 1][..], b"mdat", &[0, 0, 0, 0, 0, 0, 0, 20, 1, 2, 3, 4]].concat()),
        ("fmp4", "moov", [&[0, 0, 0, 16][..], b"moov", &[0, 0, 0, 8], b"trak"].concat()),
        ("hevc", "sps", hevc_sps.to_vec()),
        (
            "hevc",
            "lengths",
            [&(hevc_sps.len() as u32).to_be_bytes()[..], hevc_sps, &[0, 0, 0, 3, 0x26, 1, 0xaf]].concat(),
        ),
        ("hevc", "vps", vec![0x40, 1, 0x0c, 1, 0xff, 0xff, 1, 0x60]),
    ]
}

fn tag(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flv::write_tag(&Tag { kind: TagKind::Video, timestamp: 0, body }, &mut out);
    out
}

fn rtmp() -> Vec<Seed> {
    let app = || Value::object([("app", Value::text("live")), ("tcUrl", Value::text("rtmp://h/live"))]);
    let command =
        |name, transaction, object, arguments| Command::new(name, transaction, object, arguments).write();
    let connect = command("connect", 1.0, app(), Vec::new());
    let create = command("createStream", 4.0, Value::Null, Vec::new());
    let publish = command("publish", 5.0, Value::Null, vec![Value::text("key"), Value::text("live")]);
    let play = command("play", 5.0, Value::Null, vec![Value::text("main")]);
    let result = command("_result", 1.0, Value::Null, vec![Value::Number(1.0)]);
    // The pieces that targets/media.rs cuts: 256 bytes, or one.
    let talk = |piece: u8, messages: &[(u8, u32, &[u8])]| {
        let mut out = vec![piece];
        for (kind, stream, payload) in messages {
            let message =
                Message { kind: *kind, stream: *stream, timestamp: 0, payload: payload.to_vec().into() };
            chunk::write(3, &message, 128, &mut out);
        }
        out
    };
    let config = body::write_config(Codec::H264, &avcc());
    let (command, video) = (kind::COMMAND, kind::VIDEO);
    let publishing =
        [(command, 0, &connect[..]), (command, 0, &create), (command, 1, &publish), (video, 1, &config)];
    vec![
        ("rtmp_server", "publish", talk(255, &publishing)),
        ("rtmp_server", "pieces", talk(0, &publishing)),
        (
            "rtmp_server",
            "play",
            talk(255, &[(command, 0, &connect), (command, 0, &create), (command, 1, &play)]),
        ),
        ("rtmp_client", "result", talk(255, &[(command, 0, &result)])),
        (
            "rtmp_client",
            "results",
            talk(255, &[(command, 0, &result), (command, 0, &result), (command, 1, &result)]),
        ),
        ("rtmp_client", "window", talk(255, &[(kind::WINDOW, 0, &[0, 0, 16, 0]), (command, 0, &result)])),
        ("rtmp_chunk", "commands", talk(0, &publishing)),
        (
            "rtmp_chunk",
            "size",
            talk(255, &[(kind::SET_CHUNK_SIZE, 0, &[0, 0, 16, 0]), (video, 1, &[7; 300])]),
        ),
        ("rtmp_chunk", "abort", talk(9, &[(kind::ABORT, 0, &[0, 0, 0, 3]), (video, 1, &config)])),
        ("rtmp_message", "connect", [&[command][..], &connect].concat()),
        ("rtmp_message", "aggregate", [&[kind::AGGREGATE][..], &tag(&config)].concat()),
        ("rtmp_message", "control", vec![kind::USER_CONTROL, 0, 6, 0, 0, 0, 1]),
        ("rtmp_handshake", "plain", [&[255, 3][..], &[0; 3072]].concat()),
        ("rtmp_handshake", "version", vec![0, 6, 1, 2, 3]),
        ("rtmp_handshake", "half", [&[99, 3][..], &[5; 1536]].concat()),
    ]
}

/// An offer as browsers write it, for `direction`.
fn offer(direction: &str) -> String {
    let transport = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
        a=setup:actpass\r\na=rtcp-mux\r\n";
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{transport}a=mid:0\r\na={direction}\r\na=rtpmap:111 opus/48000/2\r\n\
         a=ssrc:1 cname:x\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n{transport}a=mid:1\r\na={direction}\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack pli\r\n\
         a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc:2 cname:x\r\n"
    )
}

fn texts() -> Vec<Seed> {
    let layers = offer("sendonly") + "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";
    let all: &[(&str, &str, &str)] = &[
        ("sdp_offer", "publish", &offer("sendonly")),
        ("sdp_offer", "watch", &offer("recvonly")),
        ("sdp_offer", "layers", &layers),
        (
            "sdp_fragment",
            "candidate",
            "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n",
        ),
        ("sdp_fragment", "end", "a=ice-ufrag:abcd\r\na=end-of-candidates\r\n"),
        ("sdp_fragment", "tcp", "a=candidate:1 1 tcp 1 2001:db8::1 9 typ host tcptype active\r\n"),
        ("whip_headers", "bearer", "Bearer abcdefgh"),
        ("whip_headers", "tags", "\"one\", W/\"two\", \"three\""),
        ("whip_headers", "star", "*"),
        ("room_message", "hello", r#"{"type":"hello","version":1,"token":"a.b","since":3}"#),
        ("room_message", "say", r#"{"type":"say","nonce":"n1","text":" hi \n\u202e\ud83d\udc68 "}"#),
        (
            "room_message",
            "moderate",
            r#"{"type":"moderate","nonce":"n","action":{"do":"timeout","user":"u","seconds":60}}"#,
        ),
        ("room_message", "playing", r#"{"type":"playing","latency_ms":80}"#),
        ("api_body", "range", r#"{"replay":"abcdefghijkm","from_ms":0,"to_ms":30000}"#),
        ("api_body", "live", r#"{"seconds":30}"#),
        ("api_body", "edit", r#"{"title":" Opening \u202e","public":false}"#),
        ("api_body", "key", r#"{"name":"OBS"}"#),
        ("hls_file", "index", "index.m3u8"),
        ("hls_file", "playlist", "audio.m3u8"),
        ("hls_file", "init", "video-init3.mp4"),
        ("hls_file", "segment", "video-1795375970.m4s"),
        ("hls_file", "part", "audio-01795375970.4.m4s"),
        ("hls_file", "longest", "video-18446744073709551616.m4s"),
        ("hls_query", "reload", "_HLS_msn=1795375970&_HLS_part=4"),
        ("hls_query", "delta", "_HLS_skip=v2&_HLS_msn=7&token=x"),
        ("hls_query", "longest", "_HLS_msn=18446744073709551615&_HLS_part=99999999999999999999"),
        ("hls_query", "part", "_HLS_part=1&&_HLS_skip"),
    ];
    all.iter().map(|(target, name, text)| (*target, *name, text.as_bytes().to_vec())).collect()
}

/// What STUN servers and routers answer.
fn routers() -> Vec<Seed> {
    // The header without a transaction, which the target fills in, and the addresses of RFC 5769.
    let stun = |attributes: &[u8]| {
        let length = (attributes.len() as u16).to_be_bytes();
        [&[1, 1][..], &length, &[0x21, 0x12, 0xa4, 0x42], &[7; 12], attributes].concat()
    };
    let software = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
    let v4 = [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    let v6 = [&[0, 0x20, 0, 0x14, 0, 2, 0xa1, 0x47, 1, 0x13, 0xa9, 0xfa][..], &[0xa5; 12]].concat();
    let old = [0, 1, 0, 8, 0, 1, 0x80, 0x55, 192, 0, 2, 1];
    let found =
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLocation: http://192.168.1.1:5000/d.xml\r\n\r\n";
    let service = |kind: &str, url: &str| {
        format!(
            "<service><serviceType>urn:schemas-upnp-org:service:{kind}</serviceType><controlURL>{url}</controlURL></service>"
        )
    };
    let description = format!(
        "<?xml version='1.0'?><root xmlns='urn:schemas-upnp-org:device-1-0'><device><serviceList>{}{}{}</serviceList></device></root>",
        service("WANCommonInterfaceConfig:1", "line"),
        service("WANIPConnection:1", " /ctl "),
        service("WANPPPConnection:1", "http://192.168.1.1:5000/ppp")
    );
    let envelope = |body: &str| format!("<s:Envelope xmlns:s='x'><s:Body>{body}</s:Body></s:Envelope>");
    let value = envelope("<u:R xmlns:u='y'><NewExternalIPAddress> 5.6.7.8 </NewExternalIPAddress></u:R>");
    let fault = envelope("<s:Fault><detail><errorCode>718</errorCode></detail></s:Fault>");
    vec![
        ("stun", "xored", stun(&[&software[..], &v4].concat())),
        ("stun", "v6", stun(&v6)),
        ("stun", "plain", stun(&old)),
        ("igd", "found", found.into()),
        ("igd", "description", description.into_bytes()),
        ("igd", "value", value.into_bytes()),
        ("igd", "fault", fault.into_bytes()),
    ]
}

/// What relays of one room say to each other.
fn relays() -> Vec<Seed> {
    let seed = |name, text: &str| ("bus", name, text.as_bytes().to_vec());
    let down = r#"{"home":"abcdefghijkmnopq","number":7,"state":null,"flushes":[{"pending":[{"type":"presence"},{"a":[1]}],"light":[],
        "own":[[3,1,{"type":"done","nonce":"n","seq":9}]],"arrivals":[],"closed":[[4,4003]]}]}"#;
    let up = r#"{"branch":"abcdefghijkmnopq","number":2,"says":[
        {"home":"abcdefghijkmnopq","seat":3,"message":{"type":"say","nonce":"n1","text":"hello"}},
        {"home":"abcdefghijkmnopq","seat":3,"message":null}]}"#;
    let key = vec!["0"; 32].join(",");
    let knock = format!(
        r#"{{"caller":{{"branch":"abcdefghijkmnopq","request":1,"key":[{key}]}},"address":"127.0.0.1","hello":{{"type":"hello","version":1}}}}"#
    );
    let turned = r#"{"Err":{"failure":{"code":"banned","message":"You are banned"},"close":4003}}"#;
    vec![seed("down", down), seed("up", up), seed("knock", &knock), seed("turned", turned)]
}

/// Two by two pixels with transparency.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x08, 0x06, 0x00, 0x00, 0x00, 0x72, 0xb6, 0x0d, 0x24, 0x00,
    0x00, 0x00, 0x14, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0x08, 0x1b,
    0x18, 0xc0, 0x34, 0x10, 0x00, 0x00, 0x3f, 0xd7, 0x08, 0x79, 0x5f, 0xc7, 0x6d, 0xb1, 0x00, 0x00, 0x00,
    0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
/// Two by two pixels without loss.
const WEBP: &[u8] = &[
    0x52, 0x49, 0x46, 0x46, 0x1c, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x4c, 0x0f,
    0x00, 0x00, 0x00, 0x2f, 0x01, 0x40, 0x00, 0x00, 0x07, 0x10, 0xf5, 0x8f, 0xfe, 0x07, 0x22, 0xa2, 0xff,
    0x01, 0x00,
];
/// Two by two grey pixels.
const JPEG: &[u8] = &[
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x02, 0x00, 0x00, 0x01, 0x00,
    0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x08, 0x3e, 0x3e, 0x49, 0x3e, 0x49, 0x55, 0x55, 0x55,
    0x55, 0x55, 0x55, 0x64, 0x5d, 0x64, 0x68, 0x68, 0x68, 0x64, 0x64, 0x64, 0x64, 0x68, 0x68, 0x68, 0x70,
    0x70, 0x70, 0x83, 0x83, 0x83, 0x70, 0x70, 0x70, 0x68, 0x68, 0x70, 0x70, 0x7c, 0x7c, 0x83, 0x83, 0x8f,
    0x93, 0x8f, 0x87, 0x87, 0x83, 0x87, 0x93, 0x93, 0x9b, 0x9b, 0x9b, 0xba, 0xba, 0xb2, 0xb2, 0xd9, 0xd9,
    0xe0, 0xff, 0xff, 0xff, 0xff, 0xc4, 0x00, 0x4d, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x07, 0x10, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x11, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc0,
    0x00, 0x11, 0x08, 0x00, 0x02, 0x00, 0x02, 0x03, 0x01, 0x12, 0x00, 0x02, 0x12, 0x00, 0x03, 0x12, 0x00,
    0xff, 0xda, 0x00, 0x0c, 0x03, 0x01, 0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x8b, 0x12, 0x83,
    0x7f, 0x1f, 0xff, 0xd9,
];

/// What comes in where coins are: how to pay, as a picture, and what Stripe says of it.
fn coins() -> Vec<Seed> {
    let header = format!("t=1800000000,v1={},v0=00", "ab".repeat(32));
    let event = |kind: &str, object: &str| {
        format!("{header}\n{{\"id\":\"evt_1\",\"type\":\"{kind}\",\"data\":{{\"object\":{object}}}}}")
            .into_bytes()
    };
    let session = r#"{"id":"cs_1","client_reference_id":"abc","payment_intent":"pi_1","payment_status":"paid","amount_total":600,"currency":"cny"}"#;
    let charge = r#"{"payment_intent":"pi_1","refunded":true,"metadata":{"order":"abc"}}"#;
    vec![
        ("picture", "png", PNG.to_vec()),
        ("picture", "webp", WEBP.to_vec()),
        ("picture", "jpeg", JPEG.to_vec()),
        ("stripe", "paid", event("checkout.session.completed", session)),
        ("stripe", "refunded", event("charge.refunded", charge)),
        ("stripe", "other", event("invoice.paid", "{}")),
    ]
}

/// A passkey that was made with an Ed25519 key, what its device says later, and what a browser says of either.
fn passkeys() -> Vec<Seed> {
    let key = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], &[9; 32]].concat();
    let attested = [&[0; 16][..], &[0, 4], b"abcd", &key].concat();
    let made = [&[7; 32][..], &[0x45, 0, 0, 0, 1], &attested].concat();
    let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[made.len() as u8][..], &made].concat();
    let signed = [&[7; 32][..], &[0x85, 0, 0, 0, 2], &[0xa1, 0x61, b'x', 0xf5]].concat();
    let client = r#"{"type":"webauthn.get","challenge":"AAAA","origin":"https://live.example"}"#;
    vec![
        ("passkey", "attestation", object),
        ("passkey", "made", made),
        ("passkey", "signed", signed),
        ("passkey", "client", client.as_bytes().to_vec()),
    ]
}
