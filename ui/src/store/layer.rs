//! The qualities of a picture in words.

use footlight_protocol::room::Layer;
use footlight_protocol::studio::Held;

/// What people call a picture of that size: `1080p`, by its shorter side.
pub fn lines(layer: &Layer) -> String {
    format!("{}p", layer.width.min(layer.height))
}

/// The key of why no smaller pictures go out, where the creator can do something about it or should know.
pub fn held(why: Held) -> Option<&'static str> {
    match why {
        Held::Busy => Some("layer.held_busy"),
        Held::Line => Some("layer.held_line"),
        Held::Output => Some("layer.held_output"),
        Held::Measuring => Some("layer.held_measuring"),
        Held::Undecodable => Some("layer.held_undecodable"),
        Held::Missing => Some("layer.held_missing"),
        // Chosen, or of no use: nothing is missing.
        Held::Chosen | Held::Small => None,
    }
}

/// Those layers in a row, and why there are no more; none where there is nothing to tell.
pub fn told(layers: &[Layer], held: Option<&'static str>) -> Option<(String, Option<&'static str>)> {
    let names: Vec<String> = layers.iter().map(lines).collect();
    (!names.is_empty() || held.is_some()).then(|| (names.join(" + "), held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_called_by_its_shorter_side() {
        for (width, height, name) in [(1920, 1080, "1080p"), (960, 540, "540p"), (720, 1280, "720p")] {
            let layer = Layer { id: "h".parse().unwrap(), width, height, kbps: 1 };
            assert_eq!(lines(&layer), name);
        }
    }
}
