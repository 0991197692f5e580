package objecthash

// Length returns the size of v in the ledger's counting (object_length.js): strings by their UTF-16 code units, numbers 8,
// booleans 1, nulls 0; with keys (units since version 3.0) also the keys of objects.
func Length(v any, keys bool) int {
	n := 0
	switch v := v.(type) {
	case string:
		n = StringLength(v)
	case float64:
		n = 8
	case bool:
		n = 1
	case []any:
		for _, e := range v {
			n += Length(e, keys)
		}
	case map[string]any:
		for k, e := range v {
			if keys {
				n += StringLength(k)
			}
			n += Length(e, keys)
		}
	}
	return n
}

// StringLength counts the UTF-16 code units of s, which is UTF-8.
func StringLength(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x80 || c >= 0xc0 && c < 0xf0:
		case c >= 0xf0: // four bytes, two units: the three continuation bytes take one off
			n++
		default:
			n--
		}
	}
	return n
}
