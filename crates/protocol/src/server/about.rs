//! What an event is about where its kind alone leaves that open: which loop, whose credentials, a policy that is damaged. It is a value of its own, so
//! that nobody has to read it back from a sentence.

use super::decision::{Event, EventKind};
use super::loops::Loop;
use super::refused_sign_in::RefusedSignIn;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// The loop that was detected.
    Loop(Loop),
    /// Whose credentials were refused.
    RefusedSignIn(RefusedSignIn),
    /// The policy, which cannot be read: whatever key the device sends, it is told to provision.
    DamagedPolicy,
}

impl About {
    /// Everything an event can be about.
    pub fn all() -> impl Iterator<Item = Self> {
        let loops = Loop::ALL.into_iter().map(Self::Loop);
        let sign_ins = RefusedSignIn::ALL.into_iter().map(Self::RefusedSignIn);
        loops.chain(sign_ins).chain([Self::DamagedPolicy])
    }

    /// Its word in the API and in stores. No two have the same.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loop(one) => one.as_str(),
            Self::RefusedSignIn(who) => who.as_str(),
            Self::DamagedPolicy => "damaged_policy",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::all().find(|about| about.as_str() == word)
    }
}

impl Event {
    /// That the device repeats itself, and how.
    pub fn loop_detected(one: Loop) -> Self {
        let detail = format!("{}: {}", one.as_str(), one.sentence());
        Self { about: Some(About::Loop(one)), ..Self::new(EventKind::LoopDetected, detail) }
    }

    /// That credentials were refused, and whose they were.
    pub fn sign_in_refused(who: RefusedSignIn) -> Self {
        Self { about: Some(About::RefusedSignIn(who)), ..Self::new(EventKind::SignInRefused, who.sentence()) }
    }

    /// The loop that was detected; `None` of other events.
    pub fn detected_loop(&self) -> Option<Loop> {
        match self.about {
            Some(About::Loop(one)) if self.kind == EventKind::LoopDetected => Some(one),
            _ => None,
        }
    }

    /// Whose credentials were refused; `None` of other events. Where nothing is said of it nothing was proved, so they were a
    /// stranger's.
    pub fn refused_sign_in(&self) -> Option<RefusedSignIn> {
        match (self.kind, self.about) {
            (EventKind::SignInRefused, Some(About::RefusedSignIn(who))) => Some(who),
            (EventKind::SignInRefused, _) => Some(RefusedSignIn::Stranger),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_an_event_is_about_reads_back_from_its_word_and_no_two_share_one() {
        for about in About::all() {
            assert_eq!(About::parse(about.as_str()), Some(about));
        }
        let words: BTreeSet<&str> = About::all().map(About::as_str).collect();
        assert_eq!(words.len(), About::all().count());
        assert_eq!(About::parse("refusal_storm: it repeats a refused request many times a minute"), None);
    }

    #[test]
    fn an_event_says_what_it_is_about_whatever_its_detail_says() {
        for one in Loop::ALL {
            let event = Event { detail: String::new(), ..Event::loop_detected(one) };
            assert_eq!((event.detected_loop(), event.refused_sign_in()), (Some(one), None));
        }
        for who in RefusedSignIn::ALL {
            let event = Event { detail: RefusedSignIn::Itself.sentence().to_owned(), ..Event::sign_in_refused(who) };
            assert_eq!((event.detected_loop(), event.refused_sign_in()), (None, Some(who)));
        }
        let unsaid = Event::new(EventKind::SignInRefused, RefusedSignIn::Itself.sentence());
        assert_eq!(unsaid.refused_sign_in(), Some(RefusedSignIn::Stranger), "a sentence proves nothing");
    }
}
