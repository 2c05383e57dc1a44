// Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages
// go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
//
// The packages for Socket.IO speak later versions of it. Its frames are few, so they are plain here: a digit of
// Engine.IO, after its 4 a digit of Socket.IO, the number of a request, then JSON.

using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

const string endpoint = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
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
    // Polling, with which Socket.IO likes to begin, is refused here.
    var url = new Uri($"{endpoint.Replace("http", "ws")}/socket.io/?EIO=3&transport=websocket");
    await socket.ConnectAsync(url, stop.Token).WaitAsync(TimeSpan.FromSeconds(10));
    Note($"connected {endpoint}");

    var due = new Dictionary<string, long>(); // when the connection is given up, by the reasons
    void Expect(TimeSpan within, string otherwise) =>
        due[otherwise] = Environment.TickCount64 + (long)within.TotalMilliseconds;
    Task Send(string frame) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, true, stop.Token);
    var asked = new List<string>(); // what each request was about; their places are their numbers
    async Task Request(string name, params object[] arguments)
    {
        // Without a number there is no answer, not even a refusal.
        await Send($"42{asked.Count}{JsonSerializer.Serialize(arguments)}");
        asked.Add(name);
        Expect(TimeSpan.FromSeconds(10), $"no answer to {name} in 10 s");
    }
    async Task Subscribe()
    {
        foreach (var channel in channels) await Request(channel, "subscribe", channel);
    }
    void KeepAlive(string channel)
    {
        // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
        // only its own silence shows it. Order events may well be silent for days.
        if (channel.StartsWith("lightning_")) Expect(silence, $"{channel} was silent for {silence.TotalSeconds} s");
    }

    const string ping = "it is time for a ping", noPong = "no pong came", noSession = "no session in 10 s";
    var (interval, timeout) = (TimeSpan.Zero, TimeSpan.Zero);
    Expect(TimeSpan.FromSeconds(10), noSession);
    var receiving = Receive(socket);
    while (true)
    {
        var (problem, at) = due.MinBy(entry => entry.Value);
        var left = TimeSpan.FromMilliseconds(Math.Max(0, at - Environment.TickCount64));
        if (await Task.WhenAny(receiving, Task.Delay(left, stop.Token)) != receiving)
        {
            if (problem != ping || stop.IsCancellationRequested) throw new TimeoutException(problem);
            // In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
            await Send("2");
            Expect(interval, ping);
            Expect(timeout, noPong);
            continue;
        }
        var frame = Regex.Match(await receiving, @"^(4\d|\d)(\d*)(.*)$", RegexOptions.Singleline).Groups;
        receiving = Receive(socket);
        var (kind, number, json) = (frame[1].Value, frame[2].Value, frame[3].Value);
        var content = json == "" ? default : JsonSerializer.Deserialize<JsonElement>(json);
        if (kind == "0")
        {
            interval = TimeSpan.FromMilliseconds(content.GetProperty("pingInterval").GetInt32());
            timeout = TimeSpan.FromMilliseconds(content.GetProperty("pingTimeout").GetInt32());
            Expect(interval, ping);
        }
        else if (kind == "3")
        {
            due.Remove(noPong);
        }
        else if (kind == "40")
        {
            due.Remove(noSession);
            if (credentials is (var key, var secret)) await Request("auth", "auth", Sign(key, secret));
            else await Subscribe();
        }
        else if (kind == "42")
        {
            KeepAlive(content[0].GetString()!);
            yield return (content[0].GetString()!, content[1].GetRawText());
        }
        else if (kind == "43")
        {
            var name = asked[int.Parse(number)];
            due.Remove($"no answer to {name} in 10 s");
            if (json != "[null]")
            {
                Note($"error: {name} was refused: {json}");
                Environment.Exit(1); // it would be refused again
            }
            else if (name == "auth") // private channels are refused until it is answered
            {
                await Subscribe();
            }
            else
            {
                Note($"subscribed {name}");
                KeepAlive(name);
            }
        }
        else
        {
            throw new IOException($"the server ended it: {frame[0]}");
        }
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
            throw new IOException($"closed with {(int?)socket.CloseStatus} {socket.CloseStatusDescription}".Trim());
        message.Write(buffer, 0, part.Count);
        if (part.EndOfMessage) return Encoding.UTF8.GetString(message.ToArray());
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
