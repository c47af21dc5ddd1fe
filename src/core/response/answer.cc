#include "core/response/answer.h"

#include <span>

#include "core/providers/made_facts.h"

namespace gateway {

namespace {

void write_beside_content(JsonWriter &out, const Image &image) {
    if (!image.revised_prompt.empty()) {
        out.key("revised_prompt").string(image.revised_prompt);
    }
    out.key("index").number(image.index);
}

void write_content(JsonWriter &out, const Image &image, std::string_view response_format) {
    if (image.form == Image::Form::url) {
        out.key("url").string_by_reference("", image.content);
    } else if (response_format == "url") {
        const std::string prefix = "data:image/" + std::string(name_of(image.format)) + ";base64,";
        out.key("url").string_by_reference(prefix, image.content);
    } else {
        out.key("b64_json").string_by_reference("", image.content);
    }
    write_beside_content(out, image);
}

void write_known(JsonWriter &out, std::string_view key, std::string_view value) {
    if (!value.empty()) {
        out.key(key).string(value);
    }
}

void write_usage(JsonWriter &out, const Usage &told) {
    const Usage usage = with_all_details(told);
    out.key("usage").open_object();
    out.key("input_tokens").number(usage.input_tokens);
    out.key("input_tokens_details").open_object();
    out.key("image_tokens").number(usage.input_image_tokens);
    out.key("text_tokens").number(usage.input_text_tokens).close_object();
    out.key("output_tokens").number(usage.output_tokens);
    out.key("output_tokens_details").open_object();
    out.key("image_tokens").number(*usage.output_image_tokens);
    out.key("text_tokens").number(*usage.output_text_tokens).close_object();
    out.key("total_tokens").number(usage.total_tokens);
    out.close_object();
}

void write_attempt(JsonWriter &out, const AttemptRecord &attempt) {
    out.open_object();
    out.key("provider").string(attempt.provider);
    out.key("model").string(attempt.model);
    if (attempt.call) {
        out.key("call").number(static_cast<int64_t>(*attempt.call));
    }
    out.key("outcome").string(name_of(attempt.outcome));
    out.key("status");
    attempt.status == 0 ? out.null() : out.number(int64_t{attempt.status});
    out.key("code");
    attempt.code.empty() ? out.null() : out.string(attempt.code);
    if (!attempt.message.empty()) {
        out.key("message").string(attempt.message);
    }
    if (attempt.outcome == OutcomeType::made) {
        out.key("images").number(attempt.images);
    }
    if (attempt.cost) {
        out.key("billed").string("yes");
        out.key("cost").json(dollars(*attempt.cost));
    } else if (attempt.may_be_billed) {
        out.key("billed").string("unknown");
    }
    out.key("latency").number(attempt.latency).close_object();
}

// Calls `write` with the provider and model that made the images, or with those of the last
// attempt.
template <typename Write>
void with_maker(const AnswerFacts &facts, Write write) {
    if (facts.maker != nullptr) {
        write(facts.maker->provider, facts.maker->model);
    } else if (facts.history != nullptr && !facts.history->attempts().empty()) {
        const AttemptRecord &last = facts.history->attempts().back();
        write(last.provider, last.model);
    }
}

void write_attempts(JsonWriter &out, const History &history) {
    if (!history.attempts().empty()) {
        out.key("attempts").open_array();
        for (const AttemptRecord &attempt : history.attempts()) {
            write_attempt(out, attempt);
        }
        out.close_array();
    }
    if (!history.skipped().empty()) {
        out.key("skipped").open_array();
        for (const SkipRecord &skip : history.skipped()) {
            out.open_object();
            out.key("provider").string(skip.provider);
            out.key("model").string(skip.model);
            out.key("reason").string(name_of(skip.by)).close_object();
        }
        out.close_array();
    }
}

void write_adjustments(JsonWriter &out, const AnswerFacts &facts) {
    if (facts.adjustments == nullptr || facts.adjustments->empty()) {
        return;
    }
    out.key("adjustments").open_array();
    for (const Adjustment &adjustment : *facts.adjustments) {
        out.open_object();
        out.key("param").string(adjustment.param);
        out.key("requested").json(adjustment.requested);
        out.key("sent").json(adjustment.sent);
        out.key("reason").string(adjustment.reason).close_object();
    }
    out.close_array();
}

// The facts about each image besides its bytes.
void write_image_facts(JsonWriter &out, std::span<const Image> images) {
    out.key("images").open_array();
    for (const Image &image : images) {
        out.open_object().key("index").number(image.index);
        if (image.width != 0) {
            out.key("width").number(int64_t{image.width});
            out.key("height").number(int64_t{image.height});
        }
        if (image.format != ImageFormat::unknown) {
            out.key("format").string(name_of(image.format));
        }
        if (image.bytes != 0) {
            out.key("bytes").number(static_cast<int64_t>(image.bytes));
        }
        out.key("provenance");
        image.provenance == Provenance::none ? out.null() : out.string(name_of(image.provenance));
        if (image.outside_mask_changed) {
            out.key("outside_mask_changed").number(*image.outside_mask_changed);
        }
        if (image.expires_at) {
            out.key("expires_at").number(*image.expires_at);
        }
        if (image.seed) {
            out.key("seed").number(*image.seed);
        }
        out.close_object();
    }
    out.close_array();
}

void write_cost(JsonWriter &out, const Cost &cost) {
    out.key("cost").open_object().key("usd");
    cost.usd ? out.json(dollars(*cost.usd)) : out.null();
    out.key("basis").string(cost.basis).close_object();
}

void write_what_was_made(JsonWriter &out, const ImageWords &result) {
    write_known(out, "background", result.background);
    write_known(out, "output_format", result.output_format);
    write_known(out, "quality", result.quality);
    write_known(out, "size", result.size);
}

// What the input images really were.
void write_input(JsonWriter &out, const InputImage &input, std::string_view role) {
    out.open_object().key("role").string(role);
    if (input.has_content()) {
        out.key("width").number(int64_t{input.facts.width});
        out.key("height").number(int64_t{input.facts.height});
        out.key("format").string(name_of(input.facts.format));
        out.key("bytes").number(static_cast<int64_t>(input.content.size()));
    } else {
        out.key("file_id").string(input.file_id);
    }
    out.close_object();
}

void write_inputs(JsonWriter &out, const InputImages &inputs) {
    out.key("inputs").open_array();
    for (const InputImage &image : inputs.images) {
        write_input(out, image, "image");
    }
    if (inputs.mask) {
        write_input(out, *inputs.mask, "mask");
    }
    out.close_array();
}

void write_cache_facts(JsonWriter &out, const AnswerFacts &facts) {
    const CacheFacts &cache = *facts.cache;
    out.key("cache_debug").open_object().key("cache_hit").boolean(cache.hit);
    out.key("cache_id").string(cache.id);
    if (cache.hit) {
        out.key("hit_type").string("direct");
        out.key("requested_provider").string(cache.requested_provider);
        out.key("requested_model").string(cache.requested_model);
        out.key("provider_used").string(facts.maker->provider);
        out.key("model_used").string(facts.maker->model);
    }
    out.close_object();
}

void write_totals(JsonWriter &out, const AnswerFacts &facts) {
    if (facts.shared) {
        out.key("shared").boolean(true);
    }
    if (facts.cache != nullptr) {
        write_cache_facts(out, facts);
    }
    if (facts.inputs != nullptr && !facts.inputs->images.empty()) {
        write_inputs(out, *facts.inputs);
    }
    write_cost(out, facts.cost.value_or(Cost()));
    out.key("usage_basis").string(facts.usage_counted ? "counted" : "provider");
    if (!facts.raw_request.empty()) {
        out.key("raw_request").json(facts.raw_request);
    }
    if (!facts.raw_response.empty()) {
        out.key("raw_response").json(facts.raw_response);
    }
}

// The members of extra_fields that a success and an error share.
void write_facts(JsonWriter &out, const AnswerFacts &facts) {
    out.key("request_type")
        .string(facts.on_stream ? facts.operation->request_type_of_stream
                                : facts.operation->request_type);
    with_maker(facts, [&](std::string_view provider, std::string_view model) {
        out.key("provider").string(provider);
        out.key("model_deployment").string(model);
    });
    if (!facts.requested_model.empty()) {
        out.key("model_requested").string(facts.requested_model);
    }
    out.key("latency").number(facts.latency);
    if (facts.history != nullptr) {
        write_attempts(out, *facts.history);
    }
    write_adjustments(out, facts);
    if (facts.status_committed) {
        out.key("status_committed").boolean(true);
    }
}

void write_error_members(JsonWriter &out, const ApiError &error, const AnswerFacts &facts) {
    const auto nullable = [&](const std::string &text) {
        text.empty() ? out.null() : out.string(text);
    };
    out.key("is_bifrost_error").boolean(!error.from_provider);
    out.key("status_code").number(int64_t{error.status});
    out.key("error").open_object();
    out.key("type").string(error.type);
    out.key("code");
    nullable(error.code);
    out.key("message").string(error.message);
    out.key("param");
    nullable(error.param);
    out.key("event_id").string(facts.request_id);
    if (!error.details.empty()) {
        out.key("details").open_array();
        for (const Problem &problem : error.details) {
            out.open_object();
            out.key("param").string(problem.param);
            out.key("code").string(problem.code);
            out.key("message").string(problem.message).close_object();
        }
        out.close_array();
    }
    out.close_object();
    out.key("extra_fields").open_object();
    write_facts(out, facts);
    if (facts.shared) {
        out.key("shared").boolean(true);
    }
    if (facts.may_still_be_working) {
        out.key("may_still_be_working").boolean(*facts.may_still_be_working);
    }
    if (facts.cost) {
        write_cost(out, *facts.cost);
    }
    if (!facts.was_billed.empty()) {
        out.key("billed").string(facts.was_billed);
    }
    out.close_object();
}

// The members of a reply before its images, and those after them.
void write_front(JsonWriter &out, const AnswerFacts &facts) {
    out.open_object();
    out.key("id").string(facts.request_id);
    out.key("created").number(facts.created);
    with_maker(facts, [&](const std::string &provider, const std::string &model) {
        out.key("model").string(provider + "/" + model);
    });
    out.key("data").open_array();
}

void write_back(JsonWriter &out, const Result &result, const AnswerFacts &facts) {
    out.close_array();
    write_what_was_made(out, result.words);
    write_usage(out, result.bill.usage);
    out.key("extra_fields").open_object();
    write_facts(out, facts);
    out.key("chunk_index").number(facts.chunk_index);
    write_image_facts(out, result.images);
    write_totals(out, facts);
    out.close_object().close_object();
}

}  // namespace

Bytes write_images(const Result &result, const AnswerFacts &facts,
                   std::string_view response_format) {
    JsonWriter out;
    write_front(out, facts);
    for (const Image &image : result.images) {
        out.open_object();
        write_content(out, image, response_format);
        out.close_object();
    }
    write_back(out, result, facts);
    return std::move(out).finish();
}

void write_before_image(JsonWriter &out, const AnswerFacts &facts) {
    write_front(out, facts);
    out.open_object().key("b64_json").open_string();
}

void write_after_image(JsonWriter &out, const Result &result, const AnswerFacts &facts) {
    out.close_string();
    write_beside_content(out, result.images.front());
    out.close_object();
    write_back(out, result, facts);
}

Bytes write_completed(const ImageWords &words, const Image &image, const AnswerFacts &facts,
                      std::string_view response_format, bool is_last) {
    JsonWriter out;
    out.open_object();
    out.key("type").string(facts.operation->completed_event);
    write_content(out, image, response_format);
    out.key("created_at").number(facts.created);
    write_what_was_made(out, words);
    write_usage(out, image.usage);
    out.key("extra_fields").open_object();
    out.key("request_id").string(facts.request_id);
    write_facts(out, facts);
    out.key("chunk_index").number(facts.chunk_index);
    write_image_facts(out, std::span(&image, 1));
    if (is_last) {
        write_totals(out, facts);
    }
    out.close_object().close_object();
    return std::move(out).finish();
}

Bytes write_partial(const Preview &preview, const AnswerFacts &facts,
                    std::string_view response_format) {
    JsonWriter out;
    out.open_object();
    out.key("type").string(facts.operation->preview_event);
    out.key("partial_image_index").number(preview.number);
    write_content(out, preview.image, response_format);
    out.key("created_at").number(facts.created);
    write_what_was_made(out, preview.what);
    out.key("extra_fields").open_object();
    out.key("request_id").string(facts.request_id);
    write_facts(out, facts);
    out.key("chunk_index").number(facts.chunk_index);
    out.close_object().close_object();
    return std::move(out).finish();
}

std::string write_error(const ApiError &error, const AnswerFacts &facts) {
    JsonWriter out;
    out.open_object();
    out.key("event_id").string(facts.request_id);
    out.key("type").string(error.type);
    write_error_members(out, error, facts);
    out.close_object();
    return std::move(out).finish_text();
}

std::string write_error_event(const ApiError &error, const AnswerFacts &facts) {
    JsonWriter out;
    out.open_object();
    out.key("event_id").string(facts.request_id);
    out.key("type").string("error");
    write_error_members(out, error, facts);
    out.close_object();
    return std::move(out).finish_text();
}

}  // namespace gateway
