package main

import (
	"math/rand/v2"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/model"
)

// benchDetect judges a batch of each of twelve neighbours whose memories are full, with all features and the forest; the
// floor adds the same readings up.
func benchDetect(*bench) (measure, error) {
	judge, err := model.Default()
	if err != nil {
		return measure{}, err
	}
	const sensors, batch = 12, 32
	before := 260 // batches
	net := detect.NewNetwork(judge)
	var list [sensors]*detect.Sensor
	for i := range list {
		list[i] = net.Add()
	}
	rng := rand.New(rand.NewPCG(1, 4))
	place, wander := 0.0, 0.0
	now := int64(0)
	readings := make([]detect.Reading, 0, sensors*batch)
	next := func() {
		readings = readings[:0]
		for range batch {
			now += 60_000
			wander = .9*wander + .05*rng.NormFloat64()
			place += wander
			for i := range list {
				readings = append(readings, detect.Reading{T: now, V: float64(int(100*(place+.1*rng.NormFloat64()))+70*i) / 100})
			}
		}
	}
	judged := func() error {
		for k, r := range readings {
			r.T += now - readings[len(readings)-1].T
			list[k%sensors].Reading(r)
		}
		for _, s := range list {
			if s.Close().Score < 0 {
				return errBench
			}
		}
		return nil
	}
	next()
	total := 0.0
	return measure{items: sensors * batch, work: func() error {
		for ; before > 0; before-- { // fills the memories, once
			next()
			if err := judged(); err != nil {
				return err
			}
		}
		now += batch * 60_000
		return judged()
	}, floor: func() error {
		for _, r := range readings {
			total += r.V
		}
		return nil
	}}, nil
}
