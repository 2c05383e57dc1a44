// Prints the messages of bitFlyer's realtime API (Socket.IO 2.0), and reconnects after interruptions. Messages go to
// standard output, a log of the connection goes to standard error. Ctrl-C ends it. Its frames are few, so they
// are plain here: a digit of Engine.IO, after its 4 a digit of Socket.IO, the number of a request, then JSON.

using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

const string endpoint = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
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
    // .NET sends unsolicited pongs by itself; the server takes them for late answers and cuts the connection.
    socket.Options.KeepAliveInterval = TimeSpan.Zero;
    // Polling, with which Socket.IO likes to begin, is refused here.
    var url = new Uri($"{endpoint.Replace("http", "ws")}/socket.io/?EIO=3&transport=websocket");
    problem = "no connection in 10 s";
    await socket.ConnectAsync(url, stop.Token).WaitAsync(TimeSpan.FromSeconds(10));

    var due = new Dictionary<string, long>(); // when the connection is given up, by the reasons
    void Expect(int ms, string otherwise) => due[otherwise] = Environment.TickCount64 + ms;
    var asked = new List<string>(); // the subject of each request, at its number
    Task Send(string frame) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, true, stop.Token);
    async Task Request(params string[] names)
    {
        foreach (var name in names)
        {
            object[] arguments = name == "auth" ? ["auth", Sign()] : ["subscribe", name];
            // Without a number there is no answer, not even a refusal.
            await Send($"42{asked.Count}{JsonSerializer.Serialize(arguments)}");
            asked.Add(name);
            Expect(10_000, $"no answer to {name} in 10 s");
        }
    }
    void KeepAlive(string channel)
    {
        // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
        // only its own silence shows it. Order events may well be silent for days.
        if (channel.StartsWith("lightning_"))
            Expect(silenceSeconds * 1000, $"{channel} was silent for {silenceSeconds} s");
    }

    const string ping = "it is time for a ping", noSession = "no session in 10 s";
    var (interval, timeout) = (0, 0); // of pings, in milliseconds
    Expect(10_000, noSession);
    var receiving = Receive(socket);
    while (true)
    {
        (problem, var at) = due.MinBy(entry => entry.Value);
        string frame;
        try
        {
            var left = TimeSpan.FromMilliseconds(Math.Max(0, at - Environment.TickCount64));
            frame = await receiving.WaitAsync(left, stop.Token);
        }
        catch (TimeoutException) when (problem == ping)
        {
            // In this version of Engine.IO the client pings; the server hangs up on one that does not.
            await Send("2");
            due.Remove(ping);
            continue;
        }
        receiving = Receive(socket);
        var parts = Regex.Match(frame, @"^(4\d|\d)(\d*)(.*)$", RegexOptions.Singleline).Groups;
        var (kind, number, json) = (parts[1].Value, parts[2].Value, parts[3].Value);
        var content = json == "" ? default : JsonSerializer.Deserialize<JsonElement>(json);
        switch (kind)
        {
            case "0": // opened
                interval = content.GetProperty("pingInterval").GetInt32();
                timeout = content.GetProperty("pingTimeout").GetInt32();
                goto case "3";
            case "3": // a ping is answered
                Expect(interval, ping);
                Expect(interval + timeout, "no pong came");
                break;
            case "40": // the session is there
                Console.Error.WriteLine($"connected {endpoint}");
                due.Remove(noSession);
                await (authenticate ? Request("auth") : Request(channels));
                break;
            case "42": // ["CHANNEL",MESSAGE]
                var channel = content[0].GetString()!;
                KeepAlive(channel);
                yield return (channel, content[1].GetRawText());
                break;
            case "43": // NUMBER[null], or an error instead of null
                var name = asked[int.Parse(number)];
                due.Remove($"no answer to {name} in 10 s");
                if (json != "[null]")
                {
                    Console.Error.WriteLine($"error: {name} was refused: {json}");
                    Environment.Exit(1); // it would be refused again
                }
                if (name == "auth") await Request(channels); // private channels would have been refused before
                else Console.Error.WriteLine($"subscribed {name}");
                KeepAlive(name);
                break;
            default:
                throw new IOException($"the server ended it: {frame}");
        }
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
