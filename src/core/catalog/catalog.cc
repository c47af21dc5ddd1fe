#include "core/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "core/catalog/read_model.h"
#include "core/glob.h"
#include "core/json/operators_file.h"

namespace gateway {

namespace {

ModelSpec read_row(const std::string &path, JsonValue row, const Catalogue::Families &families) {
    expect_object(path, row);
    ModelSpec spec;
    if (const JsonValue name = row["family"]) {
        const auto family = families.find(name.string());
        if (family == families.end()) {
            fail(path + ".family",
                 "is not the name of a family: \"" + std::string(name.string()) + "\"");
        }
        spec = family->second;
    }
    read_model(path, row, spec);
    return spec;
}

// Inserts new rows before old ones, because the first matching row counts.
void read_rows(const std::string &path, JsonValue table, const Catalogue::Families &families,
               std::vector<ModelSpec> &into) {
    if (!table.is(JsonKind::array)) {
        fail(path, "must be an array");
    }
    std::vector<ModelSpec> rows;
    for (const JsonValue row : table) {
        const std::string place = path + "[" + std::to_string(rows.size()) + "]";
        rows.push_back(read_row(place, row, families));
        if (rows.back().pattern.empty()) {
            fail(place, "must have a \"model\"");
        }
    }
    into.insert(into.begin(), std::make_move_iterator(rows.begin()),
                std::make_move_iterator(rows.end()));
}

void read_providers(JsonValue tables, const Catalogue::Families &families, Catalogue::Rows &into) {
    if (!tables) {
        return;
    }
    expect_object("$.providers", tables);
    for (const JsonValue table : tables) {
        const std::string name(table.key());
        read_rows("$.providers." + name, table, families, into[name]);
    }
}

void read_families(JsonValue families, Catalogue::Families &into) {
    if (!families) {
        return;
    }
    expect_object("$.families", families);
    for (const JsonValue family : families) {
        const std::string path = "$.families." + std::string(family.key());
        ModelSpec spec = read_row(path, family, into);
        if (!spec.pattern.empty()) {
            fail(path, "is a family and has no \"model\"");
        }
        into[std::string(family.key())] = std::move(spec);
    }
}

}  // namespace

tl::expected<Catalogue, std::string> Catalogue::read(std::string_view text,
                                                     const Catalogue *below) {
    const auto document = JsonDocument::read(text, kOperatorsJson);
    if (!document) {
        return tl::unexpected("is not valid JSON near byte " +
                              std::to_string(document.error().offset) + ": " +
                              document.error().message);
    }
    Catalogue catalogue = below == nullptr ? Catalogue() : *below;
    try {
        const JsonValue root = document->root();
        expect_members("$", root, "comment families apis providers");
        read_families(root["families"], catalogue.families_);
        catalogue.read_apis(root["apis"]);
        read_providers(root["providers"], catalogue.families_, catalogue.providers_);
    } catch (const Mistake &mistake) {
        return tl::unexpected(mistake.text);
    }
    return catalogue;
}

void Catalogue::read_apis(JsonValue apis) {
    if (!apis) {
        return;
    }
    expect_object("$.apis", apis);
    for (const JsonValue api : apis) {
        const std::string path = "$.apis." + std::string(api.key());
        if (!api.is(JsonKind::string)) {
            read_rows(path, api, families_, apis_[std::string(rows_of(api.key()))]);
        } else if (apis_.find(api.string()) == apis_.end()) {
            fail(path, "is not an api with rows that come before it: \"" +
                           std::string(api.string()) + "\"");
        } else {
            same_models_[std::string(api.key())] = api.string();
        }
    }
}

std::string_view Catalogue::rows_of(std::string_view api) const {
    const auto other = same_models_.find(api);
    return other == same_models_.end() ? api : std::string_view(other->second);
}

const ModelSpec *Catalogue::find_in(const Rows &rows, std::string_view name, std::string_view model,
                                    bool any_case) {
    const auto models = rows.find(name);
    if (models == rows.end()) {
        return nullptr;
    }
    const auto found =
        std::find_if(models->second.begin(), models->second.end(), [=](const ModelSpec &spec) {
            return glob_matches(spec.pattern, model, any_case ? 0 : model.size());
        });
    return found == models->second.end() ? nullptr : &*found;
}

const ModelSpec *Catalogue::find(std::string_view provider, std::string_view api,
                                 std::string_view model, bool any_case) const {
    const ModelSpec *own = find_in(providers_, provider, model, any_case);
    return own != nullptr ? own : find_in(apis_, rows_of(api), model, any_case);
}

bool Catalogue::lists(std::string_view provider, std::string_view api, std::string_view model,
                      bool any_case) const {
    const ModelSpec *spec = find(provider, api, model, any_case);
    return spec != nullptr && !spec->is_last_resort();
}

std::vector<const ModelSpec *> Catalogue::named(std::string_view provider,
                                                std::string_view api) const {
    std::vector<const ModelSpec *> all;
    const auto collect = [&](const Rows &rows, std::string_view name) {
        const auto models = rows.find(name);
        if (models == rows.end()) {
            return;
        }
        for (const ModelSpec &spec : models->second) {
            const bool counts = spec.pattern.find('*') == std::string::npos &&
                                find(provider, api, spec.pattern) == &spec;
            if (counts) {
                all.push_back(&spec);
            }
        }
    };
    collect(providers_, provider);
    collect(apis_, rows_of(api));
    return all;
}

}  // namespace gateway
