//! One layer of overlays: who is on it, and where.

use std::sync::Arc;
use std::time::Duration;

use footlight_media::Time;
use footlight_overlay::{Alert, Content, Said};
use footlight_protocol::gift::Show;
use footlight_protocol::scene::{Overlay, Part};

use super::super::piece::{GOES, Motion, Piece};
use super::super::scale::Area;
use super::actor::{Actor, Count, Side};
use super::theme::{self, Look};
use super::{Painted, Tools, alerts, bands, boards, chat, even};

/// The shorter side of a picture in which a unit is a pixel.
const USUAL: f32 = 720.0;
/// Between cards and lines, in units.
const GAP: f32 = 8.0;
/// How far beside its place a card begins, and how far below it a line, in units.
const BESIDE: f32 = 70.0;
const BELOW: f32 = 18.0;
/// How fast a text passes by, in units a second.
const SPEED: f32 = 90.0;
/// What a finished countdown shows zero for.
const ZERO: Duration = Duration::from_secs(5);

/// One layer.
#[derive(Debug)]
pub(super) struct Stage {
    /// Its scene, and which of the overlays in it.
    pub(super) which: (usize, usize),
    pub(super) overlay: Overlay,
    pub(super) area: Area,
    pub(super) actors: Vec<Actor>,
    /// What is there when it is first seen has been there.
    pub(super) new: bool,
    /// When something changes without anybody saying so.
    pub(super) due: Option<Time>,
    /// Something was taken away.
    pub(super) cut: bool,
}

impl Stage {
    pub(super) fn play(&mut self, content: &Content, opacity: u8, tools: &mut Tools<'_>) -> Vec<Piece> {
        let now = tools.now;
        (self.due, self.cut) = (None, false);
        self.actors.retain(|actor| actor.motion.goes.is_none_or(|goes| now < goes + GOES));
        let look = Look::of(self.overlay.theme);
        let short = tools.size.0.min(tools.size.1) as f32;
        let unit = short / USUAL * f32::from(self.overlay.scale) / 100.0;
        match self.overlay.shows.clone() {
            Part::Alerts { least } => self.alerts(content.alerts(least), &look, unit, tools),
            Part::Chat { lines } => self.chat(&content.chat, lines.into(), &look, unit, tools),
            Part::Ticker { text } => return self.ticker(&text, &look, unit, opacity, tools),
            Part::Goal {} => self.goal(content, &look, unit, tools),
            Part::Leaders { many } => self.leaders(content, many.into(), &look, unit, tools),
            Part::Countdown { until, text } => self.countdown(&text, until, &look, unit, tools),
            Part::Card { .. } => self.card(&look, unit, tools),
        }
        let ends = self.actors.iter().filter_map(|actor| Some(actor.motion.goes? + GOES));
        self.due = self.due.into_iter().chain(ends).min();
        let whole = Area::whole(tools.size.0, tools.size.1);
        let within = if matches!(self.overlay.shows, Part::Chat { .. }) { self.clip(unit) } else { whole };
        let side = self.side(tools);
        self.actors.iter().flat_map(|actor| actor.pieces(within, opacity, side, unit)).collect()
    }

    fn side(&self, tools: &Tools<'_>) -> Side {
        let middle = self.area.x + self.area.width as i32 / 2;
        if middle > tools.size.0 as i32 * 11 / 20 { Side::Right } else { Side::Left }
    }

    /// What leaves a box of chat at its upper edge is not seen above it, except for its shadow.
    fn clip(&self, unit: f32) -> Area {
        let by = even(theme::MARGIN * unit) as i32;
        let Area { x, y, width, height } = self.area;
        Area { x: x - by, y: y - by, width: width + 2 * by as usize, height: height + 2 * by as usize }
    }

    /// The actor of that id, painted where it was not, or not from this.
    fn actor(
        &mut self,
        id: u64,
        says: &str,
        from: (i32, i32),
        now: Time,
        paint: impl FnOnce() -> Painted,
    ) -> &mut Actor {
        let at = self.actors.iter().position(|actor| actor.id == id);
        let at = match at {
            Some(at) if self.actors[at].says == says => at,
            Some(at) => {
                let Actor { x, y, motion, placed, .. } = self.actors[at];
                self.actors[at] = Actor { x, y, motion, placed, ..Actor::new(id, says, &paint()) };
                at
            }
            None => {
                let comes = (!self.new).then_some((now, from));
                let motion = Motion { comes, ..Motion::default() };
                self.actors.push(Actor { motion, ..Actor::new(id, says, &paint()) });
                self.actors.len() - 1
            }
        };
        &mut self.actors[at]
    }

    /// Those that are not among `shown` go: slowly where the room still has them, at once where they were taken away.
    fn dismiss(&mut self, shown: &[u64], has: impl Fn(u64) -> bool, now: Time) {
        self.actors.retain_mut(|actor| {
            if shown.contains(&actor.id) {
                return true;
            }
            actor.motion.goes.get_or_insert(now);
            let goes = has(actor.id);
            self.cut |= !goes;
            goes
        });
    }

