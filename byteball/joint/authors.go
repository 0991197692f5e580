package joint

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// checkAuthors checks the authentifiers of the authors whose definition is there.
func checkAuthors(u *unit.Unit) error {
	env := definition.Env{Unit: u}
	for i := range u.Authors {
		a := &u.Authors[i]
		if a.Definition == nil {
			continue
		}
		if env.HashToSign == [32]byte{} {
			hash, err := u.HashToSign()
			if err != nil {
				return err
			}
			env.HashToSign = hash
		}
		g := granted{hash: env.HashToSign, auth: a.Authentifiers}
		def := g.tree(a.Definition, "r")
		if g.err != nil {
			return g.err
		}
		ok, err := definition.Evaluate(def, a.Address, g.auth, env)
		if err != nil {
			return err
		}
		if !ok {
			return byteball.Errorf(byteball.Invalid, "authentifier verification failed")
		}
	}
	return nil
}

// granted turns a definition into one that needs no chain, by taking for met whatever needs one. What is left is exactly
// what can be judged: a wrong signature anywhere, an authentifier that nothing uses, and whether the rest can be met at all.
// In place of a condition that brings a signature stands the signature of a key that everybody knows, in place of another
// one a hash with its preimage; so the rule that each branch needs a signature holds as before.
type granted struct {
	hash   [32]byte
	auth   map[string]string // of the author; copied before it is changed
	copied bool
	sig    string // of the known key over hash
	err    error
}

// needChain are the operators that ask the chain, or the unit's inputs; true for those that bring a signature.
var needChain = map[string]bool{
	"address": true, "definition template": true,
	"seen address": false, "seen definition change": false, "has definition change": false, "attested": false, "not": false,
	"in data feed": false, "in merkle": false, "mci": false, "age": false, "timestamp": false, "has": false, "has one": false,
	"seen": false, "has equal": false, "has one equal": false, "sum": false, "formula": false,
}

// tree returns def, which stands at path, with what needs a chain replaced.
func (g *granted) tree(def any, path string) any {
	list, _ := def.([]any)
	if len(list) != 2 {
		return def
	}
	op, _ := list[0].(string)
	if signs, asks := needChain[op]; asks {
		return g.take(path, signs)
	}
	switch args := list[1].(type) {
	case []any:
		if op == "or" || op == "and" {
			return []any{op, g.options(args, path)}
		}
	case map[string]any:
		if set, isList := args["set"].([]any); isList && (op == "r of set" || op == "weighted and") {
			args = maps.Clone(args)
			args["set"] = g.options(set, path)
			return []any{op, args}
		}
	}
	return def
}

// options are the conditions below path; those of "weighted and" stand in objects with a weight.
func (g *granted) options(list []any, path string) []any {
	out := make([]any, len(list))
	for i, e := range list {
		below := path + "." + strconv.Itoa(i)
		if weighed, ok := e.(map[string]any); ok {
			weighed = maps.Clone(weighed)
			weighed["value"] = g.tree(weighed["value"], below)
			out[i] = weighed
			continue
		}
		out[i] = g.tree(e, below)
	}
	return out
}

const preimage = "granted"

// known is a key without a secret, and preimageHash the hash of preimage.
var (
	known        = sync.OnceValues(func() (*unit.Key, error) { return unit.NewKey([32]byte{31: 1}) })
	preimageHash = sync.OnceValue(func() string {
		sum := sha256.Sum256([]byte(preimage))
		return base64.StdEncoding.EncodeToString(sum[:])
	})
)

// take replaces the condition at path by one that is met, and drops the authentifiers that belong to it.
func (g *granted) take(path string, signs bool) any {
	if !g.copied {
		g.auth = maps.Clone(g.auth)
		g.copied = true
	}
	if g.auth == nil {
		g.auth = make(map[string]string)
	}
	for p := range g.auth {
		if p == path || strings.HasPrefix(p, path+".") {
			delete(g.auth, p)
		}
	}
	if !signs {
		g.auth[path] = preimage
		return []any{"hash", map[string]any{"hash": preimageHash()}}
	}
	key, err := known()
	if err != nil {
		g.err = err
		return nil
	}
	if g.sig == "" {
		sig, err := key.Sign(g.hash)
		if err != nil {
			g.err = err
			return nil
		}
		g.sig = base64.StdEncoding.EncodeToString(sig[:])
	}
	g.auth[path] = g.sig
	return []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
}
