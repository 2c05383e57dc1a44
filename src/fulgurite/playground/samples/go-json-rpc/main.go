// Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
// Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	crypto "crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/term"
)

const endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc" // fulgurite:endpoint

var channels = []string{"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"} // fulgurite:channels

const authenticate = false // fulgurite:auth

const silenceSeconds = 60 // fulgurite:silence

// errRefused is an answer that another attempt would not change.
var errRefused = errors.New("refused")

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var key, secret string
	if authenticate {
		key, secret = ask(ctx, "API key: "), ask(ctx, "API secret: ")
	}
	last := map[string]time.Time{} // when each channel's last message came
	var why error                  // what ended the last connection that brought any
	for delay := time.Second; ; delay = min(2*delay, 30*time.Second) {
		seen := map[string]bool{}
		err := listen(ctx, key, secret, func(channel string, message []byte) {
			now := time.Now().UTC()
			if before, known := last[channel]; known && !seen[channel] { // the API never sends again what was missed
				const clock = "15:04:05.000"
				log.Printf("missed %s: nothing from %s to %s (%v)", channel, before.Format(clock), now.Format(clock), why)
			}
			last[channel], seen[channel] = now, true
			fmt.Printf("%s %s\n", channel, message)
		})
		if ctx.Err() != nil {
			return
		} else if errors.Is(err, errRefused) {
			log.Fatalln("error:", err)
		} else if len(seen) > 0 { // only now: a server in trouble may accept everybody, and be of no use
			delay, why = time.Second, err
		}
		wait := time.Duration(float64(delay) * (0.5 + rand.Float64()/2)) // not all clients at the same moment
		log.Printf("lost: %v; again in %.1f s", err, wait.Seconds())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// listen sees one connection through to its end, hands over its messages, and returns why it ended.
func listen(ctx context.Context, key, secret string, handle func(channel string, message []byte)) error {
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second}
	conn, response, err := dialer.DialContext(ctx, endpoint, nil)
	if errors.Is(err, websocket.ErrBadHandshake) {
		return fmt.Errorf("HTTP status %s", response.Status)
	} else if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { // Ctrl-C
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
		conn.Close()
	})()
	log.Println("connected", endpoint)

	due := deadlines{}
	due.set("no ping came for 40 s", 40*time.Second)
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error { // comes every 15 s; who answers after more than 3 s is cut off
		due.set("no ping came for 40 s", 40*time.Second)
		conn.SetReadDeadline(due[due.first()])
		return pong(data)
	})
	request := func(id, method string, params any) { // without an id there is no answer, not even when it is refused
		due.set("no answer for "+id+" in 10 s", 10*time.Second)
		conn.WriteJSON(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	}
	keepAlive := func(channel string) {
		// A product that does not exist is acknowledged like any other, and a channel can die while others of its
		// connection flow: only its own silence shows it. Order events may well be silent for days.
		if strings.HasPrefix(channel, "lightning_") {
			due.set(fmt.Sprintf("%s was silent for %d s", channel, silenceSeconds), silenceSeconds*time.Second)
		}
	}
	subscribe := func() {
		for _, channel := range channels {
			request(channel, "subscribe", map[string]string{"channel": channel})
			keepAlive(channel)
		}
	}
	if authenticate {
		request("auth", "auth", sign(key, secret)) // private channels are refused until this is answered
	} else {
		subscribe()
	}
	for {
		var frame struct {
			ID, Method string
			Params     struct {
				Channel string
				Message json.RawMessage // as it came: a float64 does not keep every digit
			}
			Result any
			Error  struct{ Message string }
		}
		conn.SetReadDeadline(due[due.first()])
		if err := conn.ReadJSON(&frame); os.IsTimeout(err) {
			return errors.New(due.first())
		} else if err != nil {
			return err
		}
		delete(due, "no answer for "+frame.ID+" in 10 s")
		switch {
		case frame.Method == "channelMessage":
			keepAlive(frame.Params.Channel)
			var line bytes.Buffer
			json.Compact(&line, frame.Params.Message)
			handle(frame.Params.Channel, line.Bytes())
		case frame.ID == "": // none of our business
		case frame.Result != true:
			return fmt.Errorf("%s was %w: %s", frame.ID, errRefused, frame.Error.Message)
		case frame.ID == "auth":
			subscribe()
		default:
			log.Println("subscribed", frame.ID)
		}
	}
}

// sign makes the parameters of auth: new ones for each connection.
func sign(key, secret string) map[string]any {
	nonce := make([]byte, 16)
	crypto.Read(nonce)
	now, mac := time.Now().UnixMilli(), hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d%x", now, nonce)
	signature := fmt.Sprintf("%x", mac.Sum(nil))
	return map[string]any{"api_key": key, "timestamp": now, "nonce": fmt.Sprintf("%x", nonce), "signature": signature}
}

// ask reads a line from the terminal without showing it.
func ask(ctx context.Context, prompt string) string {
	terminal := int(os.Stdin.Fd())
	state, _ := term.GetState(terminal)
	defer context.AfterFunc(ctx, func() { // Ctrl-C
		term.Restore(terminal, state)
		os.Exit(0)
	})()
	fmt.Fprint(os.Stderr, prompt)
	answer, err := term.ReadPassword(terminal)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		log.Fatalln("error: cannot ask for the key:", err)
	}
	return string(answer)
}

// deadlines are the times at which a connection is given up, by the reasons.
type deadlines map[string]time.Time

func (d deadlines) set(reason string, within time.Duration) {
	d[reason] = time.Now().Add(within)
}

func (d deadlines) first() (reason string) {
	for r := range d {
		if reason == "" || d[r].Before(d[reason]) {
			reason = r
		}
	}
	return reason
}
