package tree

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// Row is one example: what is to be told apart, and how much it counts.
type Row struct {
	Features []float32
	False    bool
	Weight   float64
}

// Config is how a forest is grown. The same rows and the same Config give the same forest on every machine.
type Config struct {
	Trees   int
	Depth   int     // 1..8
	Rate    float64 // of learning, 0..1
	Smooth  float64 // added to the weight of a leaf
	Columns float64 // share of the features that a tree may use
	Sample  float64 // share of the rows that a tree sees
	Seed    uint64
	Blind   []int // features not to use
}

const bins = 64

// grower holds what one training needs.
type grower struct {
	cfg      Config
	rows     []Row
	edges    [][]float32 // of each feature, between the bins
	binned   [][]uint8   // of each feature, of each row
	margin   []float64
	grad     []sums  // derivatives of the loss, of each row
	seen     []int32 // rows in the sample of the tree that grows
	node     []int32 // of each of them, where it is in the tree
	features int
}

// Train grows boosted trees for the logistic loss.
func Train(rows []Row, cfg Config) *Forest {
	if len(rows) == 0 {
		return &Forest{}
	}
	g := &grower{cfg: cfg, rows: rows, features: len(rows[0].Features)}
	g.bin()
	g.margin = make([]float64, len(rows))
	g.grad = make([]sums, len(rows))
	f := &Forest{Features: g.features}
	rng := rand.New(rand.NewPCG(cfg.Seed, 5))
	for range cfg.Trees {
		f.trees = append(f.trees, g.grow(rng))
	}
	return f
}

// bin cuts each feature at its quantiles.
func (g *grower) bin() {
	g.edges, g.binned = make([][]float32, g.features), make([][]uint8, g.features)
	values := make([]float32, len(g.rows))
	for f := range g.features {
		for i, r := range g.rows {
			values[i] = r.Features[f]
		}
		slices.Sort(values)
		var edges []float32
		for b := 1; b < bins; b++ {
			q := b * len(values) / bins
			// more cuts in the upper tail, where the faults are
			if b > bins/2 {
				q = len(values) - 1 - int(float64(len(values)/2)*tail(float64(bins-b)/(bins/2)))
			}
			if e := values[q]; e < values[len(values)-1] && (len(edges) == 0 || e > edges[len(edges)-1]) {
				edges = append(edges, e)
			}
		}
		g.edges[f], g.binned[f] = edges, make([]uint8, len(g.rows))
		for i, r := range g.rows {
			b, _ := slices.BinarySearch(edges, r.Features[f])
			g.binned[f][i] = uint8(b)
		}
	}
}

func tail(x float64) float64 { return float64(x * x) }

// grow adds one tree.
func (g *grower) grow(rng *rand.Rand) tree {
	g.seen, g.node = g.seen[:0], g.node[:0]
	for i := range g.rows {
		if rng.Float64() > g.cfg.Sample {
			continue
		}
		g.seen, g.node = append(g.seen, int32(i)), append(g.node, 0)
		r := &g.rows[i]
		p := 1 / (1 + number.Exp(-g.margin[i]))
		y := 0.0
		if r.False {
			y = 1
		}
		g.grad[i] = sums{float64(r.Weight * (y - p)), float64(r.Weight * float64(p*(1-p)))}
	}
	var columns []int
	for f := range g.features {
		if rng.Float64() < g.cfg.Columns && !slices.Contains(g.cfg.Blind, f) {
			columns = append(columns, f)
		}
	}
	leafs := 1 << g.cfg.Depth
	t := tree{make([]node, leafs-1), make([]float32, leafs)}
	for depth := range g.cfg.Depth {
		g.split(&t, 1<<depth, columns)
	}
	g.finish(&t)
	return t
}

// sums are those of the derivatives in one bin.
type sums struct{ slope, bend float64 }

// split chooses the best cut for each of the width nodes of one depth and moves the rows down.
func (g *grower) split(t *tree, width int, columns []int) {
	hist := make([]sums, width*bins)
	gain := make([]float64, width)
	at := make([]uint8, width)
	first := width - 1
	for i := range width {
		t.nodes[first+i].limit = math.MaxFloat32
		at[i] = 255
	}
	for _, f := range columns {
		clear(hist)
		column := g.binned[f]
		for k, i := range g.seen {
			h, d := &hist[int(g.node[k])*bins+int(column[i])], &g.grad[i]
			h.slope += d.slope
			h.bend += d.bend
		}
		for n := range width {
			g.cut(hist[n*bins:(n+1)*bins], f, &t.nodes[first+n], &gain[n], &at[n])
		}
	}
	for k, n := range g.node {
		g.node[k] = 2 * n
		if g.binned[t.nodes[first+int(n)].feature][g.seen[k]] > at[n] {
			g.node[k]++
		}
	}
}

// cut looks for a better limit of one feature in one node.
func (g *grower) cut(hist []sums, f int, n *node, gain *float64, at *uint8) {
	var all, left sums
	for _, h := range hist {
		all.slope += h.slope
		all.bend += h.bend
	}
	least := float64(.5 * g.cfg.Smooth)
	for b := range g.edges[f] {
		left.slope += hist[b].slope
		left.bend += hist[b].bend
		right := sums{all.slope - left.slope, all.bend - left.bend}
		if left.bend < least || right.bend < least {
			continue
		}
		x := g.worth(left) + g.worth(right) - g.worth(all)
		if x > *gain+1e-9 {
			*gain, *at = x, uint8(b)
			n.feature, n.limit = uint8(f), g.edges[f][b]
		}
	}
}

func (g *grower) worth(s sums) float64 { return float64(s.slope*s.slope) / (s.bend + g.cfg.Smooth) }

// finish sets the leaves and moves the margin of all rows.
func (g *grower) finish(t *tree) {
	leafs := make([]sums, len(t.leafs))
	for k, n := range g.node {
		d := &g.grad[g.seen[k]]
		leafs[n].slope += d.slope
		leafs[n].bend += d.bend
	}
	for i, s := range leafs {
		t.leafs[i] = float32(float64(g.cfg.Rate*s.slope) / (s.bend + g.cfg.Smooth))
	}
	one := Forest{trees: []tree{*t}}
	for i := range g.rows {
		g.margin[i] += one.Margin(g.rows[i].Features)
	}
}
