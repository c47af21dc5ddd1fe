#include "core/sharing/kept_result.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json/document.h"
#include "core/json/writer.h"
#include "core/sharing/kept_facts.h"

namespace gateway {

namespace {

constexpr std::string_view kFiles = "/images/files/";

// ---- writing

void write_usage_facts(JsonWriter &out, const Usage &usage) {
    out.open_array();
    out.number(usage.input_tokens).number(usage.input_text_tokens);
    out.number(usage.input_image_tokens).number(usage.output_tokens);
    for (const auto &optional : {usage.output_text_tokens, usage.output_image_tokens}) {
        optional ? out.number(*optional) : out.null();
    }
    out.number(usage.total_tokens).close_array();
}

void write_cost_facts(JsonWriter &out, std::string_view key, const Cost &cost) {
    out.key(key).open_object();
    write_optional(out, "usd", cost.usd);
    out.key("basis").string(cost.basis).close_object();
}

// The name of the image in the store that a link to the gateway leads to; empty: another link.
std::string_view stored_name(std::string_view link, std::string_view base_url) {
    if (base_url.empty() || !link.starts_with(base_url)) {
        return {};
    }
    link.remove_prefix(base_url.size());
    if (!link.starts_with(kFiles)) {
        return {};
    }
    link.remove_prefix(kFiles.size());
    const std::string_view name = link.substr(0, link.find('?'));
    return is_image_name(name) ? name : std::string_view();
}

void write_kept_image(JsonWriter &out, const Image &image, std::string_view link,
                      std::string_view name) {
    out.open_object().key("index").number(image.index);
    if (image.form == Image::Form::url) {
        out.key("link").string(link);
        if (!name.empty()) {
            out.key("name").string(name);
        }
    } else {
        out.key("size").number(static_cast<int64_t>(image.content.size()));
    }
    out.key("format").number(static_cast<int64_t>(image.format));
    out.key("revised_prompt").string(image.revised_prompt);
    write_optional(out, "seed", image.seed);
    out.key("width").number(int64_t{image.width}).key("height").number(int64_t{image.height});
    out.key("bytes").number(static_cast<int64_t>(image.bytes));
    out.key("provenance").number(static_cast<int64_t>(image.provenance));
    if (image.outside_mask_changed) {
        out.key("outside_mask_changed").number(*image.outside_mask_changed);
    }
    write_optional(out, "expires_at", image.expires_at);
    out.key("usage");
    write_usage_facts(out, image.usage);
    out.close_object();
}

void write_kept_error(JsonWriter &out, const ApiError &error) {
    out.key("error").open_object().key("status").number(int64_t{error.status});
    out.key("type").string(error.type).key("code").string(error.code);
    out.key("message").string(error.message).key("param").string(error.param);
    if (error.retry_after) {
        out.key("retry_after").number(int64_t{*error.retry_after});
    }
    out.key("from_provider").boolean(error.from_provider).key("details").open_array();
    for (const Problem &problem : error.details) {
        out.open_object().key("param").string(problem.param).key("code").string(problem.code);
        out.key("message").string(problem.message).close_object();
    }
    out.close_array().close_object();
}

void write_kept_words(JsonWriter &out, const ImageWords &words) {
    out.key("words").open_object().key("size").string(words.size);
    out.key("quality").string(words.quality).key("background").string(words.background);
    out.key("output_format").string(words.output_format).close_object();
}

// ---- reading

Usage read_usage_facts(JsonValue value) {
    Usage usage;
    usage.input_tokens = integer_of(value.at(0));
    usage.input_text_tokens = integer_of(value.at(1));
    usage.input_image_tokens = integer_of(value.at(2));
    usage.output_tokens = integer_of(value.at(3));
    usage.output_text_tokens = value.at(4).integer();
    usage.output_image_tokens = value.at(5).integer();
    usage.total_tokens = integer_of(value.at(6));
    return usage;
}

// The basis refers to a constant.
Cost read_cost_facts(JsonValue value) {
    constexpr std::string_view kBases[] = {"provider", "tokens", "image", "megapixels", "mixed"};
    Cost cost;
    cost.usd = value["usd"].integer();
    for (const std::string_view basis : kBases) {
        if (basis == value["basis"].string()) {
            cost.basis = basis;
        }
    }
    return cost;
}

ApiError read_kept_error(JsonValue value) {
    ApiError error = ApiError::of(static_cast<int>(integer_of(value["status"], 500)));
    error.type = text_of(value["type"]);
    error.code = text_of(value["code"]);
    error.message = text_of(value["message"]);
    error.param = text_of(value["param"]);
    if (const auto seconds = value["retry_after"].integer()) {
        error.retry_after = static_cast<int>(*seconds);
    }
    error.from_provider = value["from_provider"].boolean().value_or(false);
    for (const JsonValue problem : value["details"]) {
        error.details.push_back(
            {text_of(problem["param"]), text_of(problem["code"]), text_of(problem["message"])});
    }
    return error;
}

ImageWords read_kept_words(JsonValue value) {
    return {text_of(value["size"]), text_of(value["quality"]), text_of(value["background"]),
            text_of(value["output_format"])};
}

// Signs a link to the store anew.
void renew_link(Image &image, std::string_view name, const Hosting &hosting, int64_t links_end) {
    const std::string link = image.content.copy();
    const std::string base = link.substr(0, link.find(kFiles));
    image.content = Bytes::own(base + "/" + signed_link(name, links_end, hosting.keys.front()));
    image.expires_at = links_end;
}

Image read_kept_image(JsonValue value) {
    Image image;
    image.index = integer_of(value["index"]);
    image.format = enum_of(value["format"], ImageFormat::heic);
    image.revised_prompt = text_of(value["revised_prompt"]);
    image.seed = value["seed"].integer();
    image.width = static_cast<int>(integer_of(value["width"]));
    image.height = static_cast<int>(integer_of(value["height"]));
    image.bytes = static_cast<size_t>(integer_of(value["bytes"]));
    image.provenance = enum_of(value["provenance"], Provenance::c2pa_lost);
    image.outside_mask_changed = value["outside_mask_changed"].number();
    image.expires_at = value["expires_at"].integer();
    image.usage = read_usage_facts(value["usage"]);
    return image;
}

// Gives each image its content. False if the file has not the size that the facts say.
bool read_kept_images(JsonValue list, const KeptRecord &record, const Hosting *hosting,
                      int64_t links_end, std::vector<Image> &images) {
    size_t at = 0;
    for (const JsonValue value : list) {
        Image image = read_kept_image(value);
        if (const JsonValue link = value["link"]) {
            image.form = Image::Form::url;
            image.content = Bytes::own(text_of(link));
            const std::string_view name = value["name"].string();
            // The record may be older than the configuration.
            if (hosting != nullptr && hosting->bucket == nullptr && !name.empty()) {
                renew_link(image, name, *hosting, links_end);
            }
        } else {
            const auto size = static_cast<size_t>(std::max<int64_t>(integer_of(value["size"]), 0));
            image.content = record.images.part(at, size);
            if (image.content.size() != size) {
                return false;
            }
            at += size;
        }
        images.push_back(std::move(image));
    }
    return at == record.images.size();
}

}  // namespace

Keeping keep_result(const KeptResult &kept, std::string_view base_url) {
    const Result &result = kept.result;
    Keeping keeping;
    JsonWriter out;
    out.open_object().key("request_id").string(kept.request_id);
    out.key("created").number(kept.created).key("latency").number(kept.latency);
    out.key("status").number(int64_t{kept.status}).key("billed").boolean(kept.billed);
    if (result.error) {
        write_kept_error(out, *result.error);
    }
    if (result.outcome) {
        out.key("outcome").string(name_of(*result.outcome));
    }
    out.key("provider").string(result.maker.provider).key("model").string(result.maker.model);
    write_kept_words(out, result.words);
    out.key("images").open_array();
    for (const Image &image : result.images) {
        const bool is_link = image.form == Image::Form::url;
        const std::string link = is_link ? image.content.copy() : std::string();
        const std::string_view name = stored_name(link, base_url);
        if (!name.empty()) {
            keeping.names.emplace_back(name);
            keeping.bytes += image.bytes;
        }
        write_kept_image(out, image, link, name);
        if (!is_link) {
            keeping.images.append(image.content);
        }
    }
    out.close_array().key("usage");
    write_usage_facts(out, result.bill.usage);
    out.key("counted").boolean(result.bill.counted);
    write_cost_facts(out, "cost", result.bill.cost);
    if (result.withheld_cost) {
        write_cost_facts(out, "withheld_cost", *result.withheld_cost);
    }
    write_kept_adjustments(out, "adjustments", result.adjustments);
    write_history(out, result.history);
    write_kept_inputs(out, kept.inputs);
    out.key("raw_request").string(result.raw_request);
    out.key("raw_response").string(result.raw_response);
    out.key("requested").number(result.requested).key("withheld").number(result.withheld);
    out.key("missing").string(result.missing).close_object();
    keeping.facts = std::move(out).finish_text();
    keeping.bytes += keeping.images.size();
    return keeping;
}

std::optional<KeptResult> read_kept(const KeptRecord &record, const Hosting *hosting,
                                    int64_t links_end) {
    if (record.facts.empty()) {
        return interrupted_result(record.request_id);
    }
    constexpr JsonLimits kOwnJson{32, size_t{1} << 20, size_t{1} << 16, false, false};
    const auto document = JsonDocument::read(record.facts, kOwnJson);
    if (!document) {
        return std::nullopt;
    }
    const JsonValue root = document->root();
    KeptResult kept;
    kept.request_id = text_of(root["request_id"]);
    kept.created = integer_of(root["created"]);
    kept.latency = integer_of(root["latency"]);
    kept.status = static_cast<int>(integer_of(root["status"], 200));
    kept.expires = record.expires;
    kept.billed = root["billed"].boolean().value_or(false);
    Result &result = kept.result;
    if (const JsonValue error = root["error"]) {
        result.error = read_kept_error(error);
    }
    result.outcome = outcome_named(root["outcome"].string());
    result.maker = {text_of(root["provider"]), text_of(root["model"])};
    result.words = read_kept_words(root["words"]);
    if (!read_kept_images(root["images"], record, hosting, links_end, result.images)) {
        return std::nullopt;
    }
    result.bill.usage = read_usage_facts(root["usage"]);
    result.bill.counted = root["counted"].boolean().value_or(false);
    result.bill.cost = read_cost_facts(root["cost"]);
    if (const JsonValue cost = root["withheld_cost"]) {
        result.withheld_cost = read_cost_facts(cost);
    }
    result.adjustments = read_kept_adjustments(root["adjustments"]);
    result.history = read_history(root);
    kept.inputs = read_kept_inputs(root);
    result.raw_request = text_of(root["raw_request"]);
    result.raw_response = text_of(root["raw_response"]);
    result.requested = integer_of(root["requested"]);
    result.withheld = integer_of(root["withheld"]);
    result.missing = text_of(root["missing"]);
    if (!result.error && result.images.empty()) {
        return std::nullopt;
    }
    return kept;
}

std::optional<KeptResult> read_kept_at(const KeptRecord &record, const Hosting *hosting,
                                       int64_t now) {
    const int64_t lifetime = hosting == nullptr ? 0 : hosting->lifetime;
    return read_kept(record, hosting, std::min(now + lifetime, record.expires));
}

KeptResult kept_or_interrupted(const KeptRecord &record, const Hosting *hosting, int64_t now) {
    auto kept = read_kept_at(record, hosting, now);
    return kept ? std::move(*kept) : interrupted_result(record.request_id);
}

InputImages facts_of_inputs(const InputImages &inputs) {
    const auto facts_of = [](const InputImage &input) {
        InputImage facts;
        facts.file_id = input.file_id;
        facts.facts = input.facts;
        facts.content = Content::of_size(input.content.size());
        return facts;
    };
    InputImages facts;
    for (const InputImage &image : inputs.images) {
        facts.images.push_back(facts_of(image));
    }
    if (inputs.mask) {
        facts.mask = facts_of(*inputs.mask);
    }
    return facts;
}

KeptResult interrupted_result(std::string request_id) {
    KeptResult kept;
    kept.request_id = std::move(request_id);
    kept.status = 502;
    kept.billed = true;
    kept.result.error = ApiError::of(kept.status, "outcome_unknown",
                                     "The gateway was stopped while it worked on this request. The "
                                     "images may have been made and "
                                     "billed, so they are not made again.");
    kept.result.outcome = OutcomeType::unknown;
    return kept;
}

KeptResult lost_in_queue(std::string request_id) {
    KeptResult kept;
    kept.request_id = std::move(request_id);
    kept.status = 503;
    kept.result.error = ApiError::of(kept.status, "job_lost",
                                     "The gateway was stopped before it began with this job. "
                                     "Nothing was made or billed: send it again.");
    return kept;
}

}  // namespace gateway
