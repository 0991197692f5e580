package signedmessage

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

func refuse(format string, args ...any) error {
	return byteball.Errorf(byteball.Invalid, format, args...)
}

// read decodes a message and makes the checks that need neither ledger nor signatures, in the reference's order.
func read(data []byte, expected byteball.Address, net byteball.Network) (*Message, error) {
	if len(data) > MaxLength {
		return nil, refuse("signed message of %d bytes, at most %d", len(data), MaxLength)
	}
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, err
	}
	fields, _ := tree.(map[string]any)
	m, err := readFields(fields, net)
	if err != nil {
		return nil, err
	}
	if err := m.readAuthors(fields["authors"], expected); err != nil {
		return nil, err
	}
	if expected != "" && !slices.ContainsFunc(m.Authors, func(a unit.Author) bool { return a.Address == expected }) {
		return nil, refuse("not signed by the expected address")
	}
	if err := hashable(fields); err != nil {
		return nil, refuse("invalid signed message: Error: %s", describe(err, data))
	}
	if ball, ok := fields["last_ball_unit"]; ok {
		if !isHash(ball) {
			return nil, refuse("invalid last_ball_unit")
		}
		m.LastBallUnit = byteball.Hash(ball.(string))
	}
	return m, nil
}

func readFields(fields map[string]any, net byteball.Network) (*Message, error) {
	if len(fields) == 0 {
		return nil, refuse("signed message must be a non-empty object")
	}
	for k := range fields {
		if !slices.Contains([]string{"signed_message", "authors", "last_ball_unit", "timestamp", "version"}, k) {
			return nil, refuse("unknown fields")
		}
	}
	body, ok := fields["signed_message"]
	if !ok {
		return nil, refuse("no signed message")
	}
	version, given := fields["version"]
	v, _ := version.(string)
	if given && !slices.Contains(versions(net), v) {
		return nil, refuse("unsupported version: %s", text(version))
	}
	return &Message{Version: v, Body: body, Timestamp: fields["timestamp"], MCI: -1, network: net}, nil
}

func (m *Message) readAuthors(v any, expected byteball.Address) error {
	list, _ := v.([]any)
	switch {
	case len(list) == 0:
		return refuse("no authors")
	case expected == "" && len(list) != 1:
		return refuse("authors not an array of len 1")
	case len(list) > unit.MaxAuthors:
		return refuse("too many authors")
	}
	last := byteball.Address("")
	for _, item := range list {
		a, err := readAuthor(item, last)
		if err != nil {
			return err
		}
		m.Authors, last = append(m.Authors, a), a.Address
	}
	return nil
}

func readAuthor(item any, last byteball.Address) (a unit.Author, err error) {
	fields, _ := item.(map[string]any)
	if len(fields) == 0 {
		return a, refuse("author must be a non-empty object")
	}
	address, _ := fields["address"].(string)
	a.Address = byteball.Address(address)
	switch {
	case !chash.Valid(a.Address):
		return a, refuse("not valid address")
	case a.Address <= last:
		return a, refuse("author addresses not sorted")
	}
	for k := range fields {
		if k != "address" && k != "definition" && k != "authentifiers" {
			return a, refuse("foreign fields in author")
		}
	}
	if def, ok := fields["definition"]; ok {
		if err := checkDefinition(def, a.Address); err != nil {
			return a, err
		}
		a.Definition = def
	}
	a.Authentifiers, err = readAuthentifiers(fields["authentifiers"])
	return a, err
}

func checkDefinition(def any, address byteball.Address) error {
	pair, _ := def.([]any)
	if len(pair) != 2 {
		return refuse("definition must be an array of length 2")
	}
	if pair[0] == "autonomous agent" {
		return refuse("AA cannot be defined in authors")
	}
	got, err := chash.Of(def)
	if err != nil {
		return refuse("failed to calc address definition hash: Error: %v", err)
	}
	if got != address {
		return refuse("wrong definition: %s!==%s", got, address)
	}
	return nil
}

func readAuthentifiers(v any) (map[string]string, error) {
	fields, _ := v.(map[string]any)
	if len(fields) == 0 {
		return nil, refuse("no authentifiers")
	}
	auth := make(map[string]string, len(fields))
	for path, v := range fields {
		s, _ := v.(string)
		if s == "" {
			return nil, refuse("authentifiers must be nonempty strings")
		}
		if len(s) > unit.MaxAuthentifier && objecthash.StringLength(s) > unit.MaxAuthentifier {
			return nil, refuse("authentifier too long")
		}
		auth[path] = s
	}
	return auth, nil
}

// hashable refuses what has no JSON source string.
func hashable(fields map[string]any) error {
	w := objecthash.NewWriter(false)
	defer w.Free()
	w.Tree(fields)
	return w.Err()
}

// describe adds the JSON in which err was found.
func describe(err error, data []byte) error {
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return err
	}
	return objecthash.Describe(err, compact.Bytes())
}

// text is JSON of a tree.
func text(v any) string {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	w.Tree(v)
	return string(w.Bytes())
}

// isHash says whether v is a hash in the one base64 form that counts.
func isHash(v any) bool {
	s, _ := v.(string)
	if len(s) != unit.HashLength {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && base64.StdEncoding.EncodeToString(raw) == s
}
