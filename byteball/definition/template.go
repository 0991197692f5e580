package definition

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// template parses a definition template: the definition that a unit holds, with params in place of the texts that begin
// with "$". It takes the operator's place, at the same path.
func (p *parser) template(args any, at place) (condition, bool, error) {
	pair, _ := args.([]any)
	if len(pair) != 2 {
		return nil, false, refuse("2-element array expected in definition template")
	}
	if !isHash(pair[0]) {
		return nil, false, refuse("unit must be a valid base64 string 44 bytes long")
	}
	params, ok := object(pair[1])
	if !ok {
		return nil, false, refuse("params must be non-empty object")
	}
	for _, v := range params {
		switch v.(type) {
		case string, float64:
		default:
			return nil, false, refuse("each param must be string or number")
		}
	}
	tree, err := p.templateOf(byteball.Hash(pair[0].(string)))
	if err != nil {
		return nil, false, err
	}
	if tree == nil {
		return nil, false, refuse("template not found or too many")
	}
	filled, missing := fill(tree, params)
	if missing != "" {
		return nil, false, refuse("variable %s not specified, template %s, params %s", missing[1:], stringify(tree), stringify(pair[1]))
	}
	return p.parse(filled, at)
}

// templateOf returns the template in a unit before the last ball, nil if there is none. Each unit is asked for once.
func (p *parser) templateOf(h byteball.Hash) (any, error) {
	if tree, ok := p.templates[h]; ok {
		return tree, nil
	}
	tree, err := p.env.Chain.Template(h, p.env.LastBallMCI)
	if err != nil {
		return nil, err
	}
	if p.templates == nil {
		p.templates = make(map[byteball.Hash]any)
	}
	p.templates[h] = tree
	return tree, nil
}

// fill returns a copy of tree with params in place of variables, and the first variable that params lack.
func fill(tree any, params map[string]any) (filled any, missing string) {
	switch v := tree.(type) {
	case string:
		if v == "" || v[0] != '$' {
			return v, ""
		}
		if value, ok := params[v[1:]]; ok {
			return value, ""
		}
		return nil, v
	case []any:
		list := make([]any, len(v))
		for i := range v {
			if list[i], missing = fill(v[i], params); missing != "" {
				return nil, missing
			}
		}
		return list, ""
	case map[string]any:
		m := make(map[string]any, len(v))
		for _, k := range slices.SortedFunc(maps.Keys(v), objecthash.Compare) {
			if m[k], missing = fill(v[k], params); missing != "" {
				return nil, missing
			}
		}
		return m, ""
	}
	return tree, ""
}
