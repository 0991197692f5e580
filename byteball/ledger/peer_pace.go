package ledger

import "time"

// Work is counted in posts: a client may have workPerSecond of them, more than the ledger can do for one.
const (
	messageCost = 0.05
	pingCost    = 0.2
	commandCost = 0.25 // of those that are not in costs
	refusedCost = 10   // more, of a unit that is refused: it took time and pays no fee
)

// costs are the commands that cost more than most.
var costs = map[string]float64{
	"post_joint":                                            1,
	"light/get_history":                                     50,
	"light/get_link_proofs":                                 50,
	"light/get_balances":                                    10,
	"light/get_profile_units":                               10,
	"light/get_attestations":                                10,
	"light/get_data_feed":                                   10,
	"light/get_definition_chash":                            0.5,
	"light/pick_divisible_coins_for_amount":                 10,
	"light/get_parents_and_last_ball_and_witness_list_unit": 2,
	"get_system_var_votes":                                  10,
	"hub/deliver":                                           2,
	"hub/temp_pubkey":                                       2,
}

// heavy are the commands that take turns in server.heavy: their work and answers can be large.
var heavy = map[string]bool{"light/get_history": true, "light/get_link_proofs": true, "light/get_balances": true,
	"light/pick_divisible_coins_for_amount": true, "light/get_attestations": true, "light/get_profile_units": true,
	"light/get_data_feed": true, "get_system_var_votes": true}

func costOf(command string) float64 {
	if c, ok := costs[command]; ok {
		return c
	}
	return commandCost
}

// owe charges a client for bytes and work.
func (p *peer) owe(bytes int, work float64) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes.take(float64(bytes), now)
	p.work.take(work, now)
}

// ready waits until the client has paid with time for what it used and not too much waits for it; false means that it is
// over.
func (p *peer) ready() bool {
	for {
		p.mu.Lock()
		now := time.Now()
		pause := max(p.bytes.take(0, now), p.work.take(0, now))
		full := p.waiting > pauseAbove || len(p.out) >= maxAhead || len(p.posts) >= maxAhead ||
			p.waiting > 0 && p.shared.waiting.Load() > hostPause
		p.mu.Unlock()
		switch {
		case pause > 0:
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-p.over:
				timer.Stop()
				return false
			}
		case full:
			select {
			case <-p.room:
			case <-p.over:
				return false
			}
		default:
			return true
		}
	}
}