    /// Puts them over one another from the lower edge up, the last of `ids` lowest.
    fn stack(&mut self, ids: &[u64], gap: i32, side: Side, now: Time) {
        let area = self.area;
        let mut bottom = area.y + area.height as i32;
        for id in ids.iter().rev() {
            let Some(actor) = self.actors.iter_mut().find(|actor| actor.id == *id) else { continue };
            bottom -= actor.height;
            let x = match side {
                Side::Left => area.x,
                Side::Right => area.x + area.width as i32 - actor.width,
            };
            actor.put(x & !1, bottom & !1, now);
            bottom -= gap;
        }
    }

    fn alerts(&mut self, up: &[Alert], look: &Look, unit: f32, tools: &mut Tools<'_>) {
        let (now, side) = (tools.now, self.side(tools));
        // One card has room in any area.
        let unit = unit.min(self.area.height as f32 / alerts::HEIGHT).min(self.area.width as f32 / 260.0);
        let gap = even(GAP * unit) as i32;
        let room = self.area.width as f32 - alerts::COUNT * unit;
        let high = |alert: &Alert| {
            even((alerts::HEIGHT * unit * alerts::growth(alert.gift.show)).round()) as i32 + gap
        };
        // Grand ones stand above the others, and none gives way to a smaller one.
        let mut order: Vec<&Alert> = up.iter().collect();
        // What has gone already does not come again for the moment that it is still said to go.
        order.retain(|alert| !alert.leaves || self.actors.iter().any(|actor| actor.id == alert.id));
        order.sort_by_key(|alert| alert.gift.show != Show::Grand);
        let mut left = self.area.height as i32 + gap;
        let grand = order.iter().take_while(|alert| alert.gift.show == Show::Grand).count();
        let (grands, others) = order.split_at(grand);
        let mut fit: Vec<u64> = Vec::new();
        for alert in grands.iter().chain(others.iter().rev()) {
            if high(alert) <= left || fit.is_empty() {
                left -= high(alert);
                fit.push(alert.id);
            }
        }
        let language = self.overlay.language;
        let from = (BESIDE * unit) as i32 * if side == Side::Left { -1 } else { 1 };
        let shown: Vec<u64> = order.iter().map(|alert| alert.id).filter(|id| fit.contains(id)).collect();
        for alert in order.iter().filter(|alert| fit.contains(&alert.id)) {
            let letters = &mut *tools.letters;
            let paint = || alerts::card(letters, look, unit, room, alert, language);
            let actor = self.actor(alert.id, "card", (from, 0), now, paint);
            if alert.leaves {
                actor.motion.goes.get_or_insert(now);
            } else {
                // Another gift came while it was going.
                actor.motion.goes = None;
            }
            if alert.count > 1 && actor.count.as_ref().is_none_or(|count| count.many != alert.count) {
                let jumped = actor.count.is_some().then_some(now);
                let painted = alerts::count(tools.letters, look, unit, alert);
                actor.count = Some(Count::new(alert.count, &painted, jumped));
            }
        }
        self.dismiss(&shown, |id| up.iter().any(|alert| alert.id == id), now);
        self.stack(&shown, gap, side, now);
    }

    fn chat(&mut self, said: &[Said], lines: usize, look: &Look, unit: f32, tools: &mut Tools<'_>) {
        let (now, side, language) = (tools.now, self.side(tools), self.overlay.language);
        let gap = even(GAP * 0.75 * unit) as i32;
        let room = self.area.width as f32;
        let newest = &said[said.len().saturating_sub(lines)..];
        let (mut left, mut shown) = (self.area.height as i32 + gap, Vec::new());
        for one in newest.iter().rev() {
            let known = self.actors.iter().any(|actor| actor.id == one.id.0);
            let letters = &mut *tools.letters;
            let paint = || chat::line(letters, look, unit, room, one, language);
            let actor = self.actor(one.id.0, &one.text, (0, (BELOW * unit) as i32), now, paint);
            left -= actor.height + gap;
            if left < 0 && !shown.is_empty() {
                if !known {
                    self.actors.pop();
                }
                break;
            }
            actor.motion.goes = None;
            shown.push(one.id.0);
        }
        shown.reverse();
        self.dismiss(&shown, |id| said.iter().any(|one| one.id.0 == id), now);
        // What goes because of newer ones goes on its way up.
        let mut order: Vec<u64> = self.actors.iter().map(|actor| actor.id).collect();
        order.sort_unstable();
        self.stack(&order, gap, side, now);
    }

    fn goal(&mut self, content: &Content, look: &Look, unit: f32, tools: &mut Tools<'_>) {
        let (now, language, width) = (tools.now, self.overlay.language, self.area.width as f32);
        let Some(goal) = &content.goal else { return self.actors.clear() };
        let letters = &mut *tools.letters;
        let paint = || boards::goal(letters, look, unit.min(width / 240.0), width, goal, language);
        self.actor(0, &format!("{goal:?}"), (0, 0), now, paint);
        self.stand(now);
    }

