#include "core/providers/raw_exchange.h"

#include <algorithm>
#include <utility>

#include "core/json/text.h"
#include "core/json/writer.h"
#include "core/providers/image_value.h"
#include "core/providers/redact.h"

namespace gateway {

namespace {

// To read and write more than this would block the event loop for too long.
constexpr size_t kMaxShown = size_t{64} * 1024;

class RawWriter {
 public:
    explicit RawWriter(const std::vector<std::string> &secrets) : secrets_(secrets) {}

    void elide(size_t bytes) { out_.string("[" + std::to_string(bytes) + " bytes left out]"); }

    void show(JsonValue value) {
        switch (value.kind()) {
            case JsonKind::lifted: elide(value.lifted()->content.size()); return;
            case JsonKind::string: show_text(value); return;
            case JsonKind::object:
            case JsonKind::array: break;
            default: out_.exact(value); return;
        }
        const bool object = value.is(JsonKind::object);
        object ? out_.open_object() : out_.open_array();
        for (const JsonValue child : value) {
            if (object) {
                out_.key(hide_secrets(std::string(child.key()), secrets_));
            }
            show(child);
        }
        object ? out_.close_object() : out_.close_array();
    }

    std::string shown() && { return std::move(out_).finish_text(); }

 private:
    void show_text(JsonValue value) {
        const std::string_view text = value.string();
        if (begins_as_image(value)) {
            elide(text.size());
        } else {
            out_.string(hide_secrets(std::string(text), secrets_));
        }
    }

    const std::vector<std::string> &secrets_;
    JsonWriter out_;
};

std::string show(std::string_view text, const std::vector<LiftedString> *lifted,
                 const std::vector<std::string> &secrets) {
    if (text.size() <= kMaxShown) {
        const auto document = JsonDocument::read(text, kProvidersJson, lifted);
        if (document) {
            RawWriter writer(secrets);
            writer.show(document->root());
            return std::move(writer).shown();
        }
    }
    constexpr size_t kMaxOfNoJson = 1024;
    JsonWriter out;
    out.string(
        front_of(hide_secrets(std::string(front_of(text, kMaxShown)), secrets), kMaxOfNoJson));
    return std::move(out).finish_text();
}

// Whether the body is a form: it is shown as the texts of its parts, and the sizes of its files.
bool is_form(const HttpCall &call) {
    constexpr std::string_view kType = "Content-Type: multipart/";
    return std::any_of(call.headers.begin(), call.headers.end(),
                       [=](const std::string &header) { return header.starts_with(kType); });
}

std::string show_form(std::string_view text, const std::vector<std::string> &secrets) {
    constexpr std::string_view kName = "name=\"";
    const std::string_view delimiter = text.substr(0, text.find("\r\n"));
    JsonWriter out;
    out.open_array();
    while (text.starts_with(delimiter) && !delimiter.empty()) {
        const size_t name = text.find(kName);
        const size_t end_of_name = text.find('"', name + kName.size());
        const size_t value = text.find("\r\n\r\n");
        if (name == text.npos || end_of_name == text.npos || value == text.npos) {
            break;
        }
        const std::string_view rest = text.substr(value + 4);
        const size_t end = std::min(rest.find("\r\n" + std::string(delimiter)), rest.size());
        const std::string_view head = text.substr(end_of_name + 1, value - end_of_name - 1);
        out.open_object().key("name").string(
            text.substr(name + kName.size(), end_of_name - name - kName.size()));
        if (const size_t type = head.find("Content-Type: "); type != head.npos) {
            out.key("type").string(head.substr(type + std::string_view("Content-Type: ").size()));
        }
        out.key("value").string(hide_secrets(std::string(rest.substr(0, end)), secrets));
        out.close_object();
        text = rest.substr(std::min(rest.size(), end + 2));
    }
    return std::move(out.close_array()).finish_text();
}

}  // namespace

std::string show_request(const HttpCall &call, const std::vector<std::string> &secrets) {
    if (is_form(call)) {
        return show_form(call.body.outline(kMaxShown), secrets);
    }
    return show(call.body.outline(kMaxShown + 1), nullptr, secrets);
}

std::string show_event(const ServerEvent &event, const std::vector<std::string> &secrets) {
    return show(event.data.outline, &event.data.strings, secrets);
}

std::string show_response(const HttpResponse &response, const std::vector<std::string> &secrets) {
    if (!response.image.empty()) {
        RawWriter writer(secrets);
        writer.elide(response.image.size());
        return std::move(writer).shown();
    }
    return show(response.body.outline, &response.body.strings, secrets);
}

}  // namespace gateway
