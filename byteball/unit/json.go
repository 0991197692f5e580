package unit

import (
	"slices"

	"github.com/iotverse/iotverse/byteball/objecthash"
)

// MarshalJSON writes every field that is set, keys sorted. Error: Invalid for a string that is not UTF-8 or a payload
// that is no JSON tree.
func (u Unit) MarshalJSON() ([]byte, error) {
	return marshal(func(w *objecthash.Writer) { u.write(w, full) })
}

// UnmarshalJSON is Parse.
func (u *Unit) UnmarshalJSON(data []byte) error {
	parsed, err := Parse(data)
	if err != nil {
		return err
	}
	*u = *parsed
	return nil
}

// UnmarshalJSON reads a message as Parse does.
func (m *Message) UnmarshalJSON(data []byte) error { return unmarshal(data, m, (*reader).message) }

// UnmarshalJSON reads an input as Parse does.
func (in *Input) UnmarshalJSON(data []byte) error { return unmarshal(data, in, (*reader).input) }

func unmarshal[T any](data []byte, into *T, read func(*reader, any) T) error {
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return err
	}
	r := reader{}
	v := read(&r, tree)
	if r.err == nil {
		*into = v
	}
	return r.err
}

// MarshalJSON writes a payload of type *Payment or any other tree.
func (m Message) MarshalJSON() ([]byte, error) {
	return marshal(func(w *objecthash.Writer) { m.write(w, full) })
}

// MarshalJSON writes the fields of the input's type: unit, message_index and output_index of an ordinary one, otherwise
// type, serial_number and amount of an issue or type and the two indexes of a commission, with the address if there is one.
func (in Input) MarshalJSON() ([]byte, error) { return marshal(in.write) }

func marshal(write func(*objecthash.Writer)) ([]byte, error) {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	write(w)
	return slices.Clone(w.Bytes()), w.Err()
}
