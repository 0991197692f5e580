// Package signedmessage signs messages with the keys of ledger addresses, and checks such messages. No unit is posted: a
// wallet proves with one that it holds an address, a payment channel hands money over with one.
//
// There are two kinds. An offline message carries the definitions of its authors and is checked without a ledger; what it
// says about an address holds for as long as that address has its first definition. A network-aware one names a last ball
// unit: its authors count with the definitions they have on the ledger at that point, and only definitions that the ledger
// does not know yet are in the message.
//
// The package is pure; what the ledger knows comes in through Chain. Left out: talking about a message with other
// cosigners, and what a message means. Called by wallets and by channel code. Rules: ocore signed_message.js.
package signedmessage

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// MaxLength is the longest message that is read, in bytes of JSON. The reference has no limit of its own.
const MaxLength = unit.MaxUnitLength

// Message is a message with its signatures.
type Message struct {
	Version      string           // of the protocol; empty is that of messages from before there were versions
	Body         any              // what is signed: a JSON tree without nulls and empty objects or arrays
	Authors      []unit.Author    // sorted by address, 1..16
	LastBallUnit byteball.Hash    // empty in an offline message
	Timestamp    any              // whatever the signer put there, if anything; the ledger does not look at it
	MCI          int64            // set by Validate: main chain index of LastBallUnit, -1 in an offline message
	network      byteball.Network // whose versions count
}

// New begins a message of net's version. Each author comes with its definition, but for one that the ledger knows at
// lastBallUnit; an empty lastBallUnit makes an offline message. SignWith adds the signatures.
// New does not retain authors; body must not be changed any more.
func New(net byteball.Network, body any, lastBallUnit byteball.Hash, authors ...unit.Author) *Message {
	m := &Message{Version: net.Version, Body: body, LastBallUnit: lastBallUnit, Authors: slices.Clone(authors), MCI: -1, network: net}
	for i := range m.Authors {
		m.Authors[i].Authentifiers = maps.Clone(m.Authors[i].Authentifiers)
	}
	slices.SortFunc(m.Authors, func(a, b unit.Author) int { return cmp.Compare(a.Address, b.Address) })
	return m
}

// SignWith puts the signature of s at path of the definition of the author called address. The order in which the keys of
// a definition sign does not matter. Error: Invalid for an unknown author or a body that cannot be hashed; what s says.
func (m *Message) SignWith(address byteball.Address, path string, s unit.Signer) error {
	i := slices.IndexFunc(m.Authors, func(a unit.Author) bool { return a.Address == address })
	if i < 0 {
		return byteball.Errorf(byteball.Invalid, "signed message: %s is not among its authors", address)
	}
	hash, err := m.HashToSign()
	if err != nil {
		return err
	}
	sig, err := s.Sign(hash)
	if err != nil {
		return err
	}
	if m.Authors[i].Authentifiers == nil {
		m.Authors[i].Authentifiers = map[string]string{}
	}
	m.Authors[i].Authentifiers[path] = base64.StdEncoding.EncodeToString(sig[:])
	return nil
}

// HashToSign is what all keys sign: the SHA-256 of the source string of everything but the authentifiers, in the legacy
// form without a version and with 1.0, else in the JSON form. Error: Invalid for what cannot be hashed.
func (m *Message) HashToSign() ([32]byte, error) {
	w := objecthash.NewWriter(legacy(m.Version, m.network))
	defer w.Free()
	w.Tree(m.fields(false))
	return w.Sum()
}

// MarshalJSON writes the message as it travels, keys sorted. Error: Invalid for a body that is no JSON tree.
func (m *Message) MarshalJSON() ([]byte, error) {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	w.Tree(m.fields(true))
	return slices.Clone(w.Bytes()), w.Err()
}

// fields is the message as a tree, with or without its authentifiers.
func (m *Message) fields(signed bool) map[string]any {
	authors := make([]any, len(m.Authors))
	for i, a := range m.Authors {
		fields := map[string]any{"address": string(a.Address)}
		if a.Definition != nil {
			fields["definition"] = a.Definition
		}
		if signed && len(a.Authentifiers) > 0 {
			auth := map[string]any{}
			for path, s := range a.Authentifiers {
				auth[path] = s
			}
			fields["authentifiers"] = auth
		}
		authors[i] = fields
	}
	t := map[string]any{"signed_message": m.Body, "authors": authors}
	if m.Version != "" {
		t["version"] = m.Version
	}
	if m.LastBallUnit != "" {
		t["last_ball_unit"] = string(m.LastBallUnit)
	}
	if m.Timestamp != nil {
		t["timestamp"] = m.Timestamp
	}
	return t
}

// suffix is what the versions of a network end in: nothing on live, "t" on testnet, "dev" on dev.
func suffix(net byteball.Network) string { return strings.TrimLeft(net.Version, "0123456789.") }

// versions are those of messages: all there were, though a network may have begun with a later one.
func versions(net byteball.Network) []string {
	s := suffix(net)
	return []string{"1.0" + s, "2.0" + s, "3.0" + s, "4.0" + s}
}

// legacy says whether a message of that version is hashed in the old form.
func legacy(version string, net byteball.Network) bool {
	return version == "" || version == "1.0"+suffix(net)
}
