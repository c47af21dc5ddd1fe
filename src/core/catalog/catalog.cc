#include "core/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "core/glob.h"
#include "core/json/operators_file.h"
#include "core/request/fields.h"

namespace gateway {

namespace {

int64_t read_integer(const std::string &path, JsonValue value) {
    const auto integer = value.integer();
    if (!integer || *integer < 0) {
        fail(path, "must be an integer that is not negative");
    }
    return *integer;
}

std::vector<std::string> read_words(const std::string &path, JsonValue value) {
    if (!value.is(JsonKind::array)) {
        fail(path, "must be an array of strings");
    }
    std::vector<std::string> words;
    for (const JsonValue item : value) {
        if (!item.is(JsonKind::string)) {
            fail(path, "must be an array of strings");
        }
        words.emplace_back(item.string());
    }
    return words;
}

void check(const std::string &path, const ParamSpec &spec) {
    if (spec.min && spec.max && *spec.min > *spec.max) {
        fail(path + ".min", "is above max");
    }
    for (const auto &[alias, word] : spec.aliases) {
        if (std::find(spec.choices.begin(), spec.choices.end(), word) == spec.choices.end()) {
            fail(path + ".aliases." + alias, "is none of the choices");
        }
    }
}

ParamSpec read_param(const std::string &path, JsonValue value) {
    expect_object(path, value);
    ParamSpec spec;
    for (const JsonValue member : value) {
        const std::string_view key = member.key();
        const std::string here = path + "." + std::string(key);
        if (key == "min") {
            spec.min = read_integer(here, member);
        } else if (key == "max") {
            spec.max = read_integer(here, member);
        } else if (key == "max_length") {
            spec.max_length = read_integer(here, member);
        } else if (key == "choices") {
            spec.choices = read_words(here, member);
        } else if (key == "sizes") {
            spec.sizes = read_words(here, member);
        } else if (key == "multiple_of") {
            spec.multiple_of = read_integer(here, member);
            if (spec.multiple_of == 0) {
                fail(here, "must be at least 1");
            }
        } else if (key == "max_side") {
            spec.max_side = read_integer(here, member);
        } else if (key == "min_area") {
            spec.min_area = read_integer(here, member);
        } else if (key == "max_area") {
            spec.max_area = read_integer(here, member);
        } else if (key == "max_ratio") {
            spec.max_ratio = member.number().value_or(-1);
            if (spec.max_ratio < 1) {
                fail(here, "must be a number of at least 1");
            }
        } else if (key == "aliases") {
            expect_object(here, member);
            for (const JsonValue alias : member) {
                if (!alias.is(JsonKind::string)) {
                    fail(here + "." + std::string(alias.key()), "must be a string");
                }
                spec.aliases.emplace(alias.key(), alias.string());
            }
        } else {
            fail(here, "is not known");
        }
    }
    check(path, spec);
    return spec;
}

std::shared_ptr<const ParameterSet> read_set(const std::string &path, JsonValue value) {
    expect_object(path, value);
    auto set = std::make_shared<ParameterSet>();
    for (const JsonValue member : value) {
        const auto all = fields();
        const auto field = std::find_if(all.begin(), all.end(),
                                        [&](const Field &row) { return row.name == member.key(); });
        const std::string here = path + "." + std::string(member.key());
        if (field == all.end()) {
            fail(here, "is not a parameter");
        }
        set->params[static_cast<size_t>(field->param)] = read_param(here, member);
    }
    return set;
}

}  // namespace

bool ParamSpec::allows_size(std::string_view size) const {
    if (sizes.empty() && !has_size_rule()) {
        return true;
    }
    if (std::find(sizes.begin(), sizes.end(), size) != sizes.end()) {
        return true;
    }
    Pixels pixels;
    if (!has_size_rule() || !parse_size(size, pixels)) {
        return false;
    }
    const auto [shorter, longer] = std::minmax(pixels.width, pixels.height);
    const int64_t area = pixels.width * pixels.height;
    return pixels.width % multiple_of == 0 && pixels.height % multiple_of == 0 &&
           (max_side == 0 || longer <= max_side) && area >= min_area &&
           (max_area == 0 || area <= max_area) &&
           (max_ratio == 0 ||
            static_cast<double>(longer) <= max_ratio * static_cast<double>(shorter));
}

tl::expected<Catalogue, std::string> Catalogue::read(std::string_view text) {
    const auto document = JsonDocument::read(text, kOperatorsJson);
    if (!document) {
        return tl::unexpected("is not valid JSON near byte " +
                              std::to_string(document.error().offset) + ": " +
                              document.error().message);
    }
    Catalogue catalogue;
    try {
        const JsonValue root = document->root();
        expect_members("$", root, "comment parameter_sets apis");
        expect_object("$.parameter_sets", root["parameter_sets"]);
        expect_object("$.apis", root["apis"]);
        std::map<std::string, std::shared_ptr<const ParameterSet>, std::less<>> sets;
        for (const JsonValue set : root["parameter_sets"]) {
            const std::string name(set.key());
            sets[name] = read_set("$.parameter_sets." + name, set);
        }
        for (const JsonValue api : root["apis"]) {
            const std::string path = "$.apis." + std::string(api.key());
            if (!api.is(JsonKind::array)) {
                fail(path, "must be an array");
            }
            auto &models = catalogue.apis_[std::string(api.key())];
            for (const JsonValue row : api) {
                const std::string here = path + "[" + std::to_string(models.size()) + "]";
                expect_members(here, row, "model parameters");
                const auto set = sets.find(row["parameters"].string());
                if (row["model"].string().empty() || set == sets.end()) {
                    fail(here, "must name a model and a parameter set that exists");
                }
                models.push_back({std::string(row["model"].string()), set->second});
            }
        }
    } catch (const Mistake &mistake) {
        return tl::unexpected(mistake.text);
    }
    return catalogue;
}

const ModelSpec *Catalogue::find(std::string_view api, std::string_view model) const {
    const auto models = apis_.find(api);
    if (models == apis_.end()) {
        return nullptr;
    }
    const auto found =
        std::find_if(models->second.begin(), models->second.end(),
                     [=](const ModelSpec &spec) { return glob_matches(spec.pattern, model); });
    return found == models->second.end() ? nullptr : &*found;
}

bool Catalogue::lists(std::string_view api, std::string_view model) const {
    const ModelSpec *spec = find(api, model);
    return spec != nullptr && spec->pattern != "*";
}

}  // namespace gateway
