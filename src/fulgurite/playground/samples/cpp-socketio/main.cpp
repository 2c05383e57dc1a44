// Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages go to
// standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
//
// Socket.IO's frames are few, so they are plain here: a digit of Engine.IO, after its 4 a digit of Socket.IO, the
// number of a request, then JSON.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility> // Boost 1.74 forgets it
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace chrono = std::chrono;
using asio::awaitable, asio::use_awaitable;
using json = nlohmann::ordered_json;
using namespace std::chrono_literals;

const std::string endpoint = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const std::vector<std::string> channels = {"lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"}; // fulgurite:channels
const bool authenticate = false; // fulgurite:auth
const chrono::seconds silence = chrono::seconds(60); // fulgurite:silence

/// An answer that another attempt would not change.
struct Refused : std::runtime_error {
    using runtime_error::runtime_error;
};

/// When a connection is given up, by the reasons.
struct Deadlines : std::map<std::string, chrono::steady_clock::time_point> {
    void expect(const std::string& reason, chrono::milliseconds within) {
        insert_or_assign(reason, chrono::steady_clock::now() + within);
    }

    const value_type& next() const {
        return *std::min_element(begin(), end(), [](auto& a, auto& b) { return a.second < b.second; });
    }
};

/// The parameters of auth: new ones for each connection.
json sign(const std::string& key, const std::string& secret) {
    auto hex = [](const unsigned char* bytes, int length) {
        std::ostringstream text;
        for (int i = 0; i < length; i++) text << std::hex << std::setw(2) << std::setfill('0') << int(bytes[i]);
        return text.str();
    };
    unsigned char random[16], digest[EVP_MAX_MD_SIZE];
    unsigned length;
    RAND_bytes(random, sizeof random);
    auto nonce = hex(random, sizeof random);
    auto timestamp = chrono::system_clock::now().time_since_epoch() / 1ms;
    auto text = std::to_string(timestamp) + nonce;
    HMAC(EVP_sha256(), secret.data(), secret.size(), (const unsigned char*)text.data(), text.size(), digest, &length);
    return {{"api_key", key}, {"timestamp", timestamp}, {"nonce", nonce}, {"signature", hex(digest, length)}};
}

std::string clock_time(chrono::system_clock::time_point time) {
    auto seconds = chrono::system_clock::to_time_t(time);
    std::ostringstream text;
    text << std::put_time(std::gmtime(&seconds), "%T.") << std::setw(3) << std::setfill('0')
         << time.time_since_epoch() / 1ms % 1000;
    return text.str();
}

/// What outlives a connection.
struct Feed {
    std::string key, secret;
    std::map<std::string, chrono::system_clock::time_point> last; // when each channel's last message came
    std::set<std::string> seen;                                   // which channels had one on this connection
    std::string why;                                              // what ended the last connection that brought any

    void print(const std::string& channel, const json& message) {
        auto now = chrono::system_clock::now();
        if (seen.insert(channel).second && last.count(channel)) { // the API never sends again what was missed
            std::cerr << "missed " << channel << ": nothing from " << clock_time(last[channel]) << " to "
                      << clock_time(now) << " (" << why << ")" << std::endl;
        }
        last[channel] = now;
        std::cout << channel << " " << message << std::endl;
    }
};

