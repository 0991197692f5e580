package classify

import (
	"slices"
	"strings"
	"sync"
)

// Kind is a quantity kind: what a reading is a reading of.
type Kind struct {
	Slug     string   // name in demands, e.g. air_flow
	QUDT     string   // quantity kind of the QUDT vocabulary
	Broader  string   // slug of the broader kind, "" for none
	Families []string // families of units in which it is given; "" among them: it may have none (a switch, a count)
	Medium   string   // the medium it is of when nothing says otherwise, "" for none
}

// kindTable has a line for each kind: slug, QUDT kind, broader slug, families of units, usual medium. The hierarchy is
// QUDT's (skos:broader) where it has one; air and water flow, fan and traffic speed, heat and electric power are divided
// as Brick does. A "-" is empty.
const kindTable = `
temperature          Temperature                -               temperature        -
dew_point            DewPointTemperature        temperature     temperature        -
humidity             RelativeHumidity           -               rh,ratio           -
absolute_humidity    AbsoluteHumidity           -               density            -
enthalpy             SpecificEnthalpy           -               specific-energy    -
pressure             Pressure                   -               pressure           -
air_flow             VolumeFlowRate             flow            flow,velocity      -
water_flow           VolumeFlowRate             flow            flow,mass-flow     water
flow                 VolumeFlowRate             -               flow,mass-flow     -
co2                  AmountOfSubstanceFraction  air_quality     fraction           room
co                   AmountOfSubstanceFraction  air_quality     fraction           -
no2                  AmountOfSubstanceFraction  air_quality     fraction,density   outside
ozone                AmountOfSubstanceFraction  air_quality     fraction,density   outside
voc                  AmountOfSubstanceFraction  air_quality     fraction,density,-  room
pm2.5                MassConcentration          particulates    density            -
pm10                 MassConcentration          particulates    density            -
particulates         MassConcentration          air_quality     density            -
air_quality          Dimensionless              -               ratio,-            -
radon                ActivityConcentration      -               activity           room
illuminance          Illuminance                -               illuminance        -
solar_radiation      Irradiance                 -               irradiance         outside
uv_index             Dimensionless              -               -                  outside
occupancy            Dimensionless              -               -,count            room
people_count         Count                      occupancy       -,count            room
damper_position      DimensionlessRatio         position        ratio,-            -
valve_position       DimensionlessRatio         position        ratio,-            -
position             DimensionlessRatio         -               ratio,-            -
fan_speed            RotationalFrequency        speed           ratio,rotation,frequency  -
pump_speed           RotationalFrequency        speed           ratio,rotation,frequency  -
speed                Speed                      -               velocity,ratio,rotation,frequency  -
wind_speed           Speed                      speed           velocity           outside
traffic_speed        Speed                      speed           velocity           outside
wind_direction       Angle                      -               angle,-            outside
rainfall             Length                     -               length,velocity    outside
power                ElectricPower              any_power       power              -
heat_power           HeatFlowRate               any_power       power              -
any_power            Power                      -               power              -
apparent_power       ApparentPower              any_power       apparent           -
reactive_power       ReactivePower              any_power       reactive           -
power_factor         PowerFactor                -               ratio,-            -
energy               ElectricEnergy             any_energy      energy             -
heat_energy          ThermalEnergy              any_energy      energy             -
any_energy           Energy                     -               energy             -
electric_current     ElectricCurrent            -               current            -
voltage              Voltage                    -               voltage            -
frequency            Frequency                  -               frequency,rotation -
resistance           Resistance                 -               resistance         -
soil_moisture        DimensionlessRatio         -               ratio,-            ground
sound_level          SoundPressureLevel         -               sound              -
ph                   Acidity                    -               ph,-               water
conductivity         ElectricConductivity       -               conductivity       water
turbidity            Turbidity                  -               turbidity,-        water
water_volume         LiquidVolume               volume          volume             water
gas_volume           Volume                     volume          volume             -
volume               Volume                     -               volume             -
tank_level           Height                     -               ratio,length,-     water
distance             Length                     -               length             -
mass                 Mass                       -               mass               -
acceleration         Acceleration               -               acceleration       -
vibration            Velocity                   -               velocity,acceleration     -
duration             Time                       -               time               -
battery_level        StateOfCharge              -               ratio,voltage      -
load                 DimensionlessRatio         -               ratio              -
data_rate            DataRate                   -               data-rate          -
run_state            Dimensionless              -               -                  -
contact              Dimensionless              -               -                  room
`

var kinds = sync.OnceValue(func() []Kind {
	var list []Kind
	for line := range strings.Lines(strings.TrimSpace(kindTable)) {
		f := strings.Fields(line)
		for i, s := range f {
			if f[i] = strings.Trim(s, "-"); i == 3 {
				f[i] = s
			}
		}
		families := strings.Split(f[3], ",")
		for i := range families {
			families[i] = strings.Trim(families[i], "-")
		}
		list = append(list, Kind{f[0], f[1], f[2], families, f[4]})
	}
	return list
})

// KindOf returns the kind of a slug, and whether there is one.
func KindOf(slug string) (Kind, bool) {
	i := slices.IndexFunc(kinds(), func(k Kind) bool { return k.Slug == slug })
	if i < 0 {
		return Kind{}, false
	}
	return kinds()[i], true
}

// Kinship is how far an offered kind serves a wanted one, in ‰: 1000 for the same or a narrower kind, 400 for a broader
// one, 150 for two of the same broader kind, else 0. MECHANISM 4 knows one step for related kinds; a search needs these.
func Kinship(wanted, given string) int {
	w, known := KindOf(wanted)
	g, also := KindOf(given)
	switch {
	case !known || !also:
		return 0
	case w.Slug == g.Slug || above(g, w.Slug):
		return 1000
	case above(w, g.Slug):
		return 400
	case w.Broader != "" && w.Broader == g.Broader:
		return 150
	}
	return 0
}

// above says whether slug is a broader kind of k, at whatever height.
func above(k Kind, slug string) bool {
	for k.Broader != "" {
		if k.Broader == slug {
			return true
		}
		k, _ = KindOf(k.Broader)
	}
	return false
}

func (k Kind) allows(family string) bool { return slices.Contains(k.Families, family) }

// Kinds returns the slugs of the table in its order.
func Kinds() []string {
	slugs := make([]string, len(kinds()))
	for i, k := range kinds() {
		slugs[i] = k.Slug
	}
	return slugs
}

// Measures says whether a kind, or a broader one of it, is that quantity kind of QUDT: dew_point measures Temperature.
func Measures(slug, qudt string) bool {
	for k, ok := KindOf(slug); ok; k, ok = KindOf(k.Broader) {
		if k.QUDT == qudt {
			return true
		}
	}
	return false
}
