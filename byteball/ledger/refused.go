package ledger

import (
	"errors"

	"github.com/iotverse/iotverse/byteball"
)

// refused is the ledger's no to a unit, as opposed to a store that failed.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// Refused returns the words of the no. An error of Post that has this method is definite: the unit is not on the ledger.
func (r refused) Refused() string { return r.Error() }

// no marks err, why a unit is not taken, as a definite no.
func no(err error) error {
	if err == nil {
		return nil
	}
	return refused{err}
}

// forEver says whether a unit that is refused by err would be refused always: it is wrong, or spends what a unit among its
// ancestors has spent. A double spend of a unit beside it may come to win.
func forEver(err error) bool {
	return errors.Is(err, byteball.Invalid) || errors.Is(err, byteball.Stale) && !errors.Is(err, errSerial)
}
