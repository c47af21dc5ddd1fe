#include "core/access/key_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "core/glob.h"
#include "core/json/operators_file.h"
#include "core/json/text.h"
#include "core/utc_time.h"

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

Limits read_limits(const std::string &path, JsonValue value) {
    Limits limits;
    if (!value) {
        return limits;
    }
    std::string known;
    for (const LimitRow &row : kLimitRows) {
        known.append(known.empty() ? "" : " ").append(row.json_name);
    }
    expect_members(path, value, known);
    for (const LimitRow &row : kLimitRows) {
        limits.*row.value =
            read_limit(path + "." + std::string(row.json_name), value[row.json_name]);
    }
    return limits;
}

std::vector<ModelLimits> read_model_limits(const std::string &path, JsonValue value,
                                           const std::string &key) {
    std::vector<ModelLimits> all;
    if (!value) {
        return all;
    }
    expect_object(path, value);
    for (const JsonValue limits : value) {
        const std::string pattern(limits.key());
        if (pattern.empty() || !is_visible_ascii(pattern)) {
            fail(path, "has a member that is no model or pattern");
        }
        all.push_back({pattern, read_limits(path + "[\"" + pattern + "\"]", limits),
                       account_of_models(key, pattern)});
    }
    return all;
}

Budget read_budget(const std::string &path, JsonValue value) {
    expect_members(path, value, "usd per");
    const auto usd = parse_dollars(value["usd"].number_text());
    if (!usd || *usd == 0) {
        fail(path + ".usd", "must be a number of dollars above 0, such as 50 or 0.25");
    }
    const auto per = period_named(value["per"].string());
    if (!per) {
        fail(path + ".per", "must be one of: hour, day, week, month, lifetime");
    }
    return {*usd, *per};
}

std::vector<Budget> read_budgets(const std::string &path, JsonValue value) {
    std::vector<Budget> budgets;
    if (!value) {
        return budgets;
    }
    if (!value.is(JsonKind::array)) {
        fail(path, "must be an array");
    }
    for (const JsonValue item : value) {
        const std::string place = path + "[" + std::to_string(budgets.size()) + "]";
        const Budget budget = read_budget(place, item);
        if (std::any_of(budgets.begin(), budgets.end(),
                        [&](const Budget &other) { return other.per == budget.per; })) {
            fail(place + ".per", "is in another budget already");
        }
        budgets.push_back(budget);
    }
    return budgets;
}

bool read_unpriced(const std::string &path, JsonValue value) {
    const std::string_view word = value.string();
    if (value && word != "allow" && word != "refuse") {
        fail(path, "must be \"allow\" or \"refuse\"");
    }
    return word == "allow";
}

Limits read_end_user(const std::string &path, JsonValue value) {
    if (!value) {
        return {};
    }
    expect_members(path, value, "limits");
    return read_limits(path + ".limits", value["limits"]);
}

Key read_key(const std::string &path, JsonValue value) {
    expect_members(path, value,
                   "id sha256 name models expires disabled limits model_limits budgets unpriced "
                   "end_user fallbacks");
    Key key;
    key.id = read_text(path + ".id", value["id"]);
    if (key.id.size() > kLongestId || !is_visible_ascii(key.id)) {
        fail(path + ".id", "must have at most 64 visible ASCII characters");
    }
    key.account = account_of_key(key.id);
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
    key.model_limits = read_model_limits(path + ".model_limits", value["model_limits"], key.id);
    key.budgets = read_budgets(path + ".budgets", value["budgets"]);
    key.may_use_unpriced = read_unpriced(path + ".unpriced", value["unpriced"]);
    key.end_user = read_end_user(path + ".end_user", value["end_user"]);
    key.fallbacks = read_texts(path + ".fallbacks", value["fallbacks"]);
    return key;
}

}  // namespace

Account account_of_key(std::string_view id) {
    return account_of({"key", id});
}

Account account_of_models(std::string_view key, std::string_view pattern) {
    return account_of({"models", key, pattern});
}

bool Key::may_use(std::string_view model, size_t exact) const {
    return models.empty() ||
           std::any_of(models.begin(), models.end(), [=](const std::string &pattern) {
               return glob_matches(pattern, model, exact);
           });
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
    ring->index();
    for (const Key &key : ring->keys_) {
        const Key &first = *ring->find(key.hash);
        if (&first != &key) {
            return tl::unexpected("the keys \"" + first.id + "\" and \"" + key.id +
                                  "\" have the same secret");
        }
    }
    return std::shared_ptr<const KeyRing>(std::move(ring));
}

std::shared_ptr<const KeyRing> KeyRing::unknown() {
    auto ring = std::make_shared<KeyRing>();
    ring->known_ = false;
    ring->index();
    return ring;
}

// At least half of the places stay free, so that a look-up needs one or two steps, however many
// keys there are. SHA-256 needs no further hashing.
void KeyRing::index() {
    by_hash_.assign(std::bit_ceil(keys_.size() * 2 + 1), 0);
    for (uint32_t i = 0; i < keys_.size(); ++i) {
        size_t place = first_place(keys_[i].hash);
        while (by_hash_[place] != 0) {
            place = (place + 1) % by_hash_.size();
        }
        by_hash_[place] = i + 1;
        by_id_.push_back(i);
    }
    std::sort(by_id_.begin(), by_id_.end(),
              [this](uint32_t a, uint32_t b) { return keys_[a].id < keys_[b].id; });
}

const Key *KeyRing::find_id(std::string_view id) const {
    const auto found =
        std::lower_bound(by_id_.begin(), by_id_.end(), id,
                         [this](uint32_t place, auto wanted) { return keys_[place].id < wanted; });
    return found == by_id_.end() || keys_[*found].id != id ? nullptr : &keys_[*found];
}

size_t KeyRing::first_place(const Sha256 &hash) const {
    uint64_t front = 0;
    std::memcpy(&front, hash.data(), sizeof(front));
    return front % by_hash_.size();
}

const Key *KeyRing::find(const Sha256 &hash) const {
    // The time of the search depends on the hash of the secret that was sent, which the sender
    // knows.
    for (size_t place = first_place(hash); by_hash_[place] != 0;
         place = (place + 1) % by_hash_.size()) {
        const Key &key = keys_[by_hash_[place] - 1];
        if (equal_in_constant_time(key.hash, hash)) {
            return &key;
        }
    }
    return nullptr;
}

const Key *KeyRing::find(std::string_view secret) const {
    return find(sha256(secret));
}

}  // namespace gateway
