package signedmessage_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/signedmessage"
)

// vectors are answers of the reference's validateSignedMessage.
type vectors struct {
	Context struct {
		Units []struct {
			Unit      byteball.Hash
			MCI       uint64
			Timestamp int64
		}
		Known []struct {
			Address    byteball.Address
			Definition any
		} `json:"known_definitions"`
	}
	Cases []struct {
		Name     string
		Package  json.RawMessage
		Expected byteball.Address `json:"expected_address"`
		Hash     string           `json:"hash_to_sign_hex"`
		Expect   struct {
			OK    bool
			MCI   int64 `json:"last_ball_mci"`
			Error string
		}
	}
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/signed_messages.json")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectors(t *testing.T) {
	v := load(t)
	if len(v.Cases) != 27 {
		t.Fatalf("%d cases, want 27", len(v.Cases))
	}
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			m, err := signedmessage.Validate(c.Package, c.Expected, signedmessage.Config{Network: byteball.Dev, Chain: chain{vectors: v}})
			if !c.Expect.OK {
				want, cut := strings.CutSuffix(c.Expect.Error, "...")
				if err == nil || !errors.Is(err, byteball.Invalid) || (err.Error() != want && !(cut && strings.HasPrefix(err.Error(), want))) {
					t.Errorf("got %v, want %s", err, c.Expect.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			hash, err := m.HashToSign()
			if got := hex.EncodeToString(hash[:]); err != nil || got != c.Hash || m.MCI != c.Expect.MCI {
				t.Errorf("hash %s (%v), mci %d, want %s, %d", got, err, m.MCI, c.Hash, c.Expect.MCI)
			}
		})
	}
}

// addressOf is chash.Of for definitions that can be hashed.
func addressOf(t testing.TB, def any) byteball.Address {
	t.Helper()
	a, err := chash.Of(def)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
