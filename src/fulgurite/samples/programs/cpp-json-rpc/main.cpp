// Prints the messages of bitFlyer's realtime API (JSON-RPC 2.0 over WebSocket), and reconnects after interruptions.
// Messages go to standard output, a log of the connection goes to standard error. Ctrl-C ends it.

#include <Poco/DateTimeFormatter.h>
#include <Poco/DigestEngine.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/Net/WebSocket.h>
#include <Poco/URI.h>
#include <Poco/UUIDGenerator.h>
#include <chrono>
#include <csignal>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <openssl/hmac.h>
#include <random>
#include <thread>
#include <unistd.h>

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
    const auto timestamp = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    const auto nonce = Poco::UUIDGenerator::defaultGenerator().createRandom().toString();
    const auto text = std::to_string(timestamp) + nonce;
    const auto digest = HMAC(EVP_sha256(), secret.data(), secret.size(),
                             reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, nullptr);
    const auto signature = Poco::DigestEngine::digestToHex({digest, digest + 32});
    return {{"api_key", key}, {"timestamp", timestamp}, {"nonce", nonce}, {"signature", signature}};
}

/// Sees one connection through to its end, which is always an exception.
void listen(const std::string& key, const std::string& secret, auto&& print) {
    auto socket = open_socket();
    std::cerr << "connected " << endpoint << "\n";
    std::map<std::string, steady_clock::time_point> due; // by problem: the time at which it ends the connection
    auto request = [&](const std::string& name) { // is an id, too: without one there is no answer, not even a refusal
        const auto method = name == "auth" ? "auth" : "subscribe";
        const auto params = name == "auth" ? sign(key, secret) : json{{"channel", name}};
        const auto frame = json{{"jsonrpc", "2.0"}, {"id", name}, {"method", method}, {"params", params}}.dump();
        socket.sendFrame(frame.data(), frame.size());
        due["no answer to " + name + " in 10 s"] = steady_clock::now() + 10s;
    };

    due["no ping came for 40 s"] = steady_clock::now() + 40s;
    // Private channels are refused until auth is answered.
    for (auto& name : authenticate ? std::vector<std::string>{"auth"} : channels) request(name);
    for (std::string text;;) {
        for (auto& [problem, deadline] : due)
            if (deadline < steady_clock::now()) throw std::runtime_error(problem);
        if (socket.available() == 0 && !socket.poll(100'000, Socket::SELECT_READ)) continue; // microseconds
        int flags;
        Poco::Buffer<char> buffer(0);
        socket.receiveFrame(buffer, flags);
        std::string frame(buffer.begin(), buffer.end());
        const auto opcode = flags & WebSocket::FRAME_OP_BITMASK;
        if (opcode == WebSocket::FRAME_OP_PING) { // comes every 15 s; without an answer in 3 s it is cut
            socket.sendFrame(frame.data(), frame.size(), int(WebSocket::FRAME_FLAG_FIN) | WebSocket::FRAME_OP_PONG);
            due["no ping came for 40 s"] = steady_clock::now() + 40s;
            continue;
        } else if (opcode == WebSocket::FRAME_OP_CLOSE || frame.empty()) { // a code in two bytes, then a reason
            const int code = frame.size() < 2 ? 1006 : std::uint8_t(frame[0]) << 8 | std::uint8_t(frame[1]);
            throw std::runtime_error("closed with " + std::to_string(code) + " '" + frame.erase(0, 2) + "'");
        }
        text += frame; // the joining of frames is left to us
        if (!(flags & WebSocket::FRAME_FLAG_FIN)) continue;
        const auto message = json::parse(std::exchange(text, ""));
        const std::string name = message.contains("id") ? message.at("id") : message.at("params").at("channel");
        due.erase("no answer to " + message.value("id", "") + " in 10 s");
        if (message.contains("error")) {
            std::cerr << "error: " << name << " was refused: " << message.at("error") << "\n";
            std::exit(1); // it would be refused again
        } else if (message.contains("method")) {
            print(name, message.at("params").at("message"));
        } else if (name == "auth") {
            for (auto& channel : channels) request(channel);
        } else {
            std::cerr << "subscribed " << name << "\n";
        }
        // An unknown product is acknowledged like any other, and a channel can die while others of its connection flow:
        // only its own silence shows it. Order events may well be silent for days.
        if (name.starts_with("lightning_"))
            due[name + " was silent for " + std::to_string(silence.count()) + " s"] = steady_clock::now() + silence;
    }
}

/// A line from the terminal, which does not show it.
std::string ask(const char* prompt) {
    char answer[256];
    const int problem = isatty(STDIN_FILENO) ? EVP_read_pw_string(answer, sizeof answer, prompt, false) : -1;
    if (problem == -2) std::exit(0); // Ctrl-C
    if (problem) {
        std::cerr << "error: no API key was typed: run this in a terminal, with nothing redirected\n";
        std::exit(1);
    }
    return answer;
}

int main() {
    const std::string key = authenticate ? ask("API key: ") : "", secret = authenticate ? ask("API secret: ") : "";
    std::signal(SIGINT, [](int) { std::_Exit(0); });
    std::random_device random;
    std::map<std::string, std::string> last;        // when each channel's last message came
    std::map<std::string, std::string> interrupted; // why, of the channels that have brought nothing since
    for (double delay = 1;; delay = std::min(delay * 2, 30.0)) {
        std::string why;
        try {
            listen(key, secret, [&](const std::string& channel, const json& message) {
                const auto now = Poco::DateTimeFormatter::format(Poco::Timestamp(), "%H:%M:%S.%i");
                if (const auto found = interrupted.extract(channel)) // the API never sends missed messages again
                    std::cerr << "missed " << channel << ": nothing from " << last[channel] << " to " << now << " ("
                              << found.mapped() << ")\n";
                last[channel] = now;
                delay = 1; // only now: a server in trouble may accept everybody, and be of no use
                std::cout << channel << " " << message << std::endl;
            });
        } catch (const Poco::Exception& error) {
            why = error.displayText();
        } catch (const std::exception& error) {
            why = error.what();
        }
        for (auto& [channel, _] : last) interrupted.emplace(channel, why);          // an earlier reason stays
        const auto wait = delay * std::uniform_real_distribution(0.5, 1.0)(random); // not all clients at once
        std::cerr << "lost: " << why << "; again in " << std::fixed << std::setprecision(1) << wait << " s\n";
        std::this_thread::sleep_for(duration<double>(wait));
    }
}
