#include "core/access/key_ring.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "core/glob.h"
#include "core/json/operators_file.h"
#include "core/json/text.h"

namespace gateway {

namespace {

constexpr size_t kLongestId = 64;

std::string read_text(const std::string &path, JsonValue value) {
    if (!value.is(JsonKind::string) || value.string().empty()) {
        fail(path, "must be a string that is not empty");
    }
    return std::string(value.string());
}

std::vector<std::string> read_texts(const std::string &path, JsonValue value) {
    std::vector<std::string> texts;
    if (!value) {
        return texts;
    }
    if (!value.is(JsonKind::array) || value.size() == 0) {
        fail(path, "must be an array that is not empty");
    }
    for (const JsonValue item : value) {
        texts.push_back(read_text(path + "[" + std::to_string(texts.size()) + "]", item));
    }
    return texts;
}

int64_t read_limit(const std::string &path, JsonValue value) {
    if (!value) {
        return 0;
    }
    const auto limit = value.integer();
    if (!limit || *limit < 1 || *limit > 1'000'000'000) {
        fail(path, "must be an integer from 1 to 1000000000");
    }
    return *limit;
}

KeyLimits read_limits(const std::string &path, JsonValue value) {
    KeyLimits limits;
    if (!value) {
        return limits;
    }
    expect_members(path, value, "requests_per_minute images_per_minute images_per_day concurrent");
    limits.requests_per_minute =
        read_limit(path + ".requests_per_minute", value["requests_per_minute"]);
    limits.images_per_minute = read_limit(path + ".images_per_minute", value["images_per_minute"]);
    limits.images_per_day = read_limit(path + ".images_per_day", value["images_per_day"]);
    limits.concurrent = read_limit(path + ".concurrent", value["concurrent"]);
    return limits;
}

Key read_key(const std::string &path, JsonValue value) {
    expect_members(path, value, "id sha256 name models expires disabled limits fallbacks");
    Key key;
    key.id = read_text(path + ".id", value["id"]);
    if (key.id.size() > kLongestId || !is_visible_ascii(key.id)) {
        fail(path + ".id", "must have at most 64 visible ASCII characters");
    }
    const auto hash = parse_sha256(value["sha256"].string());
    if (!hash) {
        fail(path + ".sha256", "must be 64 hexadecimal digits");
    }
    key.hash = *hash;
    if (const JsonValue name = value["name"]) {
        read_text(path + ".name", name);
    }
    if (const JsonValue disabled = value["disabled"]) {
        if (!disabled.boolean()) {
            fail(path + ".disabled", "must be true or false");
        }
        key.disabled = *disabled.boolean();
    }
    if (const JsonValue expires = value["expires"]) {
        key.expires = parse_time(expires.string());
        if (!key.expires) {
            fail(path + ".expires", "must be a UTC time such as \"2027-06-30T00:00:00Z\"");
        }
    }
    key.models = read_texts(path + ".models", value["models"]);
    key.limits = read_limits(path + ".limits", value["limits"]);
    key.fallbacks = read_texts(path + ".fallbacks", value["fallbacks"]);
    return key;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
    constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
    if (text.size() != kForm.size()) {
        return std::nullopt;
    }
    int numbers[6] = {};
    size_t part = 0;
    for (size_t i = 0; i < kForm.size(); ++i) {
        if (kForm[i] != 'd') {
            if (text[i] != kForm[i]) {
                return std::nullopt;
            }
            ++part;
        } else if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        } else {
            numbers[part] = numbers[part] * 10 + (text[i] - '0');
        }
    }
    using namespace std::chrono;
    const year_month_day date{year(numbers[0]), month(static_cast<unsigned>(numbers[1])),
                              day(static_cast<unsigned>(numbers[2]))};
    if (!date.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 60) {
        return std::nullopt;
    }
    const auto days = sys_days(date).time_since_epoch().count();
    return int64_t{days} * 86400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5];
}

bool Key::may_use(std::string_view model) const {
    return models.empty() ||
           std::any_of(models.begin(), models.end(),
                       [=](const std::string &pattern) { return glob_matches(pattern, model); });
}

tl::expected<std::shared_ptr<const KeyRing>, std::string> KeyRing::read(std::string_view text) {
    const auto document = JsonDocument::read(text, kOperatorsJson);
    if (!document) {
        return tl::unexpected("is not valid JSON near byte " +
                              std::to_string(document.error().offset) + ": " +
                              document.error().message);
    }
    auto ring = std::make_shared<KeyRing>();
    try {
        expect_members("$", document->root(), "keys");
        const JsonValue keys = document->root()["keys"];
        if (!keys.is(JsonKind::array)) {
            fail("$.keys", "must be an array");
        }
        std::set<std::string, std::less<>> ids;
        for (const JsonValue item : keys) {
            const std::string path = "$.keys[" + std::to_string(ring->keys_.size()) + "]";
            ring->keys_.push_back(read_key(path, item));
            if (!ids.insert(ring->keys_.back().id).second) {
                fail(path + ".id", "is used twice: \"" + ring->keys_.back().id + "\"");
            }
        }
    } catch (const Mistake &mistake) {
        return tl::unexpected(mistake.text);
    }
    auto &keys = ring->keys_;
    std::sort(keys.begin(), keys.end(), [](const Key &a, const Key &b) { return a.hash < b.hash; });
    const auto twice = std::adjacent_find(
        keys.begin(), keys.end(), [](const Key &a, const Key &b) { return a.hash == b.hash; });
    if (twice != keys.end()) {
        return tl::unexpected("the keys \"" + twice->id + "\" and \"" + (twice + 1)->id +
                              "\" have the same secret");
    }
    return std::shared_ptr<const KeyRing>(std::move(ring));
}

const Key *KeyRing::find(std::string_view secret) const {
    const Sha256 hash = sha256(secret);
    // What the search's timing tells is about the hash of what was sent, which its sender knows
    // anyway.
    const auto found =
        std::lower_bound(keys_.begin(), keys_.end(), hash,
                         [](const Key &key, const Sha256 &wanted) { return key.hash < wanted; });
    if (found == keys_.end() || !equal_in_constant_time(found->hash, hash)) {
        return nullptr;
    }
    return &*found;
}

}  // namespace gateway
