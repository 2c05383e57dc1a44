import com.google.gson.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import okhttp3.*;
import okio.ByteString;

/**
 * Prints the messages of bitFlyer's realtime API (Socket.IO 2.0), and reconnects after interruptions. Messages go to
 * standard output, a log of the connection goes to standard error. Ctrl-C ends it. The libraries that are
 * still maintained speak later versions. The frames are few, so they are plain here: a digit of Engine.IO, after its 4
 * a digit of Socket.IO, the number of a request, then JSON.
 */
class Sample extends WebSocketListener {
    static final String ENDPOINT = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
    static final String[] CHANNELS = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
    static final boolean AUTHENTICATE = false; // fulgurite:auth
    static final int SILENCE_SECONDS = 60; // fulgurite:silence

    static final String URL = ENDPOINT + "/socket.io/?EIO=3&transport=websocket"; // polling is refused here
    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();
    static final ScheduledExecutorService TIMERS = Executors.newSingleThreadScheduledExecutor();
    static final OkHttpClient HTTP = new OkHttpClient(); // wants TLS 1.2 or later, and a handshake within 10 s

    record Opened(int pingInterval, int pingTimeout) {} // in milliseconds

    static final Map<String, String> last = new ConcurrentHashMap<>(); // when each channel's last message came
    static final Map<String, String> gaps = new ConcurrentHashMap<>(); // why each channel brought none since
    static volatile double delay = 1; // seconds before the next connection
    static String key, secret;

    // Of one connection:
    final Map<String, Future<?>> due = new HashMap<>(); // timers that end it, by the reasons
    final CompletableFuture<String> lost = new CompletableFuture<>(); // for the first of them
    final List<String> asked = new ArrayList<>(); // the subject of each request, at its number
    Opened opened;

    public static void main(String[] arguments) throws Exception {
        var process = Runtime.getRuntime();
        process.addShutdownHook(new Thread(() -> process.halt(0))); // on Ctrl-C, whose status would be 130
        if (AUTHENTICATE) {
            key = ask("API key: ");
            secret = ask("API secret: ");
        }
        while (true) {
            var connection = new Sample();
            connection.expect("no session in 10 s", 10_000);
            var socket = HTTP.newWebSocket(new Request.Builder().url(URL).build(), connection);
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
    public void onMessage(WebSocket socket, String frame) {
        if (lost.isDone()) {
            return; // by a timer
        } else if (frame.startsWith("0") || frame.equals("3")) { // 0{"pingInterval":MS,...}, or a ping is answered
            opened = opened == null ? GSON.fromJson(frame.substring(1), Opened.class) : opened;
            // In this version of Engine.IO the client pings; the server hangs up on one that does not.
            TIMERS.schedule(() -> socket.send("2"), opened.pingInterval, TimeUnit.MILLISECONDS);
            expect("no pong came", opened.pingInterval + opened.pingTimeout);
        } else if (frame.equals("40")) { // the session is there
            System.err.println("connected " + ENDPOINT);
            due.remove("no session in 10 s").cancel(false);
            request(socket, AUTHENTICATE ? new String[] {"auth"} : CHANNELS);
        } else if (frame.startsWith("42")) { // 42["CHANNEL",MESSAGE]
            var event = GSON.fromJson(frame.substring(2), JsonArray.class);
            received(event.get(0).getAsString(), event.get(1));
        } else if (frame.startsWith("43")) { // 43NUMBER[null], or an error instead of null
            int start = frame.indexOf('[');
            String name = asked.get(Integer.parseInt(frame.substring(2, start))), answer = frame.substring(start);
            due.remove("no answer to " + name + " in 10 s").cancel(false);
            if (!answer.equals("[null]")) {
                System.err.println("error: " + name + " was refused: " + answer);
                Runtime.getRuntime().halt(1); // it would be refused again; exit would run the hook above
            } else if (name.equals("auth")) { // private channels would have been refused before
                request(socket, CHANNELS);
            } else {
                System.err.println("subscribed " + name);
                keepAlive(name);
            }
        } else {
            lost.complete("the server ended it: " + frame);
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
            Object[] event = name.equals("auth") ? new Object[] {"auth", sign()} : new Object[] {"subscribe", name};
            socket.send("42" + asked.size() + GSON.toJson(event)); // without a number not even a refusal would come
            asked.add(name);
            expect("no answer to " + name + " in 10 s", 10_000);
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
            expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS * 1000);
        }
    }

    void expect(String otherwise, int ms) {
        var timer = TIMERS.schedule(() -> lost.complete(otherwise), ms, TimeUnit.MILLISECONDS);
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
