package classify

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/byteball"
)

// Unit is a unit of measurement. Its zero value is no unit.
type Unit struct {
	ID     string // of QUDT, e.g. DEG_F
	Family string // units of one family convert into each other
	factor string // SI value = (value + offset) × factor; "" does not convert
	offset string
}

// spellings has a line for each unit: its family, its QUDT id, then what people, SenML (RFC 8428, RFC 8798) and building
// automation (BACnet, Brick) write for it, in lower case and without spaces.
const spellings = `
temperature DEG_C °c c cel degc celsius degrees-celsius degreescelsius degreecelsius ℃ deg_c centigrade grad
temperature DEG_F °f f degf fahrenheit degrees-fahrenheit degreesfahrenheit degreefahrenheit ℉ deg_f
temperature K k kelvin
rh PERCENT_RH %rh rh percentrh percent_rh percent-relative-humidity %r.h. relative%
ratio PERCENT % percent pct percentage
ratio UNITLESS / 1 fraction ratio unitless
fraction PPM ppm parts-per-million partspermillion ppmv
fraction PPB ppb parts-per-billion partsperbillion
density MicroGM-PER-M3 ug/m3 µg/m3 μg/m3 ugm3 ug/m³ µg/m³ μg/m³ microgram/m3
density MilliGM-PER-M3 mg/m3 mg/m³
density GM-PER-M3 g/m3 g/m³
density KiloGM-PER-M3 kg/m3 kg/m³
flow FT3-PER-MIN cfm ft3/min scfm cubicfeetperminute cubic-feet-per-minute ft³/min
flow M3-PER-HR m3/h m³/h cmh m3/hr m3h cubic-meters-per-hour
flow M3-PER-SEC m3/s m³/s cubic-meters-per-second
flow L-PER-SEC l/s lps liters-per-second
flow L-PER-MIN l/min lpm liters-per-minute
flow L-PER-HR l/h lph
flow GAL_US-PER-MIN gpm gal/min us-gallons-per-minute
mass-flow KiloGM-PER-SEC kg/s
mass-flow KiloGM-PER-HR kg/h kg/hr
mass-flow LB-PER-HR lb/h lb/hr
pressure PA pa pascal pascals
pressure HectoPA hpa
pressure KiloPA kpa kilopascal
pressure BAR bar
pressure MilliBAR mbar mb millibar
pressure PSI psi psig lb/in2 pounds-per-square-inch
pressure IN_H2O inwc inh2o inh20 in.w.c. in.wc inwg in.w.g. "wc "wg in_h2o inches-of-water iwc in/wc
pressure IN_HG inhg in.hg
pressure MilliM_HG mmhg
illuminance LUX lx lux luxes
illuminance FC fc footcandle footcandles
irradiance W-PER-M2 w/m2 w/m² wm2
angle DEG deg ° degree degrees
angle RAD rad
velocity M-PER-SEC m/s mps
velocity KiloM-PER-HR km/h kph kmh
velocity MI-PER-HR mph mi/h mile/h
velocity FT-PER-MIN fpm ft/min
velocity KN kn knot knots kt
velocity MilliM-PER-HR mm/h mm/hr
length M m metre meter
length MilliM mm
length CentiM cm
length KiloM km
length IN in inch inches
length FT ft feet
power W w watt watts
power KiloW kw kilowatt kilowatts
power MegaW mw megawatt
power BTU_IT-PER-HR btu/h btu/hr btuh
power TON_FG tons ton tonsofrefrigeration tr
apparent V-A va
apparent KiloV-A kva
reactive V-A_Reactive var
reactive KiloV-A_Reactive kvar
energy W-HR wh watt-hours
energy KiloW-HR kwh kilowatt-hours kilowatthours
energy MegaW-HR mwh megawatt-hours
energy J j joule joules
energy KiloJ kj
energy MegaJ mj
energy GigaJ gj
energy BTU_IT btu
energy THM_US therm therms
specific-energy KiloJ-PER-KiloGM kj/kg
specific-energy BTU_IT-PER-LB btu/lb
current A a amp amps ampere amperes
current MilliA ma
voltage V v volt volts vdc vac
voltage MilliV mv
voltage KiloV kv
frequency HZ hz hertz
frequency KiloHZ khz
rotation REV-PER-MIN rpm rev/min
resistance OHM ohm ohms ω
sound DeciB db dba db(a)
ph PH ph
turbidity NTU ntu
conductivity S-PER-M s/m
conductivity MicroS-PER-CentiM us/cm µs/cm
volume M3 m3 m³
volume L l liter litre liters
volume GAL_US gal gallon gallons
volume FT3 ft3 ft³ cf
mass KiloGM kg
mass GM g
acceleration M-PER-SEC2 m/s2 m/s²
acceleration G gravity
time SEC s sec second seconds
time MilliSEC ms
time MIN min minute minutes
time HR h hr hour hours
time DAY d day days
count NUM count people persons number
data-rate BIT-PER-SEC bit/s bps
data-rate BYTE-PER-SEC b/s
activity BQ-PER-M3 bq/m3 bq/m³
`

