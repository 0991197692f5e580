package detect

import "github.com/iotverse/iotverse/validator/number"

// spreads compares how much the curve moves with how much the neighbours' do.
func (l *level) spreads(s *Sensor, v *vector, w *window) {
	var logs, rough, rests, runs [candidates]float64
	n := len(w.y)
	k := 0
	own := deviation(w.y)
	for _, p := range s.pairs {
		if !p.near {
			continue
		}
		x := p.x[:n]
		logs[k] = number.Ln(deviation(x) + 1e-9)
		sum, run, longest := 0.0, 1, 1
		for i := 1; i < n; i++ {
			sum += number.Square(x[i] - x[i-1])
			run = carry(run, x[i]-x[i-1])
			longest = max(longest, run)
			if run > 1 {
				rests[k] += 1 / float64(n)
			}
		}
		runs[k] = number.Ln(float64(longest) + 1)
		rough[k] = number.Ln(sqrt(sum/float64(n))+float64(.1*number.Exp(p.other.shape.rough.mean))+1e-9) - p.other.shape.rough.mean
		k++
	}
	if k == 0 {
		return
	}
	apart := number.Ln(own+float64(.3*number.Exp(s.shape.rough.mean))+1e-9) - number.Quantile(logs[:k], .5)
	v.set(fSpreadNet, l.spread.z(apart, .5))
	net := number.Ln(w.rms+float64(.1*number.Exp(s.shape.rough.mean))+1e-9) - s.shape.rough.mean - number.Quantile(rough[:k], .5)
	v.set(fRunNet, v.get(fRunLong)-number.Quantile(runs[:k], .5))
	v.set(fRestNet, v.get(fRestShare)-number.Quantile(rests[:k], .5))
	v.set(fRoughNet, net)
	v.set(fRoughNetZ, s.shape.net.z(net, .4))
	l.spread.add(apart, s.trust, .5)
	s.shape.net.add(net, s.trust, .4)
}
