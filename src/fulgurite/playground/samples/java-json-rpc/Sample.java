import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.Strictness;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.BiConsumer;
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
    static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();
    static final HttpClient HTTP = HttpClient.newHttpClient();

    record Frame(String id, JsonElement result, Problem error, String method, Params params) {}

    record Params(String channel, JsonElement message) {}

    record Problem(String message) {}

    /** An answer that another attempt would not change. */
    static class Refused extends Exception {
        Refused(String reason) {
            super(reason);
        }
    }

    private final Map<String, Instant> last = new HashMap<>(); // when each channel's last message came
    private final Set<String> seen = new HashSet<>(); // which channels had one on this connection
    private String why; // what ended the last connection that brought any

    public static void main(String[] arguments) throws InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0))); // Ctrl-C; not 130
        String key = AUTHENTICATE ? new String(System.console().readPassword("API key: ")) : null;
        String secret = AUTHENTICATE ? new String(System.console().readPassword("API secret: ")) : null;
        new Sample().run(key, secret);
    }

    void run(String key, String secret) throws InterruptedException {
        for (double delay = 1; ; delay = Math.min(delay * 2, 30)) {
            String reason;
            seen.clear();
            try (var connection = new Connection()) {
                reason = connection.listen(key, secret, this::print);
            } catch (Refused refusal) {
                System.err.println("error: " + refusal.getMessage());
                Runtime.getRuntime().halt(1); // exit would run the hook above
                return;
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

    void print(String channel, JsonElement message) {
        Instant now = Instant.now();
        Instant before = last.put(channel, now);
        if (seen.add(channel) && before != null) { // the API never sends again what was missed
            var times = "nothing from " + CLOCK.format(before) + " to " + CLOCK.format(now);
            System.err.println("missed " + channel + ": " + times + " (" + why + ")");
        }
        System.out.println(channel + " " + message);
    }

    /** One connection. */
    static class Connection implements WebSocket.Listener, AutoCloseable {
        /** Frames, pings and what ended it: the HTTP client's threads put them here for the main one. */
        private final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();
        /** When it is given up, by the reasons. */
        private final Map<String, Long> due = new HashMap<>();
        private WebSocket socket;

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
            text.append(part);
            if (isLast) {
                events.add(text.toString());
                text.setLength(0);
            }
            socket.request(1); // or nothing more comes
            return null;
        }

        @Override
        public CompletionStage<?> onPing(WebSocket socket, ByteBuffer message) {
            events.add(message); // answered by the client itself
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            events.add(new IOException("closed with " + code + " " + reason));
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            events.add(error);
        }

        @Override
        public void close() {
            if (socket != null) {
                socket.abort();
            }
        }

        /** Hands over its messages, until it ends for the reason that is returned, or that the exception tells. */
        String listen(String key, String secret, BiConsumer<String, JsonElement> handle) throws Exception {
            var connecting = HTTP.newWebSocketBuilder().buildAsync(URI.create(ENDPOINT), this);
            try {
                socket = connecting.get(10, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                connecting.cancel(true);
                return "no connection in 10 s";
            } catch (ExecutionException e) {
                return e.getCause() instanceof WebSocketHandshakeException handshake
                        ? "HTTP status " + handshake.getResponse().statusCode()
                        : e.getCause().toString();
            }
            System.err.println("connected " + ENDPOINT);
            expect("no ping came for 40 s", 40);
            if (AUTHENTICATE) {
                request("auth", "auth", sign(key, secret)); // private channels are refused until this is answered
            } else {
                subscribe();
            }
            while (true) {
                var next = Collections.min(due.entrySet(), Map.Entry.comparingByValue());
                Object event = events.poll(next.getValue() - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (event == null) {
                    return next.getKey();
                } else if (event instanceof Exception error) {
                    throw error;
                } else if (event instanceof String text) {
                    take(GSON.fromJson(text, Frame.class), handle);
                } else { // a ping
                    expect("no ping came for 40 s", 40);
                }
            }
        }

        private void take(Frame frame, BiConsumer<String, JsonElement> handle) throws Exception {
            due.remove("no answer for " + frame.id + " in 10 s");
            if ("channelMessage".equals(frame.method)) {
                keepAlive(frame.params.channel);
                handle.accept(frame.params.channel, frame.params.message);
            } else if (frame.error != null) {
                throw new Refused(frame.id + " was refused: " + frame.error.message);
            } else if ("auth".equals(frame.id)) {
                subscribe();
            } else if (frame.id != null) {
                System.err.println("subscribed " + frame.id);
            }
        }

        /** Without an id there would be no answer, not even to a request that is refused. */
        private void request(String id, String method, Map<String, ?> params) throws Exception {
            expect("no answer for " + id + " in 10 s", 10);
            String request = GSON.toJson(Map.of("jsonrpc", "2.0", "id", id, "method", method, "params", params));
            socket.sendText(request, true).get(10, TimeUnit.SECONDS); // the next may not begin before this has ended
        }

        private void subscribe() throws Exception {
            for (String channel : CHANNELS) {
                request(channel, "subscribe", Map.of("channel", channel));
                keepAlive(channel);
            }
        }

        /**
         * A product that does not exist is acknowledged like any other, and a channel can die while others of its
         * connection flow: only its own silence shows it. Order events may well be silent for days.
         */
        private void keepAlive(String channel) {
            if (channel.startsWith("lightning_")) {
                expect(channel + " was silent for " + SILENCE_SECONDS + " s", SILENCE_SECONDS);
            }
        }

        private void expect(String reason, int seconds) {
            due.put(reason, System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds));
        }
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
}
