//! Whether there is always a way on: a search backwards, from where a device wants to be, over what it can do by itself.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Model;

/// Every state that can be reached, and which leads to which.
pub(crate) struct Ways<S> {
    states: Vec<S>,
    /// For each state, those it can be reached from by a step of the kind that was asked for.
    back: Vec<Vec<usize>>,
}

impl<S: Clone + Hash> Ways<S> {
    /// Walks everything; `counts` are the steps that may be counted on.
    pub(crate) fn of<M: Model<State = S>>(model: &M, counts: impl Fn(&M::Action) -> bool) -> Self {
        let mut known: BTreeMap<u64, usize> = BTreeMap::new();
        let mut ways = Self { states: Vec::new(), back: Vec::new() };
        let mut waiting = model.init_states();
        for state in &waiting {
            ways.place(&mut known, state);
        }
        while let Some(state) = waiting.pop() {
            let (from, _) = ways.place(&mut known, &state);
            for (step, next) in model.next_steps(&state) {
                let (to, is_new) = ways.place(&mut known, &next);
                if counts(&step) {
                    ways.back[to].push(from);
                }
                if is_new {
                    waiting.push(next);
                }
            }
        }
        ways
    }

    fn place(&mut self, known: &mut BTreeMap<u64, usize>, state: &S) -> (usize, bool) {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        let next = self.states.len();
        let place = *known.entry(hasher.finish()).or_insert(next);
        if place == next {
            self.states.push(state.clone());
            self.back.push(Vec::new());
        }
        (place, place == next)
    }

    /// How many states are `concerned`, and those of them from which no `goal` can be reached.
    pub(crate) fn stuck(&self, concerned: impl Fn(&S) -> bool, goal: impl Fn(&S) -> bool) -> (usize, Vec<&S>) {
        let mut reaches: Vec<bool> = self.states.iter().map(&goal).collect();
        let mut waiting: Vec<usize> = (0..self.states.len()).filter(|place| reaches[*place]).collect();
        while let Some(place) = waiting.pop() {
            for from in &self.back[place] {
                if !std::mem::replace(&mut reaches[*from], true) {
                    waiting.push(*from);
                }
            }
        }
        let concerned = || self.states.iter().zip(&reaches).filter(|(state, _)| concerned(state));
        (concerned().count(), concerned().filter(|(_, reaches)| !**reaches).map(|(state, _)| state).collect())
    }
}
