//! Several requests in one round trip.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// One of them.
pub(super) type Request<'a, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send + 'a>>;

/// Begins each of them in order before it waits for any: what they send goes out at once, and the server answers in that order.
pub(super) async fn all<T>(requests: Vec<Request<'_, T>>) -> Vec<Result<T, tokio_postgres::Error>> {
    let mut waiting: Vec<_> = requests.into_iter().map(|request| (Some(request), None)).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (request, answer) in &mut waiting {
            if let Some(asked) = request {
                match asked.as_mut().poll(context) {
                    Poll::Ready(output) => (*request, *answer) = (None, Some(output)),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, answer)| answer).collect()
}
