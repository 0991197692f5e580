package classify

import (
	"slices"
	"strings"
)

// unit lets the unit vote: for the kind that is usually given in it, against those that never are.
func (b *ballot) unit() {
	if b.given.ID == "" {
		return
	}
	for slug, n := range b.votes[quantity] {
		if k, ok := KindOf(slug); ok && !k.allows(b.given.Family) {
			b.votes[quantity][slug] = n / 4
		}
	}
	usual := map[string]string{
		"temperature": "temperature", "rh": "humidity", "fraction": "co2", "pressure": "pressure", "illuminance": "illuminance",
		"irradiance": "solar_radiation", "power": "power", "energy": "energy", "current": "electric_current", "voltage": "voltage",
		"frequency": "frequency", "rotation": "fan_speed", "specific-energy": "enthalpy", "sound": "sound_level", "activity": "radon",
		"apparent": "apparent_power", "reactive": "reactive_power", "resistance": "resistance", "acceleration": "acceleration",
		"data-rate": "data_rate", "turbidity": "turbidity", "conductivity": "conductivity", "ph": "ph", "mass": "mass",
	}
	kind := usual[b.given.Family]
	switch b.given.ID {
	case "FT3-PER-MIN", "M3-PER-HR", "M3-PER-SEC":
		kind = "air_flow"
	case "GAL_US-PER-MIN":
		kind = "water_flow"
	case "MicroGM-PER-M3":
		kind = "particulates"
	}
	if kind == "" || b.narrower(kind) {
		return
	}
	weight := 700
	if kind == "co2" || kind == "air_flow" || kind == "energy" {
		weight = 500
	}
	b.vote(quantity, kind, weight, "unit %q", b.unitRaw)
}

// narrower says whether a kind that this unit measures has votes enough already: the unit then adds nothing.
func (b *ballot) narrower(kind string) bool {
	for slug, n := range b.votes[quantity] {
		if k, ok := KindOf(slug); ok && slug != kind && k.allows(b.given.Family) && n >= 400 {
			return true
		}
	}
	return false
}

func (b *ballot) has(f facet, value string) bool { return b.votes[f][value] > 0 }

// move gives the votes for one kind to another.
func (b *ballot) move(from, to, why string) {
	if n := b.votes[quantity][from]; n > 0 {
		delete(b.votes[quantity], from)
		b.vote(quantity, to, n, "%s", why)
	}
}

// combine settles kinds that several words make together.
func (b *ballot) combine() {
	_, water := b.votes[medium]["water"]
	if water && !b.has(quantity, "air_flow") {
		b.move("flow", "water_flow", "flow of water")
	} else if water && b.votes[medium]["water"] > 800 && b.votes[quantity]["flow"] > 0 {
		b.move("flow", "water_flow", "flow of water")
	} else if b.has(quantity, "flow") && !b.has(quantity, "water_flow") {
		b.move("flow", "air_flow", "flow, not of water")
	}
	switch {
	case b.has(equipment, "pump"):
		b.move("speed", "pump_speed", "speed of a pump")
	case b.has(equipment, "fan"), b.has(equipment, "drive"), b.has(equipment, "machine"):
		b.move("speed", "fan_speed", "speed of a fan")
	}
	if b.mentions("district", "thermal", "heat") && b.given.Family != "apparent" {
		b.move("power", "heat_power", "power of heat")
		b.move("energy", "heat_energy", "energy of heat")
	}
	if b.has(quantity, "wind_speed") && b.mentions("direction", "dir", "bearing") {
		b.move("wind_speed", "wind_direction", "the direction of wind")
	}
	if b.has(quantity, "position") { // the position of what it stands beside
		for _, k := range []string{"damper_position", "valve_position"} {
			if b.has(quantity, k) {
				b.move("position", k, "position of it")
			}
		}
	}
	if _, votes, _ := b.best(quantity); votes > 0 {
		return
	}
	_, loudest, _ := b.best(medium)
	switch {
	case b.has(role, Setpoint) && !b.demand && (b.given.Family == "temperature" || b.given.ID == ""):
		b.vote(quantity, "temperature", 350, "a setpoint of nothing named")
	case !b.demand && (b.given.Family == "temperature" || b.given.ID == "") && b.roomSensor():
		b.vote(quantity, "temperature", 400, "a room's sensor of nothing named")
	case loudest > 0 && !b.demand && b.given.ID == "" && b.has(role, Limit):
		b.vote(quantity, "temperature", 250, "a limit of nothing named")
	case b.has(equipment, "fan") || b.has(equipment, "machine") || b.has(equipment, "plant") || b.has(equipment, "pump"):
		if b.given.ID == "" && (b.has(role, Status) || b.has(role, Command)) {
			b.vote(quantity, "run_state", 500, "whether a machine runs")
		}
	}
}

// roomSensor says whether the title names a room, zone or space sensor: vendors call so what measures its temperature.
func (b *ballot) roomSensor() bool {
	for i, h := range b.hits {
		if strings.HasPrefix(h.phrase, "sens") && b.votedBefore(i, medium, "room") {
			return true
		}
	}
	return false
}

