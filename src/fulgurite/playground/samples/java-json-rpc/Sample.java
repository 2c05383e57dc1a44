import com.google.gson.*;
import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.security.*;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
 * Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
 */
class Sample {
    static final String ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
    static final String[] CHANNELS = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
    static final boolean AUTHENTICATE = false; // fulgurite:auth
    static final int SILENCE_SECONDS = 60; // fulgurite:silence

    static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneOffset.UTC);
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

    record Frame(String id, JsonElement result, Problem error, String method, Params params) {}
    record Params(String channel, JsonElement message) {}
    record Problem(String message) {}

    /** An answer that another attempt would not change. */
    static class Refused extends Exception {
        Refused(String reason) { super(reason); }
    }

    final Map<String, Instant> last = new HashMap<>(); // when each channel's last message came
    final Set<String> seen = new HashSet<>(); // which channels had one on this connection
    String why; // what ended the last connection that brought any
    final Map<String, Long> due = new HashMap<>(); // when the connection is given up, by the reasons
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
        var connecting = HTTP.newWebSocketBuilder().buildAsync(URI.create(ENDPOINT), inbox);
        try {
            socket = connecting.get(10, TimeUnit.SECONDS);
            System.err.println("connected " + ENDPOINT);
            due.clear();
            expect("no ping came for 40 s", 40);
            if (AUTHENTICATE) {
                request("auth", "auth", sign(key, secret)); // private channels are refused until this is answered
            } else {
                subscribe();
            }
            while (true) {
                var next = Collections.min(due.entrySet(), Map.Entry.comparingByValue());
                Object event = inbox.events.poll(next.getValue() - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (event == null) {
                    return next.getKey();
                } else if (event instanceof Exception end) {
                    throw end;
                } else if (event instanceof String frame) {
                    take(GSON.fromJson(frame, Frame.class));
                } else { // a ping; one comes every 15 s
                    expect("no ping came for 40 s", 40);
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

    void take(Frame frame) throws Exception {
        due.remove("no answer for " + frame.id + " in 10 s");
        if ("channelMessage".equals(frame.method)) {
            keepAlive(frame.params.channel);
            print(frame.params.channel, frame.params.message);
        } else if (frame.error != null) {
            throw new Refused(frame.id + " was refused: " + frame.error.message);
        } else if ("auth".equals(frame.id)) {
            subscribe();
        } else if (frame.id != null) {
            System.err.println("subscribed " + frame.id);
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
            request(channel, "subscribe", Map.of("channel", channel));
            keepAlive(channel);
        }
    }

    /** Without an id there would be no answer, not even to a request that is refused. */
    void request(String id, String method, Map<String, ?> params) throws Exception {
        expect("no answer for " + id + " in 10 s", 10);
        String request = GSON.toJson(Map.of("jsonrpc", "2.0", "id", id, "method", method, "params", params));
        socket.sendText(request, true).get(10, TimeUnit.SECONDS); // the next may not begin before this has ended
    }

    /**
     * A product that does not exist is acknowledged like any other, and a channel can die while others of its connection
     * flow: only its own silence shows it. Order events may well be silent for days.
     */
    void keepAlive(String channel) {
        if (channel.startsWith("lightning_")) {
            expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS);
        }
    }

    void expect(String reason, int seconds) {
        due.put(reason, System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds));
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

    /** Where the threads of the HTTP client put frames, pings and what ended the connection, for the main thread. */
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

        @Override public CompletionStage<?> onPing(WebSocket socket, ByteBuffer message) {
            events.add(message); // answered without our doing
            socket.request(1);
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
