// Prints the messages of bitFlyer's realtime API (Socket.IO 2.0) to standard output and a log of the connection to
// standard error, and reconnects after interruptions. Ctrl-C ends it. Packages for Socket.IO speak later versions, so
// its frames are written out: a digit of Engine.IO, after its 4 one of Socket.IO, the number of a request, then JSON.
package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	random "math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"
	"golang.org/x/term"
)

const endpoint = "https://io.lightstream.bitflyer.com"                              // fulgurite:endpoint
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
	conn, _, err := websocket.Dial(ctx, endpoint+"/socket.io/?EIO=3&transport=websocket", nil) // polling is refused
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1) // a book's snapshot is longer than the 32 KiB that end the connection otherwise
	log.Println("connected", endpoint)
	send := func(frame string) { conn.Write(ctx, websocket.MessageText, []byte(frame)) }
	asked := map[string]string{"40": "connect"}  // by the first digits of its answer: the request
	request := func(name string, event ...any) { // without a number there is no answer, not even a refusal
		text, _ := json.Marshal(event)
		send(fmt.Sprintf("42%d%s", len(asked), text))
		asked[fmt.Sprintf("43%d", len(asked))] = name
		allow("no answer to "+name, 10*time.Second)
	}
	var opened struct{ PingInterval, PingTimeout time.Duration } // in milliseconds
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		body := gjson.Parse(strings.TrimLeft(string(data), "0123456789"))
		digits := strings.TrimSuffix(string(data), body.Raw)
		name := cmp.Or(asked[digits], body.Get("0").String())
		if timer := timers["no answer to "+asked[digits]]; timer != nil {
			timer.Stop()
		}
		switch {
		case digits == "0", digits == "3": // opened, or a ping answered
			json.Unmarshal([]byte(body.Raw), &opened) // an answer has no body
			// In this version of Engine.IO the client pings; the server hangs up on one that does not.
			time.AfterFunc(opened.PingInterval*time.Millisecond, func() { send("2") })
			allow("no pong came", (opened.PingInterval+opened.PingTimeout)*time.Millisecond)
		case digits == "42" && gjson.Valid(body.Raw): // ["CHANNEL",MESSAGE]
			handle(name, body.Get("1").Raw) // as it came: a float64 does not keep every digit
		case asked[digits] == "": // the server ends it, or the frame is unknown
			return fmt.Errorf("cannot go on after the frame %.200s", data)
		case digits == "40" && authenticate: // private channels are refused until auth is answered
			request("auth", "auth", sign(credentials[0], credentials[1]))
		case digits != "40" && body.Raw != "[null]": // it would be refused again
			log.Fatalf("error: %s was refused: %s", name, body.Raw)
		case digits == "40", name == "auth":
			for _, channel := range channels {
				request(channel, "subscribe", channel)
			}
		default:
			log.Println("subscribed", name)
		}
		// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
		// only its own silence shows it. Order events may well be silent for days.
		if strings.HasPrefix(name, "lightning_") {
			allow(name+" was silent", silenceSeconds*time.Second)
		}
	}
}

// sign makes the parameters of auth: new ones for each connection.
func sign(key, secret string) map[string]any {
	mac, ms, nonce := hmac.New(sha256.New, []byte(secret)), time.Now().UnixMilli(), rand.Text()
	fmt.Fprintf(mac, "%d%s", ms, nonce)
	return map[string]any{"api_key": key, "timestamp": ms, "nonce": nonce, "signature": fmt.Sprintf("%x", mac.Sum(nil))}
}
