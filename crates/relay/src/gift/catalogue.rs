//! What a room offers: what Footlight comes with, until its creator sets something else.

use std::collections::HashSet;

use footlight_protocol::gift::{Gift, MAX_COUNT, MAX_GIFT_NAME, MAX_GIFTS, MAX_ICON, MAX_PRICE, Show};
use footlight_protocol::{Code, Failure, GiftId};

use crate::chat::text::clean;

/// Under which name the store keeps it.
pub(crate) const SETTING: &str = "gifts";

/// The gifts of a room, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Catalogue(Vec<Gift>);

impl Catalogue {
    /// As it was kept; what cannot be read is what Footlight comes with.
    pub(crate) fn open(kept: Option<&str>) -> Self {
        let gifts =
            kept.and_then(|text| serde_json::from_str(text).ok()).and_then(|gifts| checked(gifts).ok());
        Self(gifts.unwrap_or_else(usual))
    }

    /// What its creator wants to offer.
    pub(crate) fn new(gifts: Vec<Gift>) -> Result<Self, Failure> {
        checked(gifts).map(Self)
    }

    pub(crate) fn kept(&self) -> String {
        serde_json::to_string(&self.0).expect("gifts are plain data")
    }

    pub(crate) fn gifts(&self) -> &[Gift] {
        &self.0
    }

    /// The gift, and what so many of it cost.
    pub(crate) fn price(&self, id: &GiftId, count: u32) -> Result<(Gift, u64), Failure> {
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(Failure::new(Code::Malformed, format!("A gift is sent 1 to {MAX_COUNT} times")));
        }
        let gift = self.0.iter().find(|gift| gift.id == *id);
        let gift = gift.ok_or_else(|| Failure::new(Code::NotFound, "The room does not offer this gift"))?;
        Ok((gift.clone(), u64::from(gift.price) * u64::from(count)))
    }
}

fn usual() -> Vec<Gift> {
    let gift = |id: &str, icon: &str, price, show| Gift {
        id: id.parse().expect("a valid id"),
        name: String::new(),
        icon: icon.to_owned(),
        price,
        show,
        per_hour: None,
    };
    vec![
        gift("rose", "🌹", 1, Show::Small),
        gift("applause", "👏", 5, Show::Small),
        gift("coffee", "☕", 20, Show::Small),
        gift("star", "⭐", 50, Show::Medium),
        gift("cake", "🎂", 100, Show::Medium),
        gift("balloon", "🎈", 200, Show::Medium),
        gift("rocket", "🚀", 500, Show::Grand),
        gift("crown", "👑", 2_000, Show::Grand),
    ]
}

fn checked(gifts: Vec<Gift>) -> Result<Vec<Gift>, Failure> {
    let wrong = |message: String| Failure::new(Code::BadSetting, message);
    if gifts.len() > MAX_GIFTS {
        return Err(wrong(format!("A room offers at most {MAX_GIFTS} gifts")));
    }
    let mut ids = HashSet::new();
    let usual: HashSet<GiftId> = usual().into_iter().map(|gift| gift.id).collect();
    gifts
        .into_iter()
        .map(|gift| {
            if !ids.insert(gift.id.clone()) {
                return Err(wrong(format!("There are two gifts called {}", gift.id)));
            }
            if !(1..=MAX_PRICE).contains(&gift.price) || gift.per_hour == Some(0) {
                return Err(wrong(format!(
                    "A gift costs 1 to {MAX_PRICE} coins and can be sent at least once"
                )));
            }
            let name = match clean(&gift.name, MAX_GIFT_NAME) {
                Ok(name) => name,
                Err(Code::Empty) if usual.contains(&gift.id) => String::new(),
                Err(_) => return Err(wrong(format!("A gift's name has 1 to {MAX_GIFT_NAME} characters"))),
            };
            let icon = clean(&gift.icon, MAX_ICON)
                .map_err(|_| wrong(format!("A gift's icon is an emoji of at most {MAX_ICON} characters")))?;
            Ok(Gift { name, icon, ..gift })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gift(id: &str) -> Gift {
        let (name, icon) = (" A  gift\n".to_owned(), "🎁".to_owned());
        Gift { id: id.parse().unwrap(), name, icon, price: 3, show: Show::Small, per_hour: None }
    }

    #[test]
    fn what_is_offered_is_kept_and_priced() {
        let catalogue = Catalogue::new(vec![gift("a"), gift("b")]).unwrap();
        assert_eq!(Catalogue::open(Some(&catalogue.kept())), catalogue);
        assert_eq!(catalogue.gifts()[0].name, "A  gift");
        let price = |id: &str, count| catalogue.price(&id.parse().unwrap(), count).map(|(_, coins)| coins);
        assert_eq!(price("b", 7).unwrap(), 21);
        assert_eq!(price("c", 1).unwrap_err().code, Code::NotFound);
        assert_eq!(price("a", 0).unwrap_err().code, Code::Malformed);
        assert_eq!(price("a", MAX_COUNT + 1).unwrap_err().code, Code::Malformed);
        for unreadable in [None, Some(""), Some("[{}]")] {
            assert_eq!(Catalogue::open(unreadable).gifts(), usual());
        }
        assert!(Catalogue::new(Vec::new()).unwrap().gifts().is_empty(), "a room may offer nothing");
    }

    #[test]
    fn a_catalogue_that_makes_no_sense_is_refused() {
        let change = |change: fn(&mut Gift)| {
            let mut one = gift("a");
            change(&mut one);
            vec![one]
        };
        for gifts in [
            vec![gift("a"), gift("a")],
            (0..=MAX_GIFTS).map(|n| gift(&format!("g{n}"))).collect(),
            change(|gift| gift.price = 0),
            change(|gift| gift.price = MAX_PRICE + 1),
            change(|gift| gift.per_hour = Some(0)),
            change(|gift| gift.name = "x".repeat(MAX_GIFT_NAME + 1)),
            change(|gift| gift.name = " ".to_owned()),
            change(|gift| gift.icon = String::new()),
            change(|gift| gift.icon = "x".repeat(MAX_ICON + 1)),
        ] {
            assert_eq!(Catalogue::new(gifts.clone()).unwrap_err().code, Code::BadSetting, "{gifts:?}");
        }
        assert!(checked(usual()).is_ok());
    }
}
