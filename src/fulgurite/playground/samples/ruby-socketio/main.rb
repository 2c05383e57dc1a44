# Follows channels of bitFlyer's realtime API over Socket.IO, and comes back after any interruption.

require "io/console"
require "json"
require "openssl"
require "securerandom"
require "socket"
require "timeout"
require "uri"
require "websocket/driver"

ENDPOINT = "https://io.lightstream.bitflyer.com" # fulgurite:endpoint
CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"] # fulgurite:channels
AUTHENTICATE = false # fulgurite:auth
# Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
# other and then stays silent. Products that trade seldom need a longer one.
SILENCE_SECONDS = 60 # fulgurite:silence

Refused = Class.new(StandardError) # what the server refuses now, it will refuse again
Lost = Class.new(StandardError)

# The bytes below the WebSocket.
class Wire
  attr_reader :url # the driver asks for it

  def initialize(url)
    @url = url
    uri = URI(url)
    Timeout.timeout(10, Lost, "no connection in 10 s") do
      @io = Socket.tcp(uri.hostname, uri.port)
      @io = encrypt(@io, uri.hostname) if uri.scheme == "wss"
    end
  end

  def write(bytes)
    @io.write(bytes)
  rescue SystemCallError, IOError
    # `read` will tell.
  end

  # What has come, or nil when nothing has for so many seconds.
  def read(seconds)
    bytes = @io.read_nonblock(65_536, exception: false) or raise Lost, "the connection was cut"
    return bytes unless bytes == :wait_readable

    read(0) if @io.to_io.wait_readable(seconds)
  end

  def close = @io.close

  private

  def encrypt(io, host)
    context = OpenSSL::SSL::SSLContext.new
    context.set_params(min_version: OpenSSL::SSL::TLS1_2_VERSION) # these also verify the certificate, `new` does not
    OpenSSL::SSL::SSLSocket.new(io, context).tap do |tls|
      tls.hostname = host
      tls.sync_close = true
      tls.connect
    end
  end
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# One connection: yields channel and message until it ends, and then raises why.
def listen(credentials)
  deadlines = { "open" => [now + 10, "no session in 10 s"] }
  expect = ->(what, seconds, otherwise) { deadlines[what] = [now + seconds, otherwise] }
  expect_message = lambda do |channel|
    next if channel.end_with?("_order_events") # silence there only means no orders

    expect.(channel, SILENCE_SECONDS, "#{channel} was silent for #{SILENCE_SECONDS} s")
  end

  # Only version 2 of the Socket.IO libraries would do, and the frames are few: here they are without one.
  wire = Wire.new("#{ENDPOINT.sub(/\Ahttp/, "ws")}/socket.io/?EIO=3&transport=websocket")
  driver = WebSocket::Driver.client(wire)
  requests = [] # what each request was about, at the number of its acknowledgement
  request = lambda do |event, argument, about|
    # Without the number there is no answer at all, not even to a channel that does not exist.
    driver.text("42#{requests.size}#{JSON.generate([event, argument])}")
    expect.("answer #{requests.size}", 10, "no answer to #{event} in 10 s")
    requests << about
  end
  subscribe = lambda do
    CHANNELS.each do |channel|
      request.("subscribe", channel, channel)
      expect_message.(channel)
    end
  end

  frames = []
  driver.on(:message) { |event| frames << event.data }
  driver.on(:error) { |event| raise Lost, event.message }
  # The driver says 1002 for codes that it does not know; bitFlyer's daily maintenance has 1012.
  driver.on(:close) { |event| raise Lost, "closed with code #{event.code} #{event.reason}".strip }
  driver.start

  interval = timeout = nil
  ping_at = Float::INFINITY
  loop do
    time, otherwise = deadlines.values.min
    raise Lost, otherwise if time && now >= time

    if now >= ping_at # in Engine.IO 3 it is the client who pings
      driver.text("2")
      expect.("pong", timeout, "the server does not answer pings")
      ping_at = now + interval
    end
    next unless (bytes = wire.read([[time, ping_at].compact.min - now, 0].max))

    driver.parse(bytes)
    while (frame = frames.shift)
      _, kind, number, json = */\A(4\d|\d)(\d*)(.*)/m.match(frame)
      content = JSON.parse(json) unless json.to_s.empty?
      case kind
      when "0"
        interval, timeout = content.values_at("pingInterval", "pingTimeout").map { |milliseconds| milliseconds / 1000.0 }
        ping_at = now + interval
      when "3"
        deadlines.delete("pong")
      when "40"
        warn "connected #{ENDPOINT}"
        deadlines.delete("open")
        credentials ? request.("auth", sign(credentials), "auth") : subscribe.()
      when "42"
        channel, message = content
        next unless CHANNELS.include?(channel)

        expect_message.(channel)
        yield channel, message
      when "43"
        about = requests[number.to_i]
        deadlines.delete("answer #{number}")
        refusal = content.first
        raise Refused, "#{about} was refused: #{refusal["message"] || refusal}" if refusal

        about == "auth" ? subscribe.() : warn("subscribed #{about}") # private channels are refused before auth
      else
        raise Lost, "the server ended the session: #{frame}"
      end
    end
  end
ensure
  driver&.close
  wire&.close
end

# Anew for each connection, since the server checks the time.
def sign((key, secret))
  timestamp = (Time.now.to_f * 1000).to_i
  nonce = SecureRandom.hex
  signature = OpenSSL::HMAC.hexdigest("SHA256", secret, "#{timestamp}#{nonce}")
  { api_key: key, timestamp:, nonce:, signature: }
end

def clock(time) = time.utc.strftime("%T.%L") # UTC, like all times of the API

begin
  $stdout.sync = true
  credentials = ["API key: ", "API secret: "].map { |prompt| $stdin.getpass(prompt).strip } if AUTHENTICATE
  latest = {} # by channel: when its latest message came
  gaps = {} # by channel: why none came since
  failures = 0
  loop do
    listen(credentials) do |channel, message|
      # Missed messages never come again; executions can be had from the HTTP API.
      lost = gaps.delete(channel)
      warn "missed #{channel}: nothing from #{clock(latest[channel])} to #{clock(Time.now)} (#{lost})" if lost
      latest[channel] = Time.now
      failures = 0 # not on connecting already: a server may accept and close at once
      puts "#{channel} #{JSON.generate(message)}" # its numbers are floats now: 0.00000001 prints as 1.0e-08
    end
  rescue Lost, JSON::ParserError, SystemCallError, SocketError, OpenSSL::SSL::SSLError, IOError => e
    why = e.message.lines.first.strip[0, 120]
    latest.each_key { |channel| gaps[channel] ||= why }
    seconds = [2**failures, 30].min * rand(0.5..1.0) # bitFlyer restricts who hurries
    failures += 1
    warn format("lost: %s; again in %.1f s", why, seconds)
    sleep seconds
  end
rescue Refused => e
  abort "error: #{e.message}"
rescue Interrupt
  exit
end
