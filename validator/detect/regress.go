package detect

import "github.com/iotverse/iotverse/validator/number"

// rowsOf builds the rows of the regression: time of day and the neighbours, and the own level, each less its reference.
func (l *level) rowsOf(s *Sensor, w *window, rows *[blocks][dims]float64, y *[blocks]float64) {
	n := len(w.y)
	const day = 86400e3
	unit := number.Exp(s.shape.rough.mean) + 1e-9
	for k := range blocks {
		from, to := k*n/blocks, max((k+1)*n/blocks, k*n/blocks+1)
		to = min(to, n)
		from = min(from, to-1)
		row := &rows[k]
		turn := float64(w.t[(from+to)/2]%day) / day
		amp := float64(10 * unit)
		row[0] = amp
		row[1], row[2] = float64(amp*wave(turn)), float64(amp*wave(turn+.25))
		row[3], row[4] = float64(amp*wave(2*turn)), float64(amp*wave(float64(2*turn)+.25))
		y[k] = mean(w.y[from:to]) - l.ref
		used := 0
		for i, p := range s.pairs {
			if i >= regressed {
				break
			}
			if !p.near {
				continue
			}
			x := mean(p.x[from:to])
			if !p.know {
				p.ref, p.know = x, true
			}
			row[harmonics+i] = x - p.ref
			used++
		}
	}
}

// learn adds the rows to the normal equations and now and then solves them for each group of neighbours.
func (l *level) learn(rows *[blocks][dims]float64, y *[blocks]float64, trust, unit float64) {
	const forget = .988
	if trust > .02 {
		for i := range dims {
			l.b[i] = float32(float64(l.b[i]) * forget)
			for j := range i + 1 {
				l.a[i][j] = float32(float64(l.a[i][j]) * forget)
			}
		}
		l.rows = float64(l.rows*forget) + trust
		for k := range blocks {
			for i := range dims {
				x := float64(rows[k][i] * trust)
				l.b[i] += float32(x * y[k])
				for j := range i + 1 {
					l.a[i][j] += float32(x * rows[k][j])
				}
			}
		}
	}
	if l.refit++; l.refit%4 == 0 || l.refit < 8 {
		for g := range groups + 1 {
			l.solve(g, unit)
		}
	}
}

// solve fits group g, or all neighbours if g is the number of groups.
func (l *level) solve(g int, unit float64) {
	var index [dims]int
	n := 0
	for i := range dims {
		if i < harmonics || (l.a[i][i] > 0 && (g == groups || (i-harmonics)%groups == g)) {
			index[n] = i
			n++
		}
	}
	var a [dims][dims]float64
	var x [dims]float64
	for i := range n {
		for j := range i + 1 {
			a[i][j] = float64(l.a[index[i]][index[j]])
		}
		ridge := float64(.02*a[i][i]) + float64(8*number.Square(unit))
		if i == 0 {
			ridge = number.Square(unit)
		} else if i < harmonics {
			ridge = float64(.03*a[i][i]) + float64(200*number.Square(unit))
		}
		a[i][i] += ridge
		x[i] = float64(l.b[index[i]])
	}
	if n > harmonics { // shrink towards the mean of the neighbours, not towards nothing
		share := .8 / float64(n-harmonics)
		for i := harmonics; i < n; i++ {
			x[i] += float64(share * (a[i][i] - float64(l.a[index[i]][index[i]])))
		}
	}
	cholesky(&a, &x, n)
	l.weight[g] = [dims]float64{}
	for i := range n {
		l.weight[g][index[i]] = x[i]
	}
}

// cholesky solves a·z = x in place; the lower half of a is used.
func cholesky(a *[dims][dims]float64, x *[dims]float64, n int) {
	for i := range n {
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= float64(a[i][k] * a[j][k])
			}
			if i == j {
				a[i][i] = sqrt(max(sum, 1e-18))
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
		for k := range i {
			x[i] -= float64(a[i][k] * x[k])
		}
		x[i] /= a[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= float64(a[k][i] * x[k])
		}
		x[i] /= a[i][i]
	}
}
