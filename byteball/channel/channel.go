// Package channel is the payment channel of MECHANISM 6: a buyer locks a deposit at an address that he and a seller hold
// together, and pays the seller and any number of payees by signing the unit that will close it, again and again with
// larger amounts. The seller signs too, and posts, when he wants the money; if he never does, the buyer takes the deposit
// back once it is old enough.
//
//	Opening ──funding stable──▶ Open ──close──▶ Closing ──stable──▶ Closed
//	   │                         ├──age over N──▶ Refunding ──stable──▶ Refunded
//	   └──funding double-spent──▶ Lost
//
// Payer is the buyer's side, Payee the seller's. Both are pure: Apply takes one event and the time and returns the next
// state and what to do, in order: a Save comes before the Send or Post that depends on it and has to be on disk first.
// Whoever only relies on vouchers (a validator) uses Read.
//
// What keeps everybody safe (BYTEBALL C): one spend per address, so one channel per address and no partial closes; keys
// named by `sig`, so nothing hangs on undisclosed definitions; a closing hangs on one stable main chain unit and on that
// unit's own last ball, so its parents never vanish; the seller closes at 0.6 of the age, long before a refund; a unit
// with both signatures leaves only to be posted; nothing but a stable unit counts.
//
// Left out: sockets, clocks, the store, coins for the deposit (package wallet), prices and who the payees are. Payee
// addresses must not be autonomous agents; the package cannot see that, whoever names payees can. Callers: the cores of
// buyer, seller and validator, and the simulator.
package channel
