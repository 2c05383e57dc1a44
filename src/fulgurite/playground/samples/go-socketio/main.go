// Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages
// go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
//
// The packages for Socket.IO speak later versions of it. Its frames are few, so they are written out here: a digit of
// Engine.IO, after its 4 a digit of Socket.IO, then the number of a request, then JSON.
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
	"regexp"
	"strings"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/term"
)

const endpoint = "https://io.lightstream.bitflyer.com"                              // fulgurite:endpoint
var channels = []string{"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"} // fulgurite:channels
const authenticate = false                                                          // fulgurite:auth
const silenceSeconds = 60                                                           // fulgurite:silence

var framePattern = regexp.MustCompile(`(?s)^(4?\d)(\d*)(.*)$`)

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
	expect := func(within time.Duration, otherwise string) {
		settle(otherwise)
		timers[otherwise] = time.AfterFunc(within, func() { giveUp(errors.New(otherwise)) })
	}
	patience, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	// Polling, with which Socket.IO likes to begin, is refused here.
	url := strings.Replace(endpoint, "http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket"
	conn, _, err := websocket.Dial(patience, url, nil)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1) // a book's snapshot is longer than the 32 KiB that end the connection otherwise
	log.Println("connected", endpoint)
	send := func(frame string) { conn.Write(ctx, websocket.MessageText, []byte(frame)) }
	asked := map[string]string{}                     // what the request with each number is about
	request := func(name string, arguments ...any) { // without a number there is no answer, not even a refusal
		expect(10*time.Second, "no answer to "+name+" in 10 s")
		number := fmt.Sprint(len(asked))
		text, _ := json.Marshal(arguments)
		asked[number] = name
		send("42" + number + string(text))
	}
	subscribe := func() {
		for _, channel := range channels {
			request(channel, "subscribe", channel)
		}
	}
	// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
	// only its own silence shows it. Order events may well be silent for days.
	keepAlive := func(channel string) {
		if strings.HasPrefix(channel, "lightning_") {
			expect(silenceSeconds*time.Second, fmt.Sprintf("%s was silent for %d s", channel, silenceSeconds))
		}
	}

	expect(10*time.Second, "no session in 10 s")
	var opened struct{ PingInterval, PingTimeout time.Duration } // in milliseconds
	for {
		_, text, err := conn.Read(ctx)
		frame := framePattern.FindStringSubmatch(string(text))
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		} else if frame == nil {
			return fmt.Errorf("a frame of no known kind: %s", text)
		}
		switch kind, number, body := frame[1], frame[2], []byte(frame[3]); kind {
		case "0", "3": // opened, or a ping answered
			if kind == "0" {
				err = json.Unmarshal(body, &opened)
			}
			// In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
			time.AfterFunc(opened.PingInterval*time.Millisecond, func() { send("2") })
			expect((opened.PingInterval+opened.PingTimeout)*time.Millisecond, "no pong came")
		case "40": // connected
			settle("no session in 10 s")
			if authenticate {
				request("auth", "auth", sign(key, secret)) // private channels are refused until this is answered
			} else {
				subscribe()
			}
		case "42": // ["CHANNEL",MESSAGE]
			var event [2]json.RawMessage // as it came: a float64 does not keep every digit
			if err = json.Unmarshal(body, &event); err == nil {
				channel := strings.Trim(string(event[0]), `"`)
				keepAlive(channel)
				handle(channel, event[1])
			}
		case "43": // NUMBER[null], or NUMBER[ERROR]
			name := asked[number]
			settle("no answer to " + name + " in 10 s")
			if string(body) != "[null]" { // as it would be again
				log.Fatalf("error: %s was refused: %s", name, body)
			} else if name == "auth" {
				subscribe()
			} else {
				log.Println("subscribed", name)
				keepAlive(name)
			}
		default:
			err = fmt.Errorf("the server ended it: %s", text)
		}
		if err != nil {
			return err
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
