//! A raid over real sockets: what bots say goes, what people say stays, and one request brings everything back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use footlight_protocol::room::{Action, ClientMessage, EventKind, ServerMessage};
use footlight_protocol::{Code, MessageId, Nonce};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::member::Chat;
use crate::stage::{PATIENCE, Stage};

const BOTS: usize = 500;
const CHATTERS: usize = 200;
/// Bot messages a second.
const PACE: usize = 50;
const CALM: Duration = Duration::from_secs(15);
const RAID: Duration = Duration::from_secs(20);
/// A bot's message that is seen for longer counts as seen.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// None of them is among those that the relay's own tests tune on.
const TEMPLATES: [&str; 5] = [
    "hey everyone check out my channel, way better content than this boring stream",
    "BUY VIEWERS AND FOLLOWERS cheap and fast at growfast dot example today",
    "主播已经被封号了，大家快去新的直播间，群号在我主页",
    "nobody likes you, just quit streaming already and go home, this is pathetic",
    "I made 5000 last week working from home, message me to learn how I did it",
];

const OPENERS: [&str; 16] = [
    "hello from",
    "good evening from",
    "watching from",
    "first time here, writing from",
    "back again from",
    "lurking from",
    "你好，我在",
    "晚上好，这里是",
    "greetings from rainy",
    "it is late in",
    "having lunch in",
    "on the train to",
    "my cat and I say hi from",
    "missed the start, I was in",
    "sound is great here in",
    "picture froze for a second in",
];
const PLACES: [&str; 12] = [
    "Porto", "Osaka", "Lagos", "Tromsø", "成都", "Lima", "Tartu", "Pune", "Halifax", "Cork", "台北", "Izmir",
];
const QUESTIONS: [&str; 14] = [
    "what mic is that",
    "which song was this",
    "how long have you been doing this",
    "can you show the back of it",
    "did you solder that yourself",
    "is the recording up later",
    "why not use the other lens",
    "what is the plan for tonight",
    "could you read my question",
    "is that the new firmware",
    "how do you keep the colours so even",
    "do you ship to",
    "这个怎么做的",
    "what was the name of the tool again",
];
const REACTIONS: [&str; 14] = [
    "lol",
    "no way",
    "哈哈哈哈",
    "that was close",
    "gg",
    "wow",
    "🔥🔥🔥",
    "W",
    "haha same",
    "so good",
    "clap clap",
    "F",
    "yesss",
    "太强了",
];
const OPINIONS: [&str; 10] = [
    "I think the second take was better because the light",
    "to be fair the old one had",
    "my brother has one and it",
    "I tried that last winter and my",
    "not sure about the blue, maybe",
    "the trick with the tape really",
    "honestly I expected the other",
    "I would have started with",
    "we used to do this at school with",
    "this reminds me of the time when",
];
const ENDINGS: [&str; 10] = [
    "was softer there",
    "a warmer sound",
    "broke after a week",
    "fingers froze off",
    "green would fit the wall",
    "helped me a lot",
    "one to win",
    "the small pieces first",
    "paper and string",
    "we lost the key",
];

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % below as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// What people write: some of it short and the same, most of it their own.
    fn chatter(&mut self) -> String {
        match self.below(10) {
            0..=3 => self.of(&REACTIONS).to_owned(),
            4 | 5 => format!("{} {}", self.of(&OPENERS), self.of(&PLACES)),
            6 | 7 => format!("{}{}", self.of(&QUESTIONS), self.of(&["?", "??", " please", " :)", ""])),
            _ => format!("{} {}", self.of(&OPINIONS), self.of(&ENDINGS)),
        }
    }

    /// A template, changed so that no two are the same.
    fn bot(&mut self) -> String {
        let mut text = self.of(&TEMPLATES).to_owned();
        for _ in 0..2 + self.below(2) {
            text = match self.below(8) {
                0 => text.to_uppercase(),
                1 => text.replace('o', "0").replace('e', "3"),
                2 => text.replace('a', "а").replace('o', "о").replace('c', "с"),
                3 => format!("{text} {}", self.below(100_000)),
                4 => format!("{} {text}", self.of(&["@mod", "yo", "guys", "大家", ">>>", "psst"])),
                5 => format!("{text} {}", self.of(&["🎁", "🔥🔥", "!!!", "lol", "xD", "——"])),
                6 => text.chars().flat_map(|c| [c, '\u{200b}']).take(290).collect(),
                _ => {
                    let words: Vec<&str> = text.split(' ').collect();
                    let skip = self.below(words.len());
                    let kept = words.iter().enumerate().filter(|(n, _)| words.len() < 4 || *n != skip);
                    kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
                }
            };
        }
        text
    }
}

/// What became of the messages, by their nonces.
#[derive(Default)]
struct Seen {
    /// Refused because they are held.
    held: HashSet<Nonce>,
    /// Refused for another reason: they were never said.
    refused: HashSet<Nonce>,
    shown: HashMap<MessageId, (Nonce, Instant)>,
    swept: HashMap<Nonce, Duration>,
}

type Sink = SplitSink<WebSocketStream<MaybeTlsStream<TcpStream>>, Message>;

