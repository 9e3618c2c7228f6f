//! What is said over the picture that no viewer wrote: names of our gifts, and the few words around them.

use footlight_protocol::Language;
use footlight_protocol::gift::Gift;

/// Our gifts, by their ids: in English, in Chinese.
const GIFTS: [(&str, [&str; 2]); 8] = [
    ("applause", ["Applause", "掌声"]),
    ("balloon", ["Balloon", "气球"]),
    ("cake", ["Cake", "蛋糕"]),
    ("coffee", ["Coffee", "咖啡"]),
    ("crown", ["Crown", "皇冠"]),
    ("rocket", ["Rocket", "火箭"]),
    ("rose", ["Rose", "玫瑰"]),
    ("star", ["Star", "星星"]),
];

/// Words of the overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Before the name of a gift.
    Sent,
    /// Above those who gave most.
    Leaders,
    /// Instead of how far a goal is.
    Reached,
    /// Somebody who has no name yet.
    Guest,
}

pub fn word(language: Language, word: Word) -> &'static str {
    let [english, chinese] = match word {
        Word::Sent => ["sent", "送出"],
        Word::Leaders => ["Top supporters", "贡献榜"],
        Word::Reached => ["Reached", "已达成"],
        Word::Guest => ["Guest", "访客"],
    };
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

/// A gift's name: its creator's, or ours.
pub fn gift(language: Language, gift: &Gift) -> String {
    if !gift.name.is_empty() {
        return gift.name.clone();
    }
    let ours = GIFTS.iter().find(|(id, _)| *id == gift.id.as_str());
    ours.map_or_else(|| gift.id.to_string(), |(_, names)| names[language as usize].to_owned())
}

#[cfg(test)]
mod tests {
    use footlight_protocol::gift::Show;

    use super::*;

    #[test]
    fn a_gift_has_its_creator_s_name_or_ours() {
        let of = |id: &str, name: &str, language| {
            let gift = Gift {
                id: id.parse().unwrap(),
                name: name.to_owned(),
                icon: "🚀".to_owned(),
                price: 1,
                show: Show::Small,
                per_hour: None,
            };
            super::gift(language, &gift)
        };
        assert_eq!(of("rocket", "", Language::Chinese), "火箭");
        assert_eq!(of("rocket", "", Language::English), "Rocket");
        assert_eq!(of("rocket", "Moon", Language::Chinese), "Moon");
        assert_eq!(of("other", "", Language::English), "other");
    }
}
