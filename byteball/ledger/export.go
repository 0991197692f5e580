package ledger

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// exportStep is how many main chain indexes are written before others may work on the ledger.
const exportStep = 100

// exportLine is a line of an export.
type exportLine struct {
	Unit     json.RawMessage `json:"unit"`
	Ball     byteball.Hash   `json:"ball,omitempty"`
	Skiplist []byteball.Hash `json:"skiplist_units,omitempty"` // is read, not written
	Vars     *exportVars     `json:"system_vars,omitempty"`    // of the first line, if they are not the network's
}

// exportVars are unit.SystemVars as they are written.
type exportVars struct {
	ThresholdSize    uint64  `json:"threshold_size"`
	BaseTPSFee       float64 `json:"base_tps_fee"`
	TPSInterval      float64 `json:"tps_interval"`
	TPSFeeMultiplier float64 `json:"tps_fee_multiplier"`
}

// Export writes the chain to w, one joint a line as JSON: the first unit, then the stable units with their balls in the
// order of the main chain (by index, level and hash), then the others in the order in which they were saved. So each line
// comes after its parents, and ledgers of the same chain write the same bytes. If the system variables are not those of
// the network, the first line says them too. Memory does not grow with the chain. progress, if not nil, hears now and then
// how many units were written. Others may work on l meanwhile; what they add comes last.
// Errors: those of w, or what the database says.
func (l *Ledger) Export(w io.Writer, progress func(units uint64)) error {
	out := bufio.NewWriterSize(w, 1<<16)
	e := &exporter{l: l, out: out, progress: progress}
	for next := int64(0); next != none; {
		var err error
		if next, err = e.step(next); err != nil {
			return err
		}
		if progress != nil {
			progress(e.units)
		}
	}
	return out.Flush()
}

type exporter struct {
	l        *Ledger
	out      *bufio.Writer
	units    uint64
	progress func(uint64)
}

// step writes the units of some main chain indexes from mci on and returns the next one, none after the last unit.
func (e *exporter) step(mci int64) (next int64, err error) {
	l := e.l
	l.begin(false)
	defer l.end()
	for end := mci + exportStep; mci < end && mci <= l.last.MCI; mci++ {
		nodes := l.nodesAt(mci)
		slices.SortFunc(nodes, func(a, b *node) int { return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Unit, b.Unit)) })
		for _, n := range nodes {
			if err := e.line(n); err != nil {
				return 0, err
			}
		}
	}
	if mci <= l.last.MCI {
		return mci, l.fail()
	}
	tail := make([]*node, 0, len(l.tail))
	for _, n := range l.tail {
		tail = append(tail, n)
	}
	slices.SortFunc(tail, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) })
	for _, n := range tail {
		if err := e.line(n); err != nil {
			return 0, err
		}
	}
	return none, l.fail()
}

func (e *exporter) line(n *node) error {
	line := exportLine{Unit: e.l.x.get(key(tJoint, raw(n.Unit))), Ball: n.Ball}
	if n.Unit == e.l.genesis && e.l.vars != unit.DefaultVars(e.l.net) {
		vars := exportVars(e.l.vars)
		line.Vars = &vars
	}
	if err := e.l.fail(); err != nil {
		return err
	}
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	e.units++
	_, err = e.out.Write(append(data, '\n'))
	return err
}
