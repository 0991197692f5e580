package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// rehash gives the hash that a changed unit would have.
func rehash(t *testing.T, tree map[string]any) byteball.Hash {
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	u, err := unit.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	h, err := u.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wire(t testing.TB) [][]byte {
	var frames [][]byte
	for _, s := range samples(t) {
		for _, w := range s.Wire {
			if len(w) == 2 {
				frames = append(frames, w[1])
			}
		}
	}
	return frames
}

func TestParseFrameSamples(t *testing.T) {
	frames := wire(t)
	if len(frames) < 20 {
		t.Fatalf("%d frames in the samples", len(frames))
	}
	for _, data := range frames {
		f, err := hub.ParseFrame(data)
		if err != nil {
			t.Errorf("%.80s: %v", data, err)
			continue
		}
		again, err := f.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if json.Unmarshal(again, &got) != nil || json.Unmarshal(data, &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %.200s, want %.200s", again, data)
		}
	}
}

func TestParseFrameRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"empty":         ``,
		"object":        `{}`,
		"one element":   `["justsaying"]`,
		"three":         `["justsaying",{},{}]`,
		"type":          `[1,{}]`,
		"unknown type":  `["shout",{}]`,
		"content":       `["request",[]]`,
		"long tag":      `["request",{"command":"x","tag":"` + strings.Repeat("a", 45) + `"}]`,
		"nesting":       `["justsaying",{"body":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]`,
		"open nesting":  strings.Repeat(`[{"a":`, 1_000_000),
		"size":          `["justsaying",{"body":"` + strings.Repeat("a", hub.MaxFrame) + `"}]`,
		"trailing":      `["justsaying",{}]]`,
		"subject is no": `["justsaying",{"subject":{}}]`,
	} {
		if _, err := hub.ParseFrame([]byte(data)); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if _, err := hub.ParseFrame([]byte(`["justsaying",{"subject":"info","body":"` + strings.Repeat("[", 500) + `"}]`)); err != nil {
		t.Errorf("brackets in a string: %v", err)
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, data := range wire(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := hub.ParseFrame(data)
		if err != nil {
			if !errors.Is(err, byteball.Invalid) {
				t.Fatalf("error without kind: %v", err)
			}
			return
		}
		first, err := frame.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := hub.ParseFrame(first)
		if err != nil {
			t.Fatalf("own frame refused: %v", err)
		}
		if second, _ := again.Bytes(); !bytes.Equal(first, second) {
			t.Fatalf("got %s, want %s", second, first)
		}
	})
}
