//! The multivariant playlist (RFC 8216bis section 4.4.6): which media playlists make up picture and sound.

use super::tag::attribute;

/// Longest list that is looked at; a relay offers a handful.
const MOST: usize = 32;

/// What to fetch and decode together: one media playlist, or one for the picture and one for the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// Media playlists with the type of what is in them, for a source buffer each.
    pub tracks: Vec<Track>,
    /// Bits a second at peak.
    pub bandwidth: u64,
    pub has_picture: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Relative to the multivariant playlist.
    pub uri: String,
    /// As `MediaSource.isTypeSupported` takes it.
    pub mime: String,
}

/// Everything that the playlist offers, best first; the sound alone is last. None where it is no such list.
pub fn renditions(text: &str) -> Option<Vec<Rendition>> {
    if !text.trim_start_matches('\u{feff}').starts_with("#EXTM3U") {
        return None;
    }
    let mut sounds: Vec<(&str, &str)> = Vec::new();
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            let audio = attribute(list, "TYPE") == Some("AUDIO");
            if let (true, Some(group), Some(uri)) =
                (audio, attribute(list, "GROUP-ID"), attribute(list, "URI"))
            {
                sounds.push((group, uri));
            }
        } else if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            // The address is the next line that is not a comment.
            let uri = lines.by_ref().find(|line| !line.is_empty() && !line.starts_with('#'))?;
            found.push((list, uri));
        }
        if found.len() > MOST || sounds.len() > MOST {
            return None;
        }
    }
    let mut all: Vec<Rendition> = Vec::new();
    for (list, uri) in found {
        let codecs = attribute(list, "CODECS").unwrap_or_default();
        let (sound, picture): (Vec<_>, Vec<_>) =
            codecs.split(',').map(str::trim).filter(|codec| !codec.is_empty()).partition(|c| is_sound(c));
        let bandwidth = attribute(list, "BANDWIDTH").and_then(|bits| bits.parse().ok()).unwrap_or(0);
        let apart = attribute(list, "AUDIO")
            .and_then(|group| sounds.iter().find(|(name, _)| *name == group))
            .filter(|(_, sound)| *sound != uri);
        let tracks = match apart {
            Some((_, sound_uri)) if !picture.is_empty() => {
                let mut tracks = vec![track(uri, &picture)];
                if !sound.is_empty() {
                    tracks.push(track(sound_uri, &sound));
                    all.push(Rendition {
                        tracks: vec![track(sound_uri, &sound)],
                        bandwidth: 0,
                        has_picture: false,
                    });
                }
                tracks
            }
            _ => vec![track(uri, &[picture.clone(), sound].concat())],
        };
        all.push(Rendition { tracks, bandwidth, has_picture: !picture.is_empty() });
    }
    all.sort_by_key(|one| (std::cmp::Reverse(one.has_picture), std::cmp::Reverse(one.bandwidth)));
    all.dedup_by(|a, b| a.tracks == b.tracks);
    Some(all)
}

fn track(uri: &str, codecs: &[&str]) -> Track {
    let kind =
        if codecs.iter().all(|codec| is_sound(codec)) && !codecs.is_empty() { "audio" } else { "video" };
    Track { uri: uri.to_owned(), mime: format!("{kind}/mp4; codecs=\"{}\"", codecs.join(",")) }
}

/// RFC 6381 names of the sound codecs that ISO BMFF carries.
fn is_sound(codec: &str) -> bool {
    let family = codec.split('.').next().unwrap_or_default().to_ascii_lowercase();
    ["mp4a", "opus", "ac-3", "ec-3", "flac"].contains(&family.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_and_sound_in_one_file() {
        let list = "#EXTM3U\n#EXT-X-VERSION:9\n\
            #EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\naudio.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2500000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720\nvideo.m3u8\n";
        let all = renditions(list).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all[0].has_picture && !all[1].has_picture);
        assert_eq!(
            all[0].tracks,
            [Track { uri: "video.m3u8".into(), mime: "video/mp4; codecs=\"avc1.64001f,mp4a.40.2\"".into() }]
        );
        assert_eq!(all[1].tracks[0].mime, "audio/mp4; codecs=\"mp4a.40.2\"");
    }

    #[test]
    fn sound_in_a_rendition_of_its_own() {
        let list = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"sound\",DEFAULT=YES,URI=\"audio.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"avc1.42c01f,mp4a.40.2\",AUDIO=\"a\"\n\nlow.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2500000,CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"a\"\n# a comment\nvideo.m3u8\n";
        let all = renditions(list).unwrap();
        let uris = |one: &Rendition| one.tracks.iter().map(|t| t.uri.clone()).collect::<Vec<_>>();
        assert_eq!(
            all.iter().map(uris).collect::<Vec<_>>(),
            [vec!["video.m3u8", "audio.m3u8"], vec!["low.m3u8", "audio.m3u8"], vec!["audio.m3u8"]]
        );
        assert_eq!(all[0].tracks[0].mime, "video/mp4; codecs=\"avc1.64001f\"");
    }

    #[test]
    fn what_is_no_multivariant_playlist_is_refused() {
        for (text, renditions_in_it) in [
            ("", None),
            ("{\"code\":\"not_found\"}", None),
            ("#EXTM3U\n", Some(0)),
            ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", None),
            ("#EXTM3U\n#EXT-X-STREAM-INF:\nx.m3u8", Some(1)),
        ] {
            assert_eq!(renditions(text).map(|all| all.len()), renditions_in_it, "{text:?}");
        }
        let many = format!("#EXTM3U\n{}", "#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n".repeat(100));
        assert_eq!(renditions(&many), None);
    }
}
