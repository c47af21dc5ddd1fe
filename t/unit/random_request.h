// Random requests that decoding could return: values of any profile, and defaults that the client
// did not write.
#pragma once

#include <algorithm>
#include <forward_list>
#include <string>
#include <string_view>

#include "core/request/geometry.h"
#include "core/request/profile.h"
#include "fake_ports.h"

namespace gateway {

struct RandomRequest {
    Params params;
    std::forward_list<std::string> texts;  // what `params` refers to
};

class RequestMaker {
 public:
    explicit RequestMaker(uint64_t seed) : random_(seed) {}

    RandomRequest make() {
        RandomRequest request;
        for (const Field &field : unified_profile().fields) {
            if (!field.param || (!field.required && random_.below(2) == 0)) {
                continue;
            }
            const ParamValue value = value_of(field, request.texts);
            if (!field.required && random_.below(5) == 0) {
                request.params.set_default(*field.param, value);
            } else {
                request.params[*field.param] = value;
            }
        }
        return request;
    }

    FakeRandom &random() { return random_; }

 private:
    ParamValue value_of(const Field &field, std::forward_list<std::string> &texts) {
        const auto keep = [&](std::string text) {
            return std::string_view(texts.emplace_front(std::move(text)));
        };
        switch (field.type) {
            case FieldType::text: return text();
            case FieldType::choice: return choice(field);
            case FieldType::size: return keep(size());
            case FieldType::ratio: return keep(ratio());
            case FieldType::resolution: return resolution();
            case FieldType::boolean: return random_.below(2) == 0;
            case FieldType::number: return static_cast<double>(random_.below(240)) / 16;
            case FieldType::integer: return integer(field);
            case FieldType::model:
            case FieldType::fallbacks:
            case FieldType::mask_mode:
            case FieldType::mask_feather: break;
        }
        return {};
    }

    std::string_view text() {
        static const std::string long_text(1001, 'x');  // too long for dall-e-2
        static const std::string_view kTexts[] = {"a kite", "é",      "rain, fog", "\"quoted\"\n",
                                                  "",       "a hill", "snow",      long_text};
        return kTexts[random_.below(std::size(kTexts))];
    }
    // One profile takes any word for what is the model's.
    std::string_view choice(const Field &field) {
        if (field.param != Param::response_format && random_.below(16) == 0) {
            return "whatever";
        }
        const auto count =
            static_cast<uint64_t>(1 + std::count(field.choices.begin(), field.choices.end(), ' '));
        std::string_view rest = field.choices;
        for (uint64_t skip = random_.below(count); skip > 0; --skip) {
            rest.remove_prefix(rest.find(' ') + 1);
        }
        return rest.substr(0, rest.find(' '));
    }
    std::string size() {
        static constexpr std::string_view kSizes[] = {
            "auto",      "1024x1024", "1536x1024", "512x512", "1920x1080",
            "1920x1088", "3840x2160", "1x16384",   "16384x1", "4096x4096",
            "1792x1024", "256x256",   "2K",        "4k",      "some words"};
        return random_.below(4) == 0 ? size_text({side(), side()})
                                     : std::string(kSizes[random_.below(std::size(kSizes))]);
    }
    std::string ratio() {
        static constexpr std::string_view kRatios[] = {"1:1", "16:9", "9:16", "21:9",    "9:21",
                                                       "2:2", "7:3",  "4:6",  "1:16384", "16384:1"};
        return random_.below(4) == 0 ? std::to_string(side()) + ":" + std::to_string(side())
                                     : std::string(kRatios[random_.below(std::size(kRatios))]);
    }
    std::string_view resolution() {
        static constexpr std::string_view kTiers[] = {"1K",  "1k",  "2K",    "4K",  "1.5k",
                                                      "512", "768", "768sq", "16K", "64"};
        return kTiers[random_.below(std::size(kTiers))];
    }
    int64_t integer(const Field &field) {
        const int64_t low = std::max<int64_t>(field.min, -5);
        const int64_t high = std::min<int64_t>(field.max, 150);
        if (field.max == INT64_MAX && random_.below(4) == 0) {
            return INT64_MAX;
        }
        return low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low + 1)));
    }
    // As many small ones as large ones.
    int64_t side() {
        return 1 + static_cast<int64_t>(random_.below(uint64_t{1} << (1 + random_.below(14))));
    }

    FakeRandom random_;
};

}  // namespace gateway
