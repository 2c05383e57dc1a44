// Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
// Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	random "math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"golang.org/x/term"
)

const endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc"                       // fulgurite:endpoint
var channels = []string{"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"} // fulgurite:channels
const authenticate = false                                                          // fulgurite:auth
const silenceSeconds = 60                                                           // fulgurite:silence

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var key, secret string
	if authenticate {
		key, secret = ask(ctx, "API key: "), ask(ctx, "API secret: ")
	}
	last := map[string]string{} // when each channel's last message came
	var why error               // what ended the last connection that brought any
	for delay := 1.0; ; delay = min(2*delay, 30) {
		seen := map[string]bool{}
		err := listen(ctx, key, secret, func(channel string, message []byte) {
			now := time.Now().UTC().Format("15:04:05.000")
			if before, known := last[channel]; known && !seen[channel] { // the API never sends again what was missed
				log.Printf("missed %s: nothing from %s to %s (%v)", channel, before, now, why)
			}
			last[channel], seen[channel] = now, true
			fmt.Printf("%s %s\n", channel, message)
		})
		if ctx.Err() != nil { // Ctrl-C
			return
		} else if len(seen) > 0 { // only now: a server in trouble may accept everybody, and be of no use
			delay, why = 1, err
		}
		wait := delay * (0.5 + random.Float64()/2) // not all clients at the same moment
		log.Printf("lost: %v; again in %.1f s", err, wait)
		select {
		case <-time.After(time.Duration(wait * float64(time.Second))):
		case <-ctx.Done():
			return
		}
	}
}

// listen sees one connection through to its end, hands over its messages, and returns why it ended.
func listen(ctx context.Context, key, secret string, handle func(channel string, message []byte)) error {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	timers := map[string]*time.Timer{}
	settle := func(otherwise string) {
		if timer := timers[otherwise]; timer != nil {
			timer.Stop()
		}
	}
	expect := func(seconds time.Duration, otherwise string) {
		settle(otherwise)
		timers[otherwise] = time.AfterFunc(seconds*time.Second, func() { giveUp(errors.New(otherwise)) })
	}
	patience, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	conn, _, err := websocket.Dial(patience, endpoint, &websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool { // comes every 15 s; true has it answered
			expect(40, "no ping came for 40 s")
			return true
		},
	})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1) // a book's snapshot is longer than the 32 KiB that end the connection otherwise
	log.Println("connected", endpoint)
	request := func(id, method string, params any) { // without an id there is no answer, not even a refusal
		expect(10, "no answer to "+id+" in 10 s")
		wsjson.Write(ctx, conn, map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	}
	subscribe := func() {
		for _, channel := range channels {
			request(channel, "subscribe", map[string]string{"channel": channel})
		}
	}
	// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
	// only its own silence shows it. Order events may well be silent for days.
	keepAlive := func(channel string) {
		if strings.HasPrefix(channel, "lightning_") {
			expect(silenceSeconds, fmt.Sprintf("%s was silent for %d s", channel, silenceSeconds))
		}
	}

	expect(40, "no ping came for 40 s")
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
		if err := wsjson.Read(ctx, conn, &frame); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		switch {
		case frame.Method == "channelMessage":
			keepAlive(frame.Params.Channel)
			handle(frame.Params.Channel, frame.Params.Message)
		case frame.Result != true: // as it would be again
			log.Fatalf("error: %s was refused: %s", frame.ID, frame.Error.Message)
		default:
			settle("no answer to " + frame.ID + " in 10 s")
			if frame.ID == "auth" {
				subscribe()
			} else {
				log.Println("subscribed", frame.ID)
				keepAlive(frame.ID)
			}
		}
	}
}

// sign makes the parameters of auth: new ones for each connection.
func sign(key, secret string) map[string]any {
	mac, now, nonce := hmac.New(sha256.New, []byte(secret)), time.Now().UnixMilli(), rand.Text()
	fmt.Fprintf(mac, "%d%s", now, nonce)
	signature := hex.EncodeToString(mac.Sum(nil))
	return map[string]any{"api_key": key, "timestamp": now, "nonce": nonce, "signature": signature}
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
