//! Stories of both ends together, and of bytes that other programs write.

use super::chunk::{Reader, write};
use super::message::{Command, Control, Meaning, kind};
use super::*;
use crate::amf0::Value;
use crate::cursor::Noise;
use crate::flv::TagKind;
use crate::{Codec, Error, flv};

fn message(kind: u8, stream: u32, timestamp: u32, length: usize) -> Message {
    Message { kind, stream, timestamp, payload: (0..length).map(|n| n as u8).collect() }
}

fn read_all(reader: &mut Reader, mut bytes: &[u8]) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    while let Some(message) = reader.read(&mut bytes)? {
        messages.push(message);
    }
    assert!(bytes.is_empty());
    Ok(messages)
}

#[test]
fn messages_of_every_size_and_time_come_back() {
    for size in [1, 128, 4096, 60_000] {
        let mut bytes = Vec::new();
        write(2, &message_of(kind::SET_CHUNK_SIZE, &(size as u32).to_be_bytes()), 128, &mut bytes);
        let mut sent = Vec::new();
        for length in [0, 1, 127, 128, 129, 4096, 70_000] {
            for timestamp in [0, 0xff_fffe, 0xff_ffff, u32::MAX] {
                sent.push(message(kind::VIDEO, 1, timestamp, length));
            }
        }
        sent.iter().for_each(|message| write(6, message, size, &mut bytes));
        let mut reader = Reader::default();
        assert!(read_all(&mut reader, &bytes).unwrap() == sent, "{size}");
        let mut reader = Reader::default();
        let mut slowly = Vec::new();
        for byte in bytes.chunks(1) {
            slowly.extend(read_all(&mut reader, byte).unwrap());
        }
        assert!(slowly == sent, "{size}, byte by byte");
    }
}

fn message_of(kind: u8, payload: &[u8]) -> Message {
    Message { kind, stream: 0, timestamp: 0, payload: Bytes::copy_from_slice(payload) }
}

#[test]
fn headers_may_leave_out_what_is_known() {
    let bytes = [
        // Full header at 1000; type and length; time only; nothing.
        &[0x04, 0, 3, 0xe8, 0, 0, 2, 8, 1, 0, 0, 0, 10, 11][..],
        &[0x44, 0, 0, 20, 0, 0, 1, 9, 12],
        &[0x84, 0, 0, 30, 13],
        &[0xc4, 14],
        // A full header and one without anything: the timestamp counts as the delta.
        &[0x05, 0, 0, 7, 0, 0, 1, 8, 2, 0, 0, 0, 15],
        &[0xc5, 16],
        // Chunk stream 64 + 6 in two bytes, and 64 + 1 + 2·256 in three.
        &[0x00, 6, 0, 0, 1, 0, 0, 1, 8, 1, 0, 0, 0, 17],
        &[0x01, 1, 2, 0, 0, 2, 0, 0, 1, 8, 1, 0, 0, 0, 18],
        &[0xc0, 6, 19],
    ]
    .concat();
    let messages = read_all(&mut Reader::default(), &bytes).unwrap();
    let got: Vec<_> = messages.iter().map(|m| (m.kind, m.stream, m.timestamp, &m.payload[..])).collect();
    assert_eq!(
        got,
        [
            (8, 1, 1000, &[10, 11][..]),
            (9, 1, 1020, &[12]),
            (9, 1, 1050, &[13]),
            (9, 1, 1080, &[14]),
            (8, 2, 7, &[15]),
            (8, 2, 14, &[16]),
            (8, 1, 1, &[17]),
            (8, 1, 2, &[18]),
            (8, 1, 2, &[19]),
        ]
    );
}

