// Follows channels of bitFlyer's realtime API over Socket.IO, and comes back after any interruption.

using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

const string endpoint = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
string[] channels = { "lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY" }; // fulgurite:channels
var authenticate = false; // fulgurite:auth
// Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
// other and then stays silent. Products that trade seldom need a longer one.
var silence = TimeSpan.FromSeconds(60); // fulgurite:silence

(string Key, string Secret)? credentials = authenticate ? (Ask("API key: "), Ask("API secret: ")) : null;
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) => { press.Cancel = true; stop.Cancel(); };
var latest = new Dictionary<string, DateTime>(); // by channel: when its latest message came
var gaps = new Dictionary<string, string>(); // by channel: why none came since
var failures = 0;
while (!stop.IsCancellationRequested)
{
    try
    {
        await foreach (var (channel, message) in Listen())
        {
            // Missed messages never come again; executions can be had from the HTTP API. All its times are UTC.
            var now = DateTime.UtcNow;
            if (gaps.Remove(channel, out var lost))
                Note($"missed {channel}: nothing from {latest[channel]:HH:mm:ss.fff} to {now:HH:mm:ss.fff} ({lost})");
            latest[channel] = now;
            failures = 0; // not on connecting already: a server may accept and close at once
            Console.WriteLine($"{channel} {JsonSerializer.Serialize(message)}");
        }
    }
    catch (Refused refused)
    {
        Note($"error: {refused.Message}");
        return 1;
    }
    catch (Exception) when (stop.IsCancellationRequested) { }
    catch (Exception error) // a close, a cut, a refused handshake, a malformed frame: each ends one connection only
    {
        foreach (var channel in latest.Keys) gaps.TryAdd(channel, error.Message);
        // bitFlyer restricts who hurries.
        var seconds = Math.Min(Math.Pow(2, failures++), 30) * (0.5 + Random.Shared.NextDouble() / 2);
        Note($"lost: {error.Message}; again in {seconds:F1} s");
        await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(seconds), stop.Token));
    }
}
return 0;

// One connection: yields channel and message until it ends, and then throws why.
async IAsyncEnumerable<(string Channel, JsonElement Message)> Listen()
{
    using var socket = new ClientWebSocket(); // verifies the certificate, and answers the server's pings
    // By itself .NET sends pongs that nobody asked for; the server takes them for late answers and cuts the connection.
    socket.Options.KeepAliveInterval = TimeSpan.Zero;
    await Connect(socket);
    await using var closing = stop.Token.Register(() => _ = Close(socket));

    var expected = new Dictionary<string, (DateTime Until, string Otherwise)>();
    void Expect(string what, TimeSpan limit, string otherwise) => expected[what] = (DateTime.UtcNow + limit, otherwise);
    void ExpectMessage(string channel)
    {
        if (!channel.EndsWith("_order_events")) // silence there only means no orders
            Expect(channel, silence, $"{channel} was silent for {silence.TotalSeconds} s");
    }
    Task Send(string frame) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, true, CancellationToken.None);

    var requests = new List<string>(); // what each was about, at the number of its acknowledgement
    Task Request(string name, object argument, string about)
    {
        // Without the number there is no answer at all, not even to a channel that does not exist.
        var number = requests.Count;
        requests.Add(about);
        Expect($"answer {number}", TimeSpan.FromSeconds(10), $"no answer to {name} in 10 s");
        return Send($"42{number}{JsonSerializer.Serialize(new[] { name, argument })}");
    }
    async Task Subscribe()
    {
        foreach (var channel in channels)
        {
            await Request("subscribe", channel, channel);
            ExpectMessage(channel);
        }
    }

    Expect("session", TimeSpan.FromSeconds(10), "no session in 10 s");
    var (pingAt, interval, timeout) = (DateTime.MaxValue, TimeSpan.Zero, TimeSpan.Zero);
    var receiving = Receive(socket);
    while (true)
    {
        var (until, otherwise) = expected.Values.Append((pingAt, "")).Min();
        if (until <= DateTime.UtcNow || await Task.WhenAny(receiving, Task.Delay(Left(until))) != receiving)
        {
            if (until != pingAt) throw new Lost(otherwise);
            await Send("2"); // in Engine.IO 3 it is the client who pings
            Expect("pong", timeout, "the server does not answer pings");
            pingAt = DateTime.UtcNow + interval;
            continue;
        }
        // Only version 2 of the Socket.IO libraries would do, and the frames are few: here they are without one.
        var frame = Regex.Match(await receiving, @"^(4\d|\d)(\d*)(.*)$", RegexOptions.Singleline).Groups;
        receiving = Receive(socket);
        var (kind, number, json) = (frame[1].Value, frame[2].Value, frame[3].Value);
        var content = json == "" ? default : JsonSerializer.Deserialize<JsonElement>(json);
        if (kind == "0")
        {
            interval = TimeSpan.FromMilliseconds(content.GetProperty("pingInterval").GetInt32());
            timeout = TimeSpan.FromMilliseconds(content.GetProperty("pingTimeout").GetInt32());
            pingAt = DateTime.UtcNow + interval;
        }
        else if (kind == "3")
        {
            expected.Remove("pong");
        }
        else if (kind == "40")
        {
            Note($"connected {endpoint}");
            expected.Remove("session");
            if (credentials is var (key, secret)) await Request("auth", Sign(key, secret), "auth");
            else await Subscribe();
        }
        else if (kind == "42")
        {
            if (content[0].GetString() is not { } channel || !channels.Contains(channel)) continue;
            ExpectMessage(channel);
            yield return (channel, content[1]);
        }
        else if (kind == "43" && expected.Remove($"answer {number}"))
        {
            var about = requests[int.Parse(number)];
            if (content[0].ValueKind != JsonValueKind.Null)
                throw new Refused($"{about} was refused: {content[0]}");
            if (about == "auth") await Subscribe(); // private channels are refused until auth has been answered
            else Note($"subscribed {about}");
        }
        else
        {
            throw new Lost($"the server ended the session: {frame[0]}");
        }
    }
}

