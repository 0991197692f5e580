package detect_test

import (
	"testing"

	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// A sensor that begins with a wrong time, or with a wrong value, is not blamed for it for ever.
func TestFirstReadingWrong(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(s *series.Stream){
		"time ahead":   func(s *series.Stream) { s.Readings[0].T = 4e12 },
		"fourth ahead": func(s *series.Stream) { s.Readings[3].T = 4e12 },
		"time unset":   func(s *series.Stream) { s.Readings[0].T = -1e12 },
		"value":        func(s *series.Stream) { s.Readings[0].V = 1e12 },
	} {
		c := weather(4, 6, 30)
		spoil(&c.Streams[2])
		refused := 0
		for _, r := range series.Run(c, judge)[2][1:] {
			if r.Score < 500 {
				refused++
			}
		}
		if refused > 0 {
			t.Errorf("%s: %d of 29 later batches are refused", name, refused)
		}
	}
}
