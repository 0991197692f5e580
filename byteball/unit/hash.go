package unit

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// Hash returns the hash that names u, over its content hash and the fields that a voided unit keeps. u.Unit is not read.
// Error: Invalid for what cannot be hashed (an empty array or object, a null, a missing timestamp or last ball).
func (u *Unit) Hash() (byteball.Hash, error) {
	if u.ContentHash != "" {
		return u.sum(naked)
	}
	content, err := u.sum(naked)
	if err != nil {
		return "", err
	}
	w := objecthash.NewWriter(isLegacy(u.Version))
	defer w.Free()
	u.writeStripped(w, content)
	if !u.stripsWell() {
		return "", u.undefined(content)
	}
	return w.Hash()
}

// HashContent returns the hash of u without its hash, commissions and payloads; it stands for the content when a unit
// is voided.
func (u *Unit) HashContent() (byteball.Hash, error) { return u.sum(naked) }

// HashToSign returns what the authors sign: the content without authentifiers. The definition, the fees paid by choice,
// the timestamp and the parents are signed; the commissions are not.
func (u *Unit) HashToSign() ([32]byte, error) {
	w := objecthash.NewWriter(isLegacy(u.Version))
	defer w.Free()
	u.write(w, toSign)
	if w.Err() != nil {
		return [32]byte{}, u.describe(w.Err(), toSign)
	}
	return w.Sum()
}

func (u *Unit) sum(f form) (byteball.Hash, error) {
	w := objecthash.NewWriter(isLegacy(u.Version))
	defer w.Free()
	u.write(w, f)
	if w.Err() != nil {
		return "", u.describe(w.Err(), f)
	}
	return w.Hash()
}

func (u *Unit) describe(err error, f form) error {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	u.write(w, f)
	return objecthash.Describe(err, w.Bytes())
}

// writeStripped writes what remains of a voided unit.
func (u *Unit) writeStripped(w *objecthash.Writer, content byteball.Hash) {
	w.Object()
	text(w, "alt", u.Alt)
	w.Key("authors")
	w.Array()
	for i := range u.Authors {
		w.Object()
		text(w, "address", string(u.Authors[i].Address))
		w.EndObject()
	}
	w.EndArray()
	text(w, "content_hash", string(content))
	if u.ParentUnits != nil {
		hash(w, "last_ball", u.LastBall)
		hash(w, "last_ball_unit", u.LastBallUnit)
		list(w, "parent_units", u.ParentUnits)
	}
	if u.Timestamp != 0 && !isLegacy(u.Version) {
		integer(w, "timestamp", u.Timestamp)
	}
	text(w, "version", u.Version)
	if u.WitnessListUnit != "" {
		text(w, "witness_list_unit", string(u.WitnessListUnit))
	} else {
		list(w, "witnesses", u.Witnesses)
	}
	w.EndObject()
}

// stripsWell reports whether the fields are there that the reference copies without looking.
func (u *Unit) stripsWell() bool {
	return (u.Timestamp != 0 || isLegacy(u.Version)) &&
		(u.ParentUnits == nil || u.LastBall != "" && u.LastBallUnit != "")
}

// undefined is the reference's text about a stripped unit with a missing field.
func (u *Unit) undefined(content byteball.Hash) error {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	w.Object()
	text(w, "content_hash", string(content))
	text(w, "version", u.Version)
	text(w, "alt", u.Alt)
	w.Key("authors")
	w.Array()
	for i := range u.Authors {
		w.Object()
		text(w, "address", string(u.Authors[i].Address))
		w.EndObject()
	}
	w.EndArray()
	hash(w, "witness_list_unit", u.WitnessListUnit)
	list(w, "parent_units", u.ParentUnits)
	if u.ParentUnits != nil {
		hash(w, "last_ball", u.LastBall)
		hash(w, "last_ball_unit", u.LastBallUnit)
	}
	if u.Timestamp != 0 {
		integer(w, "timestamp", u.Timestamp)
	}
	w.EndObject()
	return byteball.Errorf(byteball.Invalid,
		"getJsonSourceString: unknown type=undefined of undefined, object: %s", w.Bytes())
}

// HashPayload returns the hash of m's payload as a unit of that version carries it: the data of temp_data is left out,
// it is hashed on its own. Error: Invalid for no payload or one that cannot be hashed.
func (m *Message) HashPayload(version string) (byteball.Hash, error) {
	payload := m.Payload
	if payload == nil {
		return "", byteball.Errorf(byteball.Invalid, "no inline payload")
	}
	if m.App == "temp_data" {
		payload = withoutData(payload)
	}
	w := objecthash.NewWriter(isLegacy(version))
	defer w.Free()
	writePayload(w, payload)
	if w.Err() != nil {
		j := objecthash.NewJSONWriter()
		defer j.Free()
		writePayload(j, payload)
		return "", objecthash.Describe(w.Err(), j.Bytes())
	}
	return w.Hash()
}

// withoutData returns a temp_data payload without the data itself.
func withoutData(payload any) any {
	tree, ok := payload.(map[string]any)
	if _, has := tree["data"]; !ok || !has {
		return payload
	}
	rest := make(map[string]any, len(tree))
	for k, v := range tree {
		if k != "data" {
			rest[k] = v
		}
	}
	return rest
}

// BallHash returns the hash of a stable unit's ball. The balls of its parents and of the skip list are sorted by the
// caller, as the ledger orders hashes; nonserial marks a unit whose content is void.
func BallHash(unit byteball.Hash, parentBalls, skiplistBalls []byteball.Hash, nonserial bool) (byteball.Hash, error) {
	w := objecthash.NewWriter(true)
	defer w.Free()
	w.Object()
	if nonserial {
		w.Key("is_nonserial")
		w.Bool(true)
	}
	if len(parentBalls) > 0 {
		list(w, "parent_balls", parentBalls)
	}
	if len(skiplistBalls) > 0 {
		list(w, "skiplist_balls", skiplistBalls)
	}
	text(w, "unit", string(unit))
	w.EndObject()
	return w.Hash()
}
