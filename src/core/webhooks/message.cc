#include "core/webhooks/message.h"

#include <algorithm>
#include <array>

#include "core/json/writer.h"
#include "core/random.h"
#include "core/utc_time.h"

namespace gateway {

namespace {

constexpr int64_t kMessageLife = 86'400;  // seconds

}  // namespace

std::string new_message_id(Random &random) {
    constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
    std::array<uint8_t, 26> bytes{};
    random.fill(bytes);
    std::string id("msg_");
    for (const uint8_t byte : bytes) {
        id += kLetters[byte % kLetters.size()];
    }
    return id;
}

std::string write_message(const Message &message) {
    JsonWriter out;
    out.open_object().key("type").string("image.job." + message.status);
    out.key("timestamp").string(format_time(message.ended));
    out.key("data").open_object();
    out.key("id").string(message.job).key("object").string("image.job");
    out.key("status").string(message.status);
    out.key("operation").string(message.operation).key("model").string(message.model);
    out.key("created_at").number(message.created).key("completed_at").number(message.ended);
    out.key("expires_at").number(message.expires);
    out.close_object().close_object();
    return std::move(out).finish_text();
}

std::optional<int64_t> next_attempt(const Message &message, int64_t now,
                                    std::optional<int64_t> retry_after, Random &random) {
    constexpr int64_t kFirstPause = 5'000;  // milliseconds
    constexpr int64_t kFactor = 3;
    const int64_t last = message.begun + kMessageLife;
    if (now >= last) {
        return std::nullopt;
    }
    int64_t pause = kFirstPause;
    for (int64_t i = 1; i < message.attempts && pause < kMessageLife * 1000; ++i) {
        pause *= kFactor;
    }
    const int64_t drawn =
        random_time(Milliseconds(pause * 3 / 4), Milliseconds(pause * 5 / 4), random).count();
    const int64_t seconds = std::max((drawn + 999) / 1000, retry_after.value_or(0));
    return std::min(now + std::min(seconds, kMessageLife), last);
}

}  // namespace gateway
