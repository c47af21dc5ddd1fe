#include "core/sharing/cache_key.h"

#include <string>

#include "core/bytes/parts.h"
#include "core/json/writer.h"

namespace gateway {

namespace {

void add_digest(std::string &text, const Sha256 &digest) {
    add_part(text, {reinterpret_cast<const char *>(digest.data()), digest.size()});
}

// All parameters, by the table: none can be forgotten.
void add_call(std::string &text, const CallShare &call, bool with_user) {
    for (const Param param : all_params()) {
        if (call.params.has(param) && (with_user || param != Param::user)) {
            add_part(text, name_of(param));
            add_part(text, to_json(call.params[param]));
        }
    }
    add_part(text, std::to_string(call.first));
    add_part(text, std::to_string(call.images));
}

}  // namespace

std::optional<Sha256> cache_key(std::string_view scope, const Order &order,
                                const Candidate &candidate, const Prepared &prepared,
                                const InputDigests &inputs, bool for_end_user) {
    const bool with_user = for_end_user || order.request.params.has(Param::user);
    std::string text;
    add_part(text, scope);
    add_part(text, row_of(order.operation).request_type);
    add_part(text, candidate.provider->name);
    add_part(text, candidate.provider->url);
    add_part(text, candidate.model);
    for (const CallShare &call : prepared.calls) {
        add_part(text, "call");
        add_call(text, call, with_user);
    }
    add_part(text, "passed");
    for (const JsonValue field : prepared.passed) {
        JsonWriter value;
        add_part(text, field.key());
        add_part(text, std::move(value.exact(field)).finish_text());
    }
    add_part(text, "inputs");
    for (size_t i = 0; i < order.inputs.images.size(); ++i) {
        if (!order.inputs.images[i].has_content()) {
            return std::nullopt;
        }
        add_digest(text, inputs.images[i]);
    }
    if (order.inputs.mask) {
        add_part(text, "mask");
        add_digest(text, *inputs.mask);
    }
    add_part(text, "form");
    add_part(text, order.form.format);
    add_part(text, order.form.hosting == nullptr ? "" : order.form.hosting->directory);
    add_part(text, order.form.format == "b64_json" ? "" : order.form.base_url);  // of links
    if (prepared.exact_feather) {
        add_part(text, "exact");
        add_part(text, std::to_string(*prepared.exact_feather));
        add_part(text, order.strict ? "strict" : "");
        add_part(text, order.keeps_provenance ? "keeps provenance" : "");
    }
    return sha256(text);
}

}  // namespace gateway
