#include "core/catalog/read_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/catalog/read_price.h"
#include "core/json/operators_file.h"
#include "core/utc_time.h"

namespace gateway {

namespace {

int64_t read_positive(const std::string &path, JsonValue value) {
    const auto integer = value.integer();
    constexpr int64_t kMax = 1'000'000'000;
    if (!integer || *integer < 1 || *integer > kMax) {
        fail(path, "must be an integer from 1 to 1000000000");
    }
    return *integer;
}

double read_number(const std::string &path, JsonValue value) {
    const auto number = value.number();
    if (!number) {
        fail(path, "must be a number");
    }
    return *number;
}

bool read_truth(const std::string &path, JsonValue value) {
    if (!value.boolean()) {
        fail(path, "must be true or false");
    }
    return *value.boolean();
}

std::string read_string(const std::string &path, JsonValue value) {
    if (!value.is(JsonKind::string) || value.string().empty()) {
        fail(path, "must be a string that is not empty");
    }
    return std::string(value.string());
}

template <typename Read>
auto read_list(const std::string &path, JsonValue value, Read read) {
    if (!value.is(JsonKind::array) || value.size() == 0) {
        fail(path, "must be an array that is not empty");
    }
    std::vector<decltype(read(path, value))> items;
    for (const JsonValue item : value) {
        items.push_back(read(path + "[" + std::to_string(items.size()) + "]", item));
    }
    return items;
}

Pixels read_size(const std::string &path, JsonValue value) {
    const auto size = parse_size(value.string());
    if (!size) {
        fail(path, "must be a size such as \"1024x1024\"");
    }
    return *size;
}

Pixels read_ratio(const std::string &path, JsonValue value) {
    const auto ratio = parse_ratio(value.string());
    if (!ratio) {
        fail(path, "must be a ratio such as \"16:9\"");
    }
    return *ratio;
}

// ---- size, aspect_ratio and resolution

SizeSpec read_sizes(const std::string &path, JsonValue value) {
    SizeSpec spec;
    SizeSpec::Rule rule;
    bool ruled = false;
    for (const JsonValue member : value) {
        const std::string_view key = member.key();
        const std::string here = path + "." + std::string(key);
        if (key == "auto") {
            spec.automatic = read_truth(here, member);
        } else if (key == "sizes") {
            spec.list = read_list(here, member, read_size);
        } else if (key == "max_ratio") {
            rule.max_ratio = read_number(here, member);
            ruled = true;
            if (rule.max_ratio < 1) {
                fail(here, "must be at least 1");
            }
        } else {
            const std::pair<std::string_view, int64_t *> bounds[] = {
                {"multiple_of", &rule.multiple_of}, {"min_side", &rule.min_side},
                {"max_side", &rule.max_side},       {"min_area", &rule.min_area},
                {"max_area", &rule.max_area},
            };
            const auto *bound = std::find_if(std::begin(bounds), std::end(bounds),
                                             [=](const auto &row) { return row.first == key; });
            if (bound == std::end(bounds)) {
                fail(here, "is not known");
            }
            *bound->second = read_positive(here, member);
            ruled = true;
        }
    }
    if (ruled) {
        if (rule.min_side > rule.max_side || rule.min_area > rule.max_area ||
            rule.max_side > 16384) {
            fail(path, "does not allow any size, or allows a side above 16384");
        }
        spec.rule = rule;
    }
    return spec;
}

RatioSpec read_ratios(const std::string &path, JsonValue value) {
    RatioSpec spec;
    for (const JsonValue member : value) {
        const std::string_view key = member.key();
        const std::string here = path + "." + std::string(key);
        if (key == "auto") {
            spec.automatic = read_truth(here, member);
        } else if (key == "ratios") {
            spec.list = read_list(here, member, read_ratio);
        } else if (key == "min") {
            spec.min = read_ratio(here, member);
        } else if (key == "max") {
            spec.max = read_ratio(here, member);
        } else {
            fail(here, "is not known");
        }
    }
    if (spec.min && spec.max && spec.min->ratio() > spec.max->ratio()) {
        fail(path + ".min", "is above max");
    }
    return spec;
}

TierSpec read_tiers(const std::string &path, JsonValue value) {
    TierSpec spec;
    for (const JsonValue member : value) {
        const std::string_view key = member.key();
        const std::string here = path + "." + std::string(key);
        if (key == "tiers") {
            spec.list = read_list(here, member, [](const std::string &place, JsonValue item) {
                const auto side = parse_resolution(item.string());
                if (!side) {
                    fail(place, "must be a tier such as \"1K\" or \"512\"");
                }
                return TierSpec::Tier{std::string(item.string()), *side};
            });
        } else if (key == "standard") {
            spec.standard = read_string(here, member);
        } else {
            fail(here, "is not known");
        }
    }
    const auto is_standard = [&](const TierSpec::Tier &tier) { return tier.name == spec.standard; };
    if (spec.list.empty()) {
        fail(path, "must list \"tiers\"");
    }
    if (!spec.standard.empty() && std::none_of(spec.list.begin(), spec.list.end(), is_standard)) {
        fail(path + ".standard", "is not one of the tiers");
    }
    return spec;
}

// ---- all other parameters

ParamSpec read_plain(const std::string &path, JsonValue value) {
    ParamSpec spec;
    for (const JsonValue member : value) {
        const std::string_view key = member.key();
        const std::string here = path + "." + std::string(key);
        if (key == "min") {
            spec.min = read_number(here, member);
        } else if (key == "max") {
            spec.max = read_number(here, member);
        } else if (key == "max_length") {
            spec.max_length = read_positive(here, member);
        } else if (key == "choices") {
            spec.choices = read_list(here, member, read_string);
        } else if (key == "fold") {
            spec.fold = read_string(here, member);
            if (spec.fold.find("{}") == std::string::npos) {
                fail(here, "must contain {} in the place of the value");
            }
        } else if (key == "aliases") {
            expect_object(here, member);
            for (const JsonValue alias : member) {
                spec.aliases.emplace(alias.key(),
                                     read_string(here + "." + std::string(alias.key()), alias));
            }
        } else {
            fail(here, "is not known");
        }
    }
    if (spec.min && spec.max && *spec.min > *spec.max) {
        fail(path + ".min", "is above max");
    }
    for (const auto &[alias, word] : spec.aliases) {
        if (std::find(spec.choices.begin(), spec.choices.end(), word) == spec.choices.end()) {
            fail(path + ".aliases." + alias, "is not one of the choices");
        }
    }
    return spec;
}

void read_params(const std::string &path, JsonValue params, ModelSpec &into) {
    expect_object(path, params);
    for (const JsonValue member : params) {
        const std::string here = path + "." + std::string(member.key());
        const auto param = param_named(member.key());
        if (!param) {
            fail(here, "is not a parameter");
        }
        auto &spec = into.params[static_cast<size_t>(*param)];
        const bool taken_away = member.is(JsonKind::null);
        if (taken_away) {
            spec.reset();
        } else {
            expect_object(here, member);
            spec.emplace();
        }
        switch (*param) {
            case Param::size: into.size = taken_away ? SizeSpec() : read_sizes(here, member); break;
            case Param::aspect_ratio:
                into.ratio = taken_away ? RatioSpec() : read_ratios(here, member);
                break;
            case Param::resolution:
                into.tier = taken_away ? TierSpec() : read_tiers(here, member);
                break;
            default:
                if (!taken_away) {
                    spec = read_plain(here, member);
                }
        }
        if (*param == Param::n && spec && spec->max.value_or(1) < 1) {
            fail(here + ".max", "must be at least 1");
        }
    }
}

// ---- members that are not parameters

void read_operations(const std::string &path, JsonValue value, ModelSpec &into) {
    into.operations.reset();
    for (const Operation operation :
         read_list(path, value, [](const std::string &place, JsonValue item) {
             const auto read = operation_named(item.string());
             if (!read) {
                 fail(place, "must be one of: generate, edit, variation, stream");
             }
             return *read;
         })) {
        into.operations.set(static_cast<size_t>(operation));
    }
}

ImageFormat read_image_format(const std::string &path, JsonValue value) {
    for (const ImageFormat format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp,
                                     ImageFormat::gif, ImageFormat::avif, ImageFormat::heic}) {
        if (name_of(format) == value.string()) {
            return format;
        }
    }
    fail(path, "must be one of: png, jpeg, webp, gif, avif, heic");
}

// Size, aspect_ratio and resolution are fitted together, so one of them excludes all three. Only a
// variation may exclude the prompt.
std::bitset<kParamCount> read_excludes(const std::string &path, JsonValue value,
                                       bool is_variation = false) {
    std::bitset<kParamCount> excludes;
    const auto set = [&](Param param) { excludes.set(static_cast<size_t>(param)); };
    const auto read_one = [=](const std::string &place, JsonValue item) {
        const auto read = param_named(item.string());
        if (!read || (*read == Param::prompt && !is_variation) || *read == Param::n ||
            *read == Param::stream || *read == Param::partial_images) {
            fail(place, "must be a parameter other than prompt, n, stream, partial_images");
        }
        return *read;
    };
    for (const Param param : read_list(path, value, read_one)) {
        set(param);
        if (param == Param::size || param == Param::aspect_ratio || param == Param::resolution) {
            set(Param::size);
            set(Param::aspect_ratio);
            set(Param::resolution);
        }
    }
    return excludes;
}

// What a mask is: {"kind": "white", "levels": "two", "soft": true, "needed": true, "field": "…"}.
void read_mask(const std::string &path, JsonValue value, InputSpec &into) {
    if (value.is(JsonKind::null)) {
        into.mask.reset();
        return;
    }
    expect_members(path, value, "kind levels soft needed field excludes");
    constexpr std::pair<std::string_view, MaskKind> kKinds[] = {
        {"alpha", MaskKind::alpha},
        {"white", MaskKind::white},
        {"black", MaskKind::black},
        {"opaque_alpha", MaskKind::opaque_alpha},
    };
    const auto *kind = std::find_if(
        std::begin(kKinds), std::end(kKinds),
        [name = value["kind"].string()](const auto &row) { return row.first == name; });
    if (kind == std::end(kKinds)) {
        fail(path + ".kind", "must be one of: alpha, white, black, opaque_alpha");
    }
    MaskForm form{kind->second, MaskLevels::grey};
    if (const JsonValue levels = value["levels"]) {
        if (levels.string() != "two" && levels.string() != "grey") {
            fail(path + ".levels", "must be \"two\" or \"grey\"");
        }
        form.levels = levels.string() == "two" ? MaskLevels::two : MaskLevels::grey;
    }
    into.mask = form;
    into.is_mask_soft = value["soft"] ? read_truth(path + ".soft", value["soft"]) : false;
    into.needs_mask = value["needed"] ? read_truth(path + ".needed", value["needed"]) : false;
    into.mask_field = value["field"] ? read_string(path + ".field", value["field"]) : "";
    into.mask_excludes.reset();
    if (const JsonValue excludes = value["excludes"]) {
        into.mask_excludes = read_excludes(path + ".excludes", excludes);
    }
}

void read_inputs(const std::string &path, JsonValue value, InputSpec &into) {
    expect_object(path, value);
    for (const JsonValue member : value) {
        const std::string_view key = member.key();
        const std::string here = path + "." + std::string(key);
        const std::pair<std::string_view, std::optional<int64_t> *> bounds[] = {
            {"max_bytes", &into.max_bytes},
            {"min_side", &into.min_side},
            {"max_side", &into.max_side},
            {"max_pixels", &into.max_pixels},
            {"max_total_bytes", &into.max_total_bytes},
            {"max_bytes_beside_file_ids", &into.max_bytes_beside_file_ids},
        };
        const auto *bound = std::find_if(std::begin(bounds), std::end(bounds),
                                         [=](const auto &row) { return row.first == key; });
        if (bound != std::end(bounds)) {
            *bound->second = read_positive(here, member);
        } else if (key == "min") {
            into.min = member.integer() == 0 ? 0 : read_positive(here, member);
        } else if (key == "max") {
            into.max = read_positive(here, member);
        } else if (key == "mask") {
            read_mask(here, member, into);
        } else if (key == "formats") {
            into.formats = read_list(here, member, read_image_format);
        } else if (key == "file_ids") {
            into.takes_file_ids = read_truth(here, member);
        } else if (key == "prompt") {
            into.needs_prompt = read_truth(here, member);
        } else if (key == "field") {
            into.field = read_string(here, member);
        } else if (key == "list") {
            into.is_list = read_truth(here, member);
        } else if (key == "default_size") {
            into.default_size = read_string(here, member);
        } else if (key == "excludes") {
            into.excludes = read_excludes(here, member);
        } else if (key == "variation_excludes") {
            into.variation_excludes = read_excludes(here, member, true);
        } else {
            fail(here, "is not known");
        }
    }
    if (into.min > into.max) {
        fail(path + ".min", "is above max");
    }
}

void read_returns(const std::string &path, JsonValue value, ModelSpec &into) {
    expect_members(path, value, "form lifetime");
    const std::string_view form = value["form"].string();
    if (form != "url" && form != "b64_json") {
        fail(path + ".form", "must be \"url\" or \"b64_json\"");
    }
    into.returns = {form == "url", std::nullopt};
    if (const JsonValue lifetime = value["lifetime"]) {
        into.returns.lifetime = read_positive(path + ".lifetime", lifetime);
    }
}

int64_t read_date(const std::string &path, JsonValue value) {
    const auto time = parse_time(std::string(value.string()) + "T00:00:00Z");
    if (!time) {
        fail(path, "must be a date such as \"2026-12-01\"");
    }
    return *time;
}

void read_status(const std::string &path, JsonValue value, ModelSpec &into) {
    for (const ModelStatus status : {ModelStatus::current, ModelStatus::preview,
                                     ModelStatus::deprecated, ModelStatus::shut_down}) {
        if (name_of(status) == value.string()) {
            into.status = status;
            return;
        }
    }
    fail(path, "must be one of: current, preview, deprecated, shut_down");
}

}  // namespace

void read_model(const std::string &path, JsonValue object, ModelSpec &into) {
    expect_members(path, object,
                   "comment model family operations parameters inputs returns price status "
                   "released shutdown");
    if (const JsonValue model = object["model"]) {
        into.pattern = read_string(path + ".model", model);
    }
    if (const JsonValue operations = object["operations"]) {
        read_operations(path + ".operations", operations, into);
    }
    if (const JsonValue params = object["parameters"]) {
        read_params(path + ".parameters", params, into);
    }
    if (const JsonValue inputs = object["inputs"]) {
        read_inputs(path + ".inputs", inputs, into.inputs);
    }
    if (const JsonValue returns = object["returns"]) {
        read_returns(path + ".returns", returns, into);
    }
    if (const JsonValue price = object["price"]) {
        into.price = read_price(path + ".price", price);
    }
    if (const JsonValue status = object["status"]) {
        read_status(path + ".status", status, into);
    }
    if (const JsonValue released = object["released"]) {
        read_date(path + ".released", released);
        into.released = released.string();
    }
    if (const JsonValue shutdown = object["shutdown"]) {
        into.shutdown_time = read_date(path + ".shutdown", shutdown);
        into.shutdown = shutdown.string();
    }
}

}  // namespace gateway
