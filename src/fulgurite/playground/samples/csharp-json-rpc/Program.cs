// Follows channels of bitFlyer's realtime API, JSON-RPC 2.0 over WebSocket, and comes back after any interruption.

using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

const string endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
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
    Note($"connected {endpoint}");

    await using var closing = stop.Token.Register(() => _ = Close(socket));

    var expected = new Dictionary<string, (DateTime Until, string Otherwise)>();
    void Expect(string what, TimeSpan limit, string otherwise) => expected[what] = (DateTime.UtcNow + limit, otherwise);
    void ExpectMessage(string channel)
    {
        // No order events only means no orders. But .NET shows nobody the pings: follow another channel beside those,
        // or a dead connection is never noticed.
        if (!channel.EndsWith("_order_events"))
            Expect(channel, silence, $"{channel} was silent for {silence.TotalSeconds} s");
    }
    async Task Request(string id, string method, object parameters)
    {
        // Without an id there is no answer at all, not even to a channel that does not exist.
        var request = JsonSerializer.SerializeToUtf8Bytes(new { jsonrpc = "2.0", id, method, @params = parameters });
        Expect($"answer {id}", TimeSpan.FromSeconds(10), $"no answer to {method} in 10 s");
        await socket.SendAsync(request, WebSocketMessageType.Text, true, CancellationToken.None);
    }
    async Task Subscribe()
    {
        foreach (var channel in channels)
        {
            await Request(channel, "subscribe", new { channel }); // ids may be strings: the channel tells answers apart
            ExpectMessage(channel);
        }
    }

    if (credentials is var (key, secret)) await Request("auth", "auth", Sign(key, secret));
    else await Subscribe();
    while (true)
    {
        var (until, otherwise) = expected.Values.DefaultIfEmpty((DateTime.UtcNow.AddDays(1), "a day of silence")).Min();
        var frame = JsonSerializer.Deserialize<Frame>(await Receive(socket, until, otherwise), Json.Options);
        if (frame is { Method: "channelMessage", Params: { } update } && channels.Contains(update.Channel))
        {
            ExpectMessage(update.Channel);
            yield return (update.Channel, update.Message);
        }
        else if (frame is { Id: { } id } && expected.Remove($"answer {id}"))
        {
            if (frame.Result is not { ValueKind: JsonValueKind.True })
                throw new Refused($"{id} was refused: {frame.Error?.Message}");
            if (id == "auth") await Subscribe(); // private channels are refused until auth has been answered
            else Note($"subscribed {id}");
        }
    }
}

async Task Connect(ClientWebSocket socket)
{
    using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
    patience.CancelAfter(TimeSpan.FromSeconds(10));
    try
    {
        await socket.ConnectAsync(new Uri(endpoint), patience.Token);
    }
    catch (OperationCanceledException) when (!stop.IsCancellationRequested)
    {
        throw new Lost("no connection in 10 s");
    }
}

// A whole message, which may come in several parts.
static async Task<byte[]> Receive(ClientWebSocket socket, DateTime until, string otherwise)
{
    using var patience = new CancellationTokenSource(Left(until)); // a cancelled receive ends the connection, too
    using var message = new MemoryStream();
    var buffer = new byte[16384];
    try
    {
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer, patience.Token);
            if (part.MessageType == WebSocketMessageType.Close)
                throw new Lost($"closed with code {(int?)socket.CloseStatus} {socket.CloseStatusDescription}".Trim());
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage) return message.ToArray();
        }
    }
    catch (OperationCanceledException)
    {
        throw new Lost(otherwise);
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

record Frame(string? Method, string? Id, JsonElement? Result, Failure? Error, Update? Params);

record Update(string Channel, JsonElement Message);

record Failure(int Code, string Message);

static class Json
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);
}
