#include "core/response/models.h"

#include <algorithm>
#include <utility>

#include "core/json/writer.h"
#include "core/routing/plan.h"
#include "core/utc_time.h"

namespace gateway {

namespace {

void write_texts(JsonWriter &out, std::string_view key, const std::vector<std::string> &texts) {
    out.key(key).open_array();
    for (const std::string &text : texts) {
        out.string(text);
    }
    out.close_array();
}

void write_bound(JsonWriter &out, std::string_view key, const std::optional<double> &bound) {
    if (bound) {
        out.key(key).number(*bound);
    }
}

void write_sizes(JsonWriter &out, const SizeSpec &spec) {
    out.key("type").string("size").key("auto").boolean(spec.automatic);
    if (!spec.list.empty()) {
        std::vector<std::string> sizes;
        std::transform(spec.list.begin(), spec.list.end(), std::back_inserter(sizes), size_text);
        write_texts(out, "values", sizes);
    }
    if (spec.rule) {
        const SizeSpec::Rule &rule = *spec.rule;
        const SizeSpec::Rule none;
        const auto write = [&](std::string_view key, auto value, auto unlimited) {
            if (value != unlimited) {
                out.key(key).number(value);
            }
        };
        write("multiple_of", rule.multiple_of, none.multiple_of);
        write("min_side", rule.min_side, none.min_side);
        write("max_side", rule.max_side, none.max_side);
        write("min_area", rule.min_area, none.min_area);
        write("max_area", rule.max_area, none.max_area);
        write("max_ratio", rule.max_ratio, none.max_ratio);
    }
}

void write_ratios(JsonWriter &out, const RatioSpec &spec) {
    out.key("type").string("ratio").key("auto").boolean(spec.automatic);
    if (!spec.list.empty()) {
        std::vector<std::string> ratios;
        std::transform(spec.list.begin(), spec.list.end(), std::back_inserter(ratios),
                       spelled_ratio);
        write_texts(out, "values", ratios);
    }
    if (spec.min) {
        out.key("min").string(spelled_ratio(*spec.min));
    }
    if (spec.max) {
        out.key("max").string(spelled_ratio(*spec.max));
    }
}

void write_tiers(JsonWriter &out, const TierSpec &spec) {
    std::vector<std::string> tiers;
    for (const TierSpec::Tier &tier : spec.list) {
        tiers.push_back(tier.name);
    }
    out.key("type").string("enum");
    write_texts(out, "values", tiers);
    if (!spec.standard.empty()) {
        out.key("default").string(spec.standard);
    }
}

void write_plain(JsonWriter &out, Param param, const ParamSpec &spec) {
    const bool number = param == Param::n || param == Param::seed || param == Param::guidance ||
                        param == Param::num_inference_steps || param == Param::partial_images ||
                        param == Param::output_compression;
    if (!spec.choices.empty()) {
        out.key("type").string("enum");
        write_texts(out, "values", spec.choices);
    } else if (number) {
        out.key("type").string("range");
        write_bound(out, "min", spec.min);
        write_bound(out, "max", spec.max);
    } else {
        out.key("type").string("string");
        if (spec.max_length) {
            out.key("max_length").number(*spec.max_length);
        }
    }
    if (!spec.fold.empty()) {
        out.key("in_prompt").boolean(true);
    }
}

void write_params(JsonWriter &out, const ModelSpec &spec) {
    out.key("supported_parameters").open_object();
    for (const Param param : all_params()) {
        if (!spec[param]) {
            continue;
        }
        out.key(name_of(param)).open_object();
        switch (param) {
            case Param::size: write_sizes(out, spec.size); break;
            case Param::aspect_ratio: write_ratios(out, spec.ratio); break;
            case Param::resolution: write_tiers(out, spec.tier); break;
            default: write_plain(out, param, *spec[param]);
        }
        out.close_object();
    }
    out.close_object();
}

// ---- input images

std::string_view name_of_mask(MaskKind kind) {
    switch (kind) {
        case MaskKind::white: return "white";
        case MaskKind::black: return "black";
        case MaskKind::opaque_alpha: return "opaque_alpha";
        case MaskKind::alpha: break;
    }
    return "alpha";
}

// Parameters that the model takes, but not for these requests. Not written if there are none.
void write_excludes(JsonWriter &out, std::string_view key, const ModelSpec &spec,
                    const std::bitset<kParamCount> &excludes) {
    std::vector<std::string> names;
    for (const Param param : all_params()) {
        if (spec[param] && excludes.test(static_cast<size_t>(param))) {
            names.emplace_back(name_of(param));
        }
    }
    if (!names.empty()) {
        write_texts(out, key, names);
    }
}

void write_inputs(JsonWriter &out, const Provider &provider, const ModelSpec &model) {
    const InputSpec &spec = model.inputs;
    out.key("inputs").open_object();
    out.key("min").number(spec.min).key("max").number(spec.max);
    out.key("formats").open_array();
    for (const ImageFormat format : spec.formats) {
        out.string(name_of(format));
    }
    out.close_array();
    const std::pair<std::string_view, const std::optional<int64_t> &> bounds[] = {
        {"max_bytes", spec.max_bytes},
        {"min_side", spec.min_side},
        {"max_side", spec.max_side},
        {"max_pixels", spec.max_pixels},
        {"max_total_bytes", spec.max_total_bytes}};
    for (const auto &[name, bound] : bounds) {
        if (bound) {
            out.key(name).number(*bound);
        }
    }
    out.key("file_ids")
        .boolean(spec.takes_file_ids && provider.dialect->takes_file_ids() &&
                 !provider.account_of_files().empty());
    out.key("mask");
    if (spec.mask) {
        out.open_object().key("kind").string(name_of_mask(spec.mask->kind));
        out.key("soft").boolean(spec.is_mask_soft).key("needed").boolean(spec.needs_mask);
        write_excludes(out, "excludes", model, spec.mask_excludes);
        out.close_object();
    } else {
        out.null();
    }
    if (!spec.default_size.empty()) {
        out.key("default_size").string(spec.default_size);
    }
    out.key("prompt").boolean(spec.needs_prompt);
    write_excludes(out, "excludes", model, spec.excludes);
    write_excludes(out, "variation_excludes", model, spec.variation_excludes);
    out.close_object();
}

// ---- prices, in dollars

void write_price_key(JsonWriter &out, const PriceKey &key) {
    const std::pair<std::string_view, const std::string &> words[] = {
        {"size", key.size}, {"quality", key.quality}, {"resolution", key.resolution}};
    for (const auto &[name, word] : words) {
        if (!word.empty()) {
            out.key(name).string(word);
        }
    }
}

void write_money(JsonWriter &out, std::string_view key, const std::optional<MicroUsd> &usd) {
    if (usd) {
        out.key(key).json(dollars(*usd));
    }
}

void write_count(JsonWriter &out, std::string_view key, int64_t count) {
    if (count != 0) {
        out.key(key).number(count);
    }
}

// How many tokens an image has, which determines the price of a request before it is made.
void write_token_counts(JsonWriter &out, const Price &price) {
    if (!price.output_tokens.empty()) {
        out.key("output_tokens").open_array();
        for (const auto &row : price.output_tokens) {
            out.open_object();
            write_price_key(out, row.key);
            out.key("tokens").number(row.tokens).close_object();
        }
        out.close_array();
    } else if (!price.token_grid.empty()) {
        out.key("output_tokens").open_object().key("grid").open_object();
        for (const auto &[quality, side] : price.token_grid) {
            out.key(quality).number(side);
        }
        out.close_object().close_object();
    }
    write_count(out, "partial_tokens", price.partial_tokens);
    write_count(out, "max_text_out", price.max_text_out);
    write_count(out, "max_input_tokens", price.max_input_tokens);
}

void write_price(JsonWriter &out, const std::optional<Price> &price) {
    out.key("pricing");
    if (!price) {
        out.null();
        return;
    }
    out.open_object();
    if (!price->per_image.empty()) {
        out.key("per_image").open_array();
        for (const auto &row : price->per_image) {
            out.open_object();
            write_price_key(out, row.key);
            out.key("usd").json(dollars(row.usd)).close_object();
        }
        out.close_array();
    }
    if (const auto &megapixels = price->per_megapixel) {
        out.key("per_megapixel").open_object();
        write_money(out, "first", megapixels->first);
        write_money(out, "further", megapixels->further);
        if (megapixels->input != 0) {
            write_money(out, "input", megapixels->input);
        }
        out.close_object();
    }
    if (const auto &tokens = price->per_million_tokens) {
        out.key("per_million_tokens").open_object();
        write_money(out, "text_in", tokens->text_in);
        write_money(out, "image_in", tokens->image_in);
        write_money(out, "text_out", tokens->text_out);
        write_money(out, "image_out", tokens->image_out);
        out.close_object();
        write_token_counts(out, *price);
    }
    if (price->per_input_image != 0) {
        write_money(out, "per_input_image", price->per_input_image);
    }
    if (price->at_most) {
        out.key("at_most").boolean(true);
    }
    out.close_object();
}

// ---- models

int64_t unix_time_of(const std::string &date) {
    return date.empty() ? 0 : parse_time(date + "T00:00:00Z").value_or(0);
}

void write_head(JsonWriter &out, std::string_view id, int64_t created, std::string_view owner) {
    out.key("id").string(id).key("object").string("model");
    out.key("created").number(created).key("owned_by").string(owner);
}

void write_listed(JsonWriter &out, const Candidate &candidate, const ModelSpec &spec, int64_t now) {
    out.open_object();
    write_head(out, candidate.name(), unix_time_of(spec.released), candidate.provider->name);
    const bool gone = spec.is_shut_down(now);
    out.key("status").string(name_of(gone ? ModelStatus::shut_down : spec.status));
    if (!spec.shutdown.empty()) {
        out.key("shutdown").string(spec.shutdown);
    }
    if (gone) {
        out.key("warning").string("This model " + spec.how_shut_down() + ".");
    }
    out.key("operations").open_array();
    for (size_t i = 0; i < kOperationCount; ++i) {
        if (spec.can(static_cast<Operation>(i))) {
            out.string(name_of(static_cast<Operation>(i)));
        }
    }
    out.close_array();
    write_params(out, spec);
    if (spec.can(Operation::edit) || spec.can(Operation::variation)) {
        write_inputs(out, *candidate.provider, spec);
    }
    out.key("returns").open_object();
    out.key("form").string(spec.returns.url ? "url" : "b64_json");
    if (spec.returns.lifetime) {
        out.key("lifetime").number(*spec.returns.lifetime);
    }
    out.close_object();
    write_price(out, spec.price);
    out.close_object();
}

void write_alias(JsonWriter &out, const Alias &alias) {
    out.open_object();
    write_head(out, alias.name, 0, "image_gateway");
    out.key("alias").open_object();
    out.key("mode").string(alias.mode == AliasMode::weighted ? "weighted" : "ordered");
    if (alias.varies_by_edits) {
        out.key("variation").string("edit");
    }
    out.key("models").open_array();
    for (const Alias::Member &member : alias.members) {
        out.open_object().key("model").string(member.model);
        if (alias.mode == AliasMode::weighted) {
            out.key("weight").number(int64_t{member.weight});
        }
        out.close_object();
    }
    out.close_array().close_object().close_object();
}

// A key's patterns may name a model by its full name or by its bare name.
bool may_use_model(const ModelListContext &context, const Candidate &candidate, Random &random) {
    if (may_use(context.caller, candidate)) {
        return true;
    }
    const auto resolved = context.models.resolve(candidate.model, random);
    return context.caller.may_use(candidate.model) && resolved && resolved->size() == 1 &&
           resolved->front().is_same(candidate);
}

// A caller who may not use an alias may still use some of its members.
bool may_use_any(const ModelListContext &context, std::string_view name, Random &random) {
    if (context.caller.may_use(name)) {
        return true;
    }
    const auto candidates = context.models.resolve(name, random);
    return candidates &&
           std::any_of(candidates->begin(), candidates->end(), [&](const Candidate &candidate) {
               return may_use(context.caller, candidate);
           });
}

ApiError error_unknown_model(std::string_view name) {
    return ApiError::of(404, "model_not_found",
                        "This gateway has no model or alias '" + std::string(name) + "'.", "model");
}

// Random numbers only determine the order of an alias's members, which does not matter here.
class NoRandom final : public Random {
 public:
    void fill(std::span<uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), 0); }
};

}  // namespace

