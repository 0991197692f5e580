// Package channel is the payment channel of MECHANISM 6: a buyer locks a deposit at an address that he and a seller hold
// together, and pays the seller and any number of payees by signing the unit that will close it, again and again with
// larger amounts. The seller signs too, and posts, when he wants the money; if he never does, the buyer takes the deposit
// back once it is old enough.
//
//	opening   ─┬─ both   the deposit is stable         ─▶ open      on Funded, UnitStable
//	           ├─ both   the deposit was double-spent  ─▶ lost      on UnitStable
//	           ├─ both   the address was used before   ─▶ lost      on UnitStable
//	open      ─┬─ buyer  he asks for the close         ─▶ closing   on CloseNow
//	           ├─ buyer  a successor is open           ─▶ closing   on Succeeded
//	           ├─ buyer  restored from a backup        ─▶ closing   on Recovered, Tip
//	           ├─ buyer  the seller has closed         ─▶ closing   on UnitSeen
//	           ├─ buyer  older than the age            ─▶ refunding on Tip
//	           ├─ seller the buyer's final voucher     ─▶ closing   on Accept
//	           ├─ seller he wants his money            ─▶ closing   on CloseNow
//	           ├─ seller the buyer spends the deposit  ─▶ closing   on UnitSeen
//	           ├─ seller 0.6 of the age, or Until      ─▶ closing   on Tip
//	           ├─ both   a closing is stable           ─▶ closed    on UnitStable
//	           ├─ both   a refund is stable            ─▶ refunded  on UnitStable
//	closing   ─┬─ buyer  older than the age            ─▶ refunding on Tip
//	           ├─ both   a closing is stable           ─▶ closed    on UnitStable
//	           ├─ both   a refund is stable            ─▶ refunded  on UnitStable
//	refunding ─┬─ buyer  a closing beats the refund    ─▶ closed    on UnitStable
//	           ├─ buyer  the refund is stable          ─▶ refunded  on UnitStable
//
// A test draws this from the table that Apply goes by (table.go), and shows that every arrow happens and no other.
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
// Fees: a voucher offers the least tps fee of its place and a margin, and up to the reserve three times the current fee.
// When fees rise the seller asks for a renewal (Renew) before he needs it; a close refused for fees is posted again, or
// gives way to a dearer voucher. A unit that was refused for good, archived or reorganised away is signed with another
// nonce. What follows a channel that runs out stands in successor.go, what a restored backup does in restored.go.
//
// A State is made to be worked with: its newest voucher is a whole unit with the definition as a tree, its promises are a map,
// addresses are text. That takes five times its bytes on disk. So a node with thousands of channels keeps those that have
// nothing to do at rest (Resting): as these bytes, and what tells when a deadline or a fee means something to them.
//
// Left out: sockets, clocks, the store, coins for the deposit (package wallet), prices and who the payees are. Payee
// addresses must not be autonomous agents; the package cannot see that, whoever names payees can. Callers: the cores of
// buyer, seller and validator, and the simulator.
package channel
