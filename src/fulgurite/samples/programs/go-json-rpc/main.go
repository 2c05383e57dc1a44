// Prints the messages of bitFlyer's realtime API (JSON-RPC 2.0 over WebSocket), and reconnects after interruptions.
// Messages go to standard output, a log of the connection goes to standard error. Ctrl-C ends it.
package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log"
	random "math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/tidwall/gjson"
	"golang.org/x/term"
)

const endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc"                       // fulgurite:endpoint
var channels = []string{"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"} // fulgurite:channels
const authenticate = false                                                          // fulgurite:auth
const silenceSeconds = 60                                                           // fulgurite:silence

func main() {
	log.SetFlags(0)
	state, _ := term.GetState(int(os.Stdin.Fd())) // nil where the input is no terminal
	interrupted, _ := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(interrupted, func() { // Ctrl-C, which may come while a secret is typed
		term.Restore(int(os.Stdin.Fd()), cmp.Or(state, &term.State{}))
		os.Exit(0)
	})
	var credentials []string // the key and its secret
	if authenticate && state == nil {
		log.Fatal("error: no API key was typed: run this in a terminal, with nothing redirected")
	}
	if authenticate {
		for _, prompt := range []string{"API key: ", "API secret: "} {
			log.Print(prompt)
			answer, err := term.ReadPassword(int(os.Stdin.Fd())) // without an echo
			if err != nil {
				log.Fatalln("error: cannot ask for the key:", err)
			}
			credentials = append(credentials, string(answer))
		}
	}
	last := map[string]string{}   // when each channel's last message came
	reasons := map[string]error{} // why none came since
	for delay := time.Second; ; delay = min(2*delay, 30*time.Second) {
		err := listen(credentials, func(channel, message string) {
			now := time.Now().UTC().Format("15:04:05.000")
			if reasons[channel] != nil { // the API never sends missed messages again
				log.Printf("missed %s: nothing from %s to %s (%v)", channel, last[channel], now, reasons[channel])
			}
			last[channel], reasons[channel] = now, nil
			delay = time.Second // only now: a server in trouble may accept everybody, and be of no use
			fmt.Println(channel, message)
		})
		for channel := range last {
			reasons[channel] = cmp.Or(reasons[channel], err)
		}
		wait := delay/2 + random.N(delay/2) // not all clients at the same moment
		log.Printf("lost: %v; again in %.1f s", err, wait.Seconds())
		time.Sleep(wait)
	}
}

// listen sees one connection through to its end, hands over its messages, and returns why it ended.
func listen(credentials []string, handle func(channel, message string)) error {
	ctx, giveUp := context.WithCancelCause(context.Background())
	defer giveUp(nil)
	timers := map[string]*time.Timer{}                // by problem
	allow := func(what string, limit time.Duration) { // for so long from now; then this connection is given up
		if timers[what] == nil {
			timers[what] = time.AfterFunc(limit, func() { giveUp(fmt.Errorf("%s for %v s", what, limit.Seconds())) })
		}
		timers[what].Reset(limit)
	}

	allow("no answer to connect", 10*time.Second)
	conn, _, err := websocket.Dial(ctx, endpoint, &websocket.DialOptions{ // with TLS 1.2 or later
		OnPingReceived: func(context.Context, []byte) bool { // comes every 15 s; true has it answered
			allow("no ping came", 40*time.Second)
			return true
		},
	})
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1) // a book's snapshot is longer than the 32 KiB that end the connection otherwise
	log.Println("connected", endpoint)
	allow("no ping came", 40*time.Second)
	request := func(id, method string, params any) { // without an id there is no answer, not even a refusal
		allow("no answer to "+id, 10*time.Second)
		wsjson.Write(ctx, conn, map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	}

	frame := gjson.Parse(`{"id":"connect","result":true}`) // connecting counts as a request, too
	for {
		name := cmp.Or(frame.Get("id").String(), frame.Get("params.channel").String())
		asked := timers["no answer to "+frame.Get("id").String()]
		if asked != nil {
			asked.Stop()
		}
		switch {
		case frame.Get("method").String() == "channelMessage":
			handle(name, frame.Get("params.message").Raw) // as it came: a float64 does not keep every digit
		case asked == nil: // neither a message nor an answer
		case frame.Get("result").Type != gjson.True: // it would be refused again
			log.Fatalf("error: %s was refused: %s", name, frame.Get("error.message"))
		case name == "connect" && authenticate: // private channels are refused until auth is answered
			request("auth", "auth", sign(credentials[0], credentials[1]))
		case name == "connect", name == "auth":
			for _, channel := range channels {
				request(channel, "subscribe", map[string]string{"channel": channel})
			}
		default:
			log.Println("subscribed", name)
		}
		// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
		// only its own silence shows it. Order events may well be silent for days.
		if strings.HasPrefix(name, "lightning_") {
			allow(name+" was silent", silenceSeconds*time.Second)
		}
		_, data, err := conn.Read(ctx)
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		} else if !gjson.ValidBytes(data) {
			return fmt.Errorf("a frame that is no JSON: %.200s", data)
		}
		frame = gjson.ParseBytes(data)
	}
}

// sign makes the parameters of auth: new ones for each connection.
func sign(key, secret string) map[string]any {
	mac, ms, nonce := hmac.New(sha256.New, []byte(secret)), time.Now().UnixMilli(), rand.Text()
	fmt.Fprintf(mac, "%d%s", ms, nonce)
	return map[string]any{"api_key": key, "timestamp": ms, "nonce": nonce, "signature": fmt.Sprintf("%x", mac.Sum(nil))}
}
