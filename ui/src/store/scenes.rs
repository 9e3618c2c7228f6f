//! Changes to the scenes, each a plain function on the document that the window sends as a whole.
//!
//! Layers are counted from the back, as they are drawn. What names none that is there changes nothing.

use footlight_protocol::scene::{
    Colour, Layer, MAX_LAYERS, MAX_NAME, MAX_SCENES, MAX_TEXT, OnAir, Place, Scene, Scenes, Source,
};

use crate::store::{burned, frame};

/// A text in the lower third, where it covers no face.
const LOWER_THIRD: Place = Place { x: 0.05, y: 0.78, width: 0.6, height: 0.14 };
/// A picture at the upper right, where a logo stands.
const UPPER_RIGHT: Place = Place { x: 0.72, y: 0.05, width: 0.23, height: 0.23 };
/// A second camera layer: a picture in the picture.
const LOWER_RIGHT: Place = Place { x: 0.68, y: 0.65, width: 0.28, height: 0.28 };
/// Letters of a text layer that stand for it in the list.
const TITLE: usize = 40;

/// What new layers have: white on a dark ground can be read on every picture.
pub const INK: Colour = Colour([255, 255, 255]);
pub const GROUND: Colour = Colour([23, 18, 11]);
pub const BACKDROP: Colour = Colour([45, 62, 96]);

/// Which neighbour a layer changes places with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Front,
    Back,
}

/// Those of the scene that is shown, from the back to the front.
pub fn layers(scenes: &Scenes) -> &[Layer] {
    scenes.shown().map_or(&[], |scene| &scene.layers)
}

fn layers_mut(scenes: &mut Scenes) -> Option<&mut Vec<Layer>> {
    scenes.scenes.get_mut(scenes.current).map(|scene| &mut scene.layers)
}

/// Adds a layer where one of its kind usually is; says which it became. None where there are as many as there may be.
pub fn add(scenes: &mut Scenes, source: Source) -> Option<usize> {
    let layers = layers_mut(scenes).filter(|layers| layers.len() < MAX_LAYERS)?;
    let (at, place) = match source {
        // Before anything else it would hide it.
        Source::Colour { .. } => (0, Place::WHOLE),
        Source::Text { .. } => (layers.len(), LOWER_THIRD),
        Source::Image { .. } => (layers.len(), UPPER_RIGHT),
        Source::Overlay { ref overlay } => (layers.len(), burned::kind_of(&overlay.shows).place),
        Source::Camera if layers.iter().any(|layer| layer.source == Source::Camera) => {
            (layers.len(), LOWER_RIGHT)
        }
        Source::Camera => (layers.len(), Place::WHOLE),
        Source::OtherCamera { .. } => (layers.len(), LOWER_RIGHT),
        // What people are to look at; the camera, and what is written, stay before it.
        Source::Screen { .. } | Source::Window { .. } | Source::Media { .. } => {
            let behind = |layer: &Layer| {
                layer.place == Place::WHOLE && matches!(layer.source, Source::Camera | Source::Colour { .. })
            };
            (layers.iter().rposition(behind).map_or(0, |at| at + 1), Place::WHOLE)
        }
    };
    layers.insert(at, Layer::new(source, place));
    Some(at)
}

/// Takes it away, and gives it.
pub fn remove(scenes: &mut Scenes, at: usize) -> Option<Layer> {
    layers_mut(scenes).filter(|layers| at < layers.len()).map(|layers| layers.remove(at))
}

/// Puts a layer back that was taken from a scene, where it was or as near as it can be; says where. None where there is no
/// such scene, or no room in it.
pub fn restore(scenes: &mut Scenes, scene: usize, at: usize, layer: Layer) -> Option<usize> {
    let layers = &mut scenes.scenes.get_mut(scene)?.layers;
    let at = at.min(layers.len());
    (layers.len() < MAX_LAYERS).then(|| {
        layers.insert(at, layer);
        at
    })
}

/// Whether what is worked on is unseen until it is taken.
pub fn in_studio_mode(scenes: &Scenes) -> bool {
    scenes.program.is_some()
}

