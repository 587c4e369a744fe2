//! The word to stop, for whoever holds a request or runs beside them.

use tokio::sync::watch;

/// Gives the word.
#[derive(Debug)]
pub struct StopSignal(watch::Sender<bool>);

/// Hears it. Clones hear the same word; once the signal is gone it counts as given.
#[derive(Clone, Debug)]
pub struct Stop(Option<watch::Receiver<bool>>);

impl StopSignal {
    /// A signal, and somebody to hear it.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(Some(receiver)))
    }

    /// Gives the word, for everybody and for good.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// A word that is never given.
    pub const fn never() -> Self {
        Self(None)
    }

    /// Waits for the word.
    pub async fn stopped(&self) {
        match &self.0 {
            // An error means that the signal is gone, and so is whoever would want this to go on.
            Some(receiver) => drop(receiver.clone().wait_for(|stop| *stop).await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_late_hears_it_too() {
        let (signal, stop) = StopSignal::new();
        signal.stop();
        stop.stopped().await;
        stop.clone().stopped().await;
    }

    #[tokio::test]
    async fn a_signal_that_is_gone_counts_as_given() {
        let (signal, stop) = StopSignal::new();
        drop(signal);
        stop.stopped().await;
    }
}
