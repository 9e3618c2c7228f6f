//! Danmaku: comments that fly over the picture from right to left, each in a lane where it meets no other.
//!
//! Where a comment is depends on the media time alone, so pausing, seeking and another speed need nothing said.

/// How long a comment takes across the picture.
const FLIGHT_MS: f64 = 8_000.0;
/// Between two comments of a lane, in heights of their letters.
const SPACE_EM: f64 = 1.5;
/// Width of a letter, in heights. A little more than most fonts need: two that touch cannot be read.
const NARROW_EM: f64 = 0.6;
const WIDE_EM: f64 = 1.05;

/// Where comments fly, in pixels of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sky {
    pub width: f64,
    /// Height of a letter.
    pub letter: f64,
    pub lanes: usize,
}

impl Sky {
    /// Height of a lane, in heights of a letter.
    pub const LANE: f64 = 1.5;
    /// Letters are so small a part of the picture's height, within bounds that can be read.
    const LETTER: f64 = 1.0 / 22.0;
    /// Nearly all pictures are of this shape; what a stage is higher stays dark.
    const SHAPE: f64 = 16.0 / 9.0;
    const LEAST: f64 = 14.0;
    const MOST: f64 = 30.0;

    /// The upper part of a stage: faces and what is shown are in the middle, the controls below.
    pub fn over(width: f64, height: f64) -> Self {
        let height = height.min(width / Self::SHAPE);
        let letter = (height * Self::LETTER).clamp(Self::LEAST, Self::MOST).round();
        let lanes = (height * 0.5 / (letter * Self::LANE)) as usize;
        Self { width, letter, lanes }
    }

    pub fn top(&self, lane: usize) -> f64 {
        (lane as f64 + 0.4) * self.letter * Self::LANE
    }
}

/// A comment to fly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comment {
    pub at_ms: f64,
    pub em: f64,
}

impl Comment {
    /// How long a text is, guessed from its letters.
    pub fn of(at_ms: u64, text: &str) -> Self {
        // From the Hangul letters on, scripts are written in squares.
        let em = |letter: char| if letter >= '\u{1100}' { WIDE_EM } else { NARROW_EM };
        Self { at_ms: at_ms as f64, em: text.chars().map(em).sum() }
    }
}

/// Which comment flies where. Comments in order of time.
#[derive(Debug, Clone, Default)]
pub struct Flight {
    sky: Option<Sky>,
    comments: Vec<Comment>,
    /// Lanes by comment; none where there was no free one: too many at once cannot be read anyway.
    lanes: Vec<Option<usize>>,
}

impl Flight {
    pub fn new(sky: Sky, comments: Vec<Comment>) -> Self {
        let mut last: Vec<Option<Comment>> = vec![None; sky.lanes];
        let lanes = comments
            .iter()
            .map(|comment| {
                let lane = last
                    .iter()
                    .position(|before| before.is_none_or(|before| apart(&sky, &before, comment)))?;
                last[lane] = Some(*comment);
                Some(lane)
            })
            .collect();
        Self { sky: Some(sky), comments, lanes }
    }

    /// The comments that are over the picture at a time: which, in which lane, and the place of the left edge.
    pub fn at(&self, at_ms: f64) -> impl Iterator<Item = (usize, usize, f64)> {
        let from = self.comments.partition_point(|comment| comment.at_ms <= at_ms - FLIGHT_MS);
        let to = self.comments.partition_point(|comment| comment.at_ms <= at_ms);
        (from..to).filter_map(move |at| {
            let sky = self.sky?;
            Some((at, self.lanes[at]?, left(&sky, &self.comments[at], at_ms)))
        })
    }
}

/// The left edge of a comment: it begins behind the right edge and ends with its last letter behind the left one.
fn left(sky: &Sky, comment: &Comment, at_ms: f64) -> f64 {
    let way = sky.width + comment.em * sky.letter;
    sky.width - way * (at_ms - comment.at_ms) / FLIGHT_MS
}

/// Whether a comment can follow another in its lane: that one is in with its last letter, and is not caught up with
/// before it is out.
fn apart(sky: &Sky, before: &Comment, next: &Comment) -> bool {
    let space = |at_ms: f64| left(sky, next, at_ms) - left(sky, before, at_ms) - before.em * sky.letter;
    let (begin, end) = (next.at_ms, before.at_ms + FLIGHT_MS);
    begin >= end || (space(begin) >= SPACE_EM * sky.letter && space(end) >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKY: Sky = Sky { width: 800.0, letter: 20.0, lanes: 3 };

    fn comments(of: &[(u64, &str)]) -> Vec<Comment> {
        of.iter().map(|(at, text)| Comment::of(*at, text)).collect()
    }

    #[test]
    fn a_comment_flies_from_edge_to_edge_by_media_time() {
        let flight = Flight::new(SKY, comments(&[(1_000, "hello")]));
        let at = |ms: f64| flight.at(ms).next();
        assert_eq!(at(999.0), None);
        assert_eq!(at(1_000.0), Some((0, 0, 800.0)));
        assert_eq!(at(5_000.0), Some((0, 0, 800.0 - 430.0)));
        let (_, _, end) = at(8_999.0).unwrap();
        assert!((-60.0..-59.0).contains(&end), "{end}");
        assert_eq!(at(9_000.0), None);
    }

    #[test]
    fn comments_at_once_take_a_lane_each_and_what_has_no_lane_does_not_fly() {
        let flight = Flight::new(SKY, comments(&[(0, "a"), (0, "b"), (0, "c"), (0, "d"), (7_900, "e")]));
        let flying: Vec<_> = flight.at(100.0).map(|(comment, lane, _)| (comment, lane)).collect();
        assert_eq!(flying, [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(flight.at(7_950.0).last().unwrap().1, 0, "the lane is free again");
    }

    #[test]
    fn no_two_in_a_lane_ever_meet() {
        let texts = [
            "hi",
            "a rather long comment about what is to be seen here",
            "晚上好",
            "哈哈哈哈哈哈哈哈哈",
            "ok",
        ];
        let many: Vec<_> = (0..400).map(|n| (n * 137, texts[n as usize * 7 % 5])).collect();
        let all = comments(&many);
        let flight = Flight::new(SKY, all.clone());
        let mut flown = 0;
        for step in 0..600 {
            let now = f64::from(step) * 100.0;
            let mut spans: Vec<(usize, f64, f64)> = flight
                .at(now)
                .map(|(comment, lane, left)| (lane, left, left + all[comment].em * SKY.letter))
                .collect();
            spans.sort_by(|a, b| a.partial_cmp(b).unwrap());
            flown = flown.max(spans.len());
            for pair in spans.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                assert!(pair[0].2 <= pair[1].1 + 1e-6, "at {now}: {pair:?}");
            }
        }
        assert!(flown > 6, "the lanes are used: {flown}");
    }

    #[test]
    fn letters_fit_the_picture_they_fly_over() {
        let (phone, screen) = (Sky::over(390.0, 219.0), Sky::over(1_920.0, 1_080.0));
        assert_eq!((phone.letter, phone.lanes, screen.letter, screen.lanes), (14.0, 5, 30.0, 12));
        let upright = Sky::over(900.0, 1_400.0);
        assert_eq!(upright.letter, Sky::over(900.0, 506.25).letter, "what is dark counts for nothing");
        assert!(phone.top(4) + phone.letter * Sky::LANE < 219.0 * 0.6);
        assert!(Comment::of(0, "晚上好").em > Comment::of(0, "abc").em);
        assert_eq!(Flight::new(Sky { lanes: 0, ..SKY }, comments(&[(0, "a")])).at(1.0).count(), 0);
    }
}
