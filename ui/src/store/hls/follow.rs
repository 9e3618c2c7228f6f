//! What to load next of a live playlist: joins near its end where decoding can begin, then part by part.

use super::playlist::{Playlist, Segment};

/// Something to fetch and append, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// An initialisation section, which the media after it needs.
    Init { uri: String },
    Media {
        uri: String,
        /// When its first picture was captured, in milliseconds since the Unix epoch.
        captured_ms: Option<f64>,
    },
}

/// When and how to load the playlist again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reload {
    /// At once; the server answers when this segment and part are there.
    Blocking { segment: u64, part: Option<usize> },
    /// After so many milliseconds.
    After(f64),
    /// Nothing more will come.
    Never,
}

/// The place in the stream is not in the playlist any more; join again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FellBehind;

/// A place in a stream that is being followed.
#[derive(Debug, Clone, Default)]
pub struct Follow {
    next: Option<Place>,
    map: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    segment: u64,
    part: usize,
}

impl Follow {
    /// What is new in the playlist. Nothing where it has nothing that playing could begin with.
    pub fn take(&mut self, list: &Playlist) -> Result<Vec<Load>, FellBehind> {
        let Some(mut place) = self.next.or_else(|| join(list)) else {
            return Ok(Vec::new());
        };
        if place.segment < list.first {
            return Err(FellBehind);
        }
        let mut loads = Vec::new();
        while let Some(segment) = list.segments.get((place.segment - list.first) as usize) {
            if segment.map.is_some() && self.map != segment.map {
                self.map.clone_from(&segment.map);
                loads.extend(segment.map.clone().map(|uri| Load::Init { uri }));
            }
            match (&segment.uri, place.part) {
                (Some(uri), 0) => {
                    loads.push(Load::Media { uri: uri.clone(), captured_ms: segment.captured_ms });
                }
                // The parts of a finished segment are listed for a while only.
                (Some(_), part) if part > segment.parts.len() || segment.parts.is_empty() => {
                    return Err(FellBehind);
                }
                (_, part) => loads.extend(parts(segment, part)),
            }
            if segment.uri.is_none() {
                place.part = segment.parts.len();
                break;
            }
            place = Place { segment: place.segment + 1, part: 0 };
        }
        self.next = Some(place);
        Ok(loads)
    }

    /// How to hear of what comes after the newest thing in this playlist.
    pub fn reload(&self, list: &Playlist) -> Reload {
        if list.ended {
            return Reload::Never;
        }
        match self.next {
            Some(place) if list.blocks => {
                Reload::Blocking { segment: place.segment, part: list.part_s.map(|_| place.part) }
            }
            // Half a target duration after a load that brought nothing (section 6.3.4).
            _ => Reload::After(list.part_s.unwrap_or(list.target_s / 2.0) * 1_000.0),
        }
    }
}

fn parts(segment: &Segment, from: usize) -> impl Iterator<Item = Load> + '_ {
    let mut captured_ms = segment.captured_ms;
    segment.parts.iter().enumerate().filter_map(move |(at, part)| {
        let load = Load::Media { uri: part.uri.clone(), captured_ms };
        captured_ms = captured_ms.map(|ms| ms + part.duration_s * 1_000.0);
        (at >= from).then_some(load)
    })
}