async Task Connect(ClientWebSocket socket)
{
    using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
    patience.CancelAfter(TimeSpan.FromSeconds(10));
    try
    {
        var url = new Uri($"{endpoint.Replace("http", "ws")}/socket.io/?EIO=3&transport=websocket");
        await socket.ConnectAsync(url, patience.Token);
    }
    catch (OperationCanceledException) when (!stop.IsCancellationRequested)
    {
        throw new Lost("no connection in 10 s");
    }
}

// A whole message, which may come in several parts.
static async Task<string> Receive(ClientWebSocket socket)
{
    using var message = new MemoryStream();
    var buffer = new byte[16384];
    while (true)
    {
        var part = await socket.ReceiveAsync(buffer, CancellationToken.None);
        if (part.MessageType == WebSocketMessageType.Close)
            throw new Lost($"closed with code {(int?)socket.CloseStatus} {socket.CloseStatusDescription}".Trim());
        message.Write(buffer, 0, part.Count);
        if (part.EndOfMessage) return Encoding.UTF8.GetString(message.ToArray());
    }
}

static async Task Close(ClientWebSocket socket)
{
    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    await Task.Delay(1000);
    socket.Abort(); // should nobody answer the close
}

static TimeSpan Left(DateTime until) => TimeSpan.FromTicks(Math.Max(0, (until - DateTime.UtcNow).Ticks));

// Anew for each connection, since the server checks the time.
static object Sign(string key, string secret)
{
    var timestamp = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    var nonce = RandomNumberGenerator.GetHexString(32);
    var hash = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{timestamp}{nonce}"));
    return new { api_key = key, timestamp, nonce, signature = Convert.ToHexString(hash).ToLowerInvariant() };
}

static string Ask(string question)
{
    Console.Error.Write(question);
    var answer = new StringBuilder();
    while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key) // intercepted, so not echoed
        if (key.Key != ConsoleKey.Backspace) answer.Append(key.KeyChar);
        else if (answer.Length > 0) answer.Length--;
    Console.Error.WriteLine();
    return answer.ToString().Trim();
}

static void Note(string line) => Console.Error.WriteLine(line);

class Lost : Exception { public Lost(string why) : base(why) { } }

class Refused : Exception { public Refused(string why) : base(why) { } } // what is refused now will be refused again
