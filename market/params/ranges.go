package params

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
)

type bound struct {
	name            string
	value, min, max int64
}

// ranges lists what each number may be. The limits keep products of them inside 64 bits and messages inside their bounds.
func (p Params) ranges() []bound {
	const day = int64(24 * time.Hour)
	ms := func(d time.Duration) int64 { return int64(d) }
	money := func(b byteball.Bytes) int64 { return int64(min(b, 1<<62)) }
	age := func(n uint64) int64 { return int64(min(n, 1<<62)) }
	return []bound{
		{"batch (ns)", ms(p.Batch), int64(10 * time.Millisecond), day},
		{"batches", int64(p.Batches), 1, protocol.MaxBatches},
		{"epoch_windows", int64(p.EpochWindows), 1, 1000},
		{"readings", int64(p.Readings), 0, protocol.MaxReadings},
		{"common", int64(p.Common), 1, protocol.MaxBatches},
		{"own", int64(p.Own), 0, protocol.MaxBatches},
		{"common_trusted", int64(p.CommonTrusted), 1, protocol.MaxBatches},
		{"own_trusted", int64(p.OwnTrusted), 0, protocol.MaxBatches},
		{"trusted", int64(p.Trusted), 0, 1000},
		{"receipt (ns)", ms(p.Receipt), int64(time.Millisecond), day},
		{"commit (ns)", ms(p.Commit), int64(time.Millisecond), day},
		{"reveal (ns)", ms(p.Reveal), int64(time.Millisecond), day},
		{"members", int64(p.Members), 1, protocol.MaxSeats / 2},
		{"pool", int64(p.Pool), int64(p.Members), 100_000},
		{"shard_bits", int64(p.ShardBits), 0, 24},
		{"refund_age", age(p.RefundAge), 1, 1e9},
		{"term", int64(p.Term), 1, 100_000},
		{"dispute", int64(p.Dispute), 1, 10_000},
		{"delay", int64(p.Delay), 2, 4},
		{"term_age", age(p.TermAge), 1, 1e12},
		{"dispute_age", age(p.DisputeAge), 1, 1e12},
		{"list_epochs", int64(p.ListEpochs), 1, 100_000},
		{"genesis", age(p.Genesis), 0, 1e6},
		{"bond", money(p.Bond), 1000, 1e15},
		{"slices", int64(p.Slices), 1, 100},
		{"seller_bond", money(p.SellerBond), 1000, 1e15},
		{"seller_parts", int64(p.SellerParts), 1, 100},
		{"reg_fee", money(p.RegFee), 1, 1e9},
		{"history", int64(p.History), 1, 100_000},
		{"baseline", int64(p.Baseline), 1, 100_000},
		{"credit", int64(p.Credit), 1, 100_000},
		{"offer_valid (ns)", ms(p.OfferValid), int64(time.Second), 30 * day},
		{"stamp_valid", int64(p.StampValid), 1, 1000},
		{"price", money(p.Price), 1, int64(protocol.MaxPrice)},
		{"fee_min", money(p.FeeMin), 1, 1e9},
		{"fee_base", money(p.FeeBase), 1, 1e9},
		{"debit", money(p.Debit), 0, 1e12},
		{"min_deposit", money(p.MinDeposit), 1, 1e15},
		{"dust", money(p.Dust), 1, 1e9},
		{"reserve", money(p.Reserve), 0, 1e9},
		{"member_share", int64(p.MemberShare), 0, 1000},
		{"merit_share", int64(p.MeritShare), 0, 1000},
		{"aggregator_share", int64(p.AggregatorShare), 0, 1000},
		{"phi", int64(p.Phi), 0, 1000},
		{"decay", int64(p.Decay), 0, 1000},
		{"relevance_min", int64(p.RelevanceMin), 0, 1000},
		{"integrity_min", int64(p.IntegrityMin), 0, 1000},
		{"audit", int64(p.Audit), 0, 1000},
		{"canary", int64(p.Canary), 0, 1000},
		{"tolerance", int64(p.Tolerance), 0, 1000},
		{"tolerance_false", int64(p.ToleranceFalse), 0, 1000},
		{"clip", int64(p.Clip), 1, 100},
	}
}
