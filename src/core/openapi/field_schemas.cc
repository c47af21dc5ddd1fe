#include "core/openapi/field_schemas.h"

#include <string>
#include <string_view>

#include "core/request/decode_images.h"

namespace gateway {

namespace {

template <typename Visit>
void for_each_word(std::string_view words, Visit visit) {
    while (!words.empty()) {
        const size_t end = words.find(' ');
        visit(words.substr(0, end));
        words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    }
}

std::string_view json_type(FieldType type) {
    switch (type) {
        case FieldType::integer:
        case FieldType::mask_feather: return "integer";
        case FieldType::number: return "number";
        case FieldType::boolean: return "boolean";
        case FieldType::fallbacks: return "array";
        default: return "string";
    }
}

void write_type(JsonWriter &out, const Field &field) {
    out.key("type");
    if (field.nullable) {
        out.open_array().string(json_type(field.type)).string("null").close_array();
    } else {
        out.string(json_type(field.type));
    }
}

// For texts the bounds are numbers of characters.
void write_bounds(JsonWriter &out, const Field &field) {
    const bool text = json_type(field.type) == "string";
    if (field.min != INT64_MIN) {
        out.key(text ? "minLength" : "minimum").number(field.min);
    }
    if (field.max != INT64_MAX) {
        out.key(text ? "maxLength" : "maximum").number(field.max);
    }
}

void write_choices(JsonWriter &out, const Field &field) {
    out.key("enum").open_array();
    for_each_word(field.choices, [&](std::string_view word) { out.string(word); });
    if (field.nullable) {
        out.null();
    }
    out.close_array();
}

std::string_view description_of(FieldType type) {
    switch (type) {
        case FieldType::size:
            return "auto, WIDTHxHEIGHT in pixels such as 1536x1024, or a tier such as 2K.";
        case FieldType::ratio: return "W:H, such as 16:9.";
        case FieldType::resolution: return "A tier such as 512, 1K, 2K or 4K.";
        case FieldType::model: return "A model or an alias, as GET models lists it.";
        case FieldType::fallbacks: return "Models that are tried if the first fails.";
        default: return {};
    }
}

void write_fallbacks(JsonWriter &out) {
    out.key("items").json(
        R"({"oneOf":[{"type":"string","description":"provider/model"},{"type":"object",)"
        R"("properties":{"provider":{"type":"string"},"model":{"type":"string"}},)"
        R"("required":["provider","model"]}]})");
}

void write_field(JsonWriter &out, const Field &field) {
    out.key(field.name).open_object();
    write_type(out, field);
    write_bounds(out, field);
    if (!field.choices.empty()) {
        write_choices(out, field);
    }
    if (field.type == FieldType::model) {
        out.key("minLength").number(int64_t{1}).key("maxLength").number(int64_t{256});
    }
    if (field.type == FieldType::fallbacks) {
        write_fallbacks(out);
    }
    if (const auto text = description_of(field.type); !text.empty()) {
        out.key("description").string(text);
    }
    if (!field.default_value.empty()) {
        out.key("default").string(field.default_value);
    }
    out.close_object();
}

void write_fields(JsonWriter &out, const Profile &profile) {
    for (const Field &field : profile.fields) {
        write_field(out, field);
    }
}

// An edit may be without a prompt; it depends on the model. The path may have the model, so the
// schema of a body does not require it.
void write_required(JsonWriter &out, const Profile &profile, Operation operation,
                    std::string_view image) {
    out.key("required").open_array();
    for (const Field &field : profile.fields) {
        const bool spared = field.param == Param::prompt && operation != Operation::generate;
        if (field.required && !spared && field.type != FieldType::model) {
            out.string(field.name);
        }
    }
    if (!image.empty()) {
        out.string(image);
    }
    out.close_array();
}

void write_reference(JsonWriter &out, std::string_view name) {
    out.key(name).json(R"({"$ref":"#/components/schemas/ImageReferences"})");
}

}  // namespace

void write_body_schema(JsonWriter &out, const Profile &profile, Operation operation) {
    out.open_object().key("type").string("object").key("properties").open_object();
    write_fields(out, profile);
    for_each_word(operation == Operation::generate ? profile.generation_images : kInputImageFields,
                  [&](std::string_view name) { write_reference(out, name); });
    if (operation == Operation::edit) {
        out.key(kMaskField).json(R"({"$ref":"#/components/schemas/ImageReference"})");
    }
    out.close_object();
    write_required(out, profile, operation, {});
    out.close_object();
}

void write_form_schema(JsonWriter &out, const Profile &profile, Operation operation) {
    constexpr std::string_view kFile =
        R"({"type":"string","contentMediaType":"application/octet-stream"})";
    out.open_object().key("type").string("object").key("properties").open_object();
    write_fields(out, profile);
    out.key(kImageField).open_object().key("type").string("array").key("minItems");
    out.number(int64_t{1}).key("items").json(kFile).close_object();
    if (operation == Operation::edit) {
        out.key(kMaskField).json(kFile);
    }
    out.close_object();
    write_required(out, profile, operation, kImageField);
    out.close_object();
}

}  // namespace gateway
