// The built-in catalogue, and small catalogues for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/catalog/catalog.h"

namespace gateway {

inline Catalogue read_catalogue(std::string_view text, const Catalogue *below = nullptr) {
    auto read = Catalogue::read(text, below);
    if (!read) {
        ADD_FAILURE() << read.error();
        return {};
    }
    return std::move(*read);
}

inline const Catalogue &built_in() {
    static const Catalogue catalogue = read_catalogue(Catalogue::built_in());
    return catalogue;
}

// Of the built-in one, as a provider that is called like its api sees it.
inline const ModelSpec &model_of(std::string_view api, std::string_view model) {
    const ModelSpec *spec = built_in().find(api, api, model);
    if (spec == nullptr) {
        ADD_FAILURE() << "no such model: " << api << "/" << model;
        static const ModelSpec none;
        return none;
    }
    return *spec;
}

// A catalogue of one model, whose row has these further members.
inline std::string one_model(const std::string &members) {
    return R"({"apis":{"x":[{"model":"m","operations":["generate"],)" + members + "}]}}";
}
inline std::string with_parameters(const std::string &parameters) {
    return one_model(R"("parameters":{)" + parameters + "}");
}

// The model of such a catalogue.
inline ModelSpec model_with(const std::string &members) {
    const Catalogue catalogue = read_catalogue(one_model(members));
    const ModelSpec *spec = catalogue.find("x", "x", "m");
    return spec == nullptr ? ModelSpec() : *spec;
}
inline ModelSpec model_taking(const std::string &parameters) {
    return model_with(R"("parameters":{)" + parameters + "}");
}

}  // namespace gateway