var units = sync.OnceValue(func() map[string]Unit {
	list := map[string]Unit{}
	for line := range strings.Lines(strings.TrimSpace(spellings)) {
		f := strings.Fields(line)
		u := Unit{ID: f[1], Family: f[0], factor: qudt[f[1]].factor, offset: qudt[f[1]].offset}
		list[strings.ToLower(u.ID)] = u
		for _, s := range f[2:] {
			list[s] = u
		}
	}
	return list
})

// UnitOf returns the unit that a text spells, and whether it is one that this package knows. Small and capital letters are
// alike, so mW is read as MW: milliwatts do not occur in buildings.
func UnitOf(text string) (Unit, bool) {
	if len(text) > 64 {
		return Unit{}, false
	}
	text = strings.ToLower(strings.Join(strings.Fields(text), ""))
	u, ok := units()[text]
	if !ok {
		u, ok = units()[strings.TrimPrefix(text, "unit:")] // as in Brick and QUDT graphs
	}
	return u, ok
}

// decimals is the arithmetic of Convert: 20 digits, half-even.
var decimals = apd.Context{Precision: 20, Rounding: apd.RoundHalfEven, MaxExponent: 1000, MinExponent: -1000, Traps: apd.DefaultTraps}

// Convert expresses a value of one unit in another, by QUDT's factors. A difference (an accuracy, a tolerance) converts
// without the offsets of the scales. Errors: Invalid if the units do not convert into each other.
func Convert(value *apd.Decimal, from, to Unit, difference bool) (*apd.Decimal, error) {
	if from.ID == to.ID && from.ID != "" {
		return new(apd.Decimal).Set(value), nil
	}
	if from.Family == "" || from.Family != to.Family || from.factor == "" || to.factor == "" {
		return nil, fmt.Errorf("convert %s to %s: not units of one quantity: %w", from.ID, to.ID, byteball.Invalid)
	}
	c := apd.MakeErrDecimal(&decimals)
	v := new(apd.Decimal).Set(value)
	if !difference {
		c.Add(v, v, number(from.offset))
	}
	c.Mul(v, v, number(from.factor))
	c.Quo(v, v, number(to.factor))
	if !difference {
		c.Sub(v, v, number(to.offset))
	}
	if c.Err() != nil {
		return nil, fmt.Errorf("convert %s to %s: %v: %w", from.ID, to.ID, c.Err(), byteball.Invalid)
	}
	return v, nil
}

// number reads a constant of the table; "" is 0.
func number(s string) *apd.Decimal {
	if s == "" {
		return new(apd.Decimal)
	}
	d, _, err := apd.NewFromString(s)
	if err != nil {
		return new(apd.Decimal)
	}
	return d
}

// Alternatives lists the other units of u's family that convert into it, by id.
func Alternatives(u Unit) []Unit {
	var list []Unit
	for _, v := range units() {
		if v.Family == u.Family && v.ID != u.ID && v.factor != "" && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b Unit) int { return strings.Compare(a.ID, b.ID) })
	return list
}