/// The newest place at which decoding can begin and which is not nearer to the end than the server wants;
/// else the newest at all: a picture now is worth more than a deep buffer.
fn join(list: &Playlist) -> Option<Place> {
    let mut places = Vec::new();
    let mut at_s = 0.0;
    for (index, segment) in list.segments.iter().enumerate() {
        let number = list.first + index as u64;
        if segment.parts.is_empty() {
            places.push((Place { segment: number, part: 0 }, at_s));
        }
        let mut part_at_s = at_s;
        for (part, one) in segment.parts.iter().enumerate() {
            if one.independent {
                places.push((Place { segment: number, part }, part_at_s));
            }
            part_at_s += one.duration_s;
        }
        at_s += Playlist::length_s(segment);
    }
    // A hair of slack: durations are rounded.
    let latest_s = at_s - list.hold_back_s + 0.001;
    let deep_enough = places.iter().rev().find(|(_, start_s)| *start_s <= latest_s);
    deep_enough.or(places.last()).map(|(place, _)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `complete` segments of two seconds from number 10, then `parts` parts of 0.2 s of the next one. Each
    /// fifth part can be joined at.
    fn list(complete: u64, parts: usize) -> Playlist {
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.2\n\
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n#EXT-X-MEDIA-SEQUENCE:10\n\
            #EXT-X-MAP:URI=\"init\"\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00Z\n"
            .to_owned();
        let listed = |segment: u64, count: usize| {
            (0..count)
                .map(|part| {
                    let key = if part % 5 == 0 { ",INDEPENDENT=YES" } else { "" };
                    format!("#EXT-X-PART:DURATION=0.2,URI=\"{segment}.{part}\"{key}\n")
                })
                .collect::<String>()
        };
        for segment in 10..10 + complete {
            // Older segments lose their parts.
            if segment + 2 >= 10 + complete {
                text += &listed(segment, 10);
            }
            text += &format!("#EXTINF:2.0,\n{segment}\n");
        }
        text += &listed(10 + complete, parts);
        Playlist::parse(&text).unwrap()
    }

    fn uris(loads: &[Load]) -> Vec<&str> {
        loads
            .iter()
            .map(|load| match load {
                Load::Init { uri } | Load::Media { uri, .. } => uri.as_str(),
            })
            .collect()
    }

    #[test]
    fn joins_where_decoding_can_begin_behind_the_hold_back() {
        for (complete, parts, expected) in [
            // 0.2 s into the new segment the end is too near: the key part in the middle of the one before.
            (3, 1, vec!["init", "12.5", "12.6", "12.7", "12.8", "12.9", "13.0"]),
            (3, 3, vec!["init", "13.0", "13.1", "13.2"]),
            (3, 9, vec!["init", "13.5", "13.6", "13.7", "13.8"]),
            // A stream that has just begun.
            (0, 1, vec!["init", "10.0"]),
            (0, 0, vec![]),
            // A segment as a whole is one request.
            (1, 0, vec!["init", "10.5", "10.6", "10.7", "10.8", "10.9"]),
        ] {
            let loads = Follow::default().take(&list(complete, parts)).unwrap();
            assert_eq!(uris(&loads), expected, "{complete} and {parts}");
        }
    }

    #[test]
    fn follows_part_by_part_and_misses_none() {
        let mut follow = Follow::default();
        let first = follow.take(&list(2, 4)).unwrap();
        assert_eq!(uris(&first), ["init", "12.0", "12.1", "12.2", "12.3"]);
        assert_eq!(follow.reload(&list(2, 4)), Reload::Blocking { segment: 12, part: Some(4) });
        assert_eq!(uris(&follow.take(&list(2, 5)).unwrap()), ["12.4"]);
        assert_eq!(uris(&follow.take(&list(2, 5)).unwrap()), Vec::<&str>::new());
        // The answer came late: the rest of the segment and the beginning of the next.
        assert_eq!(
            uris(&follow.take(&list(3, 2)).unwrap()),
            ["12.5", "12.6", "12.7", "12.8", "12.9", "13.0", "13.1"]
        );
        // All of a segment that was missed as a whole is one load.
        assert_eq!(follow.take(&list(3, 10)).unwrap().len(), 8);
        assert_eq!(uris(&follow.take(&list(5, 1)).unwrap())[..1], ["14"]);
    }

    #[test]
    fn every_part_knows_when_it_was_captured() {
        let loads = Follow::default().take(&list(2, 4)).unwrap();
        let Load::Media { captured_ms: Some(at), .. } = loads[2] else { panic!("{loads:?}") };
        assert!((at - 4_200.0).abs() < 0.001, "{at}");
    }

    #[test]
    fn who_fell_behind_joins_again() {
        let mut follow = Follow::default();
        follow.take(&list(0, 3)).unwrap();
        // Segment 10 is complete and its parts are gone.
        assert_eq!(follow.take(&list(6, 1)), Err(FellBehind));
        let mut late = list(6, 1);
        late.first = 90;
        assert_eq!(follow.take(&late), Err(FellBehind));
        assert!(!Follow::default().take(&late).unwrap().is_empty());
    }

    #[test]
    fn a_new_initialisation_comes_before_its_media() {
        let mut follow = Follow::default();
        follow.take(&list(1, 3)).unwrap();
        let mut changed = list(2, 1);
        changed.segments[2].map = Some("init-2".to_owned());
        let loads = follow.take(&changed).unwrap();
        assert_eq!(uris(&loads)[loads.len() - 2..], ["init-2", "12.0"]);
    }

    #[test]
    fn a_server_that_does_not_block_is_asked_again_later() {
        let mut follow = Follow::default();
        let mut plain = list(3, 0);
        (plain.blocks, plain.part_s) = (false, None);
        follow.take(&plain).unwrap();
        assert_eq!(follow.reload(&plain), Reload::After(1_000.0));
        plain.ended = true;
        assert_eq!(follow.reload(&plain), Reload::Never);
    }
}
