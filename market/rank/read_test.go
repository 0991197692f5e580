package rank_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
)

// TestRead: what texts ask for.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"supply air temperature, building 3, every 5 min":                                `temperature measured supply building="3" period=300000`,
		"CO2 in room 3I1 on floor 3 of GreenTechCenter Vejle in Vejle":                   `co2 measured  floor="3" room="3 i 1" names=["greentechcenter vejle" "vejle"]`,
		"target value of temp readings indoors in room 2A1Office on floor 2 of X1 in Y2": `temperature setpoint room floor="2" room="2 a 1 office" names=["x 1" "y 2"]`,
		"in the room in room Mars on floor 3":                                            ` measured room floor="3" room="mars"`,
		"alarms on air flow rate of supply air on the 3rd floor":                         `air_flow alarm supply floor="3"`,
		"hourly electricity consumption of Rice Hall, Charlottesville":                   `energy measured  names=["rice hall" "charlottesville"] period=3600000`,
		"room temperature in °F, accurate to 0.5 °C, not older than 10 minutes":          `temperature measured room unit=DEG_F accuracy=0.5DEG_C age=600000`,
		"zone humidity set point at 1 Hz":                                                `humidity setpoint room period=1000`,
		"position of the chilled water valve of AHU 2":                                   `valve_position measured water`,
		"control command for damper position on floor 4 of EBU3B in San Diego":           `damper_position command  floor="4" names=["ebu 3 b" "san diego"]`,
		"outdoor pm2.5 near the river":                                                   `pm2.5 measured outside names=["river"]`,
		"temperature readings per minute in vejle":                                       `temperature measured  names=["vejle"] period=60000`,
		"temprature of the room":                                                         `temperature measured room`,
		"sensor data: realtive humidty outside":                                          `humidity measured outside names=["realtive humidty outside"]`,
		"garden of the library":                                                          ` measured  names=["library"]`,
		"":                                                                               ` measured `,
	} {
		if got := rank.Read(rank.Want{Text: text}).String(); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

// TestNumbers: the ways in which JSON may write a number mean one.
func TestNumbers(t *testing.T) {
	near := rank.NewEntry(rank.Offer{ID: "near", Title: "air temperature", Unit: "Cel", Cell: "u33db", Floor: "3", Accuracy: "0.00005"}, nil)
	far := rank.NewEntry(rank.Offer{ID: "far", Title: "air temperature", Unit: "Cel", Cell: "9q8yy", Floor: "4", Accuracy: "5"}, nil)
	read := func(fields string) *rank.Query {
		w := rank.Want{ID: "d"}
		if err := json.Unmarshal([]byte(fields), &w.Structured); err != nil {
			t.Fatal(err)
		}
		return rank.Read(w)
	}
	for plain, others := range map[string][]string{
		`{"quantity": "temperature", "cell": "u33db", "radius": 5000}`:          {`{"quantity": "temperature", "cell": "u33db", "radius": 5000.0}`, `{"quantity": "temperature", "cell": "u33db", "radius": 5e3}`, `{"quantity": "temperature", "cell": "u33db", "radius": 5000.4}`},
		`{"quantity": "temperature", "floor": 3}`:                               {`{"quantity": "temperature", "floor": 3.0}`},
		`{"quantity": "temperature", "unit": "Cel", "accuracy": 0.00005}`:       {`{"quantity": "temperature", "unit": "Cel", "accuracy": 5e-05}`},
		`{"quantity": "temperature", "radius": 1e999999999, "floor": "cellar"}`: {`{"quantity": "temperature", "floor": "cellar"}`},
	} {
		want := read(plain)
		for _, other := range others {
			if got := read(other); got.Score(&near) != want.Score(&near) || got.Score(&far) != want.Score(&far) {
				t.Errorf("%s: scores %d and %d, as %s %d and %d", other, got.Score(&near), got.Score(&far), plain, want.Score(&near), want.Score(&far))
			}
		}
	}
}

// A misspelt quantity orders offers, but nobody pays for what it may mean.
func TestGuessIsNotBought(t *testing.T) {
	q := rank.Read(rank.Want{Text: "presure of the room"})
	if q.Kind != "pressure" {
		t.Errorf("kind %q, want pressure", q.Kind)
	}
	if err := q.Fill(new(protocol.Demand)); !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), `is "presure" meant to be "pressure"?`) {
		t.Errorf("a demand from it: %v", err)
	}
}
