package main

import "github.com/iotverse/iotverse/byteball/unit"

// outputsOf lists what a unit pays in bytes.
func outputsOf(u *unit.Unit) []unit.Output {
	var list []unit.Output
	for _, m := range u.Messages {
		if pay, ok := m.Payload.(*unit.Payment); ok && pay.Asset == "" {
			list = append(list, pay.Outputs...)
		}
	}
	return list
}