std::string write_models(const ModelListContext &context, int64_t now) {
    NoRandom random;
    JsonWriter out;
    out.open_object().key("object").string("list").key("data").open_array();
    for (const auto &[name, alias] : context.models.aliases()) {
        if (may_use_any(context, name, random)) {
            write_alias(out, alias);
        }
    }
    for (const auto &provider : context.models.providers()) {
        for (const ModelSpec *spec :
             context.catalogue.named(provider->name, provider->dialect->name())) {
            const Candidate candidate{provider.get(), spec->pattern};
            // A request with this name would get the alias, so the model is not listed.
            if (context.models.alias(candidate.name()) == nullptr &&
                may_use_model(context, candidate, random)) {
                write_listed(out, candidate, *spec, now);
            }
        }
    }
    return std::move(out.close_array().close_object()).finish_text();
}

tl::expected<std::string, ApiError> write_model(const ModelListContext &context,
                                                std::string_view name, int64_t now) {
    NoRandom random;
    const auto candidates = context.models.resolve(name, random);
    // A caller cannot see models that it may not use.
    if (!candidates || !may_use_any(context, name, random)) {
        return tl::unexpected(error_unknown_model(name));
    }
    JsonWriter out;
    const Candidate *candidate = candidates->empty() ? nullptr : &candidates->front();
    const ModelSpec *spec = candidate == nullptr ? nullptr : spec_of(context.catalogue, *candidate);
    if (const Alias *alias = context.models.alias(name)) {
        write_alias(out, *alias);
    } else if (spec != nullptr) {
        write_listed(out, *candidate, *spec, now);
    } else {
        return tl::unexpected(error_unknown_model(name));
    }
    return std::move(out).finish_text();
}

}  // namespace gateway
