#include "core/sharing/order_digest.h"

#include <array>
#include <string>

#include "core/bytes/parts.h"
#include "core/json/writer.h"

namespace gateway {

namespace {

std::string_view as_text(const Sha256 &digest) {
    return {reinterpret_cast<const char *>(digest.data()), digest.size()};
}

std::optional<Sha256> digest_content(const Content &content) {
    constexpr size_t kPiece = size_t{64} * 1024;
    std::vector<char> piece(std::min(kPiece, content.size()));
    Sha256Stream stream;
    for (size_t at = 0; at < content.size();) {
        const size_t count = content.read(at, piece);
        if (count == 0) {
            return std::nullopt;
        }
        stream.add({piece.data(), count});
        at += count;
    }
    return stream.finish();
}

void add_params(std::string &text, const Params &params) {
    for (const Param param : all_params()) {
        if (params.has(param)) {
            add_part(text, name_of(param));
            add_part(text, to_json(params[param]));
            add_part(text, params.is_default(param) ? "default" : "");
        }
    }
}

void add_input(std::string &text, const InputImage &input, const Sha256 &digest) {
    add_part(text, input.file_id);
    add_part(text, as_text(digest));
}

}  // namespace

InputContents::InputContents(const InputImages &inputs) {
    images.reserve(inputs.images.size());
    for (const InputImage &image : inputs.images) {
        images.push_back(image.content);
    }
    if (inputs.mask) {
        mask = inputs.mask->content;
    }
}

std::optional<InputDigests> InputContents::digest() const {
    InputDigests digests;
    for (const Content &image : images) {
        const auto digest = digest_content(image);
        if (!digest) {
            return std::nullopt;
        }
        digests.images.push_back(*digest);
    }
    if (mask) {
        digests.mask = digest_content(*mask);
        if (!digests.mask) {
            return std::nullopt;
        }
    }
    return digests;
}

Sha256 digest_of(const Order &order, const InputDigests &inputs, std::string_view path) {
    const ImageRequest &request = order.request;
    std::string text;
    add_part(text, path);
    add_part(text, row_of(order.operation).request_type);
    add_part(text, order.requested_model);
    add_params(text, request.params);
    for (const std::string &fallback : request.fallbacks) {
        add_part(text, fallback);
    }
    add_part(text, "passed");
    for (const JsonValue field : request.passed) {
        JsonWriter value;
        add_part(text, field.key());
        add_part(text, std::move(value.exact(field)).finish_text());
    }
    add_part(text, "dropped");
    for (const Adjustment &adjustment : request.adjustments) {
        add_part(text, adjustment.param);
        add_part(text, adjustment.requested);
    }
    add_part(text, "inputs");
    for (size_t i = 0; i < order.inputs.images.size(); ++i) {
        add_input(text, order.inputs.images[i], inputs.images[i]);
    }
    if (order.inputs.mask) {
        add_part(text, "mask");
        add_input(text, *order.inputs.mask, *inputs.mask);
    }
    add_part(text, "form");
    add_part(text, order.form.format);
    add_part(text, request.mask_mode.exact ? "exact" : "model");
    add_part(text, std::to_string(request.mask_mode.feather.value_or(-1)));
    for (const bool flag : {order.strict, order.raw_request, order.raw_response, order.form.only_so,
                            order.fit == FitMode::strict, order.keeps_provenance}) {
        add_part(text, flag ? "yes" : "no");
    }
    return sha256(text);
}

}  // namespace gateway
