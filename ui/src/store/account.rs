//! The visitor's account as their page shows it.

use footlight_protocol::Failure;
use footlight_protocol::account::Account;

/// Which form is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// None but what is offered.
    #[default]
    Closed,
    Make,
    SignIn,
    Change,
}

#[derive(Debug, Clone)]
pub enum MineEvent {
    Asked,
    /// The relay said whether there is an account.
    Found(Option<Account>),
    Opened(Form),
    /// The password is another one now.
    Changed,
    /// Something else was done, as a key of words.
    Said(&'static str),
    /// The browser gave no passkey, for a reason that is a key of words.
    Without(&'static str),
    Failed(Failure),
}

#[derive(Debug, Clone, Default)]
pub struct Mine {
    /// None before the relay has answered.
    pub account: Option<Option<Account>>,
    pub form: Form,
    pub busy: bool,
    pub failure: Option<Failure>,
    /// The password was just changed.
    pub changed: bool,
    /// What was done, or why it was not, as a key of words.
    pub said: Option<&'static str>,
    pub without: Option<&'static str>,
}

impl Mine {
    pub fn apply(&mut self, event: MineEvent) {
        (self.busy, self.failure, self.changed) = (false, None, false);
        (self.said, self.without) = (None, None);
        match event {
            MineEvent::Asked => self.busy = true,
            MineEvent::Found(account) => {
                self.account = Some(account);
                self.form = Form::Closed;
            }
            MineEvent::Opened(form) => self.form = form,
            MineEvent::Changed => (self.form, self.changed) = (Form::Closed, true),
            MineEvent::Said(said) => self.said = Some(said),
            MineEvent::Without(why) => self.without = Some(why),
            // What was typed stays.
            MineEvent::Failed(failure) => self.failure = Some(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Code;

    use super::*;

    #[test]
    fn a_failure_leaves_the_form_open_and_success_closes_it() {
        let mut mine = Mine::default();
        mine.apply(MineEvent::Asked);
        mine.apply(MineEvent::Found(None));
        mine.apply(MineEvent::Opened(Form::SignIn));
        mine.apply(MineEvent::Asked);
        assert!(mine.busy);
        mine.apply(MineEvent::Failed(Failure::new(Code::NotSignedIn, "no")));
        assert!(!mine.busy && mine.failure.is_some() && mine.form == Form::SignIn);
        mine.apply(MineEvent::Opened(Form::Make));
        assert_eq!(mine.failure, None, "another form says nothing of the first");
        let account = Account { name: "Ada".to_owned(), made_at: 1, has_password: true };
        mine.apply(MineEvent::Found(Some(account)));
        mine.apply(MineEvent::Opened(Form::Change));
        mine.apply(MineEvent::Changed);
        assert!(mine.changed && mine.form == Form::Closed);
        mine.apply(MineEvent::Opened(Form::Change));
        assert!(!mine.changed);
        // Whoever closes the browser's own prompt is where they were.
        mine.apply(MineEvent::Asked);
        mine.apply(MineEvent::Without("passkey.cancelled"));
        assert!(!mine.busy && mine.without.is_some() && mine.form == Form::Change);
        mine.apply(MineEvent::Asked);
        assert_eq!(mine.without, None);
    }
}
