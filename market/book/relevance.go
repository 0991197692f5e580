package book

import (
	"fmt"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/protocol"
)

// decimals is the arithmetic of MECHANISM 4: 20 digits, half-even, after every single operation.
var decimals = apd.Context{Precision: 20, Rounding: apd.RoundHalfEven, MaxExponent: 1000, MinExponent: -1000, Traps: apd.DefaultTraps}

// ln2 is ln 2 to 20 digits.
var ln2, _, _ = apd.NewFromString("0.69314718055994530942")

// Supply is what a relevance looks at, from an offer or from the class that a stamp states.
type Supply struct {
	Prop, Medium, Role, Unit, Cell string // Role is spelt out
	Period                         uint32 // T_off, milliseconds between readings
	Accuracy                       string // σ_off, decimal
}

// OfOffer is the supply that an offer promises; OfClass is what a committee found.
func OfOffer(o *protocol.Offer) Supply {
	return Supply{o.Prop, o.Medium, protocol.RoleOf(o.Role), o.Unit, o.Cell, o.Period, o.Accuracy}
}

// OfClass is the supply that a stamp's class states.
func OfClass(c *protocol.Class) Supply {
	return Supply{c.Prop, c.Medium, protocol.RoleOf(c.Role), c.Unit, c.Cell, c.Period, c.Accuracy}
}

// Relevance is how much a supply is worth to a demand, in ‰, rounded down (MECHANISM 4):
//
//	1000 · prop(1 | .6 related, or another medium | 0, or another role) · unit(1 | 0) · e^(−½(d/r)²) (0 beyond 3r) · 2^(−age/half-life)
//	     · min(1, √(T_req/T_off)) · min(1, 2/(1+(σ_off/σ_req)²))
//
// d is Distance in whole metres; age counts from the last reading to the sample ball, in milliseconds, negative is 0. The
// factors are computed from left to right and multiplied onto 1000 in that order; 2^x is e^(x·ln 2). An accuracy of 0 asked
// for is met by 0 only. Medium and role are new against MECHANISM 4, because of what people judged (the grades of offers for
// demands in the reference data): the same quantity of another medium is worth 3/7 of the right one to them, which is
// nearest to a related quantity's .6, and one of another role 1/7, which is under the least relevance of any deal.
// A demand without a medium takes any. Errors: Invalid for cells or accuracies that are none.
func Relevance(d *protocol.Demand, s Supply, age time.Duration) (uint16, error) {
	metres, err := Distance(d.Cell, s.Cell)
	if err != nil {
		return 0, fmt.Errorf("relevance: %w", err)
	}
	required, err := protocol.ParseDecimal(d.Accuracy)
	if err != nil {
		return 0, fmt.Errorf("relevance: demand: %w", err)
	}
	offered, err := protocol.ParseDecimal(s.Accuracy)
	if err != nil {
		return 0, fmt.Errorf("relevance: supply: %w", err)
	}
	kind := kinship(d.Prop, s.Prop)
	if d.Medium != "" && d.Medium != s.Medium {
		kind = min(kind, related)
	}
	if protocol.RoleOf(d.Role) != protocol.RoleOf(s.Role) {
		kind = 0
	}
	late := max(0, age.Milliseconds())
	halfLife := int64(d.HalfLife) * 1000
	if kind == 0 || d.Unit != s.Unit || uint64(metres) > 3*uint64(d.Radius) || late >= 10*halfLife || d.Period == 0 || s.Period == 0 {
		return 0, nil // ten half-lives leave less than 1 ‰
	}
	c := apd.MakeErrDecimal(&decimals)
	rel := apd.New(kind, 0)
	multiply(&c, rel, bell(&c, metres, d.Radius))
	multiply(&c, rel, fading(&c, late, halfLife))
	multiply(&c, rel, frequency(&c, d.Period, s.Period))
	multiply(&c, rel, precision(&c, offered, required))
	if c.Err() != nil {
		return 0, fmt.Errorf("relevance: %v: %w", c.Err(), protocol.Invalid)
	}
	whole := new(apd.Decimal)
	c.Floor(whole, rel)
	v, err := whole.Int64()
	if err != nil || c.Err() != nil {
		return 0, fmt.Errorf("relevance of %s: %w", rel, protocol.Invalid)
	}
	return uint16(min(max(v, 0), 1000)), nil
}

// related is what a related property is worth, or the same of another medium, in ‰.
const related = 600

// kinship is 1000 for the same property, 600 for a related one, else 0.
func kinship(wanted, given string) int64 {
	p, known := protocol.PropertyOf(wanted)
	q, also := protocol.PropertyOf(given)
	switch {
	case !known || !also:
		return 0
	case wanted == given:
		return 1000
	case p.Related(q):
		return related
	}
	return 0
}

func multiply(c *apd.ErrDecimal, rel, factor *apd.Decimal) { c.Mul(rel, rel, factor) }

// bell is e^(−½(d/r)²).
func bell(c *apd.ErrDecimal, metres, radius uint32) *apd.Decimal {
	x := ratio(c, int64(metres), int64(radius))
	c.Mul(x, x, x)
	c.Quo(x, x, apd.New(-2, 0))
	return exp(c, x)
}

// fading is 2^(−age/half-life).
func fading(c *apd.ErrDecimal, age, halfLife int64) *apd.Decimal {
	x := ratio(c, -age, halfLife)
	c.Mul(x, x, ln2)
	return exp(c, x)
}

// frequency is min(1, √(T_req/T_off)).
func frequency(c *apd.ErrDecimal, required, offered uint32) *apd.Decimal {
	if required >= offered {
		return apd.New(1, 0)
	}
	x := ratio(c, int64(required), int64(offered))
	c.Sqrt(x, x)
	return x
}

// precision is min(1, 2/(1+(σ_off/σ_req)²)).
func precision(c *apd.ErrDecimal, offered, required *apd.Decimal) *apd.Decimal {
	if offered.Cmp(required) <= 0 {
		return apd.New(1, 0)
	}
	if required.IsZero() {
		return apd.New(0, 0)
	}
	x := new(apd.Decimal)
	c.Quo(x, offered, required)
	c.Mul(x, x, x)
	c.Add(x, x, apd.New(1, 0))
	c.Quo(x, apd.New(2, 0), x)
	return x
}

func ratio(c *apd.ErrDecimal, a, b int64) *apd.Decimal {
	x := new(apd.Decimal)
	c.Quo(x, apd.New(a, 0), apd.New(b, 0))
	return x
}

func exp(c *apd.ErrDecimal, x *apd.Decimal) *apd.Decimal {
	if x.IsZero() {
		return apd.New(1, 0)
	}
	y := new(apd.Decimal)
	c.Exp(y, x)
	return y
}
