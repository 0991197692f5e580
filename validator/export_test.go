package validator

import "github.com/iotverse/iotverse/protocol"

// Amend changes a saved docket, for tests of what Recompute says of it: nil leaves a part as it is.
func Amend(data []byte, scorer uint32, mine func(*protocol.Reveal)) []byte {
	var d docket
	if err := protocol.Decode(data, &d); err != nil {
		panic(err)
	}
	if scorer != 0 {
		d.Scorer = scorer
	}
	if mine != nil {
		m := new(protocol.Reveal)
		if err := protocol.Decode(d.Mine, m); err != nil {
			panic(err)
		}
		mine(m)
		d.Mine, _ = protocol.Encode(m)
	}
	return encoded(d)
}

// Older is a docket as it was written before it held what a class hangs on.
func Older(data []byte) []byte {
	d, err := readDocket(data)
	if err != nil {
		panic(err)
	}
	return encoded(d.judged)
}

func encoded(v any) []byte {
	out, err := protocol.Encode(v)
	if err != nil {
		panic(err)
	}
	return out
}
