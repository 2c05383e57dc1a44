import com.google.gson.*;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.*;
import java.util.logging.*;
import java.util.regex.Pattern;
import okhttp3.*;
import okio.ByteString;

/**
 * Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages go to
 * standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
 *
 * <p>Socket.IO's frames are few, so they are plain here: a digit of Engine.IO, after its 4 a digit of Socket.IO, the
 * number of a request, then JSON.
 */
class Sample extends WebSocketListener {
    static final String ENDPOINT = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
    static final String[] CHANNELS = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
    static final boolean AUTHENTICATE = false; // fulgurite:auth
    static final int SILENCE_SECONDS = 60; // fulgurite:silence

    static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneOffset.UTC);
    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();
    static final ScheduledExecutorService TIMERS = Executors.newSingleThreadScheduledExecutor();
    static final OkHttpClient HTTP = new OkHttpClient();
    static final Logger HTTP_LOG = Logger.getLogger(OkHttpClient.class.getName());
    static final String URL = ENDPOINT + "/socket.io/?EIO=3&transport=websocket"; // polling is refused here

    record Opened(int pingInterval, int pingTimeout) {} // in milliseconds

    static final Map<String, String> last = new ConcurrentHashMap<>(); // when each channel's last message came
    static volatile String why; // what ended the last connection that brought any
    static String key, secret;

    // Of one connection:
    final Set<String> seen = ConcurrentHashMap.newKeySet(); // which channels had a message
    final Map<String, Future<?>> due = new ConcurrentHashMap<>(); // timers that end it, by the reasons
    final CompletableFuture<String> lost = new CompletableFuture<>();
    final List<String> asked = new ArrayList<>(); // what each request was about; their places are their numbers
    Opened opened;
    WebSocket socket;

    public static void main(String[] arguments) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0))); // Ctrl-C; or it is 130
        HTTP_LOG.setLevel(Level.OFF); // it warns of leaks where connections were cut
        if (AUTHENTICATE) {
            key = new String(System.console().readPassword("API key: "));
            secret = new String(System.console().readPassword("API secret: "));
        }
        for (double delay = 1; ; delay = Math.min(delay * 2, 30)) {
            var connection = new Sample();
            connection.expect("no connection in 10 s", 10_000);
            var socket = HTTP.newWebSocket(new Request.Builder().url(URL).build(), connection);
            String reason = connection.lost.get();
            socket.cancel();
            if (!connection.seen.isEmpty()) { // only now: a server in trouble may accept all, and be of no use
                delay = 1;
                why = reason;
            }
            double wait = delay * ThreadLocalRandom.current().nextDouble(0.5, 1); // not all clients at the same moment
            System.err.printf("lost: %s; again in %.1f s%n", reason, wait);
            Thread.sleep((long) (wait * 1000));
        }
    }

    @Override
    public void onOpen(WebSocket socket, Response response) {
        this.socket = socket;
        System.err.println("connected " + ENDPOINT);
        due.remove("no connection in 10 s").cancel(false);
        expect("no session in 10 s", 10_000);
    }

    @Override
    public void onMessage(WebSocket socket, String frame) {
        var parts = Pattern.compile("(?s)(4?\\d)(\\d*)(.*)").matcher(frame);
        if (lost.isDone()) {
            return; // by a timer
        } else if (!parts.matches()) {
            throw new IllegalStateException("a frame of no known kind: " + frame);
        }
        String number = parts.group(2), json = parts.group(3);
        switch (parts.group(1)) {
            case "0", "3" -> { // opened, or a ping answered
                if (opened == null) {
                    opened = GSON.fromJson(json, Opened.class);
                }
                // In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
                TIMERS.schedule(() -> socket.send("2"), opened.pingInterval, TimeUnit.MILLISECONDS);
                expect("no pong came", opened.pingInterval + opened.pingTimeout);
            }
            case "40" -> { // connected
                due.remove("no session in 10 s").cancel(false);
                if (AUTHENTICATE) {
                    request("auth", "auth", sign()); // private channels are refused until this is answered
                } else {
                    subscribe();
                }
            }
            case "42" -> { // ["CHANNEL",MESSAGE]
                var event = GSON.fromJson(json, JsonArray.class);
                keepAlive(event.get(0).getAsString());
                print(event.get(0).getAsString(), event.get(1));
            }
            case "43" -> { // NUMBER[null], or NUMBER[ERROR]
                String name = asked.get(Integer.parseInt(number));
                due.remove("no answer to " + name + " in 10 s").cancel(false);
                if (!json.equals("[null]")) {
                    System.err.println("error: " + name + " was refused: " + json);
                    Runtime.getRuntime().halt(1); // it would be refused again; exit would run the hook above
                } else if (name.equals("auth")) {
                    subscribe();
                } else {
                    System.err.println("subscribed " + name);
                    keepAlive(name);
                }
            }
            default -> lost.complete("the server ended it: " + frame);
        }
    }

    @Override
    public void onClosing(WebSocket socket, int code, String reason) {
        lost.complete(("closed with " + code + " " + reason).strip());
    }

    @Override
    public void onFailure(WebSocket socket, Throwable error, Response response) { // also when a method above throws
        lost.complete(response != null ? "HTTP status " + response.code() : error.toString().lines().findFirst().get());
    }

    void print(String channel, JsonElement message) {
        String now = CLOCK.format(Instant.now()), before = last.put(channel, now);
        if (seen.add(channel) && before != null) { // the API never sends again what was missed
            System.err.println("missed " + channel + ": nothing from " + before + " to " + now + " (" + why + ")");
        }
        System.out.println(channel + " " + message);
    }

    void subscribe() {
        for (String channel : CHANNELS) {
            request(channel, "subscribe", channel);
        }
    }

    /** Without a number there would be no answer, not even a refusal. */
    void request(String name, Object... arguments) {
        expect("no answer to " + name + " in 10 s", 10_000);
        asked.add(name);
        socket.send("42" + (asked.size() - 1) + GSON.toJson(arguments));
    }

    /**
     * An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
     * only its own silence shows it. Order events may well be silent for days.
     */
    void keepAlive(String channel) {
        if (channel.startsWith("lightning_")) {
            expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS * 1000);
        }
    }

    void expect(String otherwise, int ms) {
        var before = due.put(otherwise, TIMERS.schedule(() -> lost.complete(otherwise), ms, TimeUnit.MILLISECONDS));
        if (before != null) {
            before.cancel(false);
        }
    }

    /** The parameters of auth: new ones for each connection. */
    static Map<String, ?> sign() {
        long timestamp = System.currentTimeMillis();
        String nonce = UUID.randomUUID().toString().replace("-", "");
        var signature = ByteString.encodeUtf8(timestamp + nonce).hmacSha256(ByteString.encodeUtf8(secret)).hex();
        return Map.of("api_key", key, "timestamp", timestamp, "nonce", nonce, "signature", signature);
    }
}
