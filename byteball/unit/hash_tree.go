package unit

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// unhashed are the fields of a unit that its hash does not cover.
var unhashed = []string{"unit", "headers_commission", "payload_commission", "oversize_fee", "actual_tps_fee", "main_chain_index"}

// HashTree returns the hash of a unit given as a tree from objecthash.ParseTree or ParseLoose, whatever fields it has: the
// name that the reference gives to a unit that is in order and to one that FromTree refuses (object_hash.js). For a tree that FromTree
// reads it is what Hash returns. Error: Invalid for a tree that cannot be hashed.
func HashTree(tree any) (byteball.Hash, error) {
	u, ok := tree.(map[string]any)
	if !ok {
		return "", refuse("no unit")
	}
	version, _ := u["version"].(string)
	legacy := isLegacy(version)
	bare, err := bareTree(u, legacy)
	if err != nil {
		return "", err
	}
	content, err := objecthash.HashLoose(bare, legacy)
	if err != nil || truthy(u["content_hash"]) {
		return content, err
	}
	rest := map[string]any{"content_hash": string(content), "version": u["version"], "alt": u["alt"]}
	if rest["authors"], err = addressesOf(u["authors"]); err != nil {
		return "", err
	}
	if truthy(u["witness_list_unit"]) {
		rest["witness_list_unit"] = u["witness_list_unit"]
	} else if truthy(u["witnesses"]) {
		rest["witnesses"] = u["witnesses"]
	}
	if truthy(u["parent_units"]) {
		for _, k := range []string{"parent_units", "last_ball", "last_ball_unit"} {
			rest[k] = u[k]
		}
	}
	if !legacy {
		rest["timestamp"] = u["timestamp"]
	}
	return objecthash.HashLoose(rest, legacy)
}

// bareTree returns a copy of a unit's tree without what its content hash leaves out.
func bareTree(u map[string]any, legacy bool) (map[string]any, error) {
	bare := maps.Clone(u)
	for _, k := range unhashed {
		delete(bare, k)
	}
	if legacy {
		delete(bare, "timestamp")
	}
	list, ok := u["messages"].([]any)
	if !ok {
		return bare, nil
	}
	list = slices.Clone(list)
	for i, e := range list {
		if e == nil {
			return nil, refuse("a message is null")
		}
		if m, ok := e.(map[string]any); ok {
			m = maps.Clone(m)
			delete(m, "payload")
			delete(m, "payload_uri")
			list[i] = m
		}
	}
	bare["messages"] = list
	return bare, nil
}

func addressesOf(v any) ([]any, error) {
	authors, ok := v.([]any)
	if !ok {
		return nil, refuse("authors are no array")
	}
	list := make([]any, len(authors))
	for i, e := range authors {
		a, ok := e.(map[string]any)
		if !ok {
			return nil, refuse("an author is no object")
		}
		list[i] = map[string]any{"address": a["address"]}
	}
	return list, nil
}