#[test]
fn an_extended_timestamp_is_repeated_or_left_out_in_the_middle_of_a_message() {
    let head = [0x04, 0xff, 0xff, 0xff, 0, 0, 140, 9, 1, 0, 0, 0, 1, 0, 0, 0];
    for repeated in [true, false] {
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(&[7; 128]);
        bytes.push(0xc4);
        if repeated {
            bytes.extend_from_slice(&[1, 0, 0, 0]);
        }
        bytes.extend_from_slice(&[8; 12]);
        // A delta that is extended too, and a message that repeats it.
        bytes.extend_from_slice(&[0x44, 0xff, 0xff, 0xff, 0, 0, 1, 9, 1, 0, 0, 1, 9]);
        bytes.extend_from_slice(&[0xc4, 1, 0, 0, 1, 10]);
        let messages = read_all(&mut Reader::default(), &bytes).unwrap();
        assert_eq!(messages[0].payload[..], [&[7; 128][..], &[8; 12]].concat(), "{repeated}");
        let times: Vec<u32> = messages.iter().map(|m| m.timestamp).collect();
        assert_eq!(times, [0x0100_0000, 0x0200_0001, 0x0300_0002]);
    }
}

#[test]
fn messages_mix_and_an_aborted_one_is_forgotten() {
    let mut video = Vec::new();
    write(6, &message(kind::VIDEO, 1, 40, 300), 128, &mut video);
    let mut audio = Vec::new();
    write(4, &message(kind::AUDIO, 1, 41, 10), 128, &mut audio);
    let (first, rest) = video.split_at(12 + 128);
    let mut reader = Reader::default();
    let mixed = read_all(&mut reader, &[first, &audio, rest].concat()).unwrap();
    assert_eq!(mixed.iter().map(|m| m.kind).collect::<Vec<_>>(), [kind::AUDIO, kind::VIDEO]);
    assert_eq!(mixed[1].payload.len(), 300);

    let mut abort = Vec::new();
    write(2, &message_of(kind::ABORT, &[0, 0, 0, 6]), 128, &mut abort);
    let after = read_all(&mut reader, &[first, &abort, &audio, &video].concat()).unwrap();
    assert_eq!(after.iter().map(|m| m.payload.len()).collect::<Vec<_>>(), [10, 300]);
}

#[test]
fn what_a_peer_can_make_the_reader_keep_is_bounded() {
    let read = |bytes: &[u8]| read_all(&mut Reader::default(), bytes);
    // Larger than any frame; a chunk size of nothing; a stream that begins in the middle.
    assert_eq!(read(&[4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0]), Err(Error::TooLarge));
    assert!(matches!(read(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Error::Rtmp(_))));
    assert!(matches!(read(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 1]), Err(Error::Rtmp(_))));
    assert!(matches!(read(&[0xc4, 1]), Err(Error::Rtmp(_))));
    // A new message while one is open.
    let open = [&[4, 0, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0][..], &[0; 128], &[0x84, 0, 0, 0]].concat();
    assert!(matches!(read(&open), Err(Error::Rtmp(_))));
    // Many streams, each with an open message.
    let mut many = Vec::new();
    for id in 0..100 {
        many.extend_from_slice(&[0, id, 0, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0]);
        many.extend_from_slice(&[0; 128]);
    }
    assert!(matches!(read(&many), Err(Error::Rtmp(_))));
    // Few streams that hold much.
    let mut reader = Reader::default();
    let mut chunk_size = Vec::new();
    write(
        2,
        &message_of(kind::SET_CHUNK_SIZE, &(chunk::MAX_MESSAGE as u32).to_be_bytes()),
        128,
        &mut chunk_size,
    );
    read_all(&mut reader, &chunk_size).unwrap();
    let half = vec![0; chunk::MAX_MESSAGE - 1];
    let [_, a, b, c] = (chunk::MAX_MESSAGE as u32).to_be_bytes();
    assert!(matches!(reader.read(&mut &[4, 0, 0, 0, a, b, c, 9, 0, 0, 0, 0][..]), Ok(None)));
    assert!(matches!(reader.read(&mut &half[..]), Ok(None)));
    let whole = reader.read(&mut &[1][..]).unwrap().expect("the largest message is taken");
    assert_eq!(whole.payload.len(), chunk::MAX_MESSAGE);
}

