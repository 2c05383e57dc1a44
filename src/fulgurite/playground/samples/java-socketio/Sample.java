import com.google.gson.*;
import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.security.*;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages go to
 * standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
 *
 * <p>Socket.IO's frames are few, so they are plain here: a digit of Engine.IO, after its 4 a digit of Socket.IO, the
 * number of a request, then JSON.
 */
class Sample {
    static final String ENDPOINT = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
    static final String[] CHANNELS = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
    static final boolean AUTHENTICATE = false; // fulgurite:auth
    static final int SILENCE_SECONDS = 60; // fulgurite:silence

    static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneOffset.UTC);
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

    record Opened(int pingInterval, int pingTimeout) {} // in milliseconds

    /** An answer that another attempt would not change. */
    static class Refused extends Exception {
        Refused(String reason) { super(reason); }
    }

    final Map<String, Instant> last = new HashMap<>(); // when each channel's last message came
    final Set<String> seen = new HashSet<>(); // which channels had one on this connection
    String why; // what ended the last connection that brought any
    final Map<String, Long> due = new HashMap<>(); // when the connection is given up, by the reasons
    final List<String> asked = new ArrayList<>(); // the places are the numbers
    Opened opened;
    long nextPing;
    WebSocket socket;

    public static void main(String[] arguments) throws InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0))); // Ctrl-C; or it is 130
        String key = AUTHENTICATE ? new String(System.console().readPassword("API key: ")) : null;
        String secret = AUTHENTICATE ? new String(System.console().readPassword("API secret: ")) : null;
        new Sample().run(key, secret);
    }

    void run(String key, String secret) throws InterruptedException {
        for (double delay = 1; ; delay = Math.min(delay * 2, 30)) {
            String reason;
            seen.clear();
            try {
                reason = listen(key, secret);
            } catch (Refused refusal) {
                System.err.println("error: " + refusal.getMessage());
                Runtime.getRuntime().halt(1); // exit would run the hook above
                return;
            } catch (JsonParseException error) {
                reason = "a frame that is no JSON"; // Gson says it in two lines
            } catch (Exception error) {
                reason = error.getMessage() != null ? error.getMessage() : error.toString();
            }
            if (!seen.isEmpty()) { // being accepted is not enough: a server in trouble may accept all, and be of no use
                delay = 1;
                why = reason;
            }
            double wait = delay * ThreadLocalRandom.current().nextDouble(0.5, 1); // not all clients at the same moment
            System.err.printf("lost: %s; again in %.1f s%n", reason, wait);
            Thread.sleep((long) (wait * 1000));
        }
    }

    /** Sees one connection through to its end, which is returned or thrown. */
    String listen(String key, String secret) throws Exception {
        var inbox = new Inbox();
        // Polling, with which Socket.IO likes to begin, is refused here.
        var url = ENDPOINT.replaceFirst("http", "ws") + "/socket.io/?EIO=3&transport=websocket";
        var connecting = HTTP.newWebSocketBuilder().buildAsync(URI.create(url), inbox);
        try {
            socket = connecting.get(10, TimeUnit.SECONDS);
            System.err.println("connected " + ENDPOINT);
            due.clear();
            asked.clear();
            nextPing = Long.MAX_VALUE;
            expect("no handshake in 10 s", 10_000);
            while (true) {
                var next = Collections.min(due.entrySet(), Map.Entry.comparingByValue());
                long wait = Math.min(next.getValue(), nextPing) - System.nanoTime();
                Object event = inbox.events.poll(wait, TimeUnit.NANOSECONDS);
                if (event instanceof Exception end) {
                    throw end;
                } else if (event instanceof String frame) {
                    take(frame, key, secret);
                } else if (next.getValue() < nextPing) {
                    return next.getKey();
                } else { // In this version of Engine.IO it is the client that pings, or else the server hangs up.
                    send("2");
                    expect("no pong came", opened.pingTimeout);
                    nextPing += TimeUnit.MILLISECONDS.toNanos(opened.pingInterval);
                }
            }
        } catch (ExecutionException error) {
            return error.getCause() instanceof WebSocketHandshakeException refusal
                    ? "HTTP status " + refusal.getResponse().statusCode()
                    : error.getCause().toString();
        } finally {
            connecting.cancel(true);
            connecting.thenAccept(WebSocket::abort);
        }
    }

    void take(String frame, String key, String secret) throws Exception {
        if (frame.startsWith("0")) {
            opened = GSON.fromJson(frame.substring(1), Opened.class);
            nextPing = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(opened.pingInterval);
        } else if (frame.equals("3")) {
            due.remove("no pong came");
        } else if (frame.startsWith("40")) {
            due.remove("no handshake in 10 s");
            if (AUTHENTICATE) {
                request("auth", "auth", sign(key, secret)); // private channels are refused until this is answered
            } else {
                subscribe();
            }
        } else if (frame.startsWith("42")) { // ["CHANNEL",MESSAGE]
            var event = GSON.fromJson(frame.substring(2), JsonArray.class);
            keepAlive(event.get(0).getAsString());
            print(event.get(0).getAsString(), event.get(1));
        } else if (frame.startsWith("43")) { // NUMBER[null], or NUMBER[ERROR]
            int bracket = frame.indexOf('[');
            String name = asked.get(Integer.parseInt(frame.substring(2, bracket)));
            JsonElement error = GSON.fromJson(frame.substring(bracket), JsonArray.class).get(0);
            due.remove("no answer for " + name + " in 10 s");
            if (!error.isJsonNull()) {
                throw new Refused(name + " was refused: " + error);
            } else if (name.equals("auth")) {
                subscribe();
            } else {
                System.err.println("subscribed " + name);
            }
        } else if (frame.startsWith("41") || frame.startsWith("44")) {
            throw new IOException("the server disconnected: " + frame);
        }
    }

    void print(String channel, JsonElement message) {
        Instant now = Instant.now(), before = last.put(channel, now);
        if (seen.add(channel) && before != null) { // the API never sends again what was missed
            System.err.println("missed " + channel + ": nothing from " + CLOCK.format(before)
                    + " to " + CLOCK.format(now) + " (" + why + ")");
        }
        System.out.println(channel + " " + message);
    }

    void subscribe() throws Exception {
        for (String channel : CHANNELS) {
            request(channel, "subscribe", channel);
            keepAlive(channel);
        }
    }

    /** Without a number there would be no answer, not even to a request that is refused. */
    void request(String name, Object... arguments) throws Exception {
        expect("no answer for " + name + " in 10 s", 10_000);
        asked.add(name);
        send("42" + (asked.size() - 1) + GSON.toJson(arguments));
    }

    void send(String frame) throws Exception {
        socket.sendText(frame, true).get(10, TimeUnit.SECONDS); // the next may not begin before this has ended
    }

    /**
     * A product that does not exist is acknowledged like any other, and a channel can die while others of its connection
     * flow: only its own silence shows it. Order events may well be silent for days.
     */
    void keepAlive(String channel) {
        if (channel.startsWith("lightning_")) {
            expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS * 1000);
        }
    }

    void expect(String reason, int milliseconds) {
        due.put(reason, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(milliseconds));
    }

    /** The parameters of auth: new ones for each connection. */
    static Map<String, ?> sign(String key, String secret) throws GeneralSecurityException {
        byte[] random = new byte[16];
        new SecureRandom().nextBytes(random);
        String nonce = HexFormat.of().formatHex(random);
        long timestamp = System.currentTimeMillis();
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(), "HmacSHA256"));
        String signature = HexFormat.of().formatHex(mac.doFinal((timestamp + nonce).getBytes()));
        return Map.of("api_key", key, "timestamp", timestamp, "nonce", nonce, "signature", signature);
    }

    /** Where the threads of the HTTP client put frames, and what ended the connection, for the main thread. */
    static class Inbox implements WebSocket.Listener {
        final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();

        @Override public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
            text.append(part);
            if (isLast) {
                events.add(text.toString());
                text.setLength(0);
            }
            socket.request(1); // or nothing more would come
            return null;
        }

        @Override public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            events.add(new IOException(("closed with " + code + " " + reason).strip()));
            return null;
        }

        @Override public void onError(WebSocket socket, Throwable error) {
            events.add(error);
        }
    }
}
