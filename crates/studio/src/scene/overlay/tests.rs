//! What overlays look like and how they behave, over a painted scene. With FOOTLIGHT_TEST_OUTPUT set, the pictures are kept.

use std::sync::Arc;

use footlight_media::{Frame, Picture, Time};
use footlight_overlay::{Content, Show, Wanted};
use footlight_protocol::gift::{Board, Gift, Giver, Show as Much};
use footlight_protocol::overlay::Control;
use footlight_protocol::room::{Event, EventKind, Member, Role, ServerMessage};
use footlight_protocol::scene::{Layer, OnAir, Overlay, Part, Place, Scenes, Source, Theme};
use footlight_protocol::spend::{Goal, Progress};
use footlight_protocol::studio::Snapshot;
use footlight_protocol::{Language, MessageId, Seq};

use super::super::painter::{Easel, ON_AIR, STAGED};
use super::super::{Album, Composer};
use crate::Clock;
use crate::desk::Desk;
use crate::source::Wanted as Paced;
use crate::source::cast::Cast;

const SIZE: (u32, u32) = (1280, 720);

/// A picture with these overlays over it, and a room to tell things to.
struct Theatre {
    scenes: Scenes,
    easel: Easel,
    composer: Composer,
    room: Show,
    ms: u64,
    seq: u64,
}

impl Theatre {
    fn new(parts: &[(Part, Theme, Place)]) -> Self {
        let mut scenes = Scenes::default();
        for (shows, theme, place) in parts {
            let overlay = Overlay { theme: *theme, ..Overlay::new(shows.clone(), Language::Chinese) };
            scenes.scenes[0].layers.push(Layer::new(Source::Overlay { overlay }, *place));
        }
        let mut room = Show::default();
        room.want(&Wanted::of(&scenes));
        let (easel, composer) = (easel(), Composer::new(SIZE.0, SIZE.1));
        let mut theatre = Self { scenes, easel, composer, room, ms: 0, seq: 0 };
        theatre.shown();
        theatre
    }

    fn now(&self) -> Time {
        Time::from_micros(1_000_000_000 + self.ms * 1_000)
    }

    fn wait(&mut self, ms: u64) {
        self.ms += ms;
        self.room.tick(self.ms as f64);
    }

    fn hear(&mut self, message: ServerMessage) {
        self.room.hear(message, self.ms as f64);
    }

    fn happens(&mut self, kind: EventKind) {
        self.seq += 1;
        let event = Event { seq: Seq(self.seq), at: self.ms, kind };
        self.hear(ServerMessage::Event { event });
    }

    fn says(&mut self, who: &str, name: &str, text: &str) {
        let (by, text) = (member(who, name), text.to_owned());
        self.happens(EventKind::Said { by, text, nonce: None, fly: None, reply: None });
    }

    fn gives(&mut self, who: &str, name: &str, (id, icon, show): (&str, &str, Much), count: u32) {
        let id = id.parse().unwrap();
        let gift = Gift { id, name: String::new(), icon: icon.to_owned(), price: 1, show, per_hour: None };
        let (by, coins) = (member(who, name), count.into());
        self.happens(EventKind::Gifted { by, gift, count, coins, entry: 1, nonce: None });
    }

    fn is_due(&mut self) -> bool {
        let now = self.now();
        self.easel.overlays().are_due(now)
    }

    /// The picture that viewers get now.
    fn shown(&mut self) -> Arc<Picture> {
        let content: Content = self.room.content(self.ms as f64);
        self.easel.hear(content);
        let program = self.easel.program(ON_AIR, &self.scenes.scenes[0].clone(), 0, self.now());
        let mut camera = Picture::black(SIZE.0, SIZE.1);
        for (at, luma) in camera.planes_mut().0.iter_mut().enumerate() {
            *luma = 90 + ((at % 1280) / 16) as u8;
        }
        let frame = Frame { captured: self.now(), picture: Arc::new(camera) };
        self.composer.compose(&program, &frame).picture
    }
}

fn easel() -> Easel {
    let desk = Arc::new(Desk::new(Snapshot { camera: "pattern".into(), ..Snapshot::default() }));
    let pictures = Paced { width: SIZE.0, height: SIZE.1, fps: 30 };
    Easel::new(Album::new(None), SIZE, Cast::new(desk, Clock::start(), pictures))
}

fn member(id: &str, name: &str) -> Member {
    Member::new(id.parse().unwrap(), name.to_owned(), Role::Guest)
}

