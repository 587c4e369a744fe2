//! Where notices wait: those about wipes in a row of their own. An administrator makes those, and whoever signs in makes the
//! others; so nobody who comes with ever new DeviceIds keeps one about a wipe from anybody.

use tokio::sync::mpsc;

use super::WAITING;

/// Where notices are put in.
pub(super) struct Entrance<T> {
    wipes: mpsc::Sender<T>,
    others: mpsc::Sender<T>,
}

/// Where they come out.
pub(in crate::serve) struct Queue<T> {
    pub(super) wipes: mpsc::Receiver<T>,
    pub(super) others: mpsc::Receiver<T>,
}

/// A queue in which [`WAITING`] notices about wipes may wait, and as many others.
pub(super) fn queue<T>() -> (Entrance<T>, Queue<T>) {
    let (into_wipes, wipes) = mpsc::channel(WAITING);
    let (into_others, others) = mpsc::channel(WAITING);
    (Entrance { wipes: into_wipes, others: into_others }, Queue { wipes, others })
}

impl<T> Entrance<T> {
    /// Puts one in, without waiting; `false` when too many of its sort wait already.
    pub(super) fn put(&self, is_about_wipe: bool, notice: T) -> bool {
        let row = if is_about_wipe { &self.wipes } else { &self.others };
        row.try_send(notice).is_ok()
    }
}

impl<T> Queue<T> {
    /// The next one, first what is about a wipe; `None` when nothing more can come. Nothing is lost when nobody waits for it
    /// any longer.
    pub(super) async fn next(&mut self) -> Option<T> {
        tokio::select! {
            biased;
            Some(notice) = self.wipes.recv() => Some(notice),
            Some(notice) = self.others.recv() => Some(notice),
            else => None,
        }
    }

    /// Lets nothing more in; what waits still comes out.
    pub(super) fn close(&mut self) {
        self.wipes.close();
        self.others.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_about_a_wipe_comes_first_and_has_room_however_many_others_wait() {
        let (entrance, mut queue) = queue();
        for number in 0..WAITING {
            assert!(entrance.put(false, number));
        }
        assert!(!entrance.put(false, WAITING), "too many");
        assert!(entrance.put(true, 7_000));
        assert_eq!(queue.next().await, Some(7_000));
        assert_eq!(queue.next().await, Some(0));
        queue.close();
        assert!(!entrance.put(true, 7_001));
        for number in 1..WAITING {
            assert_eq!(queue.next().await, Some(number));
        }
        assert_eq!(queue.next().await, None);
    }
}
