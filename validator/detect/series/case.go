package series

import (
	"container/heap"
	"slices"

	"github.com/iotverse/iotverse/validator/detect"
)

// Case is what the sensors of one network sent, and, if it is known, which batches are false.
type Case struct {
	Name    string
	Streams []Stream
}

// Stream is what one sensor sent, in the order of sending.
type Stream struct {
	Name     string
	Readings []detect.Reading
	Batches  []Batch
}

// Batch is the readings from the end of the batch before it up to End.
type Batch struct {
	Number int64
	End    int
	Truth  Truth
}

// Truth is what is known of a batch. Label is 1 for a false one, 0 for a clean one, −1 for one that is not judged.
type Truth struct {
	Label int
	Type  string // "clean" or the fault
	Level int    // 1 subtle … 3 gross
	Warm  bool   // in the time of warming up, which is not judged
}

// cursor is where the merging of streams by their Places is in one of them.
type cursor struct {
	sensor *detect.Sensor
	index  int // of the stream
	next   int // reading
	batch  int
	places []int64
}

// key is the place of the next reading.
func (x *cursor) key() int64 { return x.places[x.next] }

// queue is the cursors by the time of their next reading.
type queue struct{ list []*cursor }

func (q *queue) Len() int      { return len(q.list) }
func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *queue) Push(x any)    { q.list = append(q.list, x.(*cursor)) }
func (q *queue) Pop() any {
	last := len(q.list) - 1
	x := q.list[last]
	q.list = q.list[:last]
	return x
}

func (q *queue) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	if a.key() != b.key() {
		return a.key() < b.key()
	}
	return a.index < b.index
}

// Run judges all batches of c; the answer has a list for each stream. A batch is judged when all readings are in that have no
// later place in time than the batch's end (Places).
func Run(c *Case, judge detect.Judge) [][]detect.Result {
	net := detect.NewNetwork(judge)
	out := make([][]detect.Result, len(c.Streams))
	q := &queue{}
	for i, s := range c.Streams {
		out[i] = make([]detect.Result, len(s.Batches))
		x := &cursor{sensor: net.Add(), index: i, places: s.places()}
		if len(s.Batches) > 0 {
			q.list = append(q.list, x)
		}
	}
	heap.Init(q)
	var due []*cursor // batches that end at the time of the readings being taken
	settle := func() {
		for _, x := range due {
			out[x.index][x.batch] = x.sensor.Close()
			x.batch++
		}
		due = due[:0]
	}
	now := int64(0)
	for q.Len() > 0 {
		x := q.list[0]
		s := &c.Streams[x.index]
		if key := x.key(); key != now {
			settle()
			now = key
		}
		if slices.Contains(due, x) { // its next batch begins at the time that the last one ended
			settle()
		}
		x.sensor.Reading(s.Readings[x.next])
		x.next++
		if x.next == s.Batches[x.batch].End {
			due = append(due, x)
		}
		if x.next == len(s.Readings) {
			heap.Pop(q)
			continue
		}
		heap.Fix(q, 0)
	}
	settle()
	return out
}
