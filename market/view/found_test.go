package view_test

import (
	"encoding/base64"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
)

// A node that cannot follow the ledger from its beginning is told the ball of the running epoch, and draws by it.
func TestFoundBallIsTheEpochs(t *testing.T) {
	h := protocol.H("ball")
	ball := byteball.Hash(base64.StdEncoding.EncodeToString(h[:]))
	p := unit.Proven{Unit: &unit.Unit{Unit: "u", Timestamp: 1_700_000_100}, Ball: ball, MCI: 9000, Serial: true}
	key, value, err := view.Found(7, p)
	if err != nil {
		t.Fatal(err)
	}
	v := view.New(deal.Rules{Manifest: params.Manifest{T0: 1_700_000_000, Params: params.Fast()}}, unit.SystemVars{})
	v.Begin(8000, map[string][]byte{key: value, "deal/x": []byte("not the view's")})
	got, ok := v.Chain.EpochBall(7)
	if !ok || got.Hash != ball || got.MCI != 9000 || got.Raw != h {
		t.Errorf("ball of epoch 7: %+v, %v", got, ok)
	}
	if _, ok := v.Chain.EpochBall(8); ok {
		t.Error("an epoch that nobody told of has a ball")
	}
	if _, _, err := view.Found(7, unit.Proven{Unit: &unit.Unit{}, Ball: "short"}); err == nil {
		t.Error("a unit without a ball was taken")
	}
}
