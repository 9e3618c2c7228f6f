//! The room's own emotes: the owner sets them, and everybody is told which there are.

use footlight_protocol::emote::{Emote, MAX_EMOTES};
use footlight_protocol::room::ServerMessage;
use footlight_protocol::{Code, Failure};

use super::actor::Actor;
use super::talk::internal;
use crate::chat::outbox::Weight;

impl Actor {
    /// Sets the emote of that name, with its picture as it is served, or takes it away.
    pub(super) async fn set_emote(
        &mut self,
        name: String,
        made: Option<(Emote, Vec<u8>)>,
    ) -> Result<(), Failure> {
        let before = self.emotes.iter().find(|emote| emote.name == name);
        if before == made.as_ref().map(|(emote, _)| emote) {
            return Ok(());
        }
        if before.is_none() && self.emotes.len() >= MAX_EMOTES {
            let text = format!("A room has at most {MAX_EMOTES} emotes");
            return Err(Failure::new(Code::Full, text));
        }
        let mut emotes = self.emotes.clone();
        emotes.retain(|emote| emote.name != name);
        let kept = match made {
            Some((emote, image)) => {
                let at = emotes.partition_point(|other| other.name < emote.name);
                emotes.insert(at, emote.clone());
                self.store.set_emote(self.id.clone(), emote, image).await
            }
            None => self.store.drop_emote(self.id.clone(), name).await,
        };
        kept.map_err(|error| internal(&error))?;
        self.emotes.clone_from(&emotes);
        self.guard.know_emotes(&self.emotes);
        self.seats.tell_all(&ServerMessage::Emotes { emotes }, Weight::Full);
        Ok(())
    }
}
