#include "core/catalog/price.h"

#include <algorithm>
#include <cmath>

#include "core/catalog/model_spec.h"
#include "core/json/text.h"

namespace gateway {

namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kMegapixel = 1024 * 1024;

// The facts of an image that determine its price. Empty: not known.
struct Facts {
    std::string_view size;
    std::string_view quality;
    std::string_view resolution;
};

// "auto" is not a known value.
std::string_view known(std::string_view word) {
    return word == "auto" ? std::string_view() : word;
}

// The values that the provider reports, else the values that were sent to it.
Facts facts_of(const ImageWords &result, const PricedCall &call, const ModelSpec &model) {
    const auto actual = [](std::string_view told, std::string_view sent) {
        return known(told.empty() ? sent : told);
    };
    const std::string_view tier = call.sent.text(Param::resolution);
    return {actual(result.size, call.sent.text(Param::size)),
            actual(result.quality, call.sent.text(Param::quality)),
            tier.empty() ? std::string_view(model.tier.standard) : known(tier)};
}

enum class Match : uint8_t { no, maybe, certain };

// Whether a row matches; `maybe` if that depends on unknown facts.
Match match(const PriceKey &key, const Facts &facts) {
    Match result = Match::certain;
    const auto compare = [&](const std::string &wanted, std::string_view fact) {
        if (wanted.empty() || wanted == fact || result == Match::no) {
            return;
        }
        result = fact.empty() ? Match::maybe : Match::no;
    };
    compare(key.size, facts.size);
    compare(key.quality, facts.quality);
    compare(key.resolution, facts.resolution);
    return result;
}

// The first matching row. Null if unknown facts decide.
template <typename Row>
const Row *find_row(const std::vector<Row> &rows, const Facts &facts) {
    for (const Row &row : rows) {
        const Match matched = match(row.key, facts);
        if (matched != Match::no) {
            return matched == Match::certain ? &row : nullptr;
        }
    }
    return nullptr;
}

// The maximum over all rows that may match.
template <typename Row>
std::optional<int64_t> max_of(const std::vector<Row> &rows, const Facts &facts,
                              int64_t Row::*value) {
    std::optional<int64_t> max;
    for (const Row &row : rows) {
        const Match matched = match(row.key, facts);
        if (matched != Match::no) {
            max = std::max(max.value_or(0), row.*value);
        }
        if (matched == Match::certain) {
            break;
        }
    }
    return max;
}

int64_t begun_megapixels(int64_t area) {
    return std::max<int64_t>(1, (area + kMegapixel - 1) / kMegapixel);
}

MicroUsd price_of_area(const Price::PerMegapixel &price, int64_t area) {
    return price.first + (begun_megapixels(area) - 1) * price.further;
}

// The area of the largest image that the model may choose to make.
std::optional<int64_t> largest_area(const ModelSpec &model) {
    int64_t area = 0;
    for (const Pixels &size : model.size.list) {
        area = std::max(area, size.area());
    }
    if (model.size.rule) {
        const SizeSpec::Rule &rule = *model.size.rule;
        area = std::max(area, std::min(rule.max_area, rule.max_side * rule.max_side));
    }
    for (const TierSpec::Tier &tier : model.tier.list) {
        area = std::max(area, tier.side * tier.side);
    }
    return area == 0 ? std::nullopt : std::optional(area);
}

// Of input images whose size is not known, each has at most `each` megapixels.
int64_t input_megapixels(const PricedCall &call, int64_t each) {
    int64_t sum = 0;
    for (const Pixels &size : call.input_sizes) {
        sum += begun_megapixels(size.area());
    }
    const auto known = static_cast<int64_t>(call.input_sizes.size());
    return sum + std::max<int64_t>(0, call.input_images - known) * each;
}

std::optional<int64_t> grid_of(const Price &price, std::string_view quality) {
    const auto row = price.token_grid.find(quality);
    return row == price.token_grid.end() ? std::nullopt : std::optional(row->second);
}

// The number of tokens of one image. Nothing if it is not known.
std::optional<int64_t> output_tokens(const Price &price, const Facts &facts) {
    if (const auto grid = grid_of(price, facts.quality)) {
        const auto size = parse_size(facts.size);
        return size ? std::optional(grid_tokens(*grid, size->width, size->height)) : std::nullopt;
    }
    const auto *row = find_row(price.output_tokens, facts);
    return row == nullptr ? std::nullopt : std::optional(row->tokens);
}

std::optional<int64_t> max_output_tokens(const Price &price, const Facts &facts,
                                         const ModelSpec &model) {
    int64_t max = max_of(price.output_tokens, facts, &Price::OutputTokens::tokens).value_or(0);
    for (const auto &[quality, grid] : price.token_grid) {
        if (!facts.quality.empty() && facts.quality != quality) {
            continue;
        }
        const auto size = parse_size(facts.size);
        const auto largest = largest_area(model);
        if (!size && !largest) {
            return std::nullopt;
        }
        // Of all shapes with an area, a square has the most tokens.
        const auto side =
            static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(largest.value_or(0)))));
        max = std::max(max, size ? grid_tokens(grid, size->width, size->height)
                                 : grid_tokens(grid, side, side));
    }
    return max == 0 ? std::nullopt : std::optional(max);
}

