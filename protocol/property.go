package protocol

import "slices"

// Property is one row of the table of things that can be sold: what it is (QUDT quantity kind), its SenML unit, and what
// a scorer must know of its sensors.
type Property struct {
	Slug     string
	Kind     string  // QUDT quantity kind
	Broader  string  // QUDT broader kind; properties that share it are related
	Unit     string  // SenML unit (RFC 8428 §12.1)
	Min, Max float64 // physical bounds
	Rate     float64 // largest honest change, units per second; 0 where any jump is honest
	Grid     float64 // step of the values
	Floor    float64 // change that means nothing, in a scorer's scales; 0 is 1/128 of the bounds
	Noise    bool    // readings of a live sensor differ by noise, so standing still and novelty can be judged
	BiasMax  float64 // largest honest usual offset from the neighbours; 0: no neighbours are compared
}

// properties is the table. Bounds of weather sensors: WMO-No. 8, annex 1.A; of particle sensors: SDS011 data sheet.
var properties = []Property{
	{"air-temperature", "Temperature", "ThermodynamicTemperature", "Cel", -80, 60, 0.05, 0.01, 0, true, 3},
	{"surface-temperature", "Temperature", "ThermodynamicTemperature", "Cel", -90, 100, 0.2, 0.01, 0, true, 6},
	{"device-temperature", "Temperature", "ThermodynamicTemperature", "Cel", -40, 125, 20, 0.001, 5, true, 0},
	{"relative-humidity", "RelativeHumidity", "DimensionlessRatio", "%RH", 0, 100, 0.5, 0.01, 0, true, 15},
	{"air-pressure", "Pressure", "ForcePerArea", "Pa", 30000, 110000, 20, 0.1, 0, true, 500},
	{"pm2.5", "MassConcentration", "Density", "ug/m3", 0, 1000, 50, 0.01, 0, true, 10},
	{"pm10", "MassConcentration", "Density", "ug/m3", 0, 2000, 100, 0.01, 0, true, 20},
	{"wind-speed", "Speed", "Velocity", "m/s", 0, 90, 20, 0.01, 0, true, 5},
	{"illuminance", "Illuminance", "LuminousFluxPerArea", "lx", 0, 200000, 0, 0.01, 0, true, 0},
	{"voltage", "Voltage", "EnergyPerElectricCharge", "V", -1000, 1000, 0, 0.001, 0, true, 0},
	{"traffic-speed", "Speed", "Velocity", "m/s", 0, 60, 10, 0.01, 0, true, 10},
	{"host-cpu-load", "DimensionlessRatio", "Dimensionless", "%", 0, 100, 0, 0.001, 25, false, 0},
	{"host-memory-used", "DimensionlessRatio", "Dimensionless", "%", 0, 100, 0, 0.0001, 5, false, 0},
	{"host-network-rate", "DataRate", "InformationFlow", "B/s", 0, 1e12, 0, 1, 1e9, false, 0},
	{"host-disk-rate", "DataRate", "InformationFlow", "B/s", 0, 1e12, 0, 1, 1e9, false, 0},
	{"host-processes", "Count", "Dimensionless", "count", 0, 4194304, 0, 1, 200, false, 0},
	{"host-timer-latency", "Time", "Time", "s", 0, 60, 0, 1e-9, 0.01, true, 0},
}

// PropertyOf returns the row of a slug, and whether there is one.
func PropertyOf(slug string) (Property, bool) {
	i := slices.IndexFunc(properties, func(p Property) bool { return p.Slug == slug })
	if i < 0 {
		return Property{}, false
	}
	return properties[i], true
}

// Properties returns the slugs of the table in its order.
func Properties() []string {
	slugs := make([]string, len(properties))
	for i, p := range properties {
		slugs[i] = p.Slug
	}
	return slugs
}

// Related says whether two properties share their broader quantity kind.
func (p Property) Related(q Property) bool { return p.Broader == q.Broader }
