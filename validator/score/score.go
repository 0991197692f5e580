// Package score judges the integrity of one window of one seller's readings: is this what a sensor saw, whole and in order?
//
// Window takes what a committee member holds (the headers of the window's batches, the readings of the sampled ones, the
// seller's past and what was opened before) and returns an integer in ‰, the hard codes it found and the soft reasons, by
// MECHANISM 3 and 4. The hard codes 1, 2, 3, 6 and 7 need signatures, headers and the ledger: the validator role finds them
// and passes them in as Faults. Codes 4 (time runs backwards) and 5 (replay or plagiarism) are found here. An Index holds
// the opened batches in which replays are looked for; VerifyReplay is what anybody runs on the evidence of another.
//
// I = 1000·c·C, the collection trust C = A·u·v·m·exp Σ w_j ln max(s_j, .01). The s_j and their weights are those of MECHANISM
// 4; what is short of data is left out, and then I and C are capped. Three factors of at least .2 came to it: u for a level
// that fits in another unit only (code 27), v for a curve without a sensor's noise (28), m for what are no measurements (29).
// They are 1 unless something is found, so that the mechanism's table of faults stays as it is (TestFaultTable). Before
// there is a baseline, neighbours count if they object. T says how the window arrived; its formula stands at transport.
//
// It leaves out messages, signatures, storage and the committee: the validator role, the simulator and the verifier of
// stamps call it. It does no I/O and reads no clock. Same input, same Version: same bits on every platform, so a stamp can
// be replayed. Therefore it calculates by package number and writes every product as float64(a*b), which keeps the compiler
// from fusing it with a sum.
package score

