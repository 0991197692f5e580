package unit

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// ParseJoint reads a joint, or a unit without one, from JSON. Errors, all Invalid: those of objecthash.ParseTree, and those
// of JointFromTree.
func ParseJoint(data []byte) (*Joint, error) {
	if j := readQuickJoint(data); j != nil {
		return j, nil
	}
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, err
	}
	return JointFromTree(tree)
}

// JointFromTree makes a joint of a tree from objecthash.ParseTree: an object with a unit, or the unit itself, whose own
// field "unit" is a text. Error: Invalid in the reference's words for an unknown or ill-typed field.
func JointFromTree(tree any) (*Joint, error) {
	m, _ := tree.(map[string]any)
	inner, wrapped := m["unit"].(map[string]any)
	if !wrapped {
		u, err := FromTree(tree)
		return &Joint{Unit: u}, err
	}
	u, err := FromTree(inner)
	if err != nil {
		return nil, err
	}
	j := &Joint{Unit: u}
	r := reader{}
	_, unsigned := m["unsigned"]
	ball, stable := m["ball"]
	switch s, isText := ball.(string); {
	case unsigned:
		r.refuse("unsigned unit")
	case !stable:
		r.only(m, "unit-joint", "unit")
	case !isText || objecthash.StringLength(s) != HashLength:
		r.refuse("wrong ball length")
	default:
		j.Ball = byteball.Hash(s)
		r.only(m, "ball-joint", "unit", "ball", "skiplist_units")
	}
	if skiplist, given := m["skiplist_units"]; given && stable {
		if list, _ := skiplist.([]any); len(list) == 0 {
			r.refuse("missing or empty skiplist array")
		}
		j.SkiplistUnits = texts[byteball.Hash](&r, m, "skiplist_units", "missing or empty skiplist array")
	}
	if r.err != nil {
		return nil, r.err
	}
	return j, nil
}

// UnitTree returns the tree of the unit in a tree that JointFromTree takes, whether the rest is in order or not.
func UnitTree(tree any) any {
	if m, ok := tree.(map[string]any); ok {
		if inner, wrapped := m["unit"].(map[string]any); wrapped {
			return inner
		}
	}
	return tree
}

// CheckForm is CheckForm of j's unit, which is taken for a new one unless j has a ball: what is stable may have been voided,
// may be the answer of an autonomous agent, and may come from a time when fewer rules held. Errors: those of CheckForm.
func (j *Joint) CheckForm() error {
	if j.Unit == nil {
		return refuse("no unit")
	}
	if j.Unit.ContentHash != "" && j.Ball == "" {
		return refuse("content_hash allowed only in finished ball")
	}
	return checkForm(j.Unit, j.Ball != "")
}
