// A call with input images, as a dialect writes it for a model of the built-in catalogue.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalogues.h"
#include "core/catalog/fit.h"
#include "core/providers/dialect.h"
#include "core/request/decode.h"
#include "fake_ports.h"

namespace gateway {

struct EditCall {
    EditCall(const char *api_name, const char *url) : api(api_name) {
        provider.name = "p";
        provider.dialect = dialect_named(api);
        provider.url = url;
        provider.keys = {{"secret"}};
    }

    // Images "one", "two" and so on, whose bytes are "1", "22" …, and the mask "m".
    HttpCall write(const char *model, size_t count, bool has_mask = false,
                   const std::string &asked = R"({"prompt":"x","seed":1})",
                   Operation operation = Operation::edit) {
        const ModelSpec &spec = model_of(api, model);
        EXPECT_TRUE(spec.can(operation)) << model;
        EXPECT_LE(count, static_cast<size_t>(spec.inputs.max)) << model;
        EXPECT_TRUE(!has_mask || spec.inputs.mask) << model;
        auto decoded = decode_request(asked, {unified_profile(), {}});
        EXPECT_TRUE(decoded) << decoded.error().message;
        if (!has_prompt) {
            decoded->params.clear(Param::prompt);
        }
        const auto fitted = fit(decoded->params, spec, FitMode::adapt, operation);
        EXPECT_TRUE(fitted) << fitted.error().message;
        std::vector<InputImage> images;
        for (size_t i = 1; i <= count; ++i) {
            images.push_back(image(std::string(i, static_cast<char>('0' + i)), ImageFormat::jpeg));
        }
        const InputImage mask = image("m", ImageFormat::png);
        const CallInputs inputs{operation, images, has_mask ? &mask : nullptr, &spec.inputs};
        return std::get<HttpCall>(provider.dialect->begin({provider,
                                                           provider.keys.data(),
                                                           model,
                                                           fitted->params,
                                                           {},
                                                           "",
                                                           "",
                                                           "",
                                                           random,
                                                           inputs}));
    }
    std::string body(const char *model, size_t count, bool has_mask = false,
                     const std::string &asked = R"({"prompt":"x","seed":1})",
                     Operation operation = Operation::edit) {
        return write(model, count, has_mask, asked, operation).body.copy();
    }

    static InputImage image(std::string bytes, ImageFormat format) {
        InputImage made;
        made.facts.format = format;
        made.content = Content::in_memory(std::move(bytes));
        return made;
    }

    const char *api;
    bool has_prompt = true;  // if not, what is asked has one only for the decoder
    Provider provider;
    FakeRandom random;
};

}  // namespace gateway
