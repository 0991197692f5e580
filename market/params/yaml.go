package params

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/iotverse/iotverse/protocol"
)

// MaxSize bounds a manifest file, in bytes.
const MaxSize = 64 << 10

// Parse reads a manifest. Parameters that the file leaves out are the profile's. Every error is Invalid and names the line
// and the field, or what to change: unknown fields, other types, a second document, anything Validate refuses.
func Parse(data []byte) (*Manifest, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("market manifest of %d bytes, at most %d: %w", len(data), MaxSize, protocol.Invalid)
	}
	var first struct {
		Profile string `yaml:"profile"`
	}
	if err := yaml.Unmarshal(data, &first); err != nil {
		return nil, readable(err)
	}
	p, ok := Profile(first.Profile)
	if !ok {
		return nil, fmt.Errorf("market manifest: profile %.20q: want standard or fast: %w", first.Profile, protocol.Invalid)
	}
	m := &Manifest{Params: p}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(m); err != nil {
		return nil, readable(err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("market manifest: more than one document in the file: %w", protocol.Invalid)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

var goType = regexp.MustCompile(` not found in type [^\s]+`)

// readable turns the decoder's error into one line without Go's names.
func readable(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n")
	text = goType.ReplaceAllString(text, " is unknown here")
	text = strings.Join(strings.Fields(text), " ")
	return fmt.Errorf("market manifest: %.300s: %w", text, protocol.Invalid)
}

// Marshal writes the manifest as market.yaml with all parameters and a comment at each field. Parse reads it back.
func (m *Manifest) Marshal() ([]byte, error) {
	var node yaml.Node
	if err := node.Encode(m); err != nil {
		return nil, fmt.Errorf("market manifest: %v: %w", err, protocol.Invalid)
	}
	node.HeadComment = fmt.Sprintf("IoTVerse market %s\nEverybody in the market needs this very file: its hash %s stands under every signature.\n"+
		"Any change, of a hub too, makes another market.", m.Name, m.Hash())
	annotate(&node, topComments(m))
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == "params" {
			annotate(node.Content[i+1], paramComments)
		}
	}
	var buf bytes.Buffer
	e := yaml.NewEncoder(&buf)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return nil, fmt.Errorf("market manifest: %v: %w", err, protocol.Invalid)
	}
	return buf.Bytes(), e.Close()
}

func annotate(mapping *yaml.Node, comments map[string]string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		text := comments[key.Value]
		if value.Kind == yaml.ScalarNode {
			value.LineComment = text
		} else {
			key.HeadComment = text
		}
	}
}

func topComments(m *Manifest) map[string]string {
	return map[string]string{
		"network":   "dev, testnet or live",
		"hubs":      "websocket addresses of the ledger, the best first",
		"ops":       "the ledger's order providers",
		"t0":        "start of window 0: " + time.Unix(m.T0, 0).UTC().Format(time.RFC3339),
		"arbiters":  "seven keys; five of them may burn the bond of a proven cheat, never take it",
		"fund":      "seven keepers' keys; four of them spend the fund " + string(m.FundAddress()),
		"bootstrap": "multiaddrs of first peers and relays",
		"profile":   "gives the parameters that are left out below: standard or fast",
		"params":    "times as 1h2m3s, money in bytes, shares and scores in thousandths, ages in main chain indexes",
	}
}
