package book

import (
	"math/bits"
	"strings"

	"github.com/iotverse/iotverse/protocol"
)

// Angles and sines are fixed-point numbers with 60 bits after the point: the same on every machine, which math.Sin is not.
const (
	one   = 1 << 60
	piQ60 = 3622009729038561421 // ⌊π·2^60⌋
)

// EarthRadius is the sphere on which distances are measured, in metres; farthest is half its circumference.
const (
	EarthRadius = 6_371_000
	farthest    = 20_015_086
)

// Distance is the whole metres between the centres of two cells (geohashes of five characters) on a sphere of EarthRadius:
// the largest d with hav(d/R) ≤ hav of the two centres. Errors: Invalid for what is no such cell.
func Distance(a, b string) (uint32, error) {
	if err := protocol.CheckCell(a); err != nil {
		return 0, err
	}
	if err := protocol.CheckCell(b); err != nil {
		return 0, err
	}
	if a == b {
		return 0, nil
	}
	lat1, lon1 := centre(a)
	lat2, lon2 := centre(b)
	dLon := abs(lon1 - lon2)
	dLon = piQ60 - abs(dLon-piQ60) // the short way round
	h := square(sin(abs(lat1-lat2)/2)) + mul(mul(cosine(lat1), cosine(lat2)), square(sin(dLon/2)))
	low, high := uint32(0), uint32(farthest)
	for low < high {
		d := (low + high + 1) / 2
		if square(sin(half(d))) <= h {
			low = d
		} else {
			high = d - 1
		}
	}
	return low, nil
}

// half is d/(2R) as an angle.
func half(d uint32) int64 {
	hi, lo := bits.Mul64(uint64(d), one)
	q, _ := bits.Div64(hi, lo, 2*EarthRadius)
	return int64(q)
}

// centre returns latitude and longitude of the cell's centre as angles. Latitude has 12 bits, longitude 13.
func centre(cell string) (lat, lon int64) {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	var i, j int64
	even := true
	for _, c := range []byte(cell) {
		v := strings.IndexByte(alphabet, c)
		for bit := 4; bit >= 0; bit-- {
			if even {
				j = j<<1 | int64(v>>bit&1)
			} else {
				i = i<<1 | int64(v>>bit&1)
			}
			even = !even
		}
	}
	return mul(piQ60, (2*i+1-1<<12)<<(60-13)), mul(piQ60, (2*j+1-1<<13)<<(60-13))
}

// sin of an angle between 0 and π/2, by Taylor's series: the error is a few units of the last bits.
func sin(x int64) int64 {
	term, sum, x2 := x, x, square(x)
	for n := int64(2); term != 0; n += 2 {
		term = -mul(term, x2) / (n * (n + 1))
		sum += term
	}
	return max(0, min(sum, one))
}

func cosine(x int64) int64 { return sin(max(0, piQ60/2-abs(x))) }

func square(x int64) int64 { return mul(x, x) }

// mul is the product of two fixed-point numbers of less than 4, rounded towards zero.
func mul(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(abs(a)), uint64(abs(b)))
	p := int64(hi<<4 | lo>>60)
	if (a < 0) != (b < 0) {
		return -p
	}
	return p
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}