/// Both ends, with what each has heard.
struct Call {
    client: Client,
    server: Server,
    heard_by_client: Vec<ClientEvent>,
    heard_by_server: Vec<ServerEvent>,
    piece: usize,
}

impl Call {
    fn new(purpose: Purpose, app: &str, name: &str) -> Self {
        Self {
            client: Client::new(purpose, "rtmp://127.0.0.1:1935/live", app, name, &[3]),
            server: Server::new(&[4], "live"),
            heard_by_client: Vec::new(),
            heard_by_server: Vec::new(),
            piece: 1000,
        }
    }

    /// Carries bytes until nobody has any.
    fn carry(&mut self) -> Result<(), Error> {
        loop {
            let to_server = self.client.take_output();
            let mut result = Ok(());
            'server: for piece in to_server.chunks(self.piece) {
                let mut piece = piece;
                loop {
                    match self.server.read(&mut piece) {
                        Ok(Some(event)) => self.heard_by_server.push(event),
                        Ok(None) => break,
                        Err(error) => {
                            result = Err(error);
                            break 'server;
                        }
                    }
                }
            }
            let to_client = self.server.take_output();
            for mut piece in to_client.chunks(self.piece) {
                while let Some(event) = self.client.read(&mut piece)? {
                    self.heard_by_client.push(event);
                }
            }
            result?;
            if to_server.is_empty() && to_client.is_empty() {
                return Ok(());
            }
        }
    }
}

#[test]
fn a_publisher_is_asked_for_and_heard() {
    for piece in [1, 100, 100_000] {
        let mut call = Call::new(Purpose::Publish, "live", "key?token=1");
        call.piece = piece;
        call.carry().unwrap();
        assert!(call.heard_by_server == [ServerEvent::Publish { name: "key".into() }]);
        assert_eq!(call.heard_by_client, []);
        call.server.accept();
        call.carry().unwrap();
        assert_eq!(call.heard_by_client, [ClientEvent::Ready]);

        call.heard_by_server.clear();
        let members = vec![("width".to_owned(), Value::Number(1280.0))];
        call.client.send_metadata(members.clone());
        let frame: Bytes = flv::body::write_frame(Codec::H264, true, 0, &vec![1; 200_000]).into();
        call.client.send(TagKind::Video, 0x0100_0000, frame.clone());
        call.client.send(TagKind::Audio, 41, Bytes::from_static(&[0xaf, 1, 1]));
        call.client.finish();
        call.carry().unwrap();
        let expected = [
            ServerEvent::Metadata(members),
            ServerEvent::Video { timestamp: 0x0100_0000, body: frame },
            ServerEvent::Audio { timestamp: 41, body: Bytes::from_static(&[0xaf, 1, 1]) },
            ServerEvent::Finished,
        ];
        assert!(call.heard_by_server == expected);
    }
}

#[test]
fn a_player_is_asked_for_and_served() {
    let mut call = Call::new(Purpose::Play, "live", "main");
    call.carry().unwrap();
    assert!(call.heard_by_server == [ServerEvent::Play { name: "main".into() }]);
    call.server.send(TagKind::Video, 0, Bytes::from_static(b"too early"));
    call.server.accept();
    let metadata = flv::metadata(vec![("width".to_owned(), Value::Number(1280.0))]);
    call.server.send(TagKind::Script, 0, metadata.into());
    call.server.send(TagKind::Audio, 41, Bytes::from_static(&[0xaf, 1, 1]));
    call.server.end();
    call.carry().unwrap();
    let expected = [
        ClientEvent::Ready,
        ClientEvent::Metadata(vec![("width".to_owned(), Value::Number(1280.0))]),
        ClientEvent::Audio { timestamp: 41, body: Bytes::from_static(&[0xaf, 1, 1]) },
        ClientEvent::Ended,
    ];
    assert_eq!(call.heard_by_client, expected);
    call.client.finish();
    call.carry().unwrap();
    assert_eq!(call.heard_by_server.len(), 1, "it was over already");
}

