// Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages
// go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
//
// The packages for Socket.IO speak later versions of it. Its frames are few, so they are written out here: a digit of
// Engine.IO, after its 4 a digit of Socket.IO, then the number of a request, then JSON.
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
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/term"
)

const endpoint = "https://io.lightstream.bitflyer.com" // fulgurite:endpoint

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
	// Polling, with which Socket.IO likes to begin, is refused here.
	url := strings.Replace(endpoint, "http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket"
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second}
	conn, response, err := dialer.DialContext(ctx, url, nil)
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
	due.set("no handshake came for 10 s", 10*time.Second)
	var writing sync.Mutex // a timer sends the pings
	send := func(frame string) {
		writing.Lock()
		defer writing.Unlock()
		conn.WriteMessage(websocket.TextMessage, []byte(frame))
	}
	asked := map[string]string{}                    // by the numbers of the requests
	request := func(name string, arguments []any) { // without a number there is no answer, not even when it is refused
		due.set("no answer for "+name+" in 10 s", 10*time.Second)
		number, text := fmt.Sprint(len(asked)), new(bytes.Buffer)
		json.NewEncoder(text).Encode(arguments)
		asked[number] = name
		send("42" + number + text.String())
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
			request(channel, []any{"subscribe", channel})
			keepAlive(channel)
		}
	}
	var opened struct{ PingInterval, PingTimeout time.Duration } // in milliseconds
	ping := time.AfterFunc(time.Hour, func() { send("2") })
	defer ping.Stop()
	for {
		conn.SetReadDeadline(due[due.first()])
		_, frame, err := conn.ReadMessage()
		if os.IsTimeout(err) {
			return errors.New(due.first())
		} else if err != nil {
			return err
		}
		switch text := string(frame); {
		case strings.HasPrefix(text, "0"), text == "3": // opened, or a ping answered
			if text != "3" {
				err = json.Unmarshal(frame[1:], &opened)
			}
			// In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
			ping.Reset(opened.PingInterval * time.Millisecond)
			due.set("no pong came", (opened.PingInterval+opened.PingTimeout)*time.Millisecond)
		case strings.HasPrefix(text, "40") && authenticate: // connected
			delete(due, "no handshake came for 10 s")
			request("auth", []any{"auth", sign(key, secret)}) // private channels are refused until this is answered
		case strings.HasPrefix(text, "40"):
			delete(due, "no handshake came for 10 s")
			subscribe()
		case strings.HasPrefix(text, "42"): // ["CHANNEL",MESSAGE]
			var channel string
			var event [2]json.RawMessage // the message as it came: a float64 does not keep every digit
			if err = json.Unmarshal(frame[2:], &event); err == nil {
				err = json.Unmarshal(event[0], &channel)
			}
			if err == nil {
				keepAlive(channel)
				var line bytes.Buffer
				json.Compact(&line, event[1])
				handle(channel, line.Bytes())
			}
		case strings.HasPrefix(text, "43"): // NUMBER[null], or NUMBER[ERROR]
			number, problem, _ := strings.Cut(strings.TrimSuffix(text[2:], "]"), "[")
			delete(due, "no answer for "+asked[number]+" in 10 s")
			if problem != "null" {
				return fmt.Errorf("%s was %w: %s", asked[number], errRefused, problem)
			} else if asked[number] == "auth" {
				subscribe()
			} else {
				log.Println("subscribed", asked[number])
			}
		case strings.HasPrefix(text, "41"), strings.HasPrefix(text, "44"):
			err = errors.New("the server disconnected: " + text)
		}
		if err != nil {
			return err
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
