// Prints the messages of bitFlyer's realtime API (JSON-RPC 2.0 over WebSocket), and reconnects after interruptions.
// Messages go to standard output, a log of the connection goes to standard error. Ctrl-C ends it.

using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

const string endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
string[] channels = { "lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY" }; // fulgurite:channels
var authenticate = false; // fulgurite:auth
var silenceSeconds = 60; // fulgurite:silence

var (key, secret) = authenticate ? (Ask("API key: "), Ask("API secret: ")) : ("", "");
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) => { press.Cancel = true; stop.Cancel(); };
var latest = new Dictionary<string, string>(); // by channel: when its latest message came
var gaps = new Dictionary<string, string>(); // by channel: why none came since
var problem = ""; // the reason when a wait takes too long
var delay = 1.0;
while (!stop.IsCancellationRequested)
{
    try
    {
        await foreach (var (channel, message) in Listen())
        {
            var now = $"{DateTime.UtcNow:HH:mm:ss.fff}";
            if (gaps.Remove(channel, out var why)) // the API never sends missed messages again
                Console.Error.WriteLine($"missed {channel}: nothing from {latest[channel]} to {now} ({why})");
            latest[channel] = now;
            delay = 1; // only now: a server in trouble may accept everybody, and be of no use
            Console.WriteLine($"{channel} {message}");
        }
    }
    catch (Exception) when (stop.IsCancellationRequested) { }
    catch (Exception error) // a close, a cut, a refused handshake, a malformed frame: each ends one connection only
    {
        var why = error is TimeoutException ? problem : error.Message;
        foreach (var channel in latest.Keys) gaps.TryAdd(channel, why);
        var wait = delay * (0.5 + Random.Shared.NextDouble() / 2); // not all clients at the same moment
        delay = Math.Min(delay * 2, 30);
        Console.Error.WriteLine($"lost: {why}; again in {wait:F1} s");
        await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(wait), stop.Token));
    }
}

// One connection: yields each message as it came, with its channel; throws why it ended.
async IAsyncEnumerable<(string Channel, string Message)> Listen()
{
    using var socket = new ClientWebSocket(); // verifies the certificate, and answers the server's pings
    // Its own pings find a connection dead. Without a time-out it would send unsolicited pongs instead:
    // the server takes them for late answers and cuts the connection.
    socket.Options.KeepAliveInterval = socket.Options.KeepAliveTimeout = TimeSpan.FromSeconds(15);
    problem = "no connection in 10 s";
    await socket.ConnectAsync(new Uri(endpoint), stop.Token).WaitAsync(TimeSpan.FromSeconds(10));
    Console.Error.WriteLine($"connected {endpoint}");

    var due = new Dictionary<string, long>(); // when the connection is given up, by the reasons
    void Expect(int seconds, string otherwise) => due[otherwise] = Environment.TickCount64 + seconds * 1000L;
    async Task Request(params string[] names)
    {
        foreach (var name in names)
        {
            object parameters = name == "auth" ? Sign() : new { channel = name };
            var method = name == "auth" ? "auth" : "subscribe";
            // Without an id there is no answer, not even a refusal.
            var request = new { jsonrpc = "2.0", id = name, method, @params = parameters };
            var text = JsonSerializer.SerializeToUtf8Bytes(request);
            await socket.SendAsync(text, WebSocketMessageType.Text, true, stop.Token);
            Expect(10, $"no answer to {name} in 10 s");
        }
    }
    void KeepAlive(string channel)
    {
        // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
        // only its own silence shows it. Order events may well be silent for days.
        if (channel.StartsWith("lightning_")) Expect(silenceSeconds, $"{channel} was silent for {silenceSeconds} s");
    }

    Expect(86_400, "a day has passed"); // private channels alone may stay silent
    await (authenticate ? Request("auth") : Request(channels));
    while (true)
    {
        (problem, var at) = due.MinBy(entry => entry.Value);
        var left = TimeSpan.FromMilliseconds(Math.Max(0, at - Environment.TickCount64));
        var frame = JsonSerializer.Deserialize<JsonElement>(await Receive(socket).WaitAsync(left, stop.Token));
        if (frame.TryGetProperty("params", out var content))
        {
            var channel = content.GetProperty("channel").GetString()!;
            KeepAlive(channel);
            yield return (channel, content.GetProperty("message").GetRawText());
            continue;
        }
        var id = frame.GetProperty("id").GetString()!;
        due.Remove($"no answer to {id} in 10 s");
        if (frame.TryGetProperty("error", out var refusal))
        {
            Console.Error.WriteLine($"error: {id} was refused: {refusal}");
            Environment.Exit(1); // it would be refused again
        }
        if (id == "auth") await Request(channels); // private channels would have been refused before
        else Console.Error.WriteLine($"subscribed {id}");
        KeepAlive(id);
    }
}

// A whole message, which may come in several parts.
static async Task<string> Receive(ClientWebSocket socket)
{
    using var message = new StreamReader(WebSocketStream.CreateReadableMessageStream(socket));
    var text = await message.ReadToEndAsync();
    if (socket.CloseStatus is { } code)
        throw new IOException($"closed with {(int)code} {socket.CloseStatusDescription}".Trim());
    return text;
}

// The parameters of auth: new ones for each connection.
object Sign()
{
    var timestamp = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    var nonce = RandomNumberGenerator.GetHexString(32);
    var hash = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{timestamp}{nonce}"));
    return new { api_key = key, timestamp, nonce, signature = Convert.ToHexStringLower(hash) };
}

// A line from the terminal, which does not show it.
static string Ask(string question)
{
    if (Console.IsInputRedirected)
    {
        Console.Error.WriteLine("error: no API key was typed: run this in a terminal, with nothing redirected");
        Environment.Exit(1);
    }
    Console.Error.Write(question);
    var answer = "";
    while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } press)
        answer = press.Key == ConsoleKey.Backspace ? answer[..Math.Max(0, answer.Length - 1)] : answer + press.KeyChar;
    Console.Error.WriteLine();
    return answer.Trim();
}
