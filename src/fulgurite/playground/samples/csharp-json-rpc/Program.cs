// Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
// Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.

using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

const string endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
string[] channels = { "lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY" }; // fulgurite:channels
var authenticate = false; // fulgurite:auth
var silence = TimeSpan.FromSeconds(60); // fulgurite:silence

(string Key, string Secret)? credentials = authenticate ? (Ask("API key: "), Ask("API secret: ")) : null;
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) => { press.Cancel = true; stop.Cancel(); };
var latest = new Dictionary<string, string>(); // by channel: when its latest message came
var gaps = new Dictionary<string, string>(); // by channel: why none came since
var delay = 1.0;
while (!stop.IsCancellationRequested)
{
    try
    {
        await foreach (var (channel, message) in Listen())
        {
            var now = $"{DateTime.UtcNow:HH:mm:ss.fff}";
            if (gaps.Remove(channel, out var why)) // the API never sends again what was missed
                Note($"missed {channel}: nothing from {latest[channel]} to {now} ({why})");
            latest[channel] = now;
            delay = 1; // only now: a server in trouble may accept everybody, and be of no use
            Console.WriteLine($"{channel} {message}");
        }
    }
    catch (Exception) when (stop.IsCancellationRequested) { }
    catch (Exception error) // a close, a cut, a refused handshake, a malformed frame: each ends one connection only
    {
        foreach (var channel in latest.Keys) gaps.TryAdd(channel, error.Message);
        var wait = delay * (0.5 + Random.Shared.NextDouble() / 2); // not all clients at the same moment
        delay = Math.Min(delay * 2, 30);
        Note($"lost: {error.Message}; again in {wait:F1} s");
        await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(wait), stop.Token));
    }
}

// One connection: yields each message as it came, with its channel; throws why it ended.
async IAsyncEnumerable<(string Channel, string Message)> Listen()
{
    using var socket = new ClientWebSocket(); // verifies the certificate, and answers the server's pings
    // By itself .NET sends pongs that nobody asked for; the server takes them for late answers and cuts the connection.
    socket.Options.KeepAliveInterval = TimeSpan.Zero;
    await socket.ConnectAsync(new Uri(endpoint), stop.Token).WaitAsync(TimeSpan.FromSeconds(10));
    Note($"connected {endpoint}");

    var due = new Dictionary<string, long>(); // when the connection is given up, by the reasons
    void Expect(TimeSpan within, string otherwise) =>
        due[otherwise] = Environment.TickCount64 + (long)within.TotalMilliseconds;
    async Task Request(string id, string method, object parameters)
    {
        // Without an id there is no answer, not even a refusal.
        var request = JsonSerializer.SerializeToUtf8Bytes(new { jsonrpc = "2.0", id, method, @params = parameters });
        await socket.SendAsync(request, WebSocketMessageType.Text, true, stop.Token);
        Expect(TimeSpan.FromSeconds(10), $"no answer to {id} in 10 s");
    }
    async Task Subscribe()
    {
        foreach (var channel in channels) await Request(channel, "subscribe", new { channel });
    }
    void KeepAlive(string channel)
    {
        // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
        // only its own silence shows it. Order events may well be silent for days. But .NET shows nobody the pings:
        // follow another channel beside those, or a dead connection is never noticed.
        if (channel.StartsWith("lightning_")) Expect(silence, $"{channel} was silent for {silence.TotalSeconds} s");
    }

    Expect(TimeSpan.FromDays(1), "a day has passed");
    if (credentials is (var key, var secret)) await Request("auth", "auth", Sign(key, secret));
    else await Subscribe();
    while (true)
    {
        var (problem, at) = due.MinBy(entry => entry.Value);
        byte[] text;
        try
        {
            var left = TimeSpan.FromMilliseconds(Math.Max(0, at - Environment.TickCount64));
            text = await Receive(socket).WaitAsync(left, stop.Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(problem);
        }
        var frame = JsonSerializer.Deserialize<JsonElement>(text);
        if (frame.TryGetProperty("method", out _))
        {
            var channel = frame.GetProperty("params").GetProperty("channel").GetString()!;
            KeepAlive(channel);
            yield return (channel, frame.GetProperty("params").GetProperty("message").GetRawText());
            continue;
        }
        var id = frame.GetProperty("id").GetString()!;
        due.Remove($"no answer to {id} in 10 s");
        if (frame.TryGetProperty("error", out var refusal))
        {
            Note($"error: {id} was refused: {refusal}");
            Environment.Exit(1); // it would be refused again
        }
        else if (id == "auth") // private channels are refused until it is answered
        {
            await Subscribe();
        }
        else
        {
            Note($"subscribed {id}");
            KeepAlive(id);
        }
    }
}

// A whole message, which may come in several parts.
static async Task<byte[]> Receive(ClientWebSocket socket)
{
    using var message = new MemoryStream();
    var buffer = new byte[16384];
    while (true)
    {
        var part = await socket.ReceiveAsync(buffer, CancellationToken.None);
        if (part.MessageType == WebSocketMessageType.Close)
            throw new IOException($"closed with {(int?)socket.CloseStatus} {socket.CloseStatusDescription}".Trim());
        message.Write(buffer, 0, part.Count);
        if (part.EndOfMessage) return message.ToArray();
    }
}

// The parameters of auth: new ones for each connection.
static object Sign(string key, string secret)
{
    var timestamp = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    var nonce = RandomNumberGenerator.GetHexString(32);
    var hash = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{timestamp}{nonce}"));
    return new { api_key = key, timestamp, nonce, signature = Convert.ToHexString(hash).ToLowerInvariant() };
}

// A line from the terminal, which does not show it.
static string Ask(string question)
{
    Console.Error.Write(question);
    var answer = "";
    while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        answer = key.Key == ConsoleKey.Backspace ? answer[..Math.Max(0, answer.Length - 1)] : answer + key.KeyChar;
    Console.Error.WriteLine();
    return answer.Trim();
}

static void Note(string line) => Console.Error.WriteLine(line);
