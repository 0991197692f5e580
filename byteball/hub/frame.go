package hub

import (
	"encoding/json"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Bounds of what a hub may send (ocore network.js:46, string_utils.js:260).
const (
	MaxFrame = 6 << 20 // bytes of one websocket message
	maxDepth = 112     // nesting of one message: a joint of 100 levels and what stands around it
	maxTag   = 44      // characters of a request's tag
	maxText  = 500     // characters kept of an error text

	maxRefusal = 64 << 10 // bytes of an answer that can be an error
)

// Frame is one message of the protocol: a JSON array [type, content].
type Frame struct {
	Type    string          // "request", "response" or "justsaying"
	Command string          // of a request or response
	Tag     string          // joins a response to its request
	Subject string          // of a justsaying
	Body    json.RawMessage // params, response or body; nil where the field is absent
}

type content struct {
	Command  string          `json:"command,omitempty"`
	Tag      string          `json:"tag,omitempty"`
	Params   json.RawMessage `json:"params,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
	Subject  string          `json:"subject,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"`
}

// ParseFrame reads one message of at most MaxFrame bytes. Error: Invalid.
func ParseFrame(data []byte) (Frame, error) {
	if len(data) > MaxFrame {
		return Frame{}, fmt.Errorf("frame of %d bytes, at most %d: %w", len(data), MaxFrame, byteball.Invalid)
	}
	if d := depth(data); d > maxDepth {
		return Frame{}, fmt.Errorf("frame nested deeper than %d levels: %w", maxDepth, byteball.Invalid)
	}
	var f Frame
	var c content
	var more json.RawMessage
	three := [3]any{&f.Type, &c, &more} // what is absent becomes nil
	if err := json.Unmarshal(data, &three); err != nil {
		return Frame{}, fmt.Errorf("frame is not [type, content]: %v: %w", err, byteball.Invalid)
	}
	if three[0] == nil || three[1] == nil || three[2] != nil {
		return Frame{}, fmt.Errorf("frame is not [type, content]: %w", byteball.Invalid)
	}
	if len(c.Tag) > maxTag {
		return Frame{}, fmt.Errorf("tag of %d characters, at most %d: %w", len(c.Tag), maxTag, byteball.Invalid)
	}
	f.Command, f.Tag, f.Subject = c.Command, c.Tag, c.Subject
	switch f.Type {
	case "request":
		f.Body = c.Params
	case "response":
		f.Body = c.Response
	case "justsaying":
		f.Body = c.Body
	default:
		return Frame{}, fmt.Errorf("unknown type of frame %.20q: %w", f.Type, byteball.Invalid)
	}
	return f, nil
}

// Bytes is f as it travels.
func (f Frame) Bytes() ([]byte, error) {
	c := content{Command: f.Command, Tag: f.Tag, Subject: f.Subject}
	switch f.Type {
	case "request":
		c.Params = f.Body
	case "response":
		c.Response = f.Body
	default:
		c.Body = f.Body
	}
	return json.Marshal([]any{f.Type, c})
}

// depth is how deep arrays and objects of data are nested, strings skipped. It needs no valid JSON.
func depth(data []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			now++
			deepest = max(deepest, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return deepest
}

// refusal returns the text of an {"error": "text"} answer and whether body is one.
func refusal(body json.RawMessage) (string, bool) {
	if len(body) == 0 || body[0] != '{' || len(body) > maxRefusal {
		return "", false
	}
	var e struct{ Error json.RawMessage }
	if json.Unmarshal(body, &e) != nil || len(e.Error) == 0 {
		return "", false
	}
	var text string
	if json.Unmarshal(e.Error, &text) != nil {
		text = string(e.Error)
	}
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return text, true
}
