// Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages go to
// standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
//
// Socket.IO's frames are few, so they are plain here: a digit of Engine.IO, after its 4 a digit of Socket.IO, the
// number of a request, then JSON.

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

const std::string endpoint = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const std::vector<std::string> channels = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
const bool authenticate = false; // fulgurite:auth
const seconds silence = seconds(60); // fulgurite:silence

WebSocket open_socket() {
    static Context::Ptr tls = new Context(Context::TLS_CLIENT_USE, "", Context::VERIFY_STRICT, 9, true);
    tls->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    const Poco::URI uri(endpoint);
    HTTPClientSession plain(uri.getHost(), uri.getPort());
    HTTPSClientSession secure(uri.getHost(), uri.getPort(), tls);
    auto& session = uri.getScheme() == "https" ? secure : plain;
    session.setTimeout(Poco::Timespan(10, 0)); // stays that of each sending and receiving
    const auto path = "/socket.io/?EIO=3&transport=websocket"; // polling is refused
    HTTPRequest request(HTTPRequest::HTTP_GET, path, HTTPRequest::HTTP_1_1);
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
    auto expect = [&](milliseconds within, const std::string& reason) { due[reason] = steady_clock::now() + within; };
    auto send = [&](const std::string& frame) { socket.sendFrame(frame.data(), frame.size()); };
    std::vector<std::string> asked; // what each request was about; their places are their numbers
    auto request = [&](const std::string& name, const json& arguments) {
        // Without a number there would be no answer, not even a refusal.
        send("42" + std::to_string(asked.size()) + arguments.dump());
        asked.push_back(name);
        expect(10s, "no answer to " + name + " in 10 s");
    };
    auto subscribe = [&] {
        for (auto& channel : channels) request(channel, json::array({"subscribe", channel}));
    };
    // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
    // only its own silence shows it. Order events may well be silent for days.
    auto keep_alive = [&](const std::string& channel) {
        if (channel.starts_with("lightning_"))
            expect(silence, channel + " was silent for " + std::to_string(silence.count()) + " s");
    };

    json opened;
    expect(10s, "no session in 10 s");
    for (Poco::Buffer<char> text(0);;) {
        const auto [problem, at] = *std::ranges::min_element(due, {}, [](auto& each) { return each.second; });
        const Poco::Timespan left(std::max<std::int64_t>(0, (at - steady_clock::now()) / 1us));
        if (socket.available() == 0 && !socket.poll(left, Socket::SELECT_READ)) {
            if (problem != "ping") throw std::runtime_error(problem);
            send("2");
            due.erase("ping");
            continue;
        }
        int flags;
        const auto before = text.size();
        const auto length = socket.receiveFrame(text, flags); // appends: the joining of frames is left to us
        const auto opcode = flags & WebSocket::FRAME_OP_BITMASK;
        if (opcode == WebSocket::FRAME_OP_CLOSE || (length == 0 && flags == 0))
            throw std::runtime_error(
                length > 2 ? "closed: " + std::string(text.begin() + before + 2, text.end()) : "closed");
        if (opcode == WebSocket::FRAME_OP_PING) {
            socket.sendFrame(text.begin() + before, length, int(WebSocket::FRAME_FLAG_FIN) | WebSocket::FRAME_OP_PONG);
            text.resize(before);
            continue;
        }
        if (!(flags & WebSocket::FRAME_FLAG_FIN)) continue;
        const std::string frame(text.begin(), text.end());
        text.resize(0);
        const auto kind = frame.substr(0, frame.starts_with("4") ? 2 : 1);
        const auto start = frame.find_first_not_of("0123456789", kind.size());
        const auto body = start == std::string::npos ? json() : json::parse(frame.substr(start));
        if (kind == "0") opened = body;
        if (kind == "0" || kind == "3") { // opened, or a ping answered
            // In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
            const milliseconds interval(opened.at("pingInterval")), timeout(opened.at("pingTimeout"));
            expect(interval, "ping");
            expect(interval + timeout, "no pong came");
        } else if (kind == "40") {
            due.erase("no session in 10 s");
            if (authenticate) // private channels are refused until this is answered
                request("auth", json::array({"auth", sign(key, secret)}));
            else
                subscribe();
        } else if (kind == "42") { // ["CHANNEL",MESSAGE]
            keep_alive(body.at(0));
            handle(body.at(0), body.at(1));
        } else if (kind == "43") { // NUMBER[null], or NUMBER[ERROR]
            const auto name = asked.at(std::stoul(frame.substr(2)));
            due.erase("no answer to " + name + " in 10 s");
            if (!body.at(0).is_null()) {
                std::cerr << "error: " << name << " was refused: " << body.at(0) << std::endl;
                std::exit(1); // it would be refused again
            } else if (name == "auth") {
                subscribe();
            } else {
                std::cerr << "subscribed " << name << std::endl;
                keep_alive(name);
            }
        } else {
            throw std::runtime_error("the server ended it: " + frame);
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
