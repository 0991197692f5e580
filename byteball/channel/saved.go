package channel

import "github.com/iotverse/iotverse/byteball/unit"

// FindKey returns the key with a public part, base64 of 33 bytes. Error: NotFound.
type FindKey = func(public string) (unit.Signer, error)

// FindPayer is RestorePayer for who has many keys and knows the channel only from its saved bytes. Errors: as RestorePayer,
// and that of find.
func FindPayer(data []byte, find FindKey) (Payer, error) {
	m, err := restoreBy(roleBuyer, data, find)
	return Payer{m}, err
}

// FindPayee is FindPayer for the seller's side.
func FindPayee(data []byte, find FindKey) (Payee, error) {
	m, err := restoreBy(roleSeller, data, find)
	return Payee{m}, err
}

func restoreBy(role string, data []byte, find FindKey) (machine, error) {
	st, _, err := decodeState(role, data)
	if err != nil {
		return machine{}, err
	}
	own := st.Terms.Buyer
	if role == roleSeller {
		own = st.Terms.Seller
	}
	key, err := find(own)
	if err != nil {
		return machine{}, err
	}
	return restore(role, data, key)
}
