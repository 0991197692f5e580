package unit

import (
	"encoding/base64"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

const (
	maxFeedName  = 64
	maxFeedValue = 64
	maxFeeds     = 1024
	maxChoices   = 128
	maxChoice    = 64
	notAnObject  = "payload must be a non empty object"
)

// sinceV4 are the apps that came with version 4.0, with what the reference says to them before.
var sinceV4 = map[string]string{
	"temp_data": "cannot use temp_data yet", "system_vote": "cannot vote for system params yet",
	"system_vote_count": "cannot count votes for system params yet",
}

// app checks the payload of a message that pays nothing.
func (c *contents) app(m *Message) error {
	if !countsOversize(c.u.Version) {
		if text, ok := sinceV4[m.App]; ok {
			return refuse("%s", text)
		}
	}
	tree, _ := m.Payload.(map[string]any)
	switch m.App {
	case "text":
		if _, ok := m.Payload.(string); !ok {
			return refuse("payload must be string")
		}
		return nil
	case "data":
		return checkObject(m)
	case "profile":
		if len(c.u.Authors) != 1 {
			return refuse("profile must be single-authored")
		}
		if err := c.once("profile", "profile"); err != nil {
			return err
		}
		return checkObject(m)
	case "data_feed":
		return c.dataFeed(tree)
	case "temp_data":
		return checkTempData(m.Payload)
	case "attestation":
		return c.attestation(tree)
	case "address_definition_change":
		return c.definitionChange(tree)
	case "definition":
		return checkDefinition(tree)
	case "definition_template":
		if list, _ := m.Payload.([]any); len(list) != 2 {
			return refuse("definition_template payload must be array of two elements")
		}
		return c.once(m.App, "definition template")
	case "poll":
		return c.poll(tree)
	case "vote":
		return c.vote(tree)
	case "system_vote":
		return c.systemVote(tree)
	case "system_vote_count":
		if !slices.Contains(subjects, m.Payload) {
			return refuse("unknown subject in vote count")
		}
		return c.once(m.App, "system vote count")
	case "asset":
		return c.asset(tree)
	case "asset_attestors":
		return c.assetAttestors(m.Payload)
	}
	return refuse("unknown app: %s", m.App)
}

// once refuses the second message of a kind.
func (c *contents) once(kind, name string) error {
	if c.met[kind] {
		return refuse("can be only one %s", name)
	}
	c.met[kind] = true
	return nil
}

func hasOthers(m map[string]any, fields ...string) bool {
	for k := range m {
		if !slices.Contains(fields, k) {
			return true
		}
	}
	return false
}

// checkObject wants what JavaScript calls an object: an array is one.
func checkObject(m *Message) error {
	switch m.Payload.(type) {
	case map[string]any, []any:
		return nil
	}
	return refuse("%s payload must be object", m.App)
}

func (c *contents) dataFeed(feeds map[string]any) error {
	if err := c.once("data_feed", "data feed"); err != nil {
		return err
	}
	switch {
	case len(feeds) == 0:
		return refuse("data feed payload must be non-empty object")
	case len(feeds)*len(c.u.Authors) > maxFeeds:
		return refuse("too many data feeds in message")
	}
	for _, name := range slices.SortedFunc(maps.Keys(feeds), objecthash.Compare) {
		if objecthash.StringLength(name) > maxFeedName {
			return refuse("feed name %s too long", name)
		}
		if strings.Contains(name, "\n") {
			return refuse("feed name %s contains \\n", name)
		}
		if err := checkFeed(name, feeds[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkFeed(name string, v any) error {
	switch v := v.(type) {
	case string:
		if objecthash.StringLength(v) > maxFeedValue {
			return refuse("data feed value too long: %s", v)
		}
		if strings.Contains(v, "\n") {
			return refuse("value %s of feed name %s contains \\n", v, name)
		}
	case float64:
		if v != math.Trunc(v) {
			return refuse("fractional numbers not allowed in data feeds")
		}
	default:
		return refuse("data feed %s must be string or number", name)
	}
	return nil
}

func checkTempData(payload any) error {
	m, ok := payload.(map[string]any)
	if !ok {
		if _, list := payload.([]any); list {
			return refuse("temp_data payload must not be an array")
		}
		return refuse("temp_data payload must be an object")
	}
	length, _ := m["data_length"].(float64)
	stated, _ := m["data_hash"].(string)
	switch {
	case hasOthers(m, "data_length", "data_hash", "data"):
		return refuse("unknown fields in temp_data")
	case length <= 0 || length != math.Trunc(length) || length > maxInteger:
		return refuse("bad data_length")
	case !isBase64(stated):
		return refuse("bad data_hash")
	}
	data, given := m["data"]
	if !given {
		return nil
	}
	if data == nil {
		return refuse("null data")
	}
	if n := objecthash.Length(data, true); float64(n) != length {
		return refuse("data_length mismatch, expected %.0f, got %d", length, n)
	}
	h, err := objecthash.JSONHash(data)
	if err != nil {
		return refuse("invalid temp data: Error: %s", err)
	}
	if string(h) != stated {
		return refuse("data_hash mismatch, expected %s, got %s", stated, h)
	}
	return nil
}

func (c *contents) attestation(m map[string]any) error {
	profile, _ := m["profile"].(map[string]any)
	switch {
	case len(c.u.Authors) != 1:
		return refuse("attestation must be single-authored")
	case len(m) == 0:
		return refuse(notAnObject)
	case hasOthers(m, "address", "profile"):
		return refuse("unknown fields in attestation")
	case !isAddress(m["address"]):
		return refuse("attesting an invalid address")
	case len(profile) == 0:
		return refuse("attested profile must be non empty object")
	}
	return nil
}

func (c *contents) definitionChange(m map[string]any) error {
	if len(m) == 0 {
		return refuse(notAnObject)
	}
	if hasOthers(m, "definition_chash", "address") {
		return refuse("unknown fields in address_definition_change")
	}
	address := c.u.Authors[0].Address
	given, has := m["address"]
	if len(c.u.Authors) == 1 {
		if has {
			return refuse("when single-authored, must not indicate address")
		}
	} else {
		if !isAddress(given) {
			return refuse("when multi-authored, must indicate address")
		}
		if address = byteball.Address(given.(string)); !c.u.hasAuthor(address) {
			return refuse("foreign address")
		}
	}
	if err := c.once("change of "+string(address), "definition change per address"); err != nil {
		return err
	}
	if !isAddress(m["definition_chash"]) {
		return refuse("bad new definition_chash")
	}
	return nil
}

// checkDefinition checks the address of an autonomous agent, not its program.
func checkDefinition(m map[string]any) error {
	if len(m) == 0 {
		return refuse(notAnObject)
	}
	if hasOthers(m, "address", "definition") {
		return refuse("unknown fields in app definition")
	}
	address, err := chash.Of(m["definition"])
	if err != nil {
		return refuse("bad definition")
	}
	if m["address"] != string(address) {
		return refuse("definition doesn't match the chash")
	}
	return nil
}

func isAddress(v any) bool {
	s, ok := v.(string)
	return ok && chash.Valid(byteball.Address(s))
}

// isBase64 reports whether s is base64 as the ledger writes it: standard alphabet, padded, no stray bits.
func isBase64(s string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && base64.StdEncoding.EncodedLen(len(b)) == len(s)
}

func isHash(s string) bool { return len(s) == HashLength && isBase64(s) }
