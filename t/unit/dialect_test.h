// For tests: a dialect, and a request on its way to the provider.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalogues.h"
#include "core/catalog/fit.h"
#include "core/providers/dialect.h"
#include "core/request/decode.h"
#include "fake_ports.h"

namespace gateway {

class DialectTest : public testing::Test {
 protected:
    DialectTest(const char *api, const char *url) {
        provider.name = "p";
        provider.dialect = dialect_named(api);
        provider.url = url;
        provider.keys = {{"secret"}};
    }

    [[nodiscard]] const Dialect &dialect() const { return *provider.dialect; }

    ProviderRequest request(std::string_view model, const Params &params) {
        return {provider, provider.keys.data(), model, params, passed, "", "", trace, random};
    }
    HttpCall begin(std::string_view model, const Params &params) {
        return std::get<HttpCall>(dialect().begin(request(model, params)));
    }
    // What is sent for what a caller wrote, fitted to the model; "lora" may pass.
    HttpCall call_for(const char *model, const std::string &asked) {
        UnknownFields unknown;
        unknown.mode = UnknownFields::Mode::pass;
        unknown.names = {"lora"};
        const auto decoded = decode_request(asked, {unified_profile(), unknown});
        EXPECT_TRUE(decoded) << decoded.error().message;
        const ModelSpec *spec = built_in().find("", dialect().name(), model);
        const auto fitted = fit(decoded->params, *spec, FitMode::adapt);
        EXPECT_TRUE(fitted) << fitted.error().message;
        passed = decoded->passed;
        return begin(model, fitted->params);
    }
    std::string body_for(const char *model, const std::string &asked) {
        return call_for(model, asked).body.copy();
    }

    Provider provider;
    std::vector<JsonValue> passed;
    std::string trace;
    FakeRandom random;
};

}  // namespace gateway