/// Sees one connection through to its end, which is always an exception.
template <class Stream>
awaitable<void> listen(websocket::stream<Stream> socket, Feed& feed) {
    constexpr bool tls = !std::is_same_v<Stream, beast::tcp_stream>;
    std::smatch url;
    std::regex_match(endpoint, url, std::regex("https?://([^/:]+):?([0-9]*)"));
    const std::string host = url[1], port = url[2].length() ? url[2].str() : tls ? "443" : "80";
    beast::error_code error;
    auto into_error = asio::redirect_error(use_awaitable, error);

    auto& tcp = beast::get_lowest_layer(socket);
    tcp.expires_after(10s);
    asio::ip::tcp::resolver resolver(tcp.get_executor());
    auto addresses = co_await resolver.async_resolve(host, port, use_awaitable);
    co_await tcp.async_connect(addresses, use_awaitable);
    if constexpr (tls) {
        SSL_set_tlsext_host_name(socket.next_layer().native_handle(), host.c_str());
        socket.next_layer().set_verify_callback(asio::ssl::host_name_verification(host));
        co_await socket.next_layer().async_handshake(asio::ssl::stream_base::client, use_awaitable);
    }
    websocket::response_type response;
    // Polling, with which Socket.IO likes to begin, is refused here.
    co_await socket.async_handshake(response, host, "/socket.io/?EIO=3&transport=websocket", into_error);
    if (error == websocket::error::upgrade_declined)
        throw std::runtime_error("HTTP status " + std::to_string(response.result_int()));
    if (error) throw beast::system_error(error);
    std::cerr << "connected " << endpoint << std::endl;

    tcp.expires_never(); // from here on, the deadlines below count
    Deadlines due;
    due.expect("no handshake in 10 s", 10s);
    auto next_ping = chrono::steady_clock::time_point::max();
    chrono::milliseconds ping_interval, ping_timeout;
    auto send = [&](std::string frame) -> awaitable<void> {
        co_await socket.async_write(asio::buffer(frame), use_awaitable);
    };
    std::vector<std::string> asked; // the places are the numbers
    auto request = [&](const std::string& name, const json& arguments) -> awaitable<void> {
        // Without a number there would be no answer, not even to a request that is refused.
        due.expect("no answer for " + name + " in 10 s", 10s);
        asked.push_back(name);
        co_await send("42" + std::to_string(asked.size() - 1) + arguments.dump());
    };
    auto keep_alive = [&](const std::string& channel) {
        // A product that does not exist is acknowledged like any other, and a channel can die while others of its
        // connection flow: only its own silence shows it. Order events may well be silent for days.
        if (channel.starts_with("lightning_"))
            due.expect(channel + " was silent for " + std::to_string(silence.count()) + " s", silence);
    };
    auto subscribe = [&]() -> awaitable<void> {
        for (auto& channel : channels) {
            auto arguments = json::array({"subscribe", channel});
            co_await request(channel, arguments);
            keep_alive(channel);
        }
    };

    beast::flat_buffer buffer;
    asio::steady_timer timer(tcp.get_executor());
    auto receive = [&]() -> awaitable<std::string> {
        bool has_arrived = false;
        std::string reason;
        buffer.clear();
        socket.async_read(buffer, [&](beast::error_code result, std::size_t) {
            error = result;
            has_arrived = true;
            timer.cancel();
        });
        while (!has_arrived) {
            beast::error_code ignored;
            timer.expires_at(std::min(next_ping, due.next().second));
            co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
            auto now = chrono::steady_clock::now();
            if (!has_arrived && due.next().second <= now) {
                reason = due.next().first;
                tcp.close(); // ends the reading
            } else if (!has_arrived && next_ping <= now) {
                // In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
                next_ping += ping_interval;
                due.expect("no pong came", ping_timeout);
                co_await send("2");
            }
        }
        if (!reason.empty()) throw std::runtime_error(reason);
        if (error == websocket::error::closed)
            throw std::runtime_error("closed with " + std::to_string(socket.reason().code) + " " +
                                     socket.reason().reason.c_str());
        if (error) throw beast::system_error(error);
        co_return beast::buffers_to_string(buffer.data());
    };

    while (true) {
        std::string frame = co_await receive();
        if (frame.starts_with("0")) {
            json opened = json::parse(frame.substr(1));
            ping_interval = chrono::milliseconds(opened.at("pingInterval").get<int>());
            ping_timeout = chrono::milliseconds(opened.at("pingTimeout").get<int>());
            next_ping = chrono::steady_clock::now() + ping_interval;
        } else if (frame == "3") {
            due.erase("no pong came");
        } else if (frame.starts_with("40")) {
            due.erase("no handshake in 10 s");
            if (authenticate) { // private channels are refused until this is answered
                auto arguments = json::array({"auth", sign(feed.key, feed.secret)});
                co_await request("auth", arguments);
            } else {
                co_await subscribe();
            }
        } else if (frame.starts_with("42")) { // ["CHANNEL",MESSAGE]
            auto event = json::parse(frame.substr(2));
            std::string channel = event.at(0);
            keep_alive(channel);
            feed.print(channel, event.at(1));
        } else if (frame.starts_with("43")) { // NUMBER[null], or NUMBER[ERROR]
            auto bracket = frame.find('[');
            auto name = asked.at(std::stoul(frame.substr(2, bracket - 2)));
            auto problem = json::parse(frame.substr(bracket)).at(0);
            due.erase("no answer for " + name + " in 10 s");
            if (!problem.is_null()) throw Refused(name + " was refused: " + problem.dump());
            if (name == "auth")
                co_await subscribe();
            else
                std::cerr << "subscribed " << name << std::endl;
        } else if (frame.starts_with("41") || frame.starts_with("44")) {
            throw std::runtime_error("the server disconnected: " + frame);
        }
    }
}

/// Connects again and again, until a request is refused.
awaitable<void> run(Feed feed) {
    auto executor = co_await asio::this_coro::executor;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    tls.set_default_verify_paths();
    tls.set_verify_mode(asio::ssl::verify_peer);
    asio::steady_timer timer(executor);
    std::mt19937 random(std::random_device{}());
    for (double delay = 1;; delay = std::min(delay * 2, 30.0)) {
        std::string reason;
        feed.seen.clear();
        try {
            if (endpoint.starts_with("https:"))
                co_await listen(websocket::stream<beast::ssl_stream<beast::tcp_stream>>(executor, tls), feed);
            else
                co_await listen(websocket::stream<beast::tcp_stream>(executor), feed);
        } catch (const Refused&) {
            throw;
        } catch (const std::exception& error) {
            reason = error.what();
        }
        if (!feed.seen.empty()) { // being accepted is not enough: a server in trouble may accept all, and be of no use
            delay = 1;
            feed.why = reason;
        }
        auto wait = delay * std::uniform_real_distribution(0.5, 1.0)(random); // not all clients at the same moment
        std::cerr << "lost: " << reason << "; again in " << std::fixed << std::setprecision(1) << wait << " s" << std::endl;
        timer.expires_after(chrono::milliseconds(int(wait * 1000)));
        co_await timer.async_wait(use_awaitable);
    }
}

/// A line from the terminal, which does not show it.
std::string ask(const char* prompt) {
    char answer[256];
    if (EVP_read_pw_string(answer, sizeof answer, prompt, false)) std::exit(0); // Ctrl-C
    return answer;
}

int main() {
    Feed feed;
    if (authenticate) {
        feed.key = ask("API key: ");
        feed.secret = ask("API secret: ");
    }
    int status = 0;
    asio::io_context context;
    asio::signal_set interruption(context, SIGINT);
    interruption.async_wait([&](auto, auto) { context.stop(); });
    asio::co_spawn(context, run(feed), [&](std::exception_ptr refusal) {
        try {
            std::rethrow_exception(refusal);
        } catch (const std::exception& error) {
            std::cerr << "error: " << error.what() << std::endl;
        }
        status = 1;
        context.stop();
    });
    context.run();
    return status;
}
