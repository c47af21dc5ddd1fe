#include "redis/redis_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/providers/redact.h"
#include "core/random.h"

namespace gateway {

namespace {

constexpr Milliseconds kFirstPause{50};
constexpr Milliseconds kLongestPause{2'000};
constexpr Milliseconds kTellAgain{60'000};

// The value of "name:value" in the reply to INFO.
std::string info_value(std::string_view info, std::string_view name) {
    const std::string wanted = "\n" + std::string(name) + ":";
    const size_t found = info.find(wanted);
    if (found == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = info.substr(found + wanted.size());
    return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

// Errors after which the server must be looked for again.
bool is_wrong_server(const RespValue &reply) {
    constexpr std::array<std::string_view, 6> kWords = {"READONLY", "LOADING",   "MASTERDOWN",
                                                        "NOAUTH",   "WRONGPASS", "NOPERM"};
    return std::any_of(kWords.begin(), kWords.end(),
                       [&](std::string_view word) { return reply.is_error(word); });
}

}  // namespace

RedisClient::RedisClient(Settings settings, Parts parts, Listener listener)
    : settings_(std::move(settings)),
      parts_(parts),
      listener_(std::move(listener)),
      alarm_(parts.loop.make_alarm([this] { check_time(); }, TimerKind::idle)),
      retry_alarm_(parts.loop.make_alarm([this] { connect(); }, TimerKind::idle)) {
    retry_alarm_->set(Milliseconds(0));
}

RedisClient::~RedisClient() = default;

// ---- connecting

void RedisClient::connect() {
    retry_alarm_->set(kLongestPause);  // in case something below throws
    stream_.reset();
    sent_.clear();
    reader_.emplace();
    state_ = State::connecting;
    greeting_deadline_ = parts_.clock.now() + settings_.timeout;
    stream_ = parts_.streams.open(*this);
    retry_alarm_->unset();
    set_alarm();
}

void RedisClient::greet(Kind kind, std::initializer_list<std::string_view> command) {
    std::string text;
    append_command(text, std::span(command.begin(), command.size()));
    Command sent;
    sent.kind = kind;
    sent_.push_back(std::move(sent));
    stream_->send(text);
}

void RedisClient::on_open() {
    const RedisAddress &address = settings_.address;
    state_ = State::greeting;
    if (!address.user.empty()) {
        greet(Kind::login, {"AUTH", address.user, address.password});
    } else if (!address.password.empty()) {
        greet(Kind::login, {"AUTH", address.password});
    }
    if (address.database != 0) {
        greet(Kind::select, {"SELECT", std::to_string(address.database)});
    }
    greet(Kind::info, {"INFO", "server"});
    greet(Kind::load, {"SCRIPT", "LOAD", settings_.script});
}

void RedisClient::on_greeted(Kind kind, const RespValue &reply) {
    if (reply.is_error()) {
        end_connection(reply.text, true);
        return;
    }
    if (kind == Kind::info) {
        run_id_ = info_value(reply.text, "run_id");
        if (run_id_.empty()) {
            end_connection("INFO does not say the server's run_id", true);
        }
    } else if (kind == Kind::load) {
        hash_ = reply.text;
        Command command;
        command.kind = Kind::probe;
        command.call = listener_.probe();
        command.deadline = greeting_deadline_;
        send(std::move(command));
    } else if (kind == Kind::probe) {
        become_ready();
    }
}

void RedisClient::become_ready() {
    state_ = State::ready;
    failures_ = 0;
    breaker_open_ = false;
    if (std::exchange(is_away_, false)) {
        tell("is reached again", LogLevel::warn);
    }
    listener_.on_ready(run_id_);
    while (!waiting_.empty() && state_ == State::ready) {
        Command command = std::move(waiting_.front());
        waiting_.pop_front();
        send_or_fail(std::move(command));
    }
    set_alarm();
}

void RedisClient::on_end(const std::string &why) {
    // A server that is started anew ends connections that were good: the next one is tried before
    // anybody is refused.
    end_connection(why, state_ != State::ready);
}

void RedisClient::end_connection(const std::string &why, bool breaks) {
    stream_.reset();
    state_ = State::pausing;
    // Greetings are not repeated. Scripts are, before those that wait already.
    std::deque<Command> again;
    for (Command &command : sent_) {
        if (command.kind == Kind::script) {
            again.push_back(std::move(command));
        }
    }
    sent_.clear();
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(again));
    waiting_ = std::move(again);
    tell(why);
    is_away_ = true;
    const int failures = std::min(failures_++, 6);
    const Milliseconds longest = std::min(kLongestPause, kFirstPause * (1 << failures));
    retry_alarm_->set(failures == 0 && !breaks ? Milliseconds(0)
                                               : random_time(longest / 2, longest, parts_.random));
    if (breaks) {
        breaker_open_ = true;
        fail_all();
    }
    set_alarm();
}

void RedisClient::fail_all() {
    std::deque<Command> failed = std::exchange(waiting_, {});
    for (const Command &command : failed) {
        try {
            command.then(std::nullopt);
        } catch (...) {  // the others are told all the same
        }
    }
}

// ---- commands

bool RedisClient::run(ScriptCall call, Then then) {
    if (breaker_open_ || unanswered() >= kMaxUnanswered) {
        return false;
    }
    Command command;
    command.call = std::move(call);
    command.then = std::move(then);
    command.deadline = parts_.clock.now() + settings_.timeout;
    if (state_ == State::ready) {
        send(std::move(command));
    } else {
        waiting_.push_back(std::move(command));
    }
    set_alarm();
    return true;
}

std::string RedisClient::text_of(const Command &command) const {
    std::string text;
    const size_t arguments = 6 + command.call.count_;
    text.reserve(command.call.arguments_.size() + 256 +
                 (command.with_text ? settings_.script.size() : 0));
    append_argument_count(text, arguments);
    append_argument(text, command.with_text ? "EVAL" : "EVALSHA");
    append_argument(text, command.with_text ? settings_.script : std::string_view(hash_));
    append_argument(text, "2");
    append_argument(text, settings_.first_key);
    append_argument(text, command.call.tag_key_);
    append_argument(text, run_id_);
    return text.append(command.call.arguments_);
}

// Throws if there is no memory. Then the command was not sent, and no reply is expected for it.
void RedisClient::send(Command command) {
    const std::string text = text_of(command);
    sent_.push_back(std::move(command));
    try {
        stream_->send(text);
    } catch (...) {
        sent_.pop_back();
        throw;
    }
}

void RedisClient::send_or_fail(Command command) {
    const Then then = command.then;
    try {
        send(std::move(command));
    } catch (const std::exception &) {
        then(std::nullopt);
    }
}

void RedisClient::on_bytes(std::string_view bytes) {
    try {
        while (stream_ != nullptr) {
            auto reply = reader_->next(bytes);
            if (!reply) {
                break;
            }
            if (sent_.empty()) {
                end_connection("it replies to what was not asked", true);
                return;
            }
            Command command = std::move(sent_.front());
            sent_.pop_front();
            on_reply(std::move(command), std::move(*reply));
        }
        if (stream_ != nullptr && reader_->is_broken()) {
            end_connection("it does not speak the protocol of Redis", true);
        }
    } catch (const std::exception &error) {
        end_connection(error.what(), true);
    }
    set_alarm();
}

void RedisClient::on_reply(Command command, RespValue reply) {
    if (command.kind == Kind::script) {
        on_script_reply(std::move(command), std::move(reply));
    } else {
        on_greeted(command.kind, reply);
    }
}

void RedisClient::on_script_reply(Command command, RespValue reply) {
    if (reply.is_error("NOSCRIPT") && !command.with_text) {
        command.with_text = true;
        send_or_fail(std::move(command));
        return;
    }
    if (reply.is_error()) {
        if (is_wrong_server(reply)) {
            end_connection(reply.text, true);
        } else {
            tell(reply.text);
        }
        command.then(std::nullopt);
        return;
    }
    command.then(reply);
}

// ---- time

void RedisClient::check_time() {
    const Milliseconds now = parts_.clock.now();
    const bool is_greeting = state_ == State::connecting || state_ == State::greeting;
    if (is_greeting && greeting_deadline_ <= now) {
        end_connection(state_ == State::connecting ? "the connection is not made in time"
                                                   : "it does not reply in time",
                       true);
        return;
    }
    if (state_ == State::ready && !sent_.empty() && sent_.front().deadline <= now) {
        end_connection("it does not reply in time", true);
        return;
    }
    if (!waiting_.empty() && waiting_.front().deadline <= now) {
        breaker_open_ = true;
        fail_all();
    }
    set_alarm();
}

void RedisClient::set_alarm() {
    std::optional<Milliseconds> next;
    const auto at = [&](Milliseconds time) { next = next ? std::min(*next, time) : time; };
    if (state_ == State::connecting || state_ == State::greeting) {
        at(greeting_deadline_);
    }
    if (state_ == State::ready && !sent_.empty()) {
        at(sent_.front().deadline);
    }
    if (!waiting_.empty()) {
        at(waiting_.front().deadline);
    }
    if (!next) {
        alarm_->unset();
        return;
    }
    alarm_->set(std::max(Milliseconds(1), *next - parts_.clock.now()));
}

// Each text once a minute, also when several take turns.
void RedisClient::tell(const std::string &text, LogLevel level) {
    constexpr size_t kMaxTexts = 16;
    const Milliseconds now = parts_.clock.now();
    const auto told = told_.find(text);
    if (told != told_.end() && now - told->second < kTellAgain) {
        return;
    }
    if (told_.size() >= kMaxTexts) {
        told_.clear();
    }
    told_[text] = now;
    parts_.log.write(level, "image gateway: accounts: " + settings_.address.text() + ": " +
                                for_log(hide_secrets(text, {settings_.address.password})));
}

}  // namespace gateway
