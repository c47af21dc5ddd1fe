// A client of Redis that runs one script, over one connection on which commands are pipelined.
//
//   pausing --(alarm)--> connecting --(on_open)--> greeting --(all replied)--> ready
//      ^                     |                        |                          |
//      +---- the connection ends, is refused, or a reply does not come in time --+
//
// While a connection is tried that has not failed yet, commands wait. When no reply comes in time,
// or no connection can be made, the breaker opens: commands are not taken until there is a
// connection again.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/ports.h"
#include "redis/byte_stream.h"
#include "redis/redis_address.h"
#include "redis/resp.h"

namespace gateway {

// One run of the script. The client adds the first argument: the id of the server's process. So
// what is sent again to another server has that one's id.
class ScriptCall {
 public:
    explicit ScriptCall(std::string tag_key) : tag_key_(std::move(tag_key)) {}
    ScriptCall &add(std::string_view argument) {
        append_argument(arguments_, argument);
        ++count_;
        return *this;
    }
    ScriptCall &add(int64_t number) { return add(std::to_string(number)); }

 private:
    friend class RedisClient;
    std::string tag_key_;  // the second key; the first is always the same
    std::string arguments_;
    size_t count_ = 0;
};

class RedisClient final : private StreamListener {
 public:
    struct Settings {
        RedisAddress address;
        Milliseconds timeout{1000};
        std::string_view script;
        std::string first_key;
    };
    struct Parts {
        ByteStreams &streams;
        const Clock &clock;
        EventLoop &loop;
        Random &random;
        Log &log;
    };
    // Nothing: no reply came, and it is not known whether the script ran.
    using Then = std::function<void(const std::optional<RespValue> &reply)>;
    struct Listener {
        // The last step of greeting: a run of the script that shows that it works.
        std::function<ScriptCall()> probe;
        // The server's process has this id. Called before waiting commands are sent.
        std::function<void(const std::string &run_id)> on_ready;
    };

    // All parts must outlive the client.
    RedisClient(Settings settings, Parts parts, Listener listener);
    ~RedisClient();
    RedisClient(const RedisClient &) = delete;
    RedisClient &operator=(const RedisClient &) = delete;

    // Returns false, and does not keep `then`, if the breaker is open or too many commands wait.
    // Otherwise `then` is called once, later, after at most the timeout. Without a reply to it, a
    // command that was sent is sent again over the next connection: the script must do nothing the
    // second time.
    bool run(ScriptCall call, Then then);
    [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
    [[nodiscard]] bool is_breaker_open() const { return breaker_open_; }
    [[nodiscard]] size_t unanswered() const { return sent_.size() + waiting_.size(); }

    static constexpr size_t kMaxUnanswered = 20'000;

 private:
    enum class State : uint8_t { pausing, connecting, greeting, ready };
    enum class Kind : uint8_t { login, select, info, load, probe, script };

    struct Command {
        Kind kind = Kind::script;
        ScriptCall call{""};
        Then then;
        Milliseconds deadline{0};
        bool with_text = false;  // the whole script is sent, and not its hash
    };

    void on_open() override;
    void on_bytes(std::string_view bytes) override;
    void on_end(const std::string &why) override;

    void connect();
    void greet(Kind kind, std::initializer_list<std::string_view> command);
    void on_reply(Command command, RespValue reply);
    void on_greeted(Kind kind, const RespValue &reply);
    void on_script_reply(Command command, RespValue reply);
    void become_ready();
    void send(Command command);
    void send_or_fail(Command command);
    [[nodiscard]] std::string text_of(const Command &command) const;
    // `breaks`: the breaker opens.
    void end_connection(const std::string &why, bool breaks);
    void fail_all();
    void check_time();
    void set_alarm();
    void tell(const std::string &text, LogLevel level = LogLevel::error);

    Settings settings_;
    Parts parts_;
    Listener listener_;
    State state_ = State::pausing;
    bool breaker_open_ = false;
    int failures_ = 0;  // in a row
    std::string run_id_;
    std::string hash_;  // of the script, as the server says
    Milliseconds greeting_deadline_{0};
    std::deque<Command> sent_;     // in the order in which their replies come
    std::deque<Command> waiting_;  // for a connection
    std::optional<RespReader> reader_;
    bool is_away_ = false;  // a connection has ended, and there is none since
    std::map<std::string, Milliseconds> told_;
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<Alarm> retry_alarm_;
    std::unique_ptr<ByteStream> stream_;
};

}  // namespace gateway
