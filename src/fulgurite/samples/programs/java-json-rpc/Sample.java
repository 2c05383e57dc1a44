import com.google.gson.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import okhttp3.*;
import okio.ByteString;

/**
 * Prints the messages of bitFlyer's realtime API (JSON-RPC 2.0 over WebSocket), and reconnects after interruptions.
 * Messages go to standard output, a log of the connection goes to standard error. Ctrl-C ends it.
 */
class Sample extends WebSocketListener {
    static final String ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
    static final String[] CHANNELS = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
    static final boolean AUTHENTICATE = false; // fulgurite:auth
    static final int SILENCE_SECONDS = 60; // fulgurite:silence

    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();
    static final ScheduledExecutorService TIMERS = Executors.newSingleThreadScheduledExecutor();
    // It wants TLS 1.2 or later, gives a handshake 10 s, answers pings, and finds a dead connection by its own.
    static final OkHttpClient HTTP =
            new OkHttpClient.Builder().pingInterval(Duration.ofSeconds(15)).build();

    record Frame(String id, JsonObject error, String method, Params params) {}

    record Params(String channel, JsonElement message) {}

    static final Map<String, String> last = new ConcurrentHashMap<>(); // when each channel's last message came
    static final Map<String, String> gaps = new ConcurrentHashMap<>(); // why each channel brought none since
    static volatile double delay = 1; // seconds before the next connection
    static String key, secret;

    // Of one connection:
    final Map<String, Future<?>> due = new HashMap<>(); // timers that end it, by the reasons
    final CompletableFuture<String> lost = new CompletableFuture<>(); // for the first of them

    public static void main(String[] arguments) throws Exception {
        var process = Runtime.getRuntime();
        process.addShutdownHook(new Thread(() -> process.halt(0))); // on Ctrl-C, whose status would be 130
        if (AUTHENTICATE) {
            key = ask("API key: ");
            secret = ask("API secret: ");
        }
        while (true) {
            var connection = new Sample();
            var socket = HTTP.newWebSocket(new Request.Builder().url(ENDPOINT).build(), connection);
            String why = connection.lost.get();
            socket.close(1000, null);
            last.keySet().forEach(channel -> gaps.putIfAbsent(channel, why));
            double wait = delay * ThreadLocalRandom.current().nextDouble(0.5, 1); // not all clients at the same moment
            delay = Math.min(delay * 2, 30);
            System.err.printf("lost: %s; again in %.1f s%n", why, wait);
            Thread.sleep((long) (wait * 1000));
        }
    }

    @Override
    public void onOpen(WebSocket socket, Response response) {
        System.err.println("connected " + ENDPOINT);
        request(socket, AUTHENTICATE ? new String[] {"auth"} : CHANNELS);
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
        Frame frame = GSON.fromJson(text, Frame.class);
        if (lost.isDone()) {
            return; // by a timer
        } else if ("channelMessage".equals(frame.method)) {
            received(frame.params.channel, frame.params.message);
        } else if (frame.error != null) {
            System.err.println("error: " + frame.id + " was refused: " + frame.error);
            Runtime.getRuntime().halt(1); // it would be refused again; exit would run the hook above
        } else {
            due.remove("no answer to " + frame.id + " in 10 s").cancel(false);
            if (frame.id.equals("auth")) { // private channels would have been refused before
                request(socket, CHANNELS);
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
        lost.complete(error.toString().split("\n")[0]);
    }

    void request(WebSocket socket, String... names) {
        for (String name : names) {
            boolean auth = name.equals("auth");
            var method = auth ? "auth" : "subscribe";
            var params = auth ? sign() : Map.of("channel", name);
            // Without an id there would be no answer, not even a refusal.
            socket.send(GSON.toJson(Map.of("jsonrpc", "2.0", "id", name, "method", method, "params", params)));
            expect("no answer to " + name + " in 10 s", 10);
        }
    }

    void received(String channel, JsonElement message) {
        keepAlive(channel);
        String now = "%tT.%<tL".formatted(OffsetDateTime.now(ZoneOffset.UTC));
        String gap = gaps.remove(channel), before = last.put(channel, now);
        if (gap != null) { // the API never sends missed messages again
            System.err.printf("missed %s: nothing from %s to %s (%s)%n", channel, before, now, gap);
        }
        delay = 1; // only now: a server in trouble may accept all, and be of no use
        System.out.println(channel + " " + message);
    }

    void keepAlive(String channel) {
        // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
        // only its own silence shows it. Order events may well be silent for days.
        if (channel.startsWith("lightning_")) {
            expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS);
        }
    }

    void expect(String otherwise, int seconds) {
        var timer = TIMERS.schedule(() -> lost.complete(otherwise), seconds, TimeUnit.SECONDS);
        Optional.ofNullable(due.put(otherwise, timer)).ifPresent(before -> before.cancel(false));
    }

    /** A line from the terminal, which does not show it. */
    static String ask(String prompt) {
        var terminal = System.console(); // null where there is none
        char[] answer = terminal == null ? null : terminal.readPassword(prompt);
        if (answer == null) {
            System.err.println("error: no API key was typed: run this in a terminal, with nothing redirected");
            Runtime.getRuntime().halt(1);
        }
        return new String(answer);
    }

    /** The parameters of auth: new ones for each connection. */
    static Map<String, ?> sign() {
        long timestamp = System.currentTimeMillis();
        String nonce = UUID.randomUUID().toString().replace("-", "");
        ByteString signed = ByteString.encodeUtf8(timestamp + nonce);
        String signature = signed.hmacSha256(ByteString.encodeUtf8(secret)).hex();
        return Map.of("api_key", key, "timestamp", timestamp, "nonce", nonce, "signature", signature);
    }
}
