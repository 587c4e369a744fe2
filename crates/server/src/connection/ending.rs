//! How a connection ends: by itself, in good order once the server stops or no more can be believed of it, or at once.
//!
//! A connection is looked after each time that anything happens on it. Whether the server stops is looked at only when
//! somebody said so: words are heard in a place that all connections share.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use hyper_util::server::graceful::GracefulConnection;

use super::stop::Stop;

/// Drives a connection to its end. After the word to stop, or once it `is_doubtful`, it answers what it has begun, and no more; at
/// the word to end at once the result is `None`. It comes in a box, for to be pinned here it would need its room twice.
pub(super) async fn to_its_end<C: GracefulConnection>(
    mut connection: Pin<Box<C>>,
    is_doubtful: impl Fn() -> bool,
    stop: Stop,
    cut: Stop,
) -> Option<Result<(), C::Error>> {
    let (stopped, cut) = (pin!(stop.stopped()), pin!(cut.stopped()));
    let (mut stopped, mut cut) = (WhenWoken::new(stopped), WhenWoken::new(cut));
    let mut ends = false;
    std::future::poll_fn(|context| {
        if !ends && stopped.poll(context).is_ready() {
            ends = true;
            connection.as_mut().graceful_shutdown();
        }
        if cut.poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let mut polled = connection.as_mut().poll(context);
        if !ends && polled.is_pending() && is_doubtful() {
            ends = true;
            connection.as_mut().graceful_shutdown();
            polled = connection.as_mut().poll(context);
        }
        polled.map(Some)
    })
    .await
}

/// A future that is looked at when it was woken, and not whenever its neighbours are.
struct WhenWoken<F> {
    future: F,
    bell: Option<Arc<Bell>>,
}

/// Wakes a task, and remembers for what.
struct Bell {
    rang: AtomicBool,
    task: Waker,
}

impl<F> WhenWoken<F> {
    const fn new(future: F) -> Self {
        Self { future, bell: None }
    }
}

impl<F: Future + Unpin> WhenWoken<F> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<F::Output> {
        let bell = match &self.bell {
            Some(bell) if bell.task.will_wake(context.waker()) => {
                // Almost always it did not, and reading is cheaper than writing.
                if !bell.rang.load(Ordering::Relaxed) || !bell.rang.swap(false, Ordering::AcqRel) {
                    return Poll::Pending;
                }
                Arc::clone(bell)
            }
            _ => {
                let bell = Bell { rang: AtomicBool::new(false), task: context.waker().clone() };
                Arc::clone(self.bell.insert(Arc::new(bell)))
            }
        };
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&Waker::from(bell)))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_future_is_polled_at_first_and_then_when_it_was_woken() {
        let polls = AtomicUsize::new(0);
        let (say, mut word) = oneshot::channel::<()>();
        let counted = pin!(std::future::poll_fn(|context| {
            polls.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut word).poll(context)
        }));
        let mut counted = WhenWoken::new(counted);
        let mut neighbours = 0;
        let mut say = Some(say);
        let heard = std::future::poll_fn(|context| {
            if let Poll::Ready(heard) = counted.poll(context) {
                return Poll::Ready(heard);
            }
            neighbours += 1;
            match neighbours {
                1..5 => context.waker().wake_by_ref(),
                _ => drop(say.take().map(|say| say.send(()))),
            }
            Poll::Pending
        });
        assert_eq!(heard.await, Ok(()));
        assert_eq!((neighbours, polls.load(Ordering::Relaxed)), (5, 2));
    }
}