import (
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// Version names the rules of this scorer, and those by which a class is found (validator/label, market/classify). It goes into
// every stamp and changes whenever any result may change.
const Version = 3

// A Reading is one value in the property's unit at T, Unix ms.
type Reading struct {
	T int64
	V float64
}

// A Batch is one header of the window under test and, if this member saw it opened, its readings.
type Batch struct {
	Seq      uint64
	N        int       // readings that the header declares
	T0, T1   int64     // first and last time that the header declares, Unix ms
	Readings []Reading // nil when this member did not see the batch
	Missing  bool      // reported as not served (MECHANISM 3.2): counts as not received
	Refused  bool      // opened, but no pack of numbers of the property in its unit: counts as not received, too
}

// Past is what is remembered of an earlier window of the same seller: a former Result.Past.
type Past struct {
	Window   int64   // number of the window
	Median   float64 // of the readings seen
	Run      int     // longest run of equal readings
	Near     bool    // Residual is known
	Residual float64 // Median less the median of the neighbours
}

// A Neighbour is one of the nearest sellers of other owners, with the median of its readings in the window under test.
// Offset and Scale are what truth.Learn says of it: its usual offset from the truth of the place and how far it strays
// besides; both are 0 while too little is known.
type Neighbour struct {
	Seller        [32]byte
	Median        float64
	Offset, Scale float64
}

// Input is all that a judgement depends on.
type Input struct {
	Profile   Profile
	Seller    [32]byte
	Wid       [32]byte // the window's commitment
	Window    int64    // number of the window
	Committed int64    // when it was committed, Unix ms; one source for all sellers, see Run
	Arrived   int64    // when its commitment reached this member, Unix ms; 0 if unknown
	Expected  int      // readings that the window should hold by the offer; 0 takes it from the profile
	Device    int      // A of MECHANISM 4 in ‰: 1000 secure element, 950 software key
	Batches   []Batch  // all batches of the window
	Faults    []Code   // hard codes that the caller found

	Past       []Past      // earlier windows of this seller, in any order
	Index      *Index      // opened batches of the property; nil if there are none. Window only reads it
	Neighbours []Neighbour // the nearest first; at most 8 are used, under 3 none
	ClassScale float64     // the class-wide residual MAD times 1.4826, in the property's unit; 0 if unknown
}

// A Reason is a soft remark: the statistic behind Code stands at Value ‰, 1000 is flawless. Seen says what was seen, with
// numbers, for people; Code.Advice what the seller can do.
type Reason struct {
	Code  Code
	Value int
	Seen  string
}

// Result is a judgement. I, C, T and the reasons' values are integers in ‰, 0..1000.
type Result struct {
	I    int      // integrity; 0 if Hard is not empty
	C    int      // collection: is it what the sensor saw
	T    int      // transport: gaps, order, delay, duplicates
	Hard []Code   // ascending, each once
	Soft []Reason // ascending by code

	Evidence *Replay // for code 5 found here, else nil
	Stats    Stats
	Past     Past // to be remembered for the next windows if Stats.Seen > 0
}

// Stats says how a result came about, for people and tests. All but the counts are in ‰; −1 is a statistic dropped for want
// of data.
type Stats struct {
	Seen, Received, Expected                      int // readings opened, declared and served, due
	Complete                                      int // c: Received / Expected
	Range, Rate, Noise, Hist, Neighbours, Novelty int // s_j
	Unit, Invented, Safe                          int // factors
	Cap                                           int // largest I that the data allow
}

// The caps of MECHANISM 4 and the value of a statistic under which a reason is given.
const (
	capNoNeighbours = 850
	capNoHistory    = 900
	reasonBelow     = .95
)

// weights of MECHANISM 4.
const (
	wRange, wRate, wNoise, wHist, wNeigh, wNovelty = .15, .15, .10, .10, .40, .10
)

// Window judges the window in. It never panics, whatever the numbers: a reading that is no number counts as out of range,
// a statistic without data or without parameters is dropped. It does not change or retain its arguments; several calls
// may share an Index as long as nobody adds to it.
func Window(in Input) Result {
	w := prepare(in)
	res := Result{Hard: w.faults(in), Past: Past{Window: in.Window}}
	if ev := findReplay(in, w); ev != nil {
		res.Evidence = ev
		res.Hard = addCode(res.Hard, CodeReplay)
	}
	near, full := w.neighbours(in)
	soft := []statistic{
		{CodeRange, wRange, w.rangeShare(in.Profile)},
		{CodeRate, wRate, w.rate(in.Profile)},
		{CodeStuck, wNoise, w.noise(in)},
		{CodeHistory, wHist, w.history(in)},
		{CodeNeighbours, wNeigh, near},
		{CodeNovelty, wNovelty, w.novelty(in)},
	}
	w.fill(&res, in, soft, full)
	return res
}

// statistic is one s_j of MECHANISM 4 with its weight; a value below zero means dropped.
type statistic struct {
	code   Code
	weight float64
	value  float64
}

const dropped = -1.0

// pool returns exp Σ w_j ln max(s_j, .01) with the weights of the present statistics scaled to a sum of 1.
func pool(all []statistic) float64 {
	var weight, sum float64
	for _, s := range all {
		if s.value >= 0 {
			weight += s.weight
			sum += float64(s.weight * number.Ln(max(s.value, .01)))
		}
	}
	if weight == 0 {
		return 1
	}
	return number.Exp(sum / weight)
}

// fill puts the statistics together into the numbers of r; social tells whether the neighbours' one is complete.
func (w *window) fill(r *Result, in Input, soft []statistic, social bool) {
	complete, plausible := w.complete(), w.plausible(in)
	r.Stats = Stats{
		Seen: len(w.seen), Received: w.received, Expected: w.expected, Complete: permille(complete),
		Range: permille(soft[0].value), Rate: permille(soft[1].value), Noise: permille(soft[2].value),
		Hist: permille(soft[3].value), Neighbours: permille(soft[4].value), Novelty: permille(soft[5].value),
		Unit: permille(plausible[0].value), Invented: permille(plausible[1].value), Safe: permille(plausible[2].value),
		Cap: 1000,
	}
	if soft[3].value < 0 {
		r.Stats.Cap = capNoHistory
	}
	if !social {
		r.Stats.Cap = capNoNeighbours
	}
	transport := w.transport(in)
	if len(w.seen) > 0 {
		device := float64(min(max(in.Device, 0), 1000)) / 1000
		collected := float64(device * pool(soft))
		for _, s := range plausible {
			if s.value >= 0 {
				collected = float64(collected * max(s.value, implausible))
			}
		}
		r.C = min(permille(collected), r.Stats.Cap)
		r.I = min(permille(float64(collected*complete)), r.Stats.Cap)
		r.T = permille(transport)
		r.Past.Median, r.Past.Run = w.median, w.longest
		r.Past.Residual, r.Past.Near = w.residual(in)
	}
	w.explain(r, in, slices.Concat(soft, []statistic{{code: CodeGaps, value: min(transport, complete)}}, plausible))
	for _, c := range r.Hard {
		r.I = 0
		if c >= CodeReplay {
			r.C = 0
		} else {
			r.T = 0
		}
	}
}
