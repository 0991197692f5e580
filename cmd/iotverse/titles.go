package main

import (
	"errors"
	"strings"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller"
)

// titled gives products the titles that flags name: TITLE for the only one, PROPERTY=TITLE for one of several. Medium and role
// are those that the title says.
func titled(list []seller.Product, titles []string) error {
	for _, t := range titles {
		prop, title, named := strings.Cut(t, "=")
		if !named {
			if len(list) != 1 {
				return usagef("--title %q: there are %d quantities; say of which, --title PROPERTY=TITLE", t, len(list))
			}
			prop, title = list[0].Prop, t
		}
		found := false
		for i := range list {
			if list[i].Prop != prop {
				continue
			}
			found = true
			if err := entitle(&list[i], strings.ToLower(strings.TrimSpace(title))); err != nil {
				return err
			}
		}
		if !found {
			return usagef("--title %q: %q is not for sale here", t, prop)
		}
	}
	return nil
}

// entitle refuses what validators would not believe.
func entitle(p *seller.Product, title string) error {
	if err := errors.Join(protocol.CheckTitle(title), classify.Impersonal(title)); err != nil {
		return usagef("--title: %v", err)
	}
	row, _ := protocol.PropertyOf(p.Prop)
	if kind := classify.Classify(classify.Evidence{Title: title, Terse: true}).Kind; kind.Confidence >= classify.Sure && !classify.Measures(kind.Value, row.Kind) {
		return usagef("--title %q says %s, but %s is sold: no committee would believe both", title, strings.ReplaceAll(kind.Value, "_", " "), p.Prop)
	}
	p.Title = title
	p.Medium, p.Role = classify.Labels(title)
	return nil
}
