package unit

import "github.com/iotverse/iotverse/byteball"

func texter[T ~string](q *quick, into *[]T) func() {
	return func() { *into = append(*into, T(q.text())) }
}

// joint wants a unit, and a ball wherever there is a skip list.
func (q *quick) joint() *Joint {
	j := &Joint{}
	var met uint32
	q.members(func(key string) {
		switch key {
		case "unit":
			q.once(&met, 0)
			j.Unit = q.unit()
		case "ball":
			q.once(&met, 1)
			j.Ball = byteball.Hash(q.text())
		case "skiplist_units":
			q.once(&met, 2)
			q.elements(texter(q, &j.SkiplistUnits))
		default:
			q.fail()
		}
	})
	if j.Unit == nil || len(j.Ball) != HashLength && met != 1 {
		q.fail()
	}
	return j
}

func (q *quick) unit() *Unit {
	u := &Unit{}
	var met uint32
	q.members(func(key string) {
		field := q.unitField(u, key)
		q.once(&met, field)
	})
	if u.Version == "" || u.Alt == "" || u.Authors == nil {
		q.fail()
	}
	return u
}

// unitField reads one field and returns its number.
func (q *quick) unitField(u *Unit, key string) uint {
	switch key {
	case "unit":
		u.Unit = byteball.Hash(q.text())
		return 0
	case "version":
		u.Version = q.text()
		return 1
	case "alt":
		u.Alt = q.text()
		return 2
	case "authors":
		u.Authors = make([]Author, 0, 1)
		q.elements(func() { u.Authors = append(u.Authors, q.author()) })
		return 3
	case "messages":
		u.Messages = make([]Message, 0, 1)
		q.elements(func() { u.Messages = append(u.Messages, q.message()) })
		return 4
	case "parent_units":
		u.ParentUnits = make([]byteball.Hash, 0, 2)
		q.elements(texter(q, &u.ParentUnits))
		return 5
	case "last_ball":
		u.LastBall = byteball.Hash(q.text())
		return 6
	case "last_ball_unit":
		u.LastBallUnit = byteball.Hash(q.text())
		return 7
	case "timestamp":
		u.Timestamp = int64(q.whole(1, maxInteger))
		return 8
	case "headers_commission":
		u.HeadersCommission = q.amount(1)
		return 9
	case "payload_commission":
		u.PayloadCommission = q.amount(1)
		return 10
	case "tps_fee":
		fee := q.amount(0)
		u.TPSFee = &fee
		return 11
	}
	return q.rareField(u, key)
}

// rareField reads the fields that most units lack.
func (q *quick) rareField(u *Unit, key string) uint {
	switch key {
	case "oversize_fee":
		u.OversizeFee = q.amount(1)
		return 12
	case "burn_fee":
		u.BurnFee = q.amount(1)
		return 13
	case "max_aa_responses":
		n := int64(q.whole(0, maxIndex))
		u.MaxAAResponses = &n
		return 14
	case "earned_headers_commission_recipients":
		q.elements(func() { u.Recipients = append(u.Recipients, q.recipient()) })
		return 15
	case "witness_list_unit":
		u.WitnessListUnit = byteball.Hash(q.text())
		return 16
	case "witnesses":
		q.elements(texter(q, &u.Witnesses))
		return 17
	case "main_chain_index":
		n := q.whole(0, maxIndex)
		u.MainChainIndex = &n
		return 18
	case "actual_tps_fee":
		fee := q.amount(0)
		u.ActualTPSFee = &fee
		return 19
	}
	q.fail()
	return 0
}

func (q *quick) author() (a Author) {
	var met uint32
	q.members(func(key string) {
		switch key {
		case "address":
			q.once(&met, 0)
			a.Address = byteball.Address(q.text())
		case "authentifiers":
			q.once(&met, 1)
			a.Authentifiers = make(map[string]string, 1)
			q.members(func(path string) {
				if _, twice := a.Authentifiers[path]; twice {
					q.fail()
				}
				a.Authentifiers[path] = q.text()
			})
		case "definition":
			q.once(&met, 2)
			list, _ := q.tree().([]any)
			if len(list) == 0 {
				q.fail()
			}
			a.Definition = list
		default:
			q.fail()
		}
	})
	if a.Address == "" {
		q.fail()
	}
	return a
}

func (q *quick) recipient() (r Recipient) {
	var met uint32
	q.members(func(key string) {
		switch key {
		case "address":
			q.once(&met, 0)
			r.Address = byteball.Address(q.text())
		case "earned_headers_commission_share":
			q.once(&met, 1)
			r.Share = int(q.whole(1, maxIndex))
		default:
			q.fail()
		}
	})
	if met != 3 {
		q.fail()
	}
	return r
}

// message gives up at messages that are not inline: they are rare.
func (q *quick) message() (m Message) {
	var met uint32
	at := -1
	q.members(func(key string) {
		switch key {
		case "app":
			q.once(&met, 0)
			m.App = q.text()
		case "payload_location":
			q.once(&met, 1)
			m.PayloadLocation = q.text()
		case "payload_hash":
			q.once(&met, 2)
			m.PayloadHash = byteball.Hash(q.text())
		case "payload":
			q.once(&met, 3)
			at = q.pos
			if m.App == "payment" {
				m.Payload = q.payment()
			} else {
				m.Payload = q.tree()
			}
		default:
			q.fail()
		}
	})
	if met != 15 || m.PayloadLocation != "inline" || m.Payload == nil {
		q.fail()
	}
	if _, done := m.Payload.(*Payment); !done && m.App == "payment" && !q.given { // the payload came before the app
		back := q.pos
		q.pos = at
		m.Payload = q.payment()
		q.pos = max(back, q.pos)
	}
	return m
}

func (q *quick) payment() *Payment {
	p := &Payment{}
	var met uint32
	q.members(func(key string) {
		switch key {
		case "asset":
			q.once(&met, 0)
			p.Asset = byteball.Hash(q.text())
		case "denomination":
			q.once(&met, 1)
			p.Denomination = q.whole(1, maxInteger)
		case "inputs":
			q.once(&met, 2)
			p.Inputs = make([]Input, 0, 1)
			q.elements(func() { p.Inputs = append(p.Inputs, q.input()) })
		case "outputs":
			q.once(&met, 3)
			p.Outputs = make([]Output, 0, 2)
			q.elements(func() { p.Outputs = append(p.Outputs, q.output()) })
		default:
			q.fail()
		}
	})
	if p.Inputs == nil || p.Outputs == nil || p.Denomination != 0 && p.Asset == "" {
		q.fail()
	}
	return p
}

func (q *quick) output() (o Output) {
	var met uint32
	q.members(func(key string) {
		switch key {
		case "address":
			q.once(&met, 0)
			o.Address = byteball.Address(q.text())
		case "amount":
			q.once(&met, 1)
			o.Amount = q.amount(1)
		default:
			q.fail()
		}
	})
	if met != 3 {
		q.fail()
	}
	return o
}

// input gives up at issues and commissions: they are rare.
func (q *quick) input() (in Input) {
	var met uint32
	q.members(func(key string) {
		switch key {
		case "unit":
			q.once(&met, 0)
			in.Unit = byteball.Hash(q.text())
		case "message_index":
			q.once(&met, 1)
			in.MessageIndex = int(q.whole(0, maxIndex))
		case "output_index":
			q.once(&met, 2)
			in.OutputIndex = int(q.whole(0, maxIndex))
		default:
			q.fail()
		}
	})
	if met != 7 {
		q.fail()
	}
	return in
}