/// Goes on unseen with what viewers get now; or goes back to the scene that they get, as it is by now.
pub fn set_studio_mode(scenes: &mut Scenes, on: bool) {
    if !on {
        if let Some(program) = scenes.program.take().filter(|program| program.which < scenes.scenes.len()) {
            scenes.current = program.which;
        }
    } else if scenes.program.is_none() {
        let which = scenes.current;
        scenes.program = scenes.shown().cloned().map(|scene| OnAir { scene, which, take: 0 });
    }
}

/// Takes what is worked on to viewers.
pub fn take(scenes: &mut Scenes) {
    let (scene, which) = (scenes.shown().cloned(), scenes.current);
    if let (Some(program), Some(scene)) = (&mut scenes.program, scene) {
        *program = OnAir { scene, which, take: program.take.wrapping_add(1) };
    }
}

/// Whether viewers get something else than what is worked on.
pub fn differs(scenes: &Scenes) -> bool {
    let other = |program: &OnAir| program.which != scenes.current || Some(&program.scene) != scenes.shown();
    scenes.program.as_ref().is_some_and(other)
}

/// Changes places with the neighbour; says where the layer is then.
pub fn shift(scenes: &mut Scenes, at: usize, way: Way) -> usize {
    let Some(layers) = layers_mut(scenes) else { return at };
    let to = match way {
        Way::Front => at + 1,
        Way::Back => at.wrapping_sub(1),
    };
    if at.max(to) >= layers.len() {
        return at;
    }
    layers.swap(at, to);
    to
}

pub fn change(scenes: &mut Scenes, at: usize, change: impl FnOnce(&mut Layer)) {
    if let Some(layer) = layers_mut(scenes).and_then(|layers| layers.get_mut(at)) {
        change(layer);
    }
}

/// Puts an unlocked layer there, as far as it may go.
pub fn put(scenes: &mut Scenes, at: usize, place: Place) {
    change(scenes, at, |layer| {
        if !layer.locked {
            layer.place = frame::kept(place);
        }
    });
}

