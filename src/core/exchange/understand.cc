#include "core/exchange/understand.h"

#include <utility>

namespace gateway {

namespace {

// The default model of the location, or that of the profile if it exists, or the alias "auto".
std::string_view default_model(const OrderSource &source) {
    if (!source.policy.default_model.empty()) {
        return source.policy.default_model;
    }
    const Field *field = source.policy.profile->field("model");
    if (field != nullptr && !field->default_value.empty() &&
        source.models.knows(field->default_value)) {
        return field->default_value;
    }
    return source.models.alias("auto") != nullptr ? "auto" : "";
}

// On a stream, images are bytes unless the client requested links explicitly.
ImageForm form_of(const OrderSource &source, const Order &order) {
    const Params &params = order.request.params;
    const std::string_view format = params.text(Param::response_format);
    const bool is_written = params.is_requested(Param::response_format);
    ImageForm form;
    form.format = !is_stream(order) ? format : format == "url" && is_written ? "url" : "b64_json";
    form.only_so = order.strict && is_written;
    form.fetch_rules = source.policy.fetch_rules;
    if (source.policy.hosting != nullptr) {
        const Hosting &hosting = *source.policy.hosting;
        form.hosting = source.policy.hosting;
        if (hosting.bucket == nullptr) {
            form.base_url = hosting.public_url.empty() ? source.head.base_url : hosting.public_url;
        }
    }
    return form;
}

// An image is passed through only to a client that can detect a reply that broke off.
Order::Progress progress_of(const OrderSource &source, const Order &order) {
    if (is_stream(order)) {
        return Order::Progress::events;
    }
    const bool is_passed_through = !source.policy.buffering && source.head.marks_end &&
                                   !order.raw_request && !order.raw_response &&
                                   order.form.format != "url" && !order.request.mask_mode.exact &&
                                   order.request.params.integer(Param::n, 1) == 1;
    return is_passed_through ? Order::Progress::pieces : Order::Progress::none;
}

void take_wishes(const OrderSource &source, Order &order) {
    order.strict = source.wishes.strict || source.policy.fit == FitMode::strict;
    order.fit = order.strict ? FitMode::strict : FitMode::adapt;
    order.raw_request = source.policy.raw && source.wishes.raw_request;
    order.raw_response = source.policy.raw && source.wishes.raw_response;
    order.client_request_id = source.head.request_id;
    order.idempotency_key = source.head.idempotency_key;
    order.answer_max = source.policy.answer_max;
    order.keeps_provenance = source.policy.keeps_provenance;
    order.place = source.policy.sharing.place;
    order.form = form_of(source, order);
    order.progress = progress_of(source, order);
}

}  // namespace

bool is_stream(const Order &order) {
    return order.request.params[Param::stream] == ParamValue(true);
}

tl::expected<void, ApiError> understand(const OrderSource &source, ReadBody &body, Order &order) {
    const std::string_view path_model = source.head.path_model;
    if (!path_model.empty() && !is_model_name(path_model)) {
        return tl::unexpected(
            ApiError::of(400, "invalid_value",
                         "The model in the path must be a name of 1 to 256 visible "
                         "ASCII characters.",
                         "model"));
    }
    order.body = std::move(body.text);
    auto request =
        decode_request(BodyText{order.body, body.is_form, body.files},
                       {*source.policy.profile, source.policy.unknown_fields, !path_model.empty(),
                        order.operation, source.policy.body.images.count});
    if (order.requested_model.empty()) {
        order.requested_model = request ? request->model : request.error().model;
    }
    if (!request) {
        return tl::unexpected(std::move(request.error()));
    }
    order.request = std::move(*request);
    order.operation = order.request.operation;
    if (order.requested_model.empty()) {
        order.requested_model = default_model(source);
    }
    if (order.requested_model.empty()) {
        return tl::unexpected(ApiError::of(
            400, "missing_required_parameter",
            "Missing required parameter: 'model'. This gateway has no default model.", "model"));
    }
    take_wishes(source, order);
    return {};
}

}  // namespace gateway