#[test]
fn who_is_refused_reads_why() {
    let mut call = Call::new(Purpose::Publish, "live", "wrong");
    call.carry().unwrap();
    call.server.refuse(Refusal::Publish, "The stream key is wrong");
    call.carry().unwrap();
    let refused = ClientEvent::Refused {
        code: "NetStream.Publish.BadName".into(),
        description: "The stream key is wrong".into(),
    };
    assert_eq!(call.heard_by_client, [refused]);

    let mut call = Call::new(Purpose::Publish, "vod", "key");
    assert!(matches!(call.carry(), Err(Error::Rtmp(_))));
    assert!(matches!(&call.heard_by_client[..], [ClientEvent::Refused { code, description }]
        if code == "NetConnection.Connect.InvalidApp" && description.ends_with("live")));
}

/// A server that has been connected to and published at by hand.
fn publishing() -> (Server, Vec<u8>) {
    let mut server = Server::new(&[1], "live");
    let mut bytes = vec![3];
    bytes.extend_from_slice(&[0; 2 * handshake::BLOCK]);
    let connect = Command::new("connect", 1.0, Value::object([("app", Value::text("live/"))]), vec![]);
    let publish = Command::new("publish", 0.0, Value::Null, vec![Value::text("key")]);
    for command in [connect, Command::new("createStream", 2.0, Value::Null, vec![]), publish] {
        let command = Message { kind: kind::COMMAND, stream: 0, timestamp: 0, payload: command.write() };
        write(3, &command, 128, &mut bytes);
    }
    let mut rest = &bytes[..];
    assert!(matches!(server.read(&mut rest), Ok(Some(ServerEvent::Publish { .. }))));
    server.accept();
    (server, bytes)
}

/// What the server has said, by kind.
fn said(server: &mut Server) -> Vec<Message> {
    let output = server.take_output();
    let output = if output.first() == Some(&3) { &output[1 + 2 * handshake::BLOCK..] } else { &output[..] };
    read_all(&mut Reader::default(), output).unwrap()
}

#[test]
fn pings_are_answered_and_windows_kept() {
    let (mut server, _) = publishing();
    let answers = said(&mut server);
    assert_eq!(answers[0].kind, kind::WINDOW);
    let mut input = Vec::new();
    write(2, &message_of(kind::USER_CONTROL, &Control::Ping(77).write()), 128, &mut input);
    write(2, &message_of(kind::WINDOW, &10_000u32.to_be_bytes()), 128, &mut input);
    write(6, &message(kind::AUDIO, 1, 0, 15_000), 128, &mut input);
    for mut piece in input.chunks(1000) {
        while server.read(&mut piece).unwrap().is_some() {}
    }
    let said = said(&mut server);
    assert!(said.iter().any(|m| m.payload == Control::Pong(77).write()));
    let acknowledged = said.iter().filter(|m| m.kind == kind::ACKNOWLEDGEMENT).count();
    assert_eq!(acknowledged, 1, "each 10 kB, and not at every read");
}

#[test]
fn an_aggregate_is_the_messages_in_it() {
    let (mut server, _) = publishing();
    let mut tags = Vec::new();
    for (kind, timestamp) in [(TagKind::Video, 500), (TagKind::Script, 510), (TagKind::Audio, 520)] {
        flv::write_tag(&flv::Tag { kind, timestamp, body: b"body" }, &mut tags);
    }
    let aggregate = Message { kind: kind::AGGREGATE, stream: 1, timestamp: 2000, payload: tags.into() };
    let mut input = Vec::new();
    write(6, &aggregate, 128, &mut input);
    let mut rest = &input[..];
    let mut events = Vec::new();
    while let Some(event) = server.read(&mut rest).unwrap() {
        events.push(event);
    }
    let body = Bytes::from_static(b"body");
    let expected = [
        ServerEvent::Video { timestamp: 2000, body: body.clone() },
        ServerEvent::Audio { timestamp: 2020, body },
    ];
    assert!(events == expected);
}

