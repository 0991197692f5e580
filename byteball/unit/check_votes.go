package unit

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/iotverse/iotverse/byteball/objecthash"
)

// trim is JavaScript's String.trim: Go's takes off U+0085 as well and leaves U+FEFF.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r) })
}

func (c *contents) poll(m map[string]any) error {
	if err := c.once("poll", "poll"); err != nil {
		return err
	}
	question, isText := m["question"].(string)
	choices, _ := m["choices"].([]any)
	switch {
	case len(m) == 0:
		return refuse("poll payload must be a non empty object")
	case hasOthers(m, "question", "choices"):
		return refuse("unknown fields in poll")
	case !isText:
		return refuse("no question in poll")
	case question != trim(question):
		return refuse("question must be trimmed")
	case len(choices) == 0:
		return refuse("no choices in poll")
	case len(choices) > maxChoices:
		return refuse("too many choices in poll")
	}
	seen := map[string]bool{}
	for _, v := range choices {
		choice, isText := v.(string)
		switch {
		case !isText:
			return refuse("all choices must be strings")
		case trim(choice) == "":
			return refuse("all choices must be longer than 0 chars")
		case objecthash.StringLength(choice) > maxChoice:
			return refuse("all choices must be %d chars or less", maxChoice)
		case seen[choice]:
			return refuse("all choices must be different")
		}
		seen[choice] = true
	}
	return nil
}

func (c *contents) vote(m map[string]any) error {
	if err := c.once("vote", "vote"); err != nil && c.late {
		return err
	}
	poll, _ := m["unit"].(string)
	_, isText := m["choice"].(string)
	switch {
	case len(m) == 0:
		return refuse(notAnObject)
	case objecthash.StringLength(poll) != HashLength:
		return refuse("invalid unit in vote")
	case !isText:
		return refuse("choice must be string")
	case hasOthers(m, "unit", "choice"):
		return refuse("unknown fields in vote")
	}
	return nil
}

// subjects are what can be voted on.
var subjects = []any{"op_list", "threshold_size", "base_tps_fee", "tps_interval", "tps_fee_multiplier"}

func (c *contents) systemVote(m map[string]any) error {
	if err := c.once("system_vote", "system vote"); err != nil {
		return err
	}
	subject, isText := m["subject"].(string)
	number, isNumber := m["value"].(float64)
	switch {
	case len(m) == 0:
		return refuse(notAnObject)
	case hasOthers(m, "subject", "value"):
		return refuse("unknown fields in system_vote")
	case !isText:
		return refuse("subject must be string")
	case !truthy(m["value"]):
		return refuse("no value in system_vote")
	case !slices.Contains(subjects, any(subject)):
		return refuse("unknown subject: %s", subject)
	case subject == "op_list":
		return checkOPs(m["value"])
	case subject == "threshold_size":
		if number <= 0 || number != math.Trunc(number) {
			return refuse("threshold_size must be a positive integer")
		}
		if number < 1000 && c.late {
			return refuse("threshold_size must be at least 1000")
		}
		return nil
	case !isNumber || number <= 0:
		return refuse("%s must be a positive number", subject)
	case !c.late:
		return nil
	case subject == "tps_interval" && number < 0.1:
		return refuse("tps_interval must be at least 0.1")
	case subject == "base_tps_fee" && number > 1e8:
		return refuse("base_tps_fee must be at most 1e8")
	case subject == "tps_fee_multiplier" && (number < 1 || number > 1000):
		return refuse("tps_fee_multiplier must be between 1 and 1000")
	}
	return nil
}

// checkOPs leaves the right number of order providers to the ledger.
func checkOPs(v any) error {
	list, _ := v.([]any)
	previous := ""
	for _, e := range list {
		if !isAddress(e) {
			return refuse("all OPs must be valid addresses")
		}
	}
	for _, e := range list {
		if e.(string) <= previous {
			return refuse("OP list must be sorted and unique")
		}
		previous = e.(string)
	}
	return nil
}
