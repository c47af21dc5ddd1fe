#include "core/catalog/read_price.h"

#include <algorithm>

#include "core/json/operators_file.h"

namespace gateway {

namespace {

MicroUsd read_dollars(const std::string &path, JsonValue value) {
    const auto usd = value.is(JsonKind::number) ? parse_dollars(value.number_text()) : std::nullopt;
    constexpr MicroUsd kMax = 1'000'000'000;
    if (!usd || *usd > kMax) {
        fail(path, "must be an amount of dollars up to 1000, with at most six decimals");
    }
    return *usd;
}

std::optional<MicroUsd> read_dollars_if_there(const std::string &path, JsonValue object,
                                              const char *key) {
    const JsonValue value = object[key];
    return value ? std::optional(read_dollars(path + "." + key, value)) : std::nullopt;
}

int64_t read_tokens(const std::string &path, JsonValue value) {
    const auto tokens = value.integer();
    if (!tokens || *tokens < 1 || *tokens > 1'000'000) {
        fail(path, "must be an integer from 1 to 1000000");
    }
    return *tokens;
}

PriceKey read_key(const std::string &path, JsonValue row) {
    const auto word = [&](const char *key) {
        const JsonValue value = row[key];
        if (value && (!value.is(JsonKind::string) || value.string().empty())) {
            fail(path + "." + key, "must be a string that is not empty");
        }
        return std::string(value.string());
    };
    return {word("size"), word("quality"), word("resolution")};
}

template <typename Add>
void each_row(const std::string &path, JsonValue rows, Add add) {
    if (!rows.is(JsonKind::array) || rows.size() == 0) {
        fail(path, "must be an array that is not empty");
    }
    size_t index = 0;
    for (const JsonValue row : rows) {
        add(path + "[" + std::to_string(index++) + "]", row);
    }
}

Price::PerMegapixel read_per_megapixel(const std::string &path, JsonValue value) {
    expect_members(path, value, "first further input");
    Price::PerMegapixel price;
    price.first = read_dollars(path + ".first", value["first"]);
    price.further = read_dollars_if_there(path, value, "further").value_or(price.first);
    price.input = read_dollars_if_there(path, value, "input").value_or(0);
    return price;
}

Price::PerMillionTokens read_per_million_tokens(const std::string &path, JsonValue value) {
    expect_members(path, value, "text_in image_in text_out image_out");
    return {read_dollars_if_there(path, value, "text_in"),
            read_dollars_if_there(path, value, "image_in"),
            read_dollars_if_there(path, value, "text_out"),
            read_dollars_if_there(path, value, "image_out")};
}

void read_token_counts(const std::string &path, JsonValue value, Price &into) {
    if (value.is(JsonKind::object)) {
        expect_members(path, value, "grid");
        const std::string here = path + ".grid";
        expect_object(here, value["grid"]);
        for (const JsonValue row : value["grid"]) {
            const std::string place = here + "." + std::string(row.key());
            const int64_t grid = read_tokens(place, row);
            if (grid > 4096) {
                fail(place, "must be at most 4096");
            }
            into.token_grid.emplace(row.key(), grid);
        }
        return;
    }
    each_row(path, value, [&](const std::string &here, JsonValue row) {
        expect_members(here, row, "size quality resolution tokens");
        into.output_tokens.push_back(
            {read_key(here, row), read_tokens(here + ".tokens", row["tokens"])});
    });
}

}  // namespace

std::optional<Price> read_price(const std::string &path, JsonValue value) {
    if (value.is(JsonKind::null)) {
        return std::nullopt;
    }
    expect_members(path, value,
                   "per_image per_megapixel per_million_tokens output_tokens partial_tokens "
                   "max_text_out per_input_image max_input_tokens at_most");
    Price price;
    int ways = 0;
    if (const JsonValue rows = value["per_image"]) {
        ++ways;
        each_row(path + ".per_image", rows, [&](const std::string &here, JsonValue row) {
            expect_members(here, row, "size quality resolution usd");
            price.per_image.push_back(
                {read_key(here, row), read_dollars(here + ".usd", row["usd"])});
        });
    }
    if (const JsonValue megapixels = value["per_megapixel"]) {
        ++ways;
        price.per_megapixel = read_per_megapixel(path + ".per_megapixel", megapixels);
    }
    if (const JsonValue tokens = value["per_million_tokens"]) {
        ++ways;
        price.per_million_tokens = read_per_million_tokens(path + ".per_million_tokens", tokens);
    }
    if (ways != 1) {
        fail(path, "must have one of: per_image, per_megapixel, per_million_tokens");
    }
    if (const JsonValue counts = value["output_tokens"]) {
        read_token_counts(path + ".output_tokens", counts, price);
    }
    if (const JsonValue partial = value["partial_tokens"]) {
        price.partial_tokens = read_tokens(path + ".partial_tokens", partial);
    }
    if (const JsonValue max = value["max_text_out"]) {
        price.max_text_out = read_tokens(path + ".max_text_out", max);
    }
    price.per_input_image =
        read_dollars_if_there(path, value, "per_input_image").value_or(price.per_input_image);
    if (const JsonValue max = value["max_input_tokens"]) {
        price.max_input_tokens = read_tokens(path + ".max_input_tokens", max);
    }
    if (const JsonValue at_most = value["at_most"]) {
        if (!at_most.boolean()) {
            fail(path + ".at_most", "must be true or false");
        }
        price.at_most = *at_most.boolean();
    }
    return price;
}

}  // namespace gateway
