package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
)

// line is one websocket and what is to be posted over it.
type line struct {
	ws *websocket.Conn

	mu     sync.Mutex
	frames [][][]byte // by their place in the chains of people
	await  int
}

func dial(ctx context.Context, url string) (*line, error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", url, err)
	}
	return &line{ws: ws}, nil
}

// add puts in a frame that goes after all those with a smaller place.
func (l *line) add(place int, frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.frames) <= place {
		l.frames = append(l.frames, nil)
	}
	l.frames[place] = append(l.frames[place], frame)
	l.await++
}

// send sends all frames. When ctx ends it closes the connection.
func (l *line) send(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.ws.Close() })
	defer stop()
	l.mu.Lock()
	frames := l.frames
	l.frames = nil
	l.mu.Unlock()
	for _, list := range frames {
		for _, data := range list {
			if err := l.ws.WriteMessage(websocket.TextMessage, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// hear reads until each post is answered; whatever else the hub says or asks does not matter in so short a time.
func (l *line) hear(ctx context.Context, tell func(byteball.Hash)) error {
	stop := context.AfterFunc(ctx, func() { l.ws.Close() })
	defer stop()
	l.mu.Lock()
	await := l.await
	l.await = 0
	l.mu.Unlock()
	for await > 0 {
		_, data, err := l.ws.ReadMessage()
		if err != nil {
			return err
		}
		var kind string
		var content struct {
			Command  string          `json:"command"`
			Tag      byteball.Hash   `json:"tag"`
			Response json.RawMessage `json:"response"`
		}
		parts := []any{&kind, &content}
		if json.Unmarshal(data, &parts) != nil || kind != "response" || content.Command != "post_joint" {
			continue
		}
		if string(content.Response) != `"accepted"` {
			return fmt.Errorf("a payment was refused: %s", content.Response)
		}
		if tell != nil {
			tell(content.Tag)
		}
		await--
	}
	return nil
}
