package ledger

import (
	"encoding/json"
	"time"

	"github.com/gorilla/websocket"
)

// write sends what is queued, and heartbeats, until the end.
func (p *peer) write() {
	defer p.ws.Close()
	defer p.cut()
	beat := time.NewTicker(silence / 2)
	defer beat.Stop()
	for {
		select {
		case <-p.more:
			if !p.flush() {
				return
			}
		case <-beat.C:
			quiet := time.Since(time.Unix(0, p.heard.Load()))
			if quiet > silenceEnds {
				p.drop("silent")
				return
			}
			if quiet > silence {
				p.ask("heartbeat", nil)
			}
		}
	}
}

// flush sends all that is queued; false means that this was the end.
func (p *peer) flush() bool {
	for {
		data, ended := p.take()
		if data == nil {
			if ended {
				p.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			}
			return !ended
		}
		p.ws.SetWriteDeadline(p.until(ended))
		err := p.ws.WriteMessage(websocket.TextMessage, data)
		p.mu.Lock()
		p.wait(-len(data))
		p.mu.Unlock()
		if err != nil {
			p.drop("takes nothing")
			return false
		}
	}
}

// take takes the next message from the queue.
func (p *peer) take() (data []byte, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.out) == 0 {
		p.out = nil
		return nil, p.ended
	}
	data, p.out = p.out[0], p.out[1:]
	return data, p.ended
}

// until is when the next message must have left.
func (p *peer) until(ended bool) time.Time {
	if ended {
		return p.last
	}
	select {
	case <-p.over:
		return time.Now().Add(goodbye)
	default:
		return time.Now().Add(sendTime)
	}
}

// end tells the writer that nothing more comes.
func (p *peer) end() {
	p.mu.Lock()
	p.ended, p.last = true, time.Now().Add(goodbye)
	p.mu.Unlock()
	signal(p.more)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait counts n more bytes as waiting, or fewer; p.mu is held.
func (p *peer) wait(n int) {
	p.waiting += n
	if p.shared != nil {
		p.shared.waiting.Add(int64(n))
	}
	if n < 0 {
		signal(p.room)
	}
}

// queue gives a message to the writer. A client for whom too much waits, since it does not take its news, is dropped.
func (p *peer) queue(data []byte) {
	p.mu.Lock()
	full := p.waiting+len(data) > cutAbove && len(p.out) > 0 || len(p.out) >= 4*maxAhead
	if !p.ended && !full {
		p.out = append(p.out, data)
		p.wait(len(data))
	}
	p.mu.Unlock()
	if full {
		p.drop("too slow")
	}
	signal(p.more)
}

// message is the text of a message.
func (s *server) message(kind string, content any) []byte {
	data, err := json.Marshal([]any{kind, content})
	if err != nil {
		s.log.Error("message cannot be written", "err", err)
		return nil
	}
	return data
}

func (p *peer) send(kind string, content any) {
	if data := p.s.message(kind, content); data != nil {
		p.queue(data)
	}
}

func saying(subject string, body any) map[string]any {
	content := map[string]any{"subject": subject}
	if body != nil {
		content["body"] = body
	}
	return content
}

func (p *peer) say(subject string, body any) { p.send("justsaying", saying(subject, body)) }

func (p *peer) ask(command string, params any) {
	content := map[string]any{"command": command, "tag": random(32)}
	if params != nil {
		content["params"] = params
	}
	p.send("request", content)
}

// answer sends the answer to a request; what no client could take is an error instead.
func (p *peer) answer(tag, command string, body any) {
	content := map[string]any{"tag": tag, "command": command}
	if body != nil {
		content["response"] = body
	}
	data := p.s.message("response", content)
	if len(data) > maxFrame {
		content["response"] = failure(tooLargeText)
		data = p.s.message("response", content)
	}
	if data != nil {
		p.owe(len(data), 0)
		p.queue(data)
	}
}
