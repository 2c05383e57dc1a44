import com.google.gson.*;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.*;
import java.util.logging.*;
import okhttp3.*;
import okio.ByteString;

/**
 * Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
 * Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
 */
class Sample extends WebSocketListener {
    static final String ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
    static final String[] CHANNELS = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
    static final boolean AUTHENTICATE = false; // fulgurite:auth
    static final int SILENCE_SECONDS = 60; // fulgurite:silence

    static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneOffset.UTC);
    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();
    static final ScheduledExecutorService TIMERS = Executors.newSingleThreadScheduledExecutor();
    static final OkHttpClient HTTP = // answers pings, and finds a connection dead by its own
            new OkHttpClient.Builder().pingInterval(Duration.ofSeconds(15)).build();
    static final Logger HTTP_LOG = Logger.getLogger(OkHttpClient.class.getName());

    record Frame(String id, JsonObject error, String method, Params params) {}
    record Params(String channel, JsonElement message) {}

    static final Map<String, String> last = new ConcurrentHashMap<>(); // when each channel's last message came
    static volatile String why; // what ended the last connection that brought any
    static String key, secret;

    // Of one connection:
    final Set<String> seen = ConcurrentHashMap.newKeySet(); // which channels had a message
    final Map<String, Future<?>> due = new ConcurrentHashMap<>(); // timers that end it, by the reasons
    final CompletableFuture<String> lost = new CompletableFuture<>();
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
            connection.expect("no connection in 10 s", 10);
            var socket = HTTP.newWebSocket(new Request.Builder().url(ENDPOINT).build(), connection);
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
        if (AUTHENTICATE) {
            request("auth", "auth", sign()); // private channels are refused until this is answered
        } else {
            subscribe();
        }
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
        Frame frame = GSON.fromJson(text, Frame.class);
        if (lost.isDone()) {
            return; // by a timer
        } else if ("channelMessage".equals(frame.method)) {
            keepAlive(frame.params.channel);
            print(frame.params.channel, frame.params.message);
        } else if (frame.error != null) {
            System.err.println("error: " + frame.id + " was refused: " + frame.error);
            Runtime.getRuntime().halt(1); // it would be refused again; exit would run the hook above
        } else {
            due.remove("no answer to " + frame.id + " in 10 s").cancel(false);
            if (frame.id.equals("auth")) {
                subscribe();
            } else {
                System.err.println("subscribed " + frame.id);
                keepAlive(frame.id);
            }
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
            request(channel, "subscribe", Map.of("channel", channel));
        }
    }

    /** Without an id there would be no answer, not even a refusal. */
    void request(String id, String method, Map<String, ?> params) {
        expect("no answer to " + id + " in 10 s", 10);
        socket.send(GSON.toJson(Map.of("jsonrpc", "2.0", "id", id, "method", method, "params", params)));
    }

    /**
     * An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
     * only its own silence shows it. Order events may well be silent for days.
     */
    void keepAlive(String channel) {
        if (channel.startsWith("lightning_")) {
            expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS);
        }
    }

    void expect(String otherwise, int seconds) {
        var before = due.put(otherwise, TIMERS.schedule(() -> lost.complete(otherwise), seconds, TimeUnit.SECONDS));
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
