package classify_test

import (
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/classify"
)

// TestTitles: points as different trades and vendors name them, none from the reference data: kind, role, medium ("" for
// none). A title that is open to several answers is not here.
func TestTitles(t *testing.T) {
	right, all := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(titles), "\n") {
		f := strings.Split(line, "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		c := classify.Classify(classify.Evidence{Title: f[0], Unit: f[1], Room: f[5] == "room"})
		all++
		if c.Kind.Value == f[2] && c.Role.Value == f[3] && c.Medium.Value == f[4] {
			right++
			continue
		}
		t.Errorf("%q in %q: got %v %v %v, want %s %s %s", f[0], f[1], c.Kind, c.Role, c.Medium, f[2], f[3], f[4])
	}
	t.Logf("%d of %d titles", right, all)
}

const titles = `
AHU-1/DA-T                              | degF | temperature     | measured | supply  |
AHU-1/DA-P                              | inWC | pressure        | measured | supply  |
AHU1.SAT                                | °F   | temperature     | measured | supply  |
AHU1.SAT-SP                             | °F   | temperature     | setpoint | supply  |
AHU_03_RaTemp                           | °C   | temperature     | measured | return  |
AHU2 ReturnAirTemp                      |      | temperature     | measured | return  |
AHU2_MixedAirTemp                       | degC | temperature     | measured | mixed   |
AHU2_OutdoorAirTemperature              | C    | temperature     | measured | outside |
B1.AHU2.OAT                             |      | temperature     | measured | outside |
AHU-4 SF-S                              |      | run_state       | status   | supply  |
AHU-4 SF-C                              |      | run_state       | command  | supply  |
AHU4 Supply Fan Speed Cmd               | %    | fan_speed       | command  | supply  |
AHU4 Supply Fan VFD Speed Feedback      | Hz   | fan_speed       | measured | supply  |
AHU1 Supply Air Static Pressure         | Pa   | pressure        | measured | supply  |
AHU1 Duct Static Pressure Setpoint      | Pa   | pressure        | setpoint | supply  |
AHU1 CHW Valve                          | %    | valve_position  | command  | water   |
AHU1 OA Damper Pos                      | %    | damper_position | measured | outside |
AHU1 OA DPR CMD                         | %    | damper_position | command  | outside |
AHU-2 Filter Differential Pressure      | Pa   | pressure        | measured |         |
AHU-2 Low Temp Alarm                    |      | temperature     | alarm    |         |
VAV-2-14 Zone Temp                      | degF | temperature     | measured | room    |
VAV-2-14 Zone Temp Setpoint             | degF | temperature     | setpoint | room    |
VAV_214:ZNT                             |      | temperature     | measured | room    |
VAV_214:ZTMP                            |      | temperature     | measured | room    |
VAV_214:ZN-SP                           |      | temperature     | setpoint | room    |
VAV214 AirFlow                          | cfm  | air_flow        | measured | supply  |
VAV214 AirFlow SP                       | cfm  | air_flow        | setpoint | supply  |
VAV214 Max Airflow Setpoint             | cfm  | air_flow        | limit    | supply  |
VAV214 Damper Position                  | %    | damper_position | measured |         |
VAV214 Reheat Valve Position            | %    | valve_position  | measured |         |
VAV214 Discharge Air Temp               | degF | temperature     | measured | supply  |
RM312.CO2                               | ppm  | co2             | measured | room    |
RM 312 Space Humidity                   | %RH  | humidity        | measured | room    |
CHWS-T                                  | °F   | temperature     | measured | water   |
CHWR-T                                  | °F   | temperature     | measured | water   |
HWST                                    | °F   | temperature     | measured | water   |
HWS Temp Setpoint                       | °F   | temperature     | setpoint | water   |
CHW Flow                                | gpm  | water_flow      | measured | water   |
CHWP-1 Status                           |      | run_state       | status   | water   |
Chiller 1 Condenser Water Return Temp   | °F   | temperature     | measured | water   |
CH1_CHWSTSP                             | °F   | temperature     | setpoint | water   |
Boiler Hot Water Supply Temperature     | C    | temperature     | measured | water   |
Zone_Air_Temperature_Sensor             |      | temperature     | measured | room    |
Supply_Air_Flow_Setpoint                |      | air_flow        | setpoint | supply  |
Return_Air_Humidity_Sensor              |      | humidity        | measured | return  |
Outside_Air_Temperature_Sensor          |      | temperature     | measured | outside |
Discharge_Air_Static_Pressure_Sensor    |      | pressure        | measured | supply  |
Chilled_Water_Differential_Pressure_Setpoint | | pressure        | setpoint | water   |
Max_Supply_Air_Flow_Setpoint_Limit      |      | air_flow        | limit    | supply  |
Damper_Position_Command                 |      | damper_position | command  |         |
High_Discharge_Air_Temperature_Alarm    |      | temperature     | alarm    | supply  |
Building_Electrical_Meter kW            | kW   | power           | measured |         |
Main Meter Energy                       | kWh  | energy          | measured |         |
Panel A Phase 1 Current                 | A    | electric_current | measured |        |
zoneAirTempSensor                       |      | temperature     | measured | room    |
discharge air temp sp                   | °C   | temperature     | setpoint | supply  |
outsideAirHumidity                      | %RH  | humidity        | measured | outside |
Room Temperature                        | C    | temperature     | measured | room    | room
Temperature                             | C    | temperature     | measured | room    | room
Illuminance                             | lx   | illuminance     | measured | room    | room
Motion                                  |      | occupancy       | measured | room    | room
Light level                             | lux  | illuminance     | measured | room    | room
Supply fan current                      | A    | electric_current | measured |        |
Exhaust Fan Status                      |      | run_state       | status   | exhaust |
Exhaust Air Flow                        | L/s  | air_flow        | measured | exhaust |
PM2.5                                   | µg/m³ | pm2.5          | measured |         |
Wind speed 10 m                         | m/s  | wind_speed      | measured | outside |
Global solar irradiance                 | W/m2 | solar_radiation | measured | outside |
OA Dewpoint                             | °F   | dew_point       | measured | outside |
Fan Coil 3 Cooling Valve Output         | %    | valve_position  | command  |         |
FCU 12 Room Temp                        | C    | temperature     | measured | room    |
FCU12 Occupancy Status                  |      | occupancy       | status   | room    |
RTU-3 Economizer Damper Command         | %    | damper_position | command  |         |
ACAD.AHU.AHU1.Cooling Valve Output      |      | valve_position  | command  |         |
Rm 2104 CO2 Setpoint                    | ppm  | co2             | setpoint | room    |
OccCoolSP                               | °F   | temperature     | setpoint |         |
EffectiveSetpoint                       | °C   | temperature     | setpoint |         |
RAT                                     |      | temperature     | measured | return  |
RAH                                     |      | humidity        | measured | return  |
OAH                                     |      | humidity        | measured | outside |
SAP                                     |      | pressure        | measured | supply  |
Water consumption                       | m3   | water_volume    | measured | water   |
Gas meter                               | m3   | gas_volume      | measured |         |
District heating power                  | kW   | heat_power      | measured | water   |
Domestic hot water temperature          | C    | temperature     | measured | water   |
Pump 2 Speed                            | %    | pump_speed      | measured |         |
CO2 High Limit                          | ppm  | co2             | limit    | room    |
AHU1 Duct Static Press SP               | Pa   | pressure        | setpoint | supply  |
AHU1 SA SP Static Press                 | Pa   | pressure        | measured | supply  |
EffOccStpt                              |      | temperature     | setpoint |         |
Zone Temp RM C412                       |      | temperature     | measured | room    |
Roof Wind Speed Max                     |      | wind_speed      | measured | outside |
Wind Speed Dir                          |      | wind_direction  | measured | outside |
Zone Sensor                             |      | temperature     | measured | room    |
Zone Humidity Sensor                    |      | humidity        | measured | room    |
Corridor Humidity                       |      | humidity        | measured | room    |
Z4 Temp                                 |      | temperature     | measured | room    |
High Temperature Alarm                  |      | temperature     | alarm    |         |
Lighting Level Sensor                   | lx   | illuminance     | measured | room    |
Chiller 2 Leaving Temp                  |      | temperature     | measured | water   |
Boiler 1 Return Temp                    | °C   | temperature     | measured | water   |
Boiler Room Temp                        | °C   | temperature     | measured | room    |
FCU 7 Fan Speed                         | %    | fan_speed       | measured |         | room
LPHW Flow Temperature                   | °C   | temperature     | measured | water   |
AHU2 Cooling Off Coil Temp              | °C   | temperature     | measured | supply  |
Building Static Pressure                | Pa   | pressure        | measured |         |
High Temperature Hot Water Return Temp  | °C   | temperature     | measured | water   |
Ice Tank Leaving Temp                   | °C   | temperature     | measured | water   |
Thermal Energy Storage Water Diff Press | kPa  | pressure        | measured | water   |
VAV Heating Supply Air Flow Setpoint    | cfm  | air_flow        | setpoint | supply  |
SaFl                                    | cfm  | air_flow        | measured | supply  |
RaFlSpt                                 | cfm  | air_flow        | setpoint | return  |
SaStPr                                  | inWC | pressure        | measured | supply  |
Zone Fl 3 Temp                          |      | temperature     | measured | room    |
EaVelPr                                 | Pa   | pressure        | measured | exhaust |
CHW-R-T                                 | °F   | temperature     | measured | water   |
HW-S-T                                  |      | temperature     | measured | water   |
HW-S-Temp                               | °F   | temperature     | measured | water   |
HwDiffPr                                | kPa  | pressure        | measured | water   |
Htg Coil P Cmd                          |      | run_state       | command  |         |
RAH4_SA_CFM                             |      | air_flow        | measured | supply  |
RAH_2                                   | %    | humidity        | measured | return  |
SAT2 SP                                 |      | temperature     | setpoint | supply  |
CHWP3 CT                                |      | electric_current | measured |        |
CH2 LCHWT                               |      | temperature     | measured | water   |
AHU1 SDSP                               | Pa   | pressure        | measured | supply  |
Campus/Weather Hall/Floor 2/Zone Temp   |      | temperature     | measured | room    |
Lab.Return Fan Room.AHU4.Supply Air Temp | °C  | temperature     | measured | supply  |
Site/Light Panel/VAV 4/Airflow Setpoint | cfm  | air_flow        | setpoint | supply  |
Site/Exhaust Alarms/AHU1/Mixed Air Temp | °C   | temperature     | alarm    | mixed   |
Campus/AHU1/Zone Temp Setpoint.Value    |      | temperature     | setpoint | room    |
AHU1 SF On/Off                          |      | run_state       | status   | supply  |
Main Meter Max Power                    | kW   | power           | measured |         |
Feeder 3 Power Max Setpoint             | kW   | power           | limit    |         |
AHU3 OAD Cmd                            | %    | damper_position | command  | outside |
`

func TestNothing(t *testing.T) {
	for _, title := range []string{"", " ", "\x00\xff", "....", "Zxqv 17"} {
		c := classify.Classify(classify.Evidence{Title: title})
		if c.Kind.Value != "" || c.Medium.Value != "" {
			t.Errorf("%q is %+v", title, c)
		}
	}
}