// A text has at most as many tokens as bytes; the rest is for text that providers add.
int64_t max_text_tokens(const Params &sent) {
    constexpr int64_t kWrapping = 64;
    return static_cast<int64_t>(sent.text(Param::prompt).size() +
                                sent.text(Param::negative_prompt).size()) +
           kWrapping;
}

struct Tokens {
    int64_t text_in = 0;
    int64_t image_in = 0;
    int64_t text_out = 0;
    int64_t image_out = 0;
};

// Nothing if there are tokens of a kind that has no price.
std::optional<MicroUsd> price_of_tokens(const Price::PerMillionTokens &price, const Tokens &tokens,
                                        int64_t rounding) {
    int64_t sum = rounding;
    const auto add = [&](int64_t count, const std::optional<MicroUsd> &each) {
        sum += count * each.value_or(0);
        return count == 0 || each.has_value();
    };
    const bool priced =
        add(tokens.text_in, price.text_in) && add(tokens.image_in, price.image_in) &&
        add(tokens.text_out, price.text_out) && add(tokens.image_out, price.image_out);
    return priced ? std::optional(sum / kMillion) : std::nullopt;
}

// Limits counts, so that they can be multiplied by any price without overflow.
constexpr int64_t kMaxTokens = 100'000'000;

int64_t sane(int64_t tokens) {
    return std::clamp<int64_t>(tokens, 0, kMaxTokens);
}

Cost cost_by_tokens(const Price &price, const Usage &usage) {
    Tokens tokens;
    tokens.image_in = sane(usage.input_image_tokens);
    tokens.text_in = sane(usage.input_tokens - usage.input_image_tokens);
    tokens.text_out = sane(usage.output_text_tokens.value_or(0));
    tokens.image_out = sane(usage.output_tokens) - tokens.text_out;
    if (tokens.image_out <= 0) {
        return {};  // images cannot have 0 tokens, so the count is not usable
    }
    const auto usd = price_of_tokens(*price.per_million_tokens, tokens, kMillion / 2);
    return usd ? Cost{usd, "tokens"} : Cost{};
}

}  // namespace

bool Price::is_free() const {
    return !per_image.empty() && std::all_of(per_image.begin(), per_image.end(),
                                             [](const PerImage &row) { return row.usd == 0; });
}

int64_t grid_tokens(int64_t grid, int64_t width, int64_t height) {
    const auto [shorter, longer] = std::minmax(width, height);
    // Rounds half to even, in integers.
    const int64_t doubled = 2 * grid * shorter;
    int64_t side = doubled / (2 * longer);
    const int64_t rest = doubled % (2 * longer);
    side += rest > longer || (rest == longer && side % 2 == 1) ? 1 : 0;
    constexpr int64_t kBase = 2'000'000;
    const int64_t product = grid * side * (kBase + width * height);
    return (product + 2 * kBase - 1) / (2 * kBase);
}

