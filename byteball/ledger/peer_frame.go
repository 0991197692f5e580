package ledger

import "encoding/json"

// handle takes one message; false ends the connection. What is no message is ignored, as the reference does.
func (p *peer) handle(data []byte) bool {
	f, ok := readFrame(data)
	if !ok {
		return true
	}
	switch f.Type {
	case "request":
		f.size = len(data)
		p.request(f)
	case "justsaying":
		return p.hear(f)
	}
	return true
}

// frame is a message: a request or a justsaying.
type frame struct {
	Type    string          `json:"-"`
	Command string          `json:"command"`
	Tag     string          `json:"tag"`
	Params  json.RawMessage `json:"params"`
	Subject string          `json:"subject"`
	Body    json.RawMessage `json:"body"`

	size int // bytes it came in
}

// readFrame reads [type, content].
func readFrame(data []byte) (frame, bool) {
	var parts []json.RawMessage
	var f frame
	if json.Unmarshal(data, &parts) != nil || len(parts) != 2 || json.Unmarshal(parts[0], &f.Type) != nil {
		return f, false
	}
	kind := f.Type
	ok := json.Unmarshal(parts[1], &f) == nil
	f.Type = kind
	return f, ok
}
