//! How coins can be had in a room: what its creator set, made fit to be shown to everybody.

use std::collections::HashSet;

use footlight_protocol::coin::{
    MAX_AMOUNT, MAX_PACK_COINS, MAX_PACKS, MAX_PAY_LINES, MAX_PAY_TEXT, MAX_WATCH_A_DAY, MAX_WATCH_COINS,
    MAX_WATCH_MINUTES, Offer,
};
use footlight_protocol::{Code, Failure};

use crate::chat::text::clean_lines;

/// As it was kept; what cannot be read offers nothing.
pub(crate) fn opened(kept: Option<&str>) -> Offer {
    kept.and_then(|text| serde_json::from_str(text).ok())
        .and_then(|offer| checked(offer).ok())
        .unwrap_or_default()
}

/// What the creator wants to offer.
pub(crate) fn checked(offer: Offer) -> Result<Offer, Failure> {
    let wrong = |message: String| Failure::new(Code::BadSetting, message);
    if offer.packs.len() > MAX_PACKS {
        return Err(wrong(format!("A room offers at most {MAX_PACKS} packs")));
    }
    let mut known = HashSet::new();
    for pack in &offer.packs {
        if !(1..=MAX_PACK_COINS).contains(&pack.coins) || !(1..=MAX_AMOUNT).contains(&pack.amount) {
            let message = format!(
                "A pack has 1 to {MAX_PACK_COINS} coins and costs 1 to {MAX_AMOUNT} of the smallest unit"
            );
            return Err(wrong(message));
        }
        if !known.insert(pack) {
            return Err(wrong("There are two packs that are the same".to_owned()));
        }
    }
    if let Some(watch) = offer.watch {
        let sense = (1..=MAX_WATCH_COINS).contains(&watch.coins)
            && (1..=MAX_WATCH_MINUTES).contains(&watch.minutes)
            && (watch.coins..=MAX_WATCH_A_DAY).contains(&watch.most_a_day);
        if !sense {
            let message = format!(
                "Watching gives 1 to {MAX_WATCH_COINS} coins for 1 to {MAX_WATCH_MINUTES} minutes, and a day has room for \
                 one reward at least"
            );
            return Err(wrong(message));
        }
    }
    let text = match clean_lines(&offer.text, MAX_PAY_TEXT, MAX_PAY_LINES) {
        Ok(text) => text,
        Err(Code::Empty) => String::new(),
        Err(_) => {
            let message =
                format!("How to pay is said in at most {MAX_PAY_TEXT} characters and {MAX_PAY_LINES} lines");
            return Err(wrong(message));
        }
    };
    Ok(Offer { text, ..offer })
}

#[cfg(test)]
mod tests {
    use footlight_protocol::coin::{Pack, Watch};

    use super::*;

    fn pack(coins: u64, amount: u64) -> Pack {
        Pack { coins, amount, currency: "cny".parse().unwrap() }
    }

    #[test]
    fn an_offer_is_kept_and_one_that_makes_no_sense_is_refused() {
        let offer = Offer {
            packs: vec![pack(60, 600), pack(300, 3_000)],
            text: " 微信\r\n\n 8 \u{202e}".into(),
            ..Offer::default()
        };
        let kept = checked(offer).unwrap();
        assert_eq!(kept.text, "微信\n\n8");
        assert_eq!(opened(Some(&serde_json::to_string(&kept).unwrap())), kept);
        for unreadable in [None, Some(""), Some("[]"), Some(r#"{"packs":[{}]}"#)] {
            assert_eq!(opened(unreadable), Offer::default());
        }
        let packs = |packs: Vec<Pack>| Offer { packs, ..Offer::default() };
        let watch = |coins, minutes, most_a_day| Offer {
            watch: Some(Watch { coins, minutes, most_a_day }),
            ..Offer::default()
        };
        assert!(checked(watch(5, 10, 5)).is_ok());
        for offer in [
            packs((0..=MAX_PACKS as u64).map(|n| pack(n + 1, 1)).collect()),
            packs(vec![pack(0, 1)]),
            packs(vec![pack(MAX_PACK_COINS + 1, 1)]),
            packs(vec![pack(1, 0)]),
            packs(vec![pack(1, MAX_AMOUNT + 1)]),
            packs(vec![pack(1, 1), pack(1, 1)]),
            Offer { text: "x".repeat(MAX_PAY_TEXT + 1), ..Offer::default() },
            Offer { text: "x\n".repeat(MAX_PAY_LINES + 1), ..Offer::default() },
            watch(0, 10, 100),
            watch(5, 0, 100),
            watch(5, MAX_WATCH_MINUTES + 1, 100),
            watch(5, 10, 4),
            watch(5, 10, MAX_WATCH_A_DAY + 1),
        ] {
            assert_eq!(checked(offer.clone()).unwrap_err().code, Code::BadSetting, "{offer:?}");
        }
    }
}