std::optional<MicroUsd> upper_bound(const PricedCall &call, const ModelSpec &model) {
    if (!model.price) {
        return std::nullopt;
    }
    const Price &price = *model.price;
    const Facts facts = facts_of({}, call, model);
    if (!price.per_image.empty()) {
        const auto dearest = max_of(price.per_image, facts, &Price::PerImage::usd);
        return dearest ? std::optional(*dearest * call.images +
                                       price.per_input_image * call.input_images)
                       : std::nullopt;
    }
    if (price.per_megapixel) {
        const auto size = parse_size(facts.size);
        const auto area = size ? std::optional(size->area()) : largest_area(model);
        if (!area) {
            return std::nullopt;
        }
        const auto largest = largest_area(model);
        return price_of_area(*price.per_megapixel, *area) * call.images +
               input_megapixels(call, begun_megapixels(largest.value_or(*area))) *
                   price.per_megapixel->input;
    }
    const auto image = max_output_tokens(price, facts, model);
    if (!price.per_million_tokens || !image) {
        return std::nullopt;
    }
    Tokens tokens;
    tokens.text_in = max_text_tokens(call.sent);
    tokens.image_in =
        call.input_images * (price.max_input_tokens != 0 ? price.max_input_tokens : *image);
    const int64_t partials = std::max(call.partials, call.sent.integer(Param::partial_images, 0));
    tokens.image_out = call.images * (*image + partials * price.partial_tokens);
    tokens.text_out = call.images * price.max_text_out;
    return price_of_tokens(*price.per_million_tokens, tokens, kMillion - 1);
}

Cost &Cost::operator+=(const Cost &other) {
    if (!usd || !other.usd) {
        *this = {};
    } else {
        *usd += *other.usd;
        basis = basis == other.basis ? basis : "mixed";
    }
    return *this;
}

Cost cost_of(const ImageResult &result, size_t count, const PricedCall &call,
             const ModelSpec &model) {
    if (result.cost) {
        return {result.cost, "provider"};
    }
    if (!model.price || model.price->at_most) {
        return {};
    }
    const Price &price = *model.price;
    if (price.per_million_tokens) {
        return result.usage ? cost_by_tokens(price, *result.usage) : Cost{};
    }
    const auto images = static_cast<int64_t>(count);
    const Facts facts = facts_of(result, call, model);
    if (price.per_megapixel) {
        const auto size = parse_size(facts.size);
        const bool knows_inputs =
            static_cast<int64_t>(call.input_sizes.size()) == call.input_images;
        if (!size || (!knows_inputs && price.per_megapixel->input > 0)) {
            return {};
        }
        const MicroUsd inputs = input_megapixels(call, 0) * price.per_megapixel->input;
        return {price_of_area(*price.per_megapixel, size->area()) * images + inputs, "megapixels"};
    }
    const auto *row = find_row(price.per_image, facts);
    return row == nullptr
               ? Cost{}
               : Cost{row->usd * images + price.per_input_image * call.input_images, "image"};
}

Usage count_usage(const ImageWords &words, size_t images, const PricedCall &call,
                  const ModelSpec &model) {
    constexpr size_t kCharactersOfAToken = 4;
    const size_t characters = count_characters(call.sent.text(Param::prompt)) +
                              count_characters(call.sent.text(Param::negative_prompt));
    Usage usage;
    usage.input_text_tokens =
        static_cast<int64_t>((characters + kCharactersOfAToken - 1) / kCharactersOfAToken);
    usage.input_tokens = usage.input_text_tokens;
    const auto each =
        model.price ? output_tokens(*model.price, facts_of(words, call, model)) : std::nullopt;
    usage.output_image_tokens = each.value_or(0) * static_cast<int64_t>(images);
    usage.output_text_tokens = 0;
    usage.output_tokens = *usage.output_image_tokens;
    usage.total_tokens = usage.input_tokens + usage.output_tokens;
    return usage;
}

}  // namespace gateway