fn place(x: f32, y: f32, width: f32, height: f32) -> Place {
    Place { x, y, width, height }
}

/// How many pixels of the part differ.
fn differ(a: &Picture, b: &Picture, place: Place) -> usize {
    let at = |share: f32, side: u32| (share * side as f32) as usize;
    let (x, y) = (at(place.x, SIZE.0), at(place.y, SIZE.1));
    let (width, height) = (at(place.width, SIZE.0), at(place.height, SIZE.1));
    let rows = y..(y + height).min(SIZE.1 as usize);
    let row = |picture: &Picture, row: usize| picture.planes().0[row * 1280 + x..][..width].to_vec();
    rows.map(|at| row(a, at).iter().zip(row(b, at)).filter(|(a, b)| a.abs_diff(*b) > 12).count()).sum()
}

fn keep(picture: &Picture, name: &str) {
    let Some(folder) = std::env::var_os("FOOTLIGHT_TEST_OUTPUT") else { return };
    let folder = std::path::Path::new(&folder).join("overlay-looks");
    std::fs::create_dir_all(&folder).unwrap();
    let (luma, cb, cr) = picture.planes();
    let image = image::RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let half = (y / 2 * SIZE.0 / 2 + x / 2) as usize;
        let l = (f32::from(luma[(y * SIZE.0 + x) as usize]) - 16.0) * 255.0 / 219.0;
        let (b, r) = (f32::from(cb[half]) - 128.0, f32::from(cr[half]) - 128.0);
        let part = |value: f32| value.round().clamp(0.0, 255.0) as u8;
        image::Rgb([part(l + 1.793 * r), part(l - 0.213 * b - 0.533 * r), part(l + 2.112 * b)])
    });
    image.save(folder.join(format!("{name}.png"))).unwrap();
}

const ROSE: (&str, &str, Much) = ("rose", "🌹", Much::Small);
const CAKE: (&str, &str, Much) = ("cake", "🎂", Much::Medium);
const ROCKET: (&str, &str, Much) = ("rocket", "🚀", Much::Grand);

#[test]
fn everything_at_once_in_each_theme() {
    for theme in Theme::ALL {
        let ticker =
            Part::Ticker { text: "今晚八点开播 · Tonight at eight: building a telescope".to_owned() };
        let until = 1_000_000 + 154_000;
        let mut theatre = Theatre::new(&[
            (Part::Alerts { least: 0 }, theme, place(0.03, 0.22, 0.44, 0.5)),
            (Part::Chat { lines: 6 }, theme, place(0.68, 0.4, 0.29, 0.5)),
            (Part::Goal {}, theme, place(0.03, 0.04, 0.36, 0.13)),
            (Part::Leaders { many: 5 }, theme, place(0.75, 0.04, 0.22, 0.34)),
            (ticker, theme, place(0.0, 0.925, 1.0, 0.075)),
            (Part::Countdown { until, text: "抽奖 Draw".to_owned() }, theme, place(0.42, 0.03, 0.3, 0.2)),
            (
                Part::Card { title: "手工陶杯 Ceramic cup".into(), text: "¥ 128".into(), picture: None },
                theme,
                place(0.03, 0.75, 0.32, 0.15),
            ),
        ]);
        let bare = theatre.shown();
        let goal =
            Goal::new("新麦克风 New microphone".to_owned(), Progress { given: 700, target: 2_000 }, false);
        theatre.hear(ServerMessage::Goal { goal: Some(goal) });
        let giver = |name: &str, coins| Giver { user: "u".parse().unwrap(), name: name.to_owned(), coins };
        let session =
            vec![giver("琳", 50_300), giver("Ada Lovelace-Byron", 420), giver("مريم", 99), giver("Cem", 4)];
        theatre.hear(ServerMessage::Board { board: Board { session, ..Board::default() } });
        theatre.says("lin", "琳", "晚上好，主播今天唱歌吗？🎤");
        theatre.says("ada", "Ada", "Such a good evening: greetings from a very long way away to all who are here, and to all who come later, too; and it goes on and on");
        theatre.says("mar", "مريم", "مرحبا بالجميع");
        theatre.says("eve", "Eve", &format!("z{} \u{202e}drawkcab", "\u{301}".repeat(300)));
        theatre.says("gus", "", "hi");
        theatre.gives("lin", "琳", ROSE, 1);
        theatre.gives("ada", "Ada with a very long name", CAKE, 12);
        theatre.gives("mar", "مريم", ROCKET, 99);
        theatre.shown();
        theatre.wait(600);
        let all = theatre.shown();
        keep(&all, &format!("{theme:?}").to_lowercase());
        for part in theatre
            .scenes
            .overlays()
            .map(|overlay| overlay.shows.clone())
            .zip(theatre.scenes.scenes[0].layers.iter().skip(1).map(|layer| layer.place))
        {
            // These were there before.
            let stands = matches!(part.0, Part::Ticker { .. } | Part::Countdown { .. } | Part::Card { .. });
            assert!(stands || differ(&bare, &all, part.1) > 2_000, "{:?} in {theme:?}", part.0);
        }
    }
}

