//! What somebody has earned in the room, beside their name.

use footlight_protocol::room::Badges;
use footlight_protocol::spend::LEVELS;
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::words::Words;

/// The badges; nothing for somebody who has none.
pub fn badges_view(words: Words, badges: Badges) -> AnyView {
    let Badges { given, months } = badges;
    let from = LEVELS.get(usize::from(given).wrapping_sub(1)).copied();
    let given = from.map(|from| {
        let title = move || words.fill("badge.given", &[("n", &from.to_string())]);
        view! {
            <span class=format!("badge given-{given}") role="img" aria-label=title title=title>
                {Icon::Gem.view()} {given}
            </span>
        }
    });
    let member = (months > 0).then(|| {
        let title = move || words.count("badge.member_one", "badge.member_many", months.into());
        view! {
            <span class="badge member" role="img" aria-label=title title=title>
                {Icon::Star.view()} {months}
            </span>
        }
    });
    view! {
        {member}
        {given}
    }
    .into_any()
}