// roles settles what high, low, most and least mean, and what a point without a word for its role is.
func (b *ballot) roles() {
	kind, _, _ := b.best(quantity)
	edge := b.has(bound, "high") || b.has(bound, "low")
	most := b.has(bound, "max") || b.has(bound, "min")
	flow := kind == "air_flow" || kind == "water_flow"
	switch {
	case b.votes[role][Setpoint] > 0 && edge:
		b.vote(role, Limit, 950, "a setpoint of high or low")
	case edge && b.given.ID == "" && !b.demand && !b.has(role, Command):
		b.vote(role, Alarm, 800, "high or low without a unit")
	case edge && !b.demand:
		b.vote(role, Limit, 400, "high or low")
	}
	k, _ := KindOf(kind)
	if nobodys := k.Medium == "outside" || slices.Contains(metered, kind); most && (!nobodys || b.has(role, Setpoint)) {
		weight := 500
		if flow || b.votes[role][Setpoint] > 0 {
			weight = 950
		}
		b.vote(role, Limit, weight, "the most or the least")
	}
	if flow && !b.demand && b.mentions("occupied", "occ", "htg", "clg", "heating", "cooling") && !b.has(role, Measured) && !b.has(role, Setpoint) {
		b.vote(role, Limit, 600, "a flow kept in a mode")
	}
	if b.has(role, Alarm) && b.votes[role][Setpoint] > 0 {
		b.vote(role, Limit, 400, "an alarm's setpoint")
		b.votes[role][Setpoint] /= 2
	}
	if (kind == "damper_position" || kind == "valve_position") && !b.demand && !b.has(role, Measured) {
		b.vote(role, Command, 350, "an actuator without a word for its position")
	}
	b.outrank()
	if _, votes, _ := b.best(role); votes <= 300 {
		b.vote(role, Measured, 450, "nothing says otherwise")
	}
}

// metered are kinds that meters count: the most of one is a reading, as is that of the weather, which nobody keeps to a limit.
var metered = []string{"power", "apparent_power", "reactive_power", "power_factor", "energy", "heat_energy", "electric_current", "voltage", "frequency",
	"water_volume", "gas_volume"}

// outrank lets words of what is done with a value count more than words of measuring, which stand beside them.
func (b *ballot) outrank() {
	rank := []string{Alarm, Limit, Setpoint, Command, Status, Measured}
	for i, strong := range rank {
		if b.votes[role][strong] < 450 {
			continue
		}
		for _, weak := range rank[i+1:] {
			if strong == Command && weak == Status || strong == Status && weak == Measured && b.votes[role][weak] > b.votes[role][strong] {
				continue
			}
			if n, ok := b.votes[role][weak]; ok {
				b.votes[role][weak] = min(n, b.votes[role][strong]) / 2
			}
		}
		return
	}
}

func (b *ballot) mentions(words ...string) bool {
	for _, t := range b.tokens {
		for _, w := range words {
			if t.Word == w {
				return true
			}
		}
	}
	return false
}

// mediums adds what is usual where no word says it.
func (b *ballot) mediums(inRoom bool) {
	kind, _, _ := b.best(quantity)
	k, ok := KindOf(kind)
	machine := len(b.votes[equipment]) > 0
	if machine && slices.Contains([]string{"electric_current", "voltage", "power", "energy", "frequency", "power_factor"}, kind) {
		clear(b.votes[medium]) // of the machine, whatever it moves
	}
	if b.votes[equipment]["plant"] > 400 && kind == "temperature" && !b.mentions("air") {
		b.vote(medium, "water", 800, "what boilers and chillers move")
	}
	if _, votes, _ := b.best(medium); votes >= 400 {
		return
	}
	climate := slices.Contains([]string{"temperature", "humidity", "illuminance"}, kind)
	switch {
	case ok && k.Medium != "":
		b.vote(medium, k.Medium, 600, "usual for %s", kind)
	case kind == "air_flow" && b.has(equipment, "vav") || kind == "air_flow" && b.has(role, Limit):
		b.vote(medium, "supply", 500, "what an air terminal gives")
	case kind == "temperature" && b.has(equipment, "vav") && !b.has(equipment, "coil"):
		b.vote(medium, "room", 500, "what an air terminal keeps")
	case machine:
	case inRoom:
		b.vote(medium, "room", 600, "it stands in a room and names no machine")
	case climate && b.mentions(roomWords...), kind == "illuminance" && b.mentions("light", "lights", "lighting", "ltg", "lgt"):
		b.vote(medium, "room", 500, "a word for a kind of room, or a lamp")
	case !inRoom && b.bare() && climate && b.measured():
		b.vote(medium, "outside", 400, "weather, and no room")
	}
}

// roomWords are words for kinds of rooms; they are not in the lexicon, so that a buyer may look for them as places.
var roomWords = []string{"corridor", "office", "lab", "laboratory", "kitchen", "classroom", "conference", "meeting", "lobby", "atrium", "library",
	"auditorium", "bedroom", "bathroom", "toilet", "workshop", "hall", "hallway", "basement", "attic", "garage", "z"}

// measured says whether nothing speaks for another role.
func (b *ballot) measured() bool {
	value, _, _ := b.best(role)
	return value == Measured
}

// bare says whether the title is hardly more than the name of its quantity.
func (b *ballot) bare() bool { return len(b.tokens) <= 3 }
