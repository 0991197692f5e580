package classify

// values lets a window of readings vote: only comparisons of floats, so that every machine sees the same.
func (b *ballot) values(list []float64) {
	if len(list) < 8 {
		return
	}
	least, most, changes, whole := list[0], list[0], 0, true
	for i, v := range list {
		if !(v >= -1e300 && v <= 1e300) {
			return // not a number, or beyond all sensors
		}
		least, most = min(least, v), max(most, v)
		if i > 0 && v != list[i-1] {
			changes++
		}
		whole = whole && v == float64(int64(max(-1e15, min(v, 1e15))))
	}
	binary := whole && least >= 0 && most <= 1
	switch {
	case binary && changes > 0:
		b.vote(role, Status, 300, "values are 0 and 1 only")
		b.against("temperature", "air_flow", "pressure", "co2", "illuminance", "power")
	case changes == 0 && len(list) >= 32:
		b.vote(role, Setpoint, 150, "the value never changes")
	case changes*8 > len(list)*7:
		b.vote(role, Measured, 250, "every value differs from the one before")
	}
	b.plausible(least, most)
}

func (b *ballot) against(kinds ...string) {
	for _, k := range kinds {
		if n, ok := b.votes[quantity][k]; ok {
			b.votes[quantity][k] = n * 2 / 3
		}
	}
}

// plausible weighs the range of the values: a kind without a unit gets the one that fits, and one that cannot have such
// values loses votes.
func (b *ballot) plausible(least, most float64) {
	if b.given.ID == "" {
		id := ""
		switch {
		case b.has(quantity, "temperature") && least >= 50 && most <= 110:
			id = "DEG_F"
		case b.has(quantity, "temperature") && least >= -50 && most <= 45 && most > 1:
			id = "DEG_C"
		case b.has(quantity, "temperature") && least >= 230 && most <= 330:
			id = "K"
		case b.has(quantity, "co2") && least >= 250 && most <= 10_000:
			id = "PPM"
		case b.has(quantity, "humidity") && least >= 2 && most <= 100 && most > 1:
			id = "PERCENT_RH"
		case b.has(quantity, "pressure") && least >= 85_000 && most <= 110_000:
			id = "PA"
		case b.has(quantity, "pressure") && least >= 850 && most <= 1_100:
			id = "HectoPA"
		}
		if u, ok := UnitOf(id); ok {
			b.given = u
			b.reasons = append(b.reasons, "values fit the unit "+id)
		}
	}
	if most > 110 && (b.given.Family == "rh" || b.given.Family == "ratio") || least < 0 && b.given.Family == "rh" {
		b.against("humidity", "damper_position", "valve_position")
		b.reasons = append(b.reasons, "values lie outside 0 to 110 %")
	}
}
