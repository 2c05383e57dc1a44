# Follows channels of bitFlyer's realtime API, JSON-RPC 2.0 over WebSocket, and comes back after any interruption.

require "faye/websocket"
require "io/console"
require "json"
require "openssl"
require "securerandom"

ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc" # fulgurite:endpoint
CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"] # fulgurite:channels
AUTHENTICATE = false # fulgurite:auth
# Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
# other and then stays silent. Products that trade seldom need a longer one.
SILENCE_SECONDS = 60 # fulgurite:silence

# One connection after another, all in EventMachine's loop.
class Follower
  def initialize(credentials)
    @credentials = credentials
    @timers = {} # by expected event
    @latest = {} # by channel: when its latest message came
    @gaps = {} # by channel: why none came since
    @failures = 0
  end

  def connect
    # The certificate is verified, unless told otherwise; EventMachine would take TLS 1.0, too.
    @socket = Faye::WebSocket::Client.new(ENDPOINT, nil, tls: { ssl_version: ["TLSv1_2"] })
    @why = nil
    expect("open", 10, "no connection in 10 s")
    @socket.on(:open) { opened }
    @socket.on(:message) { |event| take(event.data) }
    @socket.on(:error) { |event| @why = event.message.to_s } # the close follows
    # The driver says 1002 for codes that it does not know; bitFlyer's daily maintenance has 1012.
    @socket.on(:close) { |event| lost(@why || "closed with code #{event.code} #{event.reason}".strip) }
  end

  def disconnect
    @timers.each_value { |timer| EM.cancel_timer(timer) }
    @socket.remove_all_listeners # they would tell of this end, too
    @socket.close
  end

  private

  def lost(why)
    disconnect
    @latest.each_key { |channel| @gaps[channel] ||= why }
    seconds = [2**@failures, 30].min * rand(0.5..1.0) # bitFlyer restricts hasty clients
    @failures += 1
    warn format("lost: %s; again in %.1f s", why, seconds)
    @timers["retry"] = EM.add_timer(seconds) { connect }
  end

  def expect(what, seconds, otherwise = "#{what} was silent for #{seconds} s")
    EM.cancel_timer(@timers[what])
    @timers[what] = EM.add_timer(seconds) { lost(otherwise) }
  end

  def expect_message(channel)
    expect(channel, SILENCE_SECONDS) unless channel.end_with?("_order_events") # silence there only means no orders
  end

  def opened
    warn "connected #{ENDPOINT}"
    EM.cancel_timer(@timers["open"])
    ping
    request(*(@credentials ? ["auth"] : CHANNELS)) # private channels are refused until auth has been answered
  end

  # Only this tells a dead connection when all channels are private.
  def ping
    expect("pong", 10, "no answer to a ping in 10 s")
    @socket.ping { EM.cancel_timer(@timers["pong"]) }
    @timers["ping"] = EM.add_timer(15) { ping }
  end

  def request(*names)
    names.each do |name|
      method, params = name == "auth" ? ["auth", sign] : ["subscribe", { channel: name }]
      # Without an id there is no answer at all, not even to a channel that does not exist. It may be a string.
      @socket.send(JSON.generate(jsonrpc: "2.0", id: name, method:, params:))
      expect("answer #{name}", 10, "no answer to #{name} in 10 s")
    end
  end

  def take(data)
    case JSON.parse(data, symbolize_names: true)
    in { method: "channelMessage", params: { channel:, message: } }
      received(channel, message)
    in { id: name, result: true }
      EM.cancel_timer(@timers["answer #{name}"])
      return request(*CHANNELS) if name == "auth"

      warn "subscribed #{name}"
      expect_message(name)
    in { id: name, **answer }
      abort "error: #{name} was refused: #{answer.dig(:error, :message)}" # it would be refused again
    else # nothing that was asked for
    end
  rescue JSON::ParserError => e
    lost(e.message.lines.first.strip[0, 120])
  end

  def received(channel, message)
    expect_message(channel)
    now = Time.now.utc.strftime("%T.%L") # UTC, like all times of the API
    # Missed messages never come again; executions can be had from the HTTP API.
    lost = @gaps.delete(channel)
    warn "missed #{channel}: nothing from #{@latest[channel]} to #{now} (#{lost})" if lost
    @latest[channel] = now
    @failures = 0 # not on connecting already: a server may accept and close at once
    puts "#{channel} #{JSON.generate(message)}" # its numbers are floats now: 0.00000001 prints as 1.0e-08
  end

  # Anew for each connection, since the server checks the time.
  def sign
    key, secret = @credentials
    timestamp = (Time.now.to_f * 1000).to_i
    nonce = SecureRandom.hex
    { api_key: key, timestamp:, nonce:, signature: OpenSSL::HMAC.hexdigest("SHA256", secret, "#{timestamp}#{nonce}") }
  end
end

$stdout.sync = true
trap("INT") { exit }
credentials = AUTHENTICATE && ["API key: ", "API secret: "].map do |prompt|
  answer = $stdin.getpass(prompt) if $stdin.tty?
  answer&.strip or abort "error: no API key was typed: run this in a terminal, with nothing redirected"
end
EM.run do
  follower = Follower.new(credentials)
  follower.connect
  trap("INT") do # a signal's handler may do little
    EM.add_timer(0) { follower.disconnect }
    EM.add_timer(0.2) { EM.stop } # time for the close to go out
  end
end
