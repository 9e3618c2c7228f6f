//! Invitations as the creator's settings show them. The secret of a new one is kept only until it is put away.

use footlight_protocol::Failure;
use footlight_protocol::invite::{Invite, NewInvite};

#[derive(Debug, Clone)]
pub enum InvitesEvent {
    /// Something was asked of the relay.
    Asked,
    Listed(Vec<Invite>),
    Made(NewInvite),
    Revoked(u64),
    Failed(Failure),
    /// The creator thinks about taking one back: a second press does it.
    Considered(u64),
    /// The new link was copied or is not needed: its secret is forgotten.
    PutAway,
}

#[derive(Debug, Clone, Default)]
pub struct Invites {
    /// None before the relay has answered. Newest first.
    pub list: Option<Vec<Invite>>,
    pub new: Option<NewInvite>,
    pub sure: Option<u64>,
    pub busy: bool,
    pub failure: Option<Failure>,
}

impl Invites {
    pub fn apply(&mut self, event: InvitesEvent) {
        match event {
            InvitesEvent::Asked => (self.busy, self.failure, self.sure) = (true, None, None),
            InvitesEvent::Considered(id) => self.sure = Some(id),
            InvitesEvent::PutAway => self.new = None,
            InvitesEvent::Listed(mut list) => {
                self.busy = false;
                list.reverse();
                self.list = Some(list);
            }
            InvitesEvent::Made(new) => {
                self.busy = false;
                self.list.get_or_insert_default().insert(0, new.entry.clone());
                self.new = Some(new);
            }
            InvitesEvent::Revoked(id) => {
                self.busy = false;
                let list = self.list.get_or_insert_default();
                list.iter_mut().filter(|invite| invite.id == id).for_each(|invite| invite.revoked = true);
                self.new.take_if(|new| new.entry.id == id);
            }
            InvitesEvent::Failed(failure) => (self.busy, self.failure) = (false, Some(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Code;
    use footlight_protocol::room::Role;

    use super::*;

    fn invite(id: u64) -> Invite {
        Invite {
            id,
            label: String::new(),
            role: Role::Moderator,
            made_at: 0,
            expires_at: 10,
            uses: 1,
            used: 0,
            revoked: false,
            taken: Vec::new(),
        }
    }

    #[test]
    fn a_link_is_shown_once_and_goes_when_it_is_taken_back() {
        let mut invites = Invites::default();
        invites.apply(InvitesEvent::Asked);
        invites.apply(InvitesEvent::Listed(vec![invite(1), invite(2)]));
        let new = NewInvite { entry: invite(3), secret: "s".to_owned() };
        invites.apply(InvitesEvent::Made(new));
        let ids = |invites: &Invites| invites.list.iter().flatten().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!((ids(&invites), invites.busy), (vec![3, 2, 1], false), "newest first");
        invites.apply(InvitesEvent::Considered(3));
        invites.apply(InvitesEvent::Asked);
        invites.apply(InvitesEvent::Revoked(3));
        assert_eq!((invites.sure, &invites.new), (None, &None));
        assert!(invites.list.as_ref().unwrap()[0].revoked && ids(&invites).len() == 3);
        invites.apply(InvitesEvent::Failed(Failure::new(Code::Full, "full")));
        assert!(invites.failure.is_some() && ids(&invites).len() == 3);
        invites.apply(InvitesEvent::PutAway);
    }
}