const LEFT: Place = Place { x: 0.03, y: 0.22, width: 0.44, height: 0.5 };
const RIGHT: Place = Place { x: 0.68, y: 0.4, width: 0.29, height: 0.5 };

#[test]
fn a_gift_comes_in_stays_and_goes_and_nothing_is_left_of_it() {
    let mut theatre = Theatre::new(&[(Part::Alerts { least: 0 }, Theme::Stage, LEFT)]);
    let bare = theatre.shown();
    theatre.gives("ada", "Ada", ROSE, 1);
    theatre.shown();
    theatre.wait(60);
    let coming = theatre.shown();
    theatre.wait(400);
    let there = theatre.shown();
    assert!(differ(&coming, &there, LEFT) > 1_000, "it moves");
    assert!(differ(&bare, &there, LEFT) > 5_000);
    // One more of them: only the count is new.
    theatre.gives("ada", "Ada", ROSE, 5);
    theatre.shown();
    theatre.wait(600);
    let more = theatre.shown();
    assert!((100..9_000).contains(&differ(&there, &more, LEFT)));
    theatre.wait(4_000 - 600 - 300);
    theatre.shown();
    theatre.wait(120);
    let going = theatre.shown();
    let left = differ(&bare, &going, LEFT);
    assert!(left > 1_000 && differ(&going, &more, LEFT) > 1_000, "it fades");
    theatre.wait(1_000);
    assert_eq!(differ(&bare, &theatre.shown(), LEFT), 0);
    theatre.hear(ServerMessage::Overlay { control: Control::Test });
    theatre.shown();
    theatre.wait(600);
    assert!(differ(&bare, &theatre.shown(), LEFT) > 5_000);
}

#[test]
fn what_is_taken_away_is_gone_with_the_next_picture() {
    let parts =
        [(Part::Chat { lines: 5 }, Theme::Paper, RIGHT), (Part::Alerts { least: 0 }, Theme::Stage, LEFT)];
    let mut theatre = Theatre::new(&parts);
    let bare = theatre.shown();
    theatre.says("eve", "Eve", "something bad");
    theatre.gives("eve", "Eve", ROCKET, 1);
    theatre.shown();
    theatre.wait(600);
    let there = theatre.shown();
    assert!(differ(&bare, &there, RIGHT) > 2_000 && differ(&bare, &there, LEFT) > 5_000);
    theatre.happens(EventKind::Deleted { message: MessageId(1) });
    let gone = theatre.shown();
    assert_eq!(differ(&bare, &gone, RIGHT), 0);
    theatre.happens(EventKind::Banned { user: member("eve", "Eve"), range: false });
    assert_eq!(differ(&bare, &theatre.shown(), LEFT), 0);
}

#[test]
fn new_lines_push_the_others_up_and_the_oldest_out() {
    let mut theatre = Theatre::new(&[(Part::Chat { lines: 3 }, Theme::Stage, RIGHT)]);
    for n in 0..12 {
        theatre.says("ada", "Ada", &format!("line {n}"));
        theatre.shown();
        theatre.wait(90);
    }
    theatre.shown();
    theatre.wait(1_000);
    let before = theatre.shown();
    theatre.says("ada", "Ada", "one more");
    theatre.shown();
    theatre.wait(100);
    let moving = theatre.shown();
    theatre.wait(1_000);
    let after = theatre.shown();
    assert!(differ(&before, &moving, RIGHT) > 500 && differ(&moving, &after, RIGHT) > 500);
    keep(&after, "chat");
    let above = Place { height: 0.3, ..RIGHT };
    assert_eq!(differ(&Theatre::new(&[]).shown(), &after, above), 0, "three lines are three lines");
}

