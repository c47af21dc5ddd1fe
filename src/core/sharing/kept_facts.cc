#include "core/sharing/kept_facts.h"

#include <algorithm>
#include <utility>

namespace gateway {

void write_optional(JsonWriter &out, std::string_view key, const std::optional<int64_t> &number) {
    if (number) {
        out.key(key).number(*number);
    }
}

namespace {

void write_kept_attempt(JsonWriter &out, const AttemptRecord &attempt) {
    out.open_object().key("provider").string(attempt.provider).key("model").string(attempt.model);
    out.key("outcome").string(name_of(attempt.outcome));
    out.key("status").number(int64_t{attempt.status}).key("code").string(attempt.code);
    out.key("message").string(attempt.message).key("latency").number(attempt.latency);
    out.key("images").number(attempt.images).key("may_be_billed").boolean(attempt.may_be_billed);
    write_optional(out, "cost", attempt.cost);
    if (attempt.call) {
        out.key("call").number(static_cast<int64_t>(*attempt.call));
    }
    out.close_object();
}

void write_kept_input(JsonWriter &out, const InputImage &input) {
    out.open_object().key("file_id").string(input.file_id);
    out.key("size").number(static_cast<int64_t>(input.content.size()));
    out.key("width").number(int64_t{input.facts.width});
    out.key("height").number(int64_t{input.facts.height});
    out.key("format").number(static_cast<int64_t>(input.facts.format)).close_object();
}

AttemptRecord read_kept_attempt(JsonValue value) {
    AttemptRecord attempt;
    attempt.provider = text_of(value["provider"]);
    attempt.model = text_of(value["model"]);
    attempt.outcome = outcome_named(value["outcome"].string()).value_or(OutcomeType::unknown);
    attempt.status = static_cast<int>(integer_of(value["status"]));
    attempt.code = text_of(value["code"]);
    attempt.message = text_of(value["message"]);
    attempt.latency = integer_of(value["latency"]);
    attempt.images = integer_of(value["images"]);
    attempt.may_be_billed = value["may_be_billed"].boolean().value_or(false);
    attempt.cost = value["cost"].integer();
    if (const auto call = value["call"].integer()) {
        attempt.call = static_cast<size_t>(*call);
    }
    return attempt;
}

InputImage read_kept_input(JsonValue value) {
    InputImage input;
    input.file_id = text_of(value["file_id"]);
    input.content =
        Content::of_size(static_cast<size_t>(std::max<int64_t>(integer_of(value["size"]), 0)));
    input.facts.width = static_cast<int>(integer_of(value["width"]));
    input.facts.height = static_cast<int>(integer_of(value["height"]));
    input.facts.format = enum_of(value["format"], ImageFormat::heic);
    return input;
}

}  // namespace

void write_history(JsonWriter &out, const History &history) {
    out.key("attempts").open_array();
    for (const AttemptRecord &attempt : history.attempts()) {
        write_kept_attempt(out, attempt);
    }
    out.close_array().key("skipped").open_array();
    for (const SkipRecord &skip : history.skipped()) {
        out.open_object().key("provider").string(skip.provider).key("model").string(skip.model);
        out.key("by").number(static_cast<int64_t>(skip.by)).close_object();
    }
    out.close_array();
}

void write_kept_adjustments(JsonWriter &out, std::string_view key,
                            const std::vector<Adjustment> &adjustments) {
    out.key(key).open_array();
    for (const Adjustment &adjustment : adjustments) {
        out.open_object().key("param").string(adjustment.param);
        out.key("requested").string(adjustment.requested).key("sent").string(adjustment.sent);
        out.key("reason").string(adjustment.reason).close_object();
    }
    out.close_array();
}

void write_kept_inputs(JsonWriter &out, const InputImages &inputs) {
    out.key("inputs").open_array();
    for (const InputImage &image : inputs.images) {
        write_kept_input(out, image);
    }
    out.close_array();
    if (inputs.mask) {
        out.key("mask");
        write_kept_input(out, *inputs.mask);
    }
}

int64_t integer_of(JsonValue value, int64_t otherwise) {
    return value.integer().value_or(otherwise);
}

std::string text_of(JsonValue value) {
    return std::string(value.string());
}

History read_history(JsonValue root, int64_t images_lost) {
    std::vector<AttemptRecord> attempts;
    for (const JsonValue attempt : root["attempts"]) {
        attempts.push_back(read_kept_attempt(attempt));
    }
    std::vector<SkipRecord> skipped;
    for (const JsonValue skip : root["skipped"]) {
        skipped.push_back({text_of(skip["provider"]), text_of(skip["model"]),
                           enum_of(skip["by"], Hindrance::memory)});
    }
    return {std::move(attempts), std::move(skipped), images_lost};
}

std::vector<Adjustment> read_kept_adjustments(JsonValue list) {
    std::vector<Adjustment> adjustments;
    for (const JsonValue value : list) {
        adjustments.push_back({text_of(value["param"]), text_of(value["requested"]),
                               text_of(value["sent"]), text_of(value["reason"])});
    }
    return adjustments;
}

InputImages read_kept_inputs(JsonValue root) {
    InputImages inputs;
    for (const JsonValue image : root["inputs"]) {
        inputs.images.push_back(read_kept_input(image));
    }
    if (const JsonValue mask = root["mask"]) {
        inputs.mask = read_kept_input(mask);
    }
    return inputs;
}

}  // namespace gateway