/// Joins under a name; what its socket hears of its own messages is noted.
async fn arrive(stage: &Stage, name: String, seen: Arc<Mutex<Seen>>) -> Sink {
    let (sink, mut stream) = Chat::named(stage, &name).await.socket.split();
    tokio::spawn(async move {
        while let Some(Ok(Message::Text(text))) = stream.next().await {
            // Only few of hundreds of thousands are answers.
            if !text.contains("\"refused\"") {
                continue;
            }
            if let Ok(ServerMessage::Refused { nonce: Some(nonce), failure, .. }) =
                serde_json::from_str(&text)
            {
                let mut seen = seen.lock().unwrap();
                if failure.code == Code::Held {
                    seen.held.insert(nonce)
                } else {
                    seen.refused.insert(nonce)
                };
            }
        }
    });
    sink
}

/// Follows what everybody sees.
async fn watch(mut viewer: Chat, seen: Arc<Mutex<Seen>>, restored: Arc<Mutex<HashSet<String>>>) {
    loop {
        let event = viewer.event().await;
        let mut seen = seen.lock().unwrap();
        match event.kind {
            EventKind::Said { nonce: Some(nonce), .. } => {
                seen.shown.insert(MessageId(event.seq.0), (nonce, Instant::now()));
            }
            EventKind::Swept { messages, .. } => {
                for message in messages {
                    let (nonce, shown) = seen.shown.get(&message).expect("what is swept was seen").clone();
                    seen.swept.insert(nonce, shown.elapsed());
                }
            }
            EventKind::Unswept { messages, .. } => {
                restored.lock().unwrap().extend(messages.into_iter().map(|former| former.text));
            }
            EventKind::Held { .. } => panic!("only moderators hear of what is held"),
            _ => {}
        }
    }
}

async fn say(sink: &mut Sink, nonce: &Nonce, text: &str) {
    let say = ClientMessage::Say { nonce: nonce.clone(), text: text.to_owned(), fly: None, reply: None };
    sink.send(Message::text(serde_json::to_string(&say).unwrap())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raid_goes_and_those_who_chat_stay_and_one_request_undoes_it() {
    let stage = Stage::new().await;
    let (seen, restored) = (Arc::new(Mutex::new(Seen::default())), Arc::new(Mutex::new(HashSet::new())));
    let mut owner = Chat::owner(&stage).await;
    let viewer = Chat::join(&stage).await;
    let watching = tokio::spawn(watch(viewer, seen.clone(), restored.clone()));
    let (mut chatters, mut bots) = (Vec::new(), Vec::new());
    for n in 0..CHATTERS {
        chatters.push(arrive(&stage, format!("person {n}"), seen.clone()).await);
    }
    for n in 0..BOTS {
        bots.push(arrive(&stage, format!("b0t{n}"), seen.clone()).await);
    }
    let mut random = Random(20_261_125);
    let mut texts: HashMap<Nonce, String> = HashMap::new();
    let begun = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    while begun.elapsed() < CALM + RAID {
        tick.tick().await;
        let raid = if begun.elapsed() > CALM { PACE / 10 } else { 0 };
        // Some six messages a second of people.
        let people = usize::from(random.below(10) < 6);
        for n in 0..raid + people {
            let (from, text) = if n < raid { ("bot", random.bot()) } else { ("person", random.chatter()) };
            let nonce: Nonce = format!("{from}-{}", texts.len()).parse().unwrap();
            let sink =
                if n < raid { &mut bots[random.below(BOTS)] } else { &mut chatters[random.below(CHATTERS)] };
            say(sink, &nonce, &text).await;
            texts.insert(nonce, text);
        }
    }
    tokio::time::sleep(GONE_WITHIN).await;

    let (mut said, mut gone, mut away) = (HashMap::new(), HashMap::new(), HashSet::new());
    {
        let seen = seen.lock().unwrap();
        for (nonce, text) in texts.iter().filter(|(nonce, _)| !seen.refused.contains(*nonce)) {
            let of = if nonce.as_str().starts_with("bot") { "bots" } else { "people" };
            let swept = seen.swept.get(nonce);
            let in_time = seen.held.contains(nonce) || swept.is_some_and(|after| *after <= GONE_WITHIN);
            *said.entry(of).or_insert(0) += 1;
            *gone.entry(of).or_insert(0) += usize::from(in_time);
            if in_time {
                away.insert(text.clone());
            }
        }
    }
    let share = |of| gone[of] as f64 / said[of] as f64;
    println!(
        "{} of {} bot messages gone ({:.2} %), {} of {} of people ({:.2} %)",
        gone["bots"],
        said["bots"],
        100.0 * share("bots"),
        gone["people"],
        said["people"],
        100.0 * share("people")
    );
    assert!(said["bots"] > PACE * RAID.as_secs() as usize * 9 / 10, "{said:?}");
    assert!(share("bots") >= 0.95 && share("people") <= 0.01, "{gone:?} of {said:?}");

    // One request brings all of it back.
    let raids = owner.until(|message| match message {
        ServerMessage::Raids { raids } => raids.first().map(|raid| raid.act),
        _ => None,
    });
    let first = raids.await;
    owner.moderate("undo", Action::Undo { act: first, and_later: true }).await.unwrap();
    let all = async {
        while !away.iter().all(|text| restored.lock().unwrap().contains(&cleaned(text))) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let whole = tokio::time::timeout(PATIENCE, all).await.is_ok();
    let missing = away.iter().filter(|text| !restored.lock().unwrap().contains(&cleaned(text))).count();
    assert!(whole, "{missing} of {} did not come back", away.len());
    watching.abort();
    stage.stop().await;
}

/// As the relay shows it.
fn cleaned(text: &str) -> String {
    text.trim().to_owned()
}
