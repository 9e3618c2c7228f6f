//! The creator's settings: what is kept on this computer, the card between broadcasts, what the room offers, the overlay page, invitations, and the
//! stream keys.

use leptos::prelude::*;

use crate::part::card_field::CardField;
use crate::part::emote_field::EmoteField;
use crate::part::gift_list::GiftList;
use crate::part::goal_field::GoalField;
use crate::part::icon::Icon;
use crate::part::invites::Invites;
use crate::part::keys::StreamKeys;
use crate::part::modal::modal;
use crate::part::offer_field::OfferField;
use crate::part::overlay_field::OverlayField;
use crate::part::recorder_field::RecorderField;
use crate::part::rules_field::RulesField;
use crate::part::terms_field::TermsField;
use crate::words::use_words;

#[component]
pub fn Settings(open: RwSignal<bool>) -> impl IntoView {
    let words = use_words();
    let dialog = modal(move || open.get());
    view! {
        <dialog
            id="settings"
            class="dialog settings"
            node_ref=dialog
            autofocus
            aria-labelledby="settings-title"
            on:close=move |_| open.set(false)
        >
            <header class="settings-head">
                <h2 id="settings-title">{words.say("settings.title")}</h2>
                <button
                    type="button"
                    class="quiet square"
                    aria-label=words.say("common.close")
                    on:click=move |_| open.set(false)
                >
                    {Icon::Close.view()}
                </button>
            </header>
            <RecorderField />
            <CardField />
            <RulesField />
            <EmoteField />
            <GiftList />
            <GoalField />
            <TermsField />
            <OfferField />
            <OverlayField />
            <Invites open />
            <StreamKeys open />
        </dialog>
    }
}
