// A dialect that gets input images: how they stand in the request's body.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <variant>

#include "catalogues.h"
#include "core/catalog/fit.h"
#include "dialect_world.h"

namespace gateway {

// An input image of 100 x 60 pixels. Nobody looks at its bytes.
inline InputImage input_image(std::string bytes, ImageFormat format = ImageFormat::png) {
    InputImage image;
    image.field = "image";
    image.facts.format = format;
    image.facts.width = 100;
    image.facts.height = 60;
    image.content = Content::in_memory(std::move(bytes));
    return image;
}

struct EditWorld : DialectWorld {
    using DialectWorld::DialectWorld;

    // What is sent for these images and texts. A variation has no prompt.
    Work begin_edit(const char *model, const std::string &asked,
                    Operation operation = Operation::edit) {
        UnknownFields unknown;
        unknown.mode = UnknownFields::Mode::pass;
        unknown.names = {"own", "search_prompt", "left", "mask_blur"};
        auto request = decode_request(asked, {unified_profile(), unknown});
        EXPECT_TRUE(request) << request.error().message;
        if (operation == Operation::variation || !has_prompt) {
            request->params.clear(Param::prompt);
        }
        const ModelSpec &spec = model_of(dialect.name(), model);
        EXPECT_TRUE(spec.can(operation)) << model;
        EXPECT_LE(images.size(), static_cast<size_t>(spec.inputs.max)) << model;
        fits_.push_back(fit(request->params, spec, FitMode::adapt, operation));
        EXPECT_TRUE(fits_.back()) << fits_.back().error().message;
        return dialect.begin(
            {provider, provider.keys.data(), model, fits_.back()->params, request->passed, "req_1",
             "idem-1", "00-ab-cd-01", random,
             CallInputs{operation, images, has_mask ? &mask : nullptr, &spec.inputs}});
    }
    HttpCall edit(const char *model, const std::string &asked,
                  Operation operation = Operation::edit) {
        return std::get<HttpCall>(begin_edit(model, asked, operation));
    }

    std::vector<InputImage> images = {input_image("one")};
    InputImage mask = input_image("the mask");
    bool has_mask = false;
    bool has_prompt = true;  // if not, what is asked has one only for the decoder

 private:
    std::deque<tl::expected<Fitted, ApiError>> fits_;
};

// For bodies that are short enough to be compared as a whole.
struct EditCall : EditWorld {
    using EditWorld::EditWorld;

    // Images "one", "two" and so on, whose bytes are "1", "22" …, and the mask "m".
    HttpCall write(const char *model, size_t count, bool with_mask = false,
                   const std::string &asked = R"({"prompt":"x","seed":1})",
                   Operation operation = Operation::edit) {
        images.clear();
        for (size_t i = 1; i <= count; ++i) {
            images.push_back(
                input_image(std::string(i, static_cast<char>('0' + i)), ImageFormat::jpeg));
        }
        EXPECT_TRUE(!with_mask || model_of(dialect.name(), model).inputs.mask) << model;
        mask = input_image("m");
        has_mask = with_mask;
        return edit(model, asked, operation);
    }
    std::string body(const char *model, size_t count, bool with_mask = false,
                     const std::string &asked = R"({"prompt":"x","seed":1})",
                     Operation operation = Operation::edit) {
        return write(model, count, with_mask, asked, operation).body.copy();
    }
};

// The body of a form, with "B" for its boundary and without the lines' CRs.
inline std::string plain_form(const HttpCall &call) {
    constexpr std::string_view kType = "multipart/form-data; boundary=";
    const std::string type = header_of(call, "Content-Type");
    EXPECT_TRUE(type.starts_with(kType)) << type;
    std::string body = call.body.copy();
    const std::pair<std::string, std::string> changes[] = {
        {type.substr(std::min(kType.size(), type.size())), "B"}, {"\r", ""}};
    for (const auto &[from, to] : changes) {
        for (size_t at = 0; !from.empty() && (at = body.find(from, at)) != std::string::npos;) {
            body.replace(at, from.size(), to);
        }
    }
    return body;
}

// Parts of such a form.
inline std::string text_part(const std::string &name, const std::string &text) {
    return "--B\nContent-Disposition: form-data; name=\"" + name + "\"\n\n" + text + "\n";
}
inline std::string file_part(const std::string &name, const std::string &bytes,
                             const std::string &file = "image.png",
                             const std::string &type = "image/png") {
    return "--B\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + file +
           "\"\nContent-Type: " + type + "\n\n" + bytes + "\n";
}

}  // namespace gateway
