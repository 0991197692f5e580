package ledger

import (
	"math"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// params are those of a request: a tree of objecthash.ParseTree, nil if there are none.
type params struct{ tree any }

// field returns a member of an object.
func (q params) field(name string) (any, bool) {
	m, _ := q.tree.(map[string]any)
	v, ok := m[name]
	return v, ok
}

func (q params) text(name string) string {
	v, _ := q.field(name)
	s, _ := v.(string)
	return s
}

// given says whether a member is there and is what JavaScript calls true.
func (q params) given(name string) bool {
	v, _ := q.field(name)
	return truthy(v)
}

// whole reads a non-negative integer that JavaScript holds exactly.
func whole(v any) (uint64, bool) {
	f, ok := v.(float64)
	if !ok || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return 0, false
	}
	return uint64(f), true
}

// positive reads an integer above 0.
func positive(v any) (uint64, bool) {
	n, ok := whole(v)
	return n, ok && n > 0
}

// addressList reads a non-empty array of valid addresses; isList is false for anything else than such an array.
func addressList(v any) (list []byteball.Address, isList, valid bool) {
	items, _ := v.([]any)
	if len(items) == 0 {
		return nil, false, false
	}
	for _, item := range items {
		a, _ := item.(string)
		if !chash.Valid(byteball.Address(a)) {
			return nil, true, false
		}
		list = append(list, byteball.Address(a))
	}
	return list, true, true
}

// hashList reads a non-empty array of hashes.
func hashList(v any) (list []byteball.Hash, isList, valid bool) {
	items, _ := v.([]any)
	if len(items) == 0 {
		return nil, false, false
	}
	for _, item := range items {
		h, _ := item.(string)
		if len(h) != unit.HashLength || len(raw(byteball.Hash(h))) != 32 {
			return nil, true, false
		}
		list = append(list, byteball.Hash(h))
	}
	return list, true, true
}

// addressIn reads one valid address.
func addressIn(v any) (byteball.Address, bool) {
	s, _ := v.(string)
	return byteball.Address(s), chash.Valid(byteball.Address(s))
}
