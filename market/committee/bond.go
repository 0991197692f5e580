package committee

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/market/params"
)

// Burn is the address that nobody can spend from: no key has 33 zero bytes and no unit a main chain index below 1.
const Burn byteball.Address = "YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7"

const noKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" // 33 zero bytes

// Unspendable is the definition behind Burn (m = 0) and behind the list addresses.
func Unspendable(m uint64) any {
	return []any{"and", []any{sig(noKey), []any{"mci", []any{"<", float64(1 + m)}}}}
}

// Reg is REG(m), the address that the registrations of one listing period pay, so that one proven history names them all.
//
// MECHANISM 1 counts m in terms of a month, in days above 1,500 registrations a month. Here a period has Params.ListEpochs
// epochs (standard: 120, a month; 4 is a day) and m = ⌊epoch of the unit's timestamp / ListEpochs⌋; before T0, m = 0.
func Reg(m uint64) byteball.Address { return address(Unspendable(m)) }

// Period is the listing period m at a time.
func Period(m *params.Manifest, t time.Time) uint64 {
	return m.Calendar().EpochAt(t) / uint64(m.Params.ListEpochs)
}

// Lists returns the list addresses where all bonds that may serve in epoch e, or register in it, are found.
func Lists(m *params.Manifest, e uint64) []byteball.Address {
	n, life := uint64(m.Params.ListEpochs), uint64(m.Params.Term+m.Params.Delay)
	first := (max(e, life) - life) / n
	first -= min(first, 1) // a unit may pay the list of the period before its timestamp's
	list := make([]byteball.Address, 0, e/n-first+2)
	for i := first; i <= e/n+1; i++ {
		list = append(list, Reg(i))
	}
	return list
}

// BondDefinition is a validator's bond (MECHANISM 1): own takes it back after the main chain index end; key K or five of
// the arbiters can only burn it, slice by slice. Keys are base64 of 33 bytes, slice is in bytes.
func BondDefinition(own, k string, arbiters [7]string, end uint64, slice byteball.Bytes) any {
	return bond(own, []any{"or", []any{sig(k), five(arbiters)}}, end, slice)
}

// SellerBondDefinition is a seller's bond: the same without K.
func SellerBondDefinition(own string, arbiters [7]string, end uint64, slice byteball.Bytes) any {
	return bond(own, five(arbiters), end, slice)
}

func bond(own string, burners any, end uint64, slice byteball.Bytes) any {
	least := float64(slice/100*95 + slice%100*95/100) // 95 %, rounded down
	return []any{"or", []any{
		[]any{"and", []any{sig(own), []any{"mci", []any{">", float64(end)}}}},
		[]any{"and", []any{
			burners,
			[]any{"has", map[string]any{"what": "output", "asset": "base", "address": string(Burn), "amount_at_least": least}},
			[]any{"sum", map[string]any{"filter": map[string]any{"what": "input", "asset": "base"}, "at_most": float64(slice)}},
		}},
	}}
}

func sig(key string) any { return []any{"sig", map[string]any{"pubkey": key}} }

func five(arbiters [7]string) any {
	set := make([]any, len(arbiters))
	for i, k := range arbiters {
		set[i] = sig(k)
	}
	return []any{"r of set", map[string]any{"required": 5.0, "set": set}}
}

func address(definition any) byteball.Address {
	a, err := chash.Of(definition)
	if err != nil {
		panic(fmt.Sprintf("committee: %v", err)) // definitions of this file are plain trees of strings and numbers
	}
	return a
}
