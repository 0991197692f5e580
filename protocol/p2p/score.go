package p2p

import (
	"net"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Peer scores. A peer that forwards rejected messages loses the square of their number: after the second it gets no more
// gossip, after the third nothing is published to it, after the fourth it is not listened to. Ten minutes heal it. First
// deliveries earn a little, so that a good peer survives one accident. Silence costs nothing: many topics are quiet.

func scoring() (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	return &pubsub.PeerScoreParams{
			Topics:                      map[string]*pubsub.TopicScoreParams{}, // filled on joining
			AppSpecificScore:            func(peer.ID) float64 { return 0 },
			AppSpecificWeight:           1,
			TopicScoreCap:               20,
			IPColocationFactorWeight:    -5,
			IPColocationFactorThreshold: 32, // a school or a farm behind one address
			IPColocationFactorWhitelist: ownHouse(),
			BehaviourPenaltyWeight:      -10,
			BehaviourPenaltyThreshold:   6,
			BehaviourPenaltyDecay:       pubsub.ScoreParameterDecay(10 * time.Minute),
			DecayInterval:               time.Second,
			DecayToZero:                 0.01,
			RetainScore:                 30 * time.Minute,
			SeenMsgTTL:                  seenFor,
		}, &pubsub.PeerScoreThresholds{
			GossipThreshold:             -30,
			PublishThreshold:            -80,
			GraylistThreshold:           -140,
			AcceptPXThreshold:           10,
			OpportunisticGraftThreshold: 1,
		}
}

func topicScoring() *pubsub.TopicScoreParams {
	return &pubsub.TopicScoreParams{
		SkipAtomicValidation:           true,
		TopicWeight:                    1,
		TimeInMeshWeight:               0.01,
		TimeInMeshQuantum:              time.Second,
		TimeInMeshCap:                  300,
		FirstMessageDeliveriesWeight:   0.5,
		FirstMessageDeliveriesDecay:    pubsub.ScoreParameterDecay(10 * time.Minute),
		FirstMessageDeliveriesCap:      30,
		InvalidMessageDeliveriesWeight: -10,
		InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(10 * time.Minute),
	}
}

// ownHouse are the networks in which many peers share an address for good reasons.
func ownHouse() []*net.IPNet {
	var out []*net.IPNet
	for _, p := range privateNets {
		out = append(out, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
	}
	return out
}
