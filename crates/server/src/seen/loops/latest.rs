//! A table of so many entries, of which the one that was touched least lately gives way to a new one. Every step is a few
//! lookups in two trees: nothing ever goes through the entries.
//!
//! It is our own since nothing we depend on promises as much. moka bounds its caches a moment later, may forget under load that
//! an entry was touched, and says by a call of its own what gave way: then strangers with made-up DeviceIds could push out a
//! storm that goes on, and the number of storms would be out of step with the entries.

use std::collections::BTreeMap;

/// The table.
pub(super) struct Latest<K, V> {
    most: usize,
    /// Each with the number of its last touch.
    entries: BTreeMap<K, (u64, V)>,
    /// Which entry was touched by which number; the smallest is the one that gives way.
    touched: BTreeMap<u64, K>,
    next: u64,
}

impl<K: Ord + Clone, V> Latest<K, V> {
    /// An empty table of at most so many entries, at least one.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, entries: BTreeMap::new(), touched: BTreeMap::new(), next: 0 }
    }

    /// The entry, if there is one, which is not touched by this.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Every entry, for what concerns all of them and comes seldom. None is touched by this.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|(_, value)| value)
    }

    /// The entry, a `fresh` one if there is none, and the value of the entry that gave way to it.
    pub(super) fn touch(&mut self, key: &K, fresh: impl FnOnce() -> V) -> (&mut V, Option<V>) {
        let number = self.next;
        self.next += 1;
        let mut gave_way = None;
        if let Some((touched, _)) = self.entries.get(key) {
            self.touched.remove(touched);
        } else if self.entries.len() >= self.most
            && let Some((_, oldest)) = self.touched.pop_first()
        {
            gave_way = self.entries.remove(&oldest).map(|(_, value)| value);
        }
        self.touched.insert(number, key.clone());
        let entry = self.entries.entry(key.clone()).or_insert_with(|| (number, fresh()));
        entry.0 = number;
        (&mut entry.1, gave_way)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.touched.len());
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn the_entry_that_was_touched_least_lately_gives_way() {
        let mut table = Latest::new(3);
        for key in ["a", "b", "c", "a"] {
            let (value, gave_way) = table.touch(&key, || 0);
            *value += 1;
            assert_eq!(gave_way, None);
        }
        assert_eq!(table.touch(&"d", || 7), (&mut 7, Some(1)));
        assert_eq!((table.get_mut(&"b").copied(), table.get_mut(&"a").copied()), (None, Some(2)));
        assert_eq!(table.len(), 3);
        assert_eq!(table.touch(&"b", || 9).1, Some(1), "c was next");
        assert!(table.get_mut(&"a").is_some());
    }

    /// A key that counts how often it is compared.
    #[derive(Clone)]
    struct Compared(u64, Rc<Cell<u64>>);

    impl Ord for Compared {
        fn cmp(&self, other: &Self) -> Ordering {
            self.1.set(self.1.get() + 1);
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Compared {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Compared {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Compared {}

    #[test]
    fn a_full_table_costs_a_newcomer_a_few_comparisons_and_not_one_for_each_entry() {
        let compared = Rc::new(Cell::new(0));
        let mut table = Latest::new(10_000);
        for number in 0..20_000 {
            compared.set(0);
            table.touch(&Compared(number, Rc::clone(&compared)), || ());
            assert!(compared.get() < 500, "{} comparisons for number {number}", compared.get());
        }
        assert_eq!(table.len(), 10_000);
    }
}
