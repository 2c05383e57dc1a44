// Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
// Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.

#include <Poco/DateTimeFormatter.h>
#include <Poco/DigestEngine.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/Net/WebSocket.h>
#include <Poco/NumberFormatter.h>
#include <Poco/URI.h>
#include <nlohmann/json.hpp>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

using namespace Poco::Net;
using namespace std::chrono;
using json = nlohmann::ordered_json;

const std::string endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
const std::vector<std::string> channels = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
const bool authenticate = false; // fulgurite:auth
const seconds silence = seconds(60); // fulgurite:silence

WebSocket open_socket() {
    static Context::Ptr tls = new Context(Context::TLS_CLIENT_USE, "", Context::VERIFY_STRICT, 9, true);
    tls->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    const Poco::URI uri(endpoint);
    HTTPClientSession plain(uri.getHost(), uri.getPort());
    HTTPSClientSession secure(uri.getHost(), uri.getPort(), tls);
    auto& session = uri.getScheme() == "wss" ? secure : plain;
    session.setTimeout(Poco::Timespan(10, 0)); // stays that of each sending and receiving
    HTTPRequest request(HTTPRequest::HTTP_GET, uri.getPathAndQuery(), HTTPRequest::HTTP_1_1);
    HTTPResponse response;
    return WebSocket(session, request, response);
}

/// The parameters of auth: new ones for each connection.
json sign(const std::string& key, const std::string& secret) {
    std::vector<unsigned char> random(16), digest(32);
    RAND_bytes(random.data(), random.size());
    const auto nonce = Poco::DigestEngine::digestToHex(random);
    const auto timestamp = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    const auto text = std::to_string(timestamp) + nonce;
    HMAC(EVP_sha256(), secret.data(), secret.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest.data(), nullptr);
    const auto signature = Poco::DigestEngine::digestToHex(digest);
    return {{"api_key", key}, {"timestamp", timestamp}, {"nonce", nonce}, {"signature", signature}};
}

/// Sees one connection through to its end, which is always an exception.
void listen(const std::string& key, const std::string& secret, auto&& handle) {
    auto socket = open_socket();
    std::cerr << "connected " << endpoint << std::endl;
    std::map<std::string, steady_clock::time_point> due; // when the connection is given up, by the reasons
    auto expect = [&](seconds within, const std::string& otherwise) { due[otherwise] = steady_clock::now() + within; };
    auto request = [&](const std::string& id, const std::string& method, const json& params) {
        // Without an id there would be no answer, not even a refusal.
        const auto text = json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump();
        socket.sendFrame(text.data(), text.size());
        expect(10s, "no answer to " + id + " in 10 s");
    };
    auto subscribe = [&] {
        for (auto& channel : channels) request(channel, "subscribe", {{"channel", channel}});
    };
    // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
    // only its own silence shows it. Order events may well be silent for days.
    auto keep_alive = [&](const std::string& channel) {
        if (channel.starts_with("lightning_"))
            expect(silence, channel + " was silent for " + std::to_string(silence.count()) + " s");
    };

    expect(40s, "no ping came for 40 s");
    if (authenticate) // private channels are refused until this is answered
        request("auth", "auth", sign(key, secret));
    else
        subscribe();
    for (Poco::Buffer<char> text(0);;) {
        const auto& [problem, at] = *std::ranges::min_element(due, {}, [](auto& each) { return each.second; });
        const Poco::Timespan left(std::max<std::int64_t>(0, (at - steady_clock::now()) / 1us));
        if (socket.available() == 0 && !socket.poll(left, Socket::SELECT_READ)) throw std::runtime_error(problem);
        int flags;
        const auto before = text.size();
        const auto length = socket.receiveFrame(text, flags); // appends: the joining of frames is left to us
        const auto opcode = flags & WebSocket::FRAME_OP_BITMASK;
        if (opcode == WebSocket::FRAME_OP_PING) { // comes every 15 s; who takes more than 3 s to answer is cut off
            socket.sendFrame(text.begin() + before, length, int(WebSocket::FRAME_FLAG_FIN) | WebSocket::FRAME_OP_PONG);
            text.resize(before);
            expect(40s, "no ping came for 40 s");
            continue;
        } else if (opcode == WebSocket::FRAME_OP_CLOSE || (length == 0 && flags == 0)) {
            throw std::runtime_error(
                length > 2 ? "closed: " + std::string(text.begin() + before + 2, text.end()) : "closed");
        } else if (!(flags & WebSocket::FRAME_FLAG_FIN)) {
            continue;
        }
        const auto frame = json::parse(text.begin(), text.end());
        text.resize(0);
        if (frame.contains("method")) {
            const std::string channel = frame.at("params").at("channel");
            keep_alive(channel);
            handle(channel, frame.at("params").at("message"));
            continue;
        }
        const std::string id = frame.at("id");
        due.erase("no answer to " + id + " in 10 s");
        if (frame.contains("error")) {
            std::cerr << "error: " << id << " was refused: " << frame.at("error") << std::endl;
            std::exit(1); // it would be refused again
        } else if (id == "auth") {
            subscribe();
        } else {
            std::cerr << "subscribed " << id << std::endl;
            keep_alive(id);
        }
    }
}

/// A line from the terminal, which does not show it.
std::string ask(const char* prompt) {
    char answer[256];
    if (EVP_read_pw_string(answer, sizeof answer, prompt, false)) std::exit(0); // Ctrl-C
    return answer;
}

int main() {
    const std::string key = authenticate ? ask("API key: ") : "", secret = authenticate ? ask("API secret: ") : "";
    std::signal(SIGINT, [](int) { std::_Exit(0); });
    std::map<std::string, std::string> last; // when each channel's last message came
    std::string why;                         // what ended the last connection that brought any
    std::mt19937 random(std::random_device{}());
    for (double delay = 1;; delay = std::min(delay * 2, 30.0)) {
        std::string reason;
        std::set<std::string> seen;
        try {
            listen(key, secret, [&](const std::string& channel, const json& message) {
                const auto now = Poco::DateTimeFormatter::format(Poco::Timestamp(), "%H:%M:%S.%i");
                if (seen.insert(channel).second && last.contains(channel)) // the API never sends again what was missed
                    std::cerr << "missed " << channel << ": nothing from " << last[channel] << " to " << now << " ("
                              << why << ")" << std::endl;
                last[channel] = now;
                std::cout << channel << " " << message << std::endl;
            });
        } catch (const Poco::Exception& error) {
            reason = error.displayText();
        } catch (const std::exception& error) {
            reason = error.what();
        }
        if (!seen.empty()) { // only now: a server in trouble may accept everybody, and be of no use
            delay = 1;
            why = reason;
        }
        const auto wait = delay * std::uniform_real_distribution(0.5, 1.0)(random); // not all clients at once
        std::cerr << "lost: " << reason << "; again in " << Poco::NumberFormatter::format(wait, 1) << " s" << std::endl;
        std::this_thread::sleep_for(duration<double>(wait));
    }
}
