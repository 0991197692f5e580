package unit

import (
	"encoding/json"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// latest is the version by whose rules new messages are hashed and checked.
const latest = "4.0"

// NewMessage makes a message of any app but "payment" from a value that encoding/json can write: a map, a struct, for
// "text" a string. It is right for a unit with one author; Compose hashes it again if the unit's version asks for it.
// Payloads (validation.js): "data" and "profile" any object; "data_feed" names to strings or integers; "attestation" and
// "address_definition_change", "poll", "vote", "asset" … objects with the fields of their name.
// Errors: Invalid in the reference's words, or saying that the value is no JSON.
func NewMessage(app string, payload any) (Message, error) {
	tree, err := treeOf(payload)
	if err != nil {
		return Message{}, err
	}
	m := Message{App: app, PayloadLocation: "inline", Payload: tree}
	if m.PayloadHash, err = m.HashPayload(latest); err != nil {
		return Message{}, err
	}
	if !wellFormed(tree) {
		return Message{}, objecthash.ErrString
	}
	alone := contents{u: &Unit{Version: latest, Authors: make([]Author, 1)}, met: map[string]bool{}, late: true}
	if err := alone.app(&m); err != nil {
		return Message{}, err
	}
	return m, nil
}

// TempData makes a message whose data every node keeps for a day only and which cost half their length; its hash stays.
// data is any value that encoding/json can write. Errors: those of NewMessage.
func TempData(data any) (Message, error) {
	tree, err := treeOf(data)
	if err != nil {
		return Message{}, err
	}
	hash, err := objecthash.JSONHash(tree)
	if err != nil {
		return Message{}, err
	}
	return NewMessage("temp_data", map[string]any{
		"data": tree, "data_length": objecthash.Length(tree, true), "data_hash": hash})
}

// Attestation makes a message in which the unit's author says something about an address. Nodes find it by fields of up to
// 50 characters with values of up to 100. Error: Invalid for a wrong address or an empty profile.
func Attestation(about byteball.Address, profile map[string]string) (Message, error) {
	return NewMessage("attestation", map[string]any{"address": about, "profile": profile})
}

// treeOf turns a Go value into a tree as ParseTree makes it.
func treeOf(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, byteball.Errorf(byteball.Invalid, "payload is no JSON: %v", err)
	}
	return objecthash.ParseTree(data)
}