#[test]
fn out_of_order_is_an_error_and_unknown_is_not() {
    let command = |name: &str| Command::new(name, 9.0, Value::Null, vec![Value::text("x")]);
    let give = |server: &mut Server, command: Command| {
        let mut input = Vec::new();
        let message = Message { kind: kind::COMMAND, stream: 1, timestamp: 0, payload: command.write() };
        write(3, &message, 128, &mut input);
        server.read(&mut &input[..])
    };
    let (mut server, _) = publishing();
    assert!(matches!(give(&mut server, command("connect")), Err(Error::Rtmp(_))));
    let (mut server, _) = publishing();
    for name in ["publish", "play", "_checkbw", "pause", ""] {
        assert!(matches!(give(&mut server, command(name)), Ok(None)), "{name}");
    }
    let mut fresh = Server::new(&[1], "live");
    let mut rest = &[&[3][..], &[0; 2 * handshake::BLOCK]].concat()[..];
    assert!(matches!(fresh.read(&mut rest), Ok(None)));
    assert!(matches!(give(&mut fresh, command("publish")), Err(Error::Rtmp(_))));
    let mut named = command("publish");
    named.arguments = vec![Value::text("x".repeat(300))];
    let mut rest = &[&[3][..], &[0; 2 * handshake::BLOCK]].concat()[..];
    let mut fresh = Server::new(&[1], "live");
    assert!(matches!(fresh.read(&mut rest), Ok(None)));
    let connect = Command::new("connect", 1.0, Value::object([("app", Value::text("live"))]), vec![]);
    assert!(matches!(give(&mut fresh, connect), Ok(None)));
    assert!(matches!(give(&mut fresh, named), Err(Error::Rtmp(_))));
}

#[test]
fn metadata_is_understood_with_and_without_its_wrapping() {
    let members = vec![("fps".to_owned(), Value::Number(30.0))];
    let wrapped = message::set_data_frame(members.clone());
    for payload in [&wrapped[..], &flv::metadata(members.clone())] {
        assert!(Meaning::of(&message_of(kind::DATA, payload)) == Meaning::Metadata(members.clone()));
    }
    let in_amf3 = [&[0][..], &wrapped].concat();
    assert!(Meaning::of(&message_of(kind::DATA_AMF3, &in_amf3)) == Meaning::Metadata(members));
    assert!(Meaning::of(&message_of(kind::DATA, &[2, 0, 1, b'x'])) == Meaning::Other);
}

#[test]
fn noise_ends_a_connection_or_is_passed_over() {
    let (_, mut valid) = publishing();
    write(2, &message_of(kind::SET_CHUNK_SIZE, &4096u32.to_be_bytes()), 128, &mut valid);
    write(4, &message_of(kind::DATA, &message::set_data_frame(vec![])), 4096, &mut valid);
    let mut tags = Vec::new();
    flv::write_tag(&flv::Tag { kind: TagKind::Video, timestamp: 1, body: b"body" }, &mut tags);
    write(4, &message_of(kind::AGGREGATE, &tags), 4096, &mut valid);
    write(6, &message(kind::VIDEO, 1, u32::MAX, 9000), 4096, &mut valid);
    let (greeting, talk) = valid.split_at(1 + 2 * handshake::BLOCK);
    let mut noise = Noise(17);
    let mut finished = 0;
    for _ in 0..20_000 {
        let mut server = Server::new(&[1], "live");
        assert!(server.read(&mut &*greeting).is_ok());
        let talk = noise.spoil(talk);
        let mut rest = &talk[..];
        let end = loop {
            match server.read(&mut rest) {
                Ok(Some(ServerEvent::Publish { .. } | ServerEvent::Play { .. })) => server.accept(),
                Ok(Some(_)) => {}
                end => break end.is_ok(),
            }
        };
        finished += usize::from(end);
        assert!(server.take_output().len() < 20_000);
    }
    assert!(finished > 1000, "most damage is in places that mean little: {finished}");
}