#[test]
fn an_overlay_that_has_nothing_to_show_costs_nothing() {
    let parts = [
        (Part::Alerts { least: 0 }, Theme::Stage, LEFT),
        (Part::Chat { lines: 3 }, Theme::Stage, RIGHT),
        (Part::Goal {}, Theme::Stage, LEFT),
        (Part::Leaders { many: 3 }, Theme::Stage, LEFT),
    ];
    let mut theatre = Theatre::new(&parts);
    theatre.shown();
    let program = theatre.easel.program(ON_AIR, &theatre.scenes.scenes[0].clone(), 0, theatre.now());
    let frame = Frame { captured: theatre.now(), picture: Arc::new(Picture::black(SIZE.0, SIZE.1)) };
    let composed = theatre.composer.compose(&program, &frame);
    assert!(Arc::ptr_eq(&composed.picture, &frame.picture), "the camera's picture is not even copied");
}

#[test]
fn a_countdown_ends_and_says_when_it_is_to_be_looked_at() {
    let until = 1_000_000 + 2_500;
    let countdown = Part::Countdown { until, text: String::new() };
    let mut theatre = Theatre::new(&[(countdown, Theme::Stage, LEFT)]);
    let three = theatre.shown();
    assert!(!theatre.is_due());
    theatre.wait(501);
    assert!(theatre.is_due());
    let two = theatre.shown();
    assert!(differ(&three, &two, LEFT) > 50);
    theatre.wait(9_000);
    assert_eq!(differ(&Theatre::new(&[]).shown(), &theatre.shown(), LEFT), 0);
}

#[test]
fn a_small_place_and_a_large_one_are_both_painted() {
    for (width, height) in [(0.01, 0.01), (0.1, 0.02), (0.02, 0.4), (2.0, 2.0)] {
        let at = Place { x: 0.1, y: 0.1, width, height };
        let everything = [
            Part::Alerts { least: 0 },
            Part::Chat { lines: 3 },
            Part::Goal {},
            Part::Leaders { many: 3 },
            Part::Ticker { text: "字".repeat(500) },
            Part::Countdown { until: 9_000_000, text: "x".repeat(60) },
            Part::Card { title: "x".repeat(60), text: "字".repeat(500), picture: None },
        ];
        let parts: Vec<_> = everything.into_iter().map(|part| (part, Theme::Neon, at)).collect();
        let mut theatre = Theatre::new(&parts);
        let goal = Goal::new("Sing".to_owned(), Progress { given: 1, target: 4 }, false);
        theatre.hear(ServerMessage::Goal { goal: Some(goal) });
        let session = vec![Giver { user: "u".parse().unwrap(), name: "x".repeat(24), coins: u64::MAX }];
        theatre.hear(ServerMessage::Board { board: Board { session, ..Board::default() } });
        theatre.says("ada", "Ada", &"字".repeat(300));
        theatre.gives("ada", "Ada", ROCKET, 9_999);
        theatre.shown();
        theatre.wait(300);
        theatre.shown();
    }
}

#[test]
fn what_is_worked_on_has_overlays_of_its_own() {
    let mut theatre = Theatre::new(&[(Part::Chat { lines: 3 }, Theme::Stage, RIGHT)]);
    theatre.says("ada", "Ada", "hi");
    theatre.shown();
    theatre.wait(100);
    let worked_on = theatre.scenes.scenes[0].clone();
    let staged = theatre.easel.program(STAGED, &worked_on, 1, theatre.now());
    let coming = theatre.shown();
    let frame = Frame { captured: theatre.now(), picture: Arc::new(Picture::black(SIZE.0, SIZE.1)) };
    let composed = theatre.composer.compose(&staged, &frame).picture;
    assert!(differ(&composed, &frame.picture, RIGHT) > 2_000, "it is seen there, too");
    theatre.wait(600);
    assert!(differ(&coming, &theatre.shown(), RIGHT) > 500, "it still came");
}

#[test]
fn what_viewers_get_is_wanted_also_where_no_scene_has_it_any_more() {
    let kept = Theatre::new(&[(Part::Alerts { least: 7 }, Theme::Stage, LEFT)]);
    let scene = kept.scenes.scenes[0].clone();
    let scenes = Scenes { program: Some(OnAir { scene, which: 0, take: 1 }), ..Scenes::default() };
    assert_eq!(Wanted::of(&scenes).leasts, [7]);
}