    fn leaders(&mut self, content: &Content, many: usize, look: &Look, unit: f32, tools: &mut Tools<'_>) {
        let (now, language) = (tools.now, self.overlay.language);
        let size = (self.area.width as f32, self.area.height as f32);
        let givers = &content.leaders[..content.leaders.len().min(many)];
        if givers.is_empty() {
            return self.actors.clear();
        }
        let letters = &mut *tools.letters;
        let paint = || boards::leaders(letters, look, unit.min(size.0 / 200.0), size, givers, language);
        self.actor(0, &format!("{givers:?}"), (0, 0), now, paint);
        self.stand(now);
    }

    fn countdown(&mut self, text: &str, until: u64, look: &Look, unit: f32, tools: &mut Tools<'_>) {
        let now = tools.now;
        let (until, wall) = (Duration::from_millis(until), Duration::from_micros(now.as_micros()));
        if wall > until + ZERO {
            return self.actors.clear();
        }
        // Rounded up: it is over when it shows zero.
        let left = until.saturating_sub(wall);
        let seconds = left.as_micros().div_ceil(1_000_000) as u64;
        let next = if seconds == 0 { until + ZERO } else { until - Duration::from_secs(seconds - 1) };
        self.due = Some(Time::from_micros(next.as_micros() as u64 + 1));
        let room = self.area.width as f32;
        let unit = unit.min(room / 200.0).min(self.area.height as f32 / 122.0);
        let letters = &mut *tools.letters;
        let paint = || bands::countdown(letters, look, unit, room, (text, seconds));
        self.actor(0, &format!("{text} {seconds}"), (0, 0), now, paint);
        self.stand(now);
    }

    fn card(&mut self, look: &Look, unit: f32, tools: &mut Tools<'_>) {
        let Part::Card { title, text, picture } = self.overlay.shows.clone() else { return };
        let (now, size) = (tools.now, (self.area.width as f32, self.area.height as f32));
        let says = format!("{title}\0{text}\0{picture:?}");
        let (letters, album) = (&mut *tools.letters, tools.album);
        let paint = || {
            let picture = picture.as_deref().and_then(|name| album.picture(name));
            bands::card(letters, look, unit, size, (&title, &text), picture)
        };
        self.actor(0, &says, (0, 0), now, paint);
        self.stand(now);
    }

    /// A single actor stands at the upper edge of the area, in its middle where it is narrower.
    fn stand(&mut self, now: Time) {
        let area = self.area;
        for actor in &mut self.actors {
            let x = area.x + (area.width as i32 - actor.width) / 2;
            // Without going there: what it says has changed, and its size with it.
            actor.placed = false;
            actor.put(x & !1, area.y, now);
        }
    }

    /// Pieces of its own kind: the text begins anew behind its end.
    fn ticker(
        &mut self,
        text: &str,
        look: &Look,
        unit: f32,
        opacity: u8,
        tools: &mut Tools<'_>,
    ) -> Vec<Piece> {
        let (now, area) = (tools.now, self.area);
        let size = (area.width as f32, area.height as f32);
        let height = (size.1 * 0.56).min(34.0 * unit * 1.6).max(8.0);
        self.actor(0, "band", (0, 0), now, || bands::band(look, unit, size)).put(area.x, area.y, now);
        let letters = &mut *tools.letters;
        if self.actors.iter().all(|actor| actor.id != 1 || actor.says != text) {
            let since = self.actors.iter().find(|actor| actor.id == 1).and_then(|actor| actor.motion.runs);
            self.actors.retain(|actor| actor.id != 1);
            let Some(painted) = bands::passing(letters, look, height, text) else { return Vec::new() };
            let actor = self.actor(1, text, (0, 0), now, || painted);
            let since = since.map_or(now, |(since, ..)| since);
            // A text that is still read when the next begins would say both.
            let round = (actor.width as u32 + area.width as u32 / 3).max(area.width as u32) & !1;
            actor.motion = Motion { runs: Some((since, (SPEED * unit) as u32, round)), ..Motion::default() };
        }
        let within = bands::gap(area, unit);
        let mut pieces = Vec::new();
        let whole = Area::whole(tools.size.0, tools.size.1);
        for actor in &self.actors {
            if actor.id == 0 {
                pieces.extend(actor.pieces(whole, opacity, Side::Left, unit));
                continue;
            }
            let Some((_, _, round)) = actor.motion.runs else { continue };
            let y = (area.y + (area.height as i32 - actor.height) / 2) & !1;
            // It comes in from the right, behind the one that is on its way out.
            for back in [0, 1] {
                let x = (area.x + area.width as i32 - back * round as i32) & !1;
                let (sprite, motion) = (Arc::clone(&actor.sprite), actor.motion);
                pieces.push(Piece { sprite, x, y, within, opacity, motion });
            }
        }
        pieces
    }
}
