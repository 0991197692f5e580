package detect

import "unsafe"

// SensorBytes is what a sensor with all its pairs takes.
func SensorBytes() int {
	return int(unsafe.Sizeof(Sensor{})) + candidates*int(unsafe.Sizeof(pair{})+unsafe.Sizeof(uintptr(0))) + 64*8
}
