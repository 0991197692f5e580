package main

import (
	"crypto/ed25519"
	"math/rand/v2"

	"github.com/veraison/go-cose"

	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/utim"
	"github.com/iotverse/iotverse/validator/event"
	"github.com/iotverse/iotverse/validator/score"
)

// benchScore judges an hour of readings, eight batches of sixty opened, beside 8,000 readings of others; the floor adds
// the same readings up.
func benchScore(*bench) (measure, error) {
	r := rand.New(rand.NewPCG(1, 1))
	p, _ := protocol.PropertyOf("air-temperature")
	profile := score.Profile{Property: p.Slug, Min: p.Min, Max: p.Max, MaxRate: p.Rate, Grid: p.Grid, NoiseFloor: p.Floor, BiasMax: p.BiasMax,
		Noise: p.Noise, Period: 1000, Length: 3_600_000, MinWindows: 24, HistWindows: 168, Baseline: 168}
	index, err := score.NewIndex(p.Grid, score.Limits{})
	if err != nil {
		return measure{}, err
	}
	for i := range uint64(134) {
		if err := index.Add(score.Run{Seller: [32]byte{1}, Wid: [32]byte{2, byte(i)}, Seq: i, Committed: 1000, Readings: benchReadings(r, 0, 60)}); err != nil {
			return measure{}, err
		}
	}
	in := score.Input{Profile: profile, Seller: [32]byte{1}, Wid: [32]byte{3}, Window: 200, Committed: 2000, Device: 1000, Index: index}
	var all []score.Reading
	for i := range 8 {
		list := benchReadings(r, int64(i)*60_000, 60)
		all = append(all, list...)
		in.Batches = append(in.Batches, score.Batch{Seq: uint64(200 + i), N: len(list), T0: list[0].T, T1: list[len(list)-1].T, Readings: list})
	}
	for w := range int64(168) {
		in.Past = append(in.Past, score.Past{Window: 32 + w, Median: 15, Run: 3})
	}
	total := 0.0
	return measure{items: len(all), work: func() error {
		if score.Window(in).I == 0 {
			return errBench
		}
		return nil
	}, floor: func() error {
		for _, x := range all {
			total += x.V
		}
		return nil
	}}, nil
}

// benchEvents scores an hour of readings, a second apart, in a stream that has filled its memory; the floor adds the same
// readings up.
func benchEvents(*bench) (measure, error) {
	r := rand.New(rand.NewPCG(1, 1))
	scorer := event.New()
	for i := range int64(50) {
		for _, x := range benchReadings(r, i, 1000) {
			scorer.Add(x.V)
		}
	}
	list := benchReadings(r, 0, 3600)
	total := 0.0
	return measure{items: len(list), work: func() error {
		for _, x := range list {
			if scorer.Add(x.V) > 1 {
				return errBench
			}
		}
		return nil
	}, floor: func() error {
		for _, x := range list {
			total += x.V
		}
		return nil
	}}, nil
}

// benchReadings are a second apart, around 15, on a grid of hundredths.
func benchReadings(r *rand.Rand, from int64, n int) []score.Reading {
	list := make([]score.Reading, n)
	for i := range list {
		list[i] = score.Reading{T: from + int64(i)*1000, V: float64(1500+r.IntN(100)) / 100}
	}
	return list
}

// benchGossip takes an offer as gossip does, envelope and binding; the floor verifies the envelope as go-cose documents it.
func benchGossip(*bench) (measure, error) {
	keys, raw, market, err := benchOffer()
	if err != nil {
		return measure{}, err
	}
	external := append([]byte("iotverse/1/"+string(protocol.KindOffer)), market[:]...)
	return measure{work: func() error {
		env, err := envelope.Open(envelope.Keys{}, market, raw)
		if err != nil {
			return err
		}
		return env.Body.(*protocol.Offer).Binding.Check(envelope.Keys{})
	}, floor: func() error {
		var msg cose.Sign1Message
		if err := msg.UnmarshalCBOR(raw); err != nil {
			return err
		}
		v, err := cose.NewVerifier(cose.AlgorithmEdDSA, ed25519.PublicKey(keys.Identity()))
		if err != nil {
			return err
		}
		return msg.Verify(external, v)
	}}, nil
}

// benchOffer is a sealed offer of new keys.
func benchOffer() (keys *utim.Module, raw []byte, market protocol.Hash, err error) {
	if keys, err = openOperator(ledgerConfig{}); err != nil {
		return
	}
	key, err := keys.Wallet().Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		return
	}
	o := &protocol.Offer{Prop: "air-temperature", Unit: "Cel", Cell: "u33db", Period: 10_000, Accuracy: "0.5", Price: 3000, Floor: 1800, ValidUntil: 1_700_000_000_000}
	if o.Binding, err = protocol.Bind(keys, key); err != nil {
		return
	}
	if o.Bond, err = addressOf(key); err != nil {
		return
	}
	market = protocol.H("bench")
	env, err := envelope.Seal(keys, market, o)
	return keys, env.Raw, market, err
}
