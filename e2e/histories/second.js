// A client's end covers its access tokens by the second in which they were issued (the `clients` of the revocation feed), and its codes by
// the second in which they were approved: of those that it gets once it is switched on again, one of that same second may have ended with
// the older ones.

const SECOND_MS = 1_000;

// `offUntil` is when its end was known to be over; null if there was none.
export function isOfTheSecondOfTheEnd({ offUntil }, { invokedAt }) {
  return offUntil !== null && invokedAt - offUntil < SECOND_MS;
}
