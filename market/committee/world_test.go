package committee_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

const op byteball.Address = "YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7"

// node has both keys of a node, made from its name.
type node struct {
	priv   ed25519.PrivateKey
	wallet *unit.Key
}

func (n node) Identity() protocol.Identity {
	return protocol.Identity(n.priv.Public().(ed25519.PublicKey))
}

func (n node) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(n.priv, msg), nil }

func newNode(name string) node {
	seed := sha256.Sum256([]byte(name))
	key, err := unit.NewKey(sha256.Sum256(seed[:]))
	if err != nil {
		panic(err)
	}
	return node{ed25519.NewKeyFromSeed(seed[:]), key}
}

func manifest() *params.Manifest {
	m := &params.Manifest{
		Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:1"}, OPs: []byteball.Address{op},
		T0: 1_800_000_000, Profile: "fast", Params: params.Fast(),
	}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = newNode(fmt.Sprint("arbiter", i)).wallet.PublicKey(), newNode(fmt.Sprint("keeper", i)).wallet.PublicKey()
	}
	return m
}

// registration is a sound one of a node.
func registration(t testing.TB, n node, role committee.Role, end uint64) committee.Registration {
	t.Helper()
	b, err := protocol.Bind(n, n.wallet)
	if err != nil {
		t.Fatal(err)
	}
	r := committee.Registration{Role: role, Binding: b, End: end}
	if role == committee.Validator {
		r.Key = newNode(string(n.Identity()) + "bond").wallet.PublicKey()
		r.NonceRoot = protocol.H("root", []byte(n.Identity()))
		return r
	}
	r.Streams = []committee.Stream{{Prop: "air-temperature", Cell: "u281z"}, {Prop: "pm10", Cell: "u281z"}}
	return r
}

// register is the stable unit of a registration.
func register(t testing.TB, m *params.Manifest, n node, r committee.Registration, mci uint64, at time.Time) unit.Proven {
	t.Helper()
	msg, err := r.Message(m)
	if err != nil {
		t.Fatal(err)
	}
	from, err := r.Binding.Address()
	if err != nil {
		t.Fatal(err)
	}
	pay := unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{Outputs: r.Outputs(m, at)}}
	return unit.Proven{MCI: mci, Serial: true, Ball: hash("ball of ", string(r.Bond(m))), Unit: &unit.Unit{
		Unit: hash("unit of ", string(r.Bond(m))), Timestamp: at.Unix(),
		Authors: []unit.Author{{Address: from}}, Messages: []unit.Message{msg, pay},
	}}
}

func hash(parts ...string) byteball.Hash {
	h := protocol.H("test", fmt.Sprint(parts))
	return byteball.Hash(base64.StdEncoding.EncodeToString(h[:]))
}

// opUnit is a stable unit of the order provider.
func opUnit(mci uint64, at time.Time) unit.Proven {
	return unit.Proven{MCI: mci, Serial: true, Ball: hash("ball", fmt.Sprint(mci)), Unit: &unit.Unit{
		Unit: hash("unit", fmt.Sprint(mci)), Timestamp: at.Unix(), Authors: []unit.Author{{Address: op}},
	}}
}

// tickets are n bonds, with nothing but an ID and an identity.
func tickets(n int) []*committee.Ticket {
	list := make([]*committee.Ticket, n)
	for i := range list {
		id := protocol.H("ticket", uint64(i))
		list[i] = &committee.Ticket{ID: id, Payee: byteball.Address(fmt.Sprintf("PAYEE%d", i))}
		list[i].Binding.Identity = protocol.Identity(id[:])
	}
	return list
}

// again passes a payload through JSON, as a unit from a hub would be.
func again(t testing.TB, payload any) map[string]any {
	t.Helper()
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

var keys = envelope.Keys{}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
