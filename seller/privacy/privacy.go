// Package privacy stands between a seller's sensors and everything that is signed (MECHANISM 7): only properties of the
// table leave, times are coarse, a place is a cell of about 5 km, and nothing that names a device or its owner has a way
// through. It leaves out what buyers may do with data. The seller's loop passes each sample through a Filter.
package privacy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mmcloughlin/geohash"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
)

// Filter decides sample by sample what may leave. It is for one goroutine.
type Filter struct {
	step    int64
	props   map[string]bool
	dropped Dropped
}

// Dropped counts the samples that did not pass, by reason.
type Dropped struct {
	Property uint64 // not in the table, or not one of those to sell
	Value    uint64 // NaN or infinite
	Time     uint64 // before 1970 or after 2286
}

// New makes a filter for the properties to sell; none named means every row of the table. resolution is the step of the
// times, 1 ms to 1 hour; see Resolution. Errors: Invalid for a property without a row and a resolution out of range.
func New(resolution time.Duration, props ...string) (*Filter, error) {
	if resolution < time.Millisecond || resolution > time.Hour {
		return nil, fmt.Errorf("privacy: times in steps of %v, want 1ms to 1h: %w", resolution, protocol.Invalid)
	}
	if len(props) == 0 {
		props = protocol.Properties()
	}
	f := &Filter{step: resolution.Milliseconds(), props: make(map[string]bool)}
	for _, p := range props {
		if _, ok := protocol.PropertyOf(p); !ok {
			return nil, fmt.Errorf("privacy: property %.40q is not in the table and cannot be sold; known: %s: %w",
				p, strings.Join(protocol.Properties(), ", "), protocol.Invalid)
		}
		f.props[p] = true
	}
	return f, nil
}

// Resolution is the step of the times in a market: a second, or where the market's own readings follow one another faster
// (profile fast: ten in a batch of one second), that many.
func Resolution(p params.Params) time.Duration {
	if p.Readings > 0 {
		return min(time.Second, max(time.Millisecond, p.Batch/time.Duration(p.Readings)))
	}
	return time.Second
}

// Pass returns the sample as it may leave, and whether it may. Times are cut, never rounded up: no reading moves into the
// future or the next batch.
func (f *Filter) Pass(s sensor.Sample) (sensor.Sample, bool) {
	const year2286 = 1e13 // milliseconds; protocol.DecodePack takes no later time
	switch v, t := s.Reading.Value, s.Reading.Time; {
	case !f.props[s.Prop]:
		f.dropped.Property++
	case math.IsNaN(v) || math.IsInf(v, 0):
		f.dropped.Value++
	case t < 0 || t > year2286:
		f.dropped.Time++
	default:
		s.Reading.Time = t - t%f.step
		return s, true
	}
	return sensor.Sample{}, false
}

// Dropped is how many samples did not pass so far.
func (f *Filter) Dropped() Dropped { return f.dropped }

// Cell turns a place written as "LAT,LON" in degrees into its geohash of five characters; the exact place is not kept.
// Error: Invalid for anything else.
func Cell(at string) (string, error) {
	lat, lon, ok := strings.Cut(at, ",")
	y, errY := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	x, errX := strconv.ParseFloat(strings.TrimSpace(lon), 64)
	if !ok || errY != nil || errX != nil || !(math.Abs(y) <= 90) || !(math.Abs(x) <= 180) {
		return "", fmt.Errorf("place %.60q: want LAT,LON in degrees, like 48.14,11.58: %w", at, protocol.Invalid)
	}
	const edge = 1e-6 // the library takes the north pole for the south pole, and 180° for −180°
	return geohash.EncodeWithPrecision(min(y, 90-edge), min(x, 180-edge), 5), nil
}