/// As many letters as a text layer takes.
pub fn fitting_text(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// The beginning of a text, what a window or a file is called; none for another and for one that says nothing.
pub fn title(source: &Source) -> Option<String> {
    let text = match source {
        Source::Text { text, .. } => text,
        Source::Window { title, .. } => title,
        Source::Media { file, .. } => file.rsplit(['/', '\\']).next().unwrap_or(file),
        _ => return None,
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let title: String = words.join(" ").chars().take(TITLE).collect();
    (!title.is_empty()).then_some(title)
}

/// Shows a scene, counted from 0.
pub fn show(scenes: &mut Scenes, which: usize) {
    if which < scenes.scenes.len() {
        scenes.current = which;
    }
}

/// Shows a new scene behind all others: the camera, as large as the picture.
pub fn add_scene(scenes: &mut Scenes) {
    if scenes.scenes.len() < MAX_SCENES {
        scenes.scenes.push(Scene::default());
        scenes.current = scenes.scenes.len() - 1;
    }
}

/// Shows a copy of the shown scene, which stands behind it.
pub fn duplicate_scene(scenes: &mut Scenes) {
    let Some(scene) = scenes.shown().cloned().filter(|_| scenes.scenes.len() < MAX_SCENES) else { return };
    scenes.current += 1;
    scenes.scenes.insert(scenes.current, scene);
    let current = scenes.current;
    if let Some(program) = scenes.program.as_mut().filter(|program| program.which >= current) {
        program.which = (program.which + 1).min(MAX_SCENES - 1);
    }
}

/// Takes the shown scene away; the last one stays.
pub fn remove_scene(scenes: &mut Scenes) {
    if scenes.scenes.len() > 1 && scenes.current < scenes.scenes.len() {
        scenes.scenes.remove(scenes.current);
        // One that viewers still get stays as it was taken.
        let current = scenes.current;
        if let Some(program) = scenes.program.as_mut().filter(|program| program.which > current) {
            program.which -= 1;
        }
        scenes.current = scenes.current.min(scenes.scenes.len() - 1);
    }
}

/// Calls the shown scene so; by its number where the name is empty.
pub fn rename_scene(scenes: &mut Scenes, name: &str) {
    if let Some(scene) = scenes.scenes.get_mut(scenes.current) {
        scene.name = name.trim().chars().take(MAX_NAME).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Source {
        Source::Text { text: text.to_owned(), colour: INK, ground: None }
    }

    fn kinds(scenes: &Scenes) -> String {
        let kind = |layer: &Layer| match layer.source {
            Source::Camera => 'c',
            Source::Text { .. } => 't',
            Source::Image { .. } => 'i',
            Source::Colour { .. } => 'b',
            Source::OtherCamera { .. } => 'O',
            Source::Screen { .. } => 's',
            Source::Window { .. } => 'w',
            Source::Media { .. } => 'm',
            Source::Overlay { .. } => 'o',
        };
        layers(scenes).iter().map(kind).collect()
    }

    #[test]
    fn new_layers_stand_where_one_looks_for_them() {
        let mut scenes = Scenes::default();
        assert_eq!(add(&mut scenes, text("Hi")), Some(1));
        assert_eq!(add(&mut scenes, Source::Image { picture: "a".to_owned() }), Some(2));
        assert_eq!(add(&mut scenes, Source::Colour { colour: BACKDROP }), Some(0), "at the back");
        assert_eq!(add(&mut scenes, Source::Camera), Some(4));
        assert_eq!(kinds(&scenes), "bctic");
        let places: Vec<Place> = layers(&scenes).iter().map(|layer| layer.place).collect();
        assert_eq!(places, [Place::WHOLE, Place::WHOLE, LOWER_THIRD, UPPER_RIGHT, LOWER_RIGHT]);
        for at in [4, 1] {
            remove(&mut scenes, at);
        }
        assert_eq!(add(&mut scenes, Source::Camera), Some(3));
        assert_eq!(layers(&scenes)[3].place, Place::WHOLE, "the only camera");
        assert_eq!(scenes.check(), Ok(()));
    }

    #[test]
    fn what_people_are_to_look_at_stands_behind_what_is_written() {
        let mut scenes = Scenes::default();
        add(&mut scenes, text("Hi"));
        assert_eq!(add(&mut scenes, Source::Screen { id: "DP-1".to_owned() }), Some(1));
        assert_eq!(add(&mut scenes, Source::OtherCamera { id: "b".to_owned() }), Some(3));
        assert_eq!(kinds(&scenes), "cstO");
        let file = "C:\\clips\\My trip.mp4".to_owned();
        assert_eq!(title(&Source::Media { file, repeats: true }).as_deref(), Some("My trip.mp4"));
    }

    #[test]
    fn in_studio_mode_viewers_keep_what_was_taken() {
        let mut scenes = Scenes::default();
        take(&mut scenes);
        assert!(!in_studio_mode(&scenes) && !differs(&scenes));
        set_studio_mode(&mut scenes, true);
        assert!(in_studio_mode(&scenes) && !differs(&scenes));
        add(&mut scenes, text("Unseen"));
        assert!(differs(&scenes));
        assert_eq!(
            scenes.on_air().map(|(scene, which, take)| (scene.layers.len(), which, take)),
            Some((1, 0, 0))
        );
        take(&mut scenes);
        assert_eq!(
            scenes.on_air().map(|(scene, which, take)| (scene.layers.len(), which, take)),
            Some((2, 0, 1))
        );
        add_scene(&mut scenes);
        duplicate_scene(&mut scenes);
        show(&mut scenes, 0);
        duplicate_scene(&mut scenes);
        assert_eq!((scenes.current, scenes.on_air().map(|(_, which, _)| which)), (1, Some(0)));
        take(&mut scenes);
        show(&mut scenes, 0);
        remove_scene(&mut scenes);
        assert_eq!(scenes.on_air().map(|(_, which, _)| which), Some(0), "it is the first now");
        show(&mut scenes, 2);
        set_studio_mode(&mut scenes, false);
        assert_eq!((scenes.current, scenes.check()), (0, Ok(())));
        assert!(!in_studio_mode(&scenes));
    }

    #[test]
    fn what_was_removed_comes_back() {
        let mut scenes = Scenes::default();
        add(&mut scenes, text("x"));
        let gone = remove(&mut scenes, 0).unwrap();
        add_scene(&mut scenes);
        assert_eq!(restore(&mut scenes, 0, 0, gone.clone()), Some(0));
        show(&mut scenes, 0);
        assert_eq!(kinds(&scenes), "ct");
        assert_eq!(restore(&mut scenes, 0, 9, gone.clone()), Some(2));
        assert_eq!(restore(&mut scenes, 7, 0, gone), None);
        assert_eq!(remove(&mut scenes, 9), None);
    }

    #[test]
    fn there_are_as_many_as_there_may_be() {
        let mut scenes = Scenes::default();
        while add(&mut scenes, text("x")).is_some() {}
        assert_eq!(layers(&scenes).len(), MAX_LAYERS);
        for _ in 0..2 * MAX_SCENES {
            add_scene(&mut scenes);
        }
        duplicate_scene(&mut scenes);
        assert_eq!((scenes.scenes.len(), scenes.current), (MAX_SCENES, MAX_SCENES - 1));
        assert_eq!(scenes.check(), Ok(()));
        for _ in 0..2 * MAX_SCENES {
            remove_scene(&mut scenes);
        }
        assert_eq!((scenes.scenes.len(), scenes.current), (1, 0), "the last one stays");
    }

    #[test]
    fn layers_change_places_with_their_neighbours() {
        let mut scenes = Scenes::default();
        add(&mut scenes, text("x"));
        add(&mut scenes, Source::Image { picture: "a".to_owned() });
        for (at, way, to, order) in [
            (1, Way::Front, 2, "cit"),
            (2, Way::Front, 2, "cit"),
            (0, Way::Back, 0, "cit"),
            (1, Way::Back, 0, "ict"),
            (7, Way::Back, 7, "ict"),
        ] {
            assert_eq!(shift(&mut scenes, at, way), to);
            assert_eq!(kinds(&scenes), order);
        }
        remove(&mut scenes, 7);
        remove(&mut scenes, 1);
        assert_eq!(kinds(&scenes), "it");
    }

    #[test]
    fn what_is_locked_stays_where_it_is() {
        let mut scenes = Scenes::default();
        change(&mut scenes, 0, |layer| layer.locked = true);
        put(&mut scenes, 0, LOWER_THIRD);
        assert_eq!(layers(&scenes)[0].place, Place::WHOLE);
        change(&mut scenes, 0, |layer| layer.locked = false);
        put(&mut scenes, 0, LOWER_THIRD);
        assert_eq!(layers(&scenes)[0].place, LOWER_THIRD);
    }

    #[test]
    fn scenes_are_shown_named_and_copied() {
        let mut scenes = Scenes::default();
        rename_scene(&mut scenes, "  Talk ");
        add(&mut scenes, text("x"));
        duplicate_scene(&mut scenes);
        rename_scene(&mut scenes, &"长".repeat(MAX_NAME + 1));
        add_scene(&mut scenes);
        let names: Vec<usize> = scenes.scenes.iter().map(|scene| scene.name.chars().count()).collect();
        assert_eq!((names, scenes.current), (vec![4, MAX_NAME, 0], 2));
        assert_eq!(kinds(&scenes), "c");
        for (asked, shown) in [(1, 1), (3, 1), (0, 0)] {
            show(&mut scenes, asked);
            assert_eq!(scenes.current, shown);
        }
        remove_scene(&mut scenes);
        assert_eq!((kinds(&scenes).as_str(), scenes.current), ("ct", 0));
        assert_eq!(scenes.check(), Ok(()));
    }

    #[test]
    fn a_text_is_called_by_how_it_begins() {
        for (source, called) in
            [(text("  Back\n soon "), Some("Back soon")), (text(" \n"), None), (Source::Camera, None)]
        {
            assert_eq!(title(&source).as_deref(), called);
        }
        assert_eq!(title(&text(&"字".repeat(90))).unwrap().chars().count(), TITLE);
        assert_eq!(fitting_text(&"字".repeat(MAX_TEXT + 1)).chars().count(), MAX_TEXT);
    }
}
