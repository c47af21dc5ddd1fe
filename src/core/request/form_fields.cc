#include "core/request/form_fields.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/document.h"
#include "core/request/part_head.h"
#include "core/words.h"

namespace gateway {

namespace {

// Bifrost's clients send a list by repeating this field without brackets.
constexpr std::string_view kRepeatedFields = "fallbacks";

bool is_index(std::string_view text) {
    return !text.empty() && (text == "0" || text.front() != '0') &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

FieldPath::Step step_of(std::string_view brackets) {
    using Kind = FieldPath::Kind;
    return {brackets.empty()     ? Kind::next_item
            : is_index(brackets) ? Kind::item
                                 : Kind::member,
            brackets};
}

Problem bad_field(std::string_view name, std::string what) {
    return {std::string(name), "invalid_value", "Field " + quoted_name(name) + std::move(what)};
}

Problem duplicate_field(std::string_view name) {
    return {std::string(name), "duplicate_parameter",
            "Field " + quoted_name(name) +
                " is in the form more than once. For a list, put [] after the name."};
}

}  // namespace

std::optional<FieldPath> read_field_path(std::string_view name) {
    FieldPath path;
    const size_t base = std::min(name.find_first_of("[]"), name.size());
    if (base == 0) {
        return std::nullopt;
    }
    path.steps[path.count++] = {FieldPath::Kind::member, name.substr(0, base)};
    name.remove_prefix(base);
    while (!name.empty()) {
        const size_t end = name.find_first_of("[]", 1);
        if (name.front() != '[' || end == std::string_view::npos || name[end] != ']' ||
            path.count == FieldPath::kMaxSteps) {
            return std::nullopt;
        }
        path.steps[path.count++] = step_of(name.substr(1, end - 1));
        name.remove_prefix(end + 1);
    }
    return path;
}

std::optional<uint32_t> FormFields::child_at(uint32_t parent, const FieldPath::Step &step) const {
    const std::vector<uint32_t> &children = nodes_[parent].children;
    if (step.kind == FieldPath::Kind::member) {
        const auto found = std::find_if(children.begin(), children.end(), [&](uint32_t child) {
            return nodes_[child].key == step.text;
        });
        return found == children.end() ? std::nullopt : std::optional(*found);
    }
    size_t index = children.size();
    if (step.kind == FieldPath::Kind::item) {
        const char *end = step.text.data() + step.text.size();
        if (std::from_chars(step.text.data(), end, index).ec != std::errc()) {
            index = SIZE_MAX;
        }
    }
    return index < children.size()    ? std::optional(children[index])
           : index == children.size() ? std::nullopt
                                      : std::optional(UINT32_MAX);
}

std::optional<Problem> FormFields::add(std::string_view name, std::string value) {
    auto path = read_field_path(name);
    if (!path) {
        return bad_field(name,
                         " has a name that cannot be read. Brackets must be closed, as in x[a], "
                         "l[] or l[0], and at most " +
                             std::to_string(FieldPath::kMaxSteps - 1) + " may follow each other.");
    }
    if (path->count == 1 && is_one_of(name, kRepeatedFields)) {
        path->steps[path->count++] = {FieldPath::Kind::next_item, {}};
    }
    uint32_t at = 0;
    for (size_t i = 0; i < path->count; ++i) {
        const FieldPath::Step &step = path->steps[i];
        const bool is_last = i + 1 == path->count;
        const Shape needed = step.kind == FieldPath::Kind::member ? Shape::object : Shape::list;
        if (nodes_[at].shape != needed) {
            return bad_field(name,
                             " contradicts an earlier field of the form: the same name is "
                             "used for a text, a list or an object.");
        }
        if (step.kind == FieldPath::Kind::next_item && !is_last) {
            return bad_field(name,
                             " has brackets after []. Number the items of a list of lists "
                             "or objects, as in l[0][a].");
        }
        const auto child = child_at(at, step);
        if (child == UINT32_MAX) {
            return bad_field(name,
                             " does not follow the item before it. Number the items of a "
                             "list 0, 1, 2 and so on, in this order.");
        }
        if (child && is_last) {
            return nodes_[*child].shape == Shape::text
                       ? duplicate_field(name)
                       : bad_field(name,
                                   " contradicts an earlier field of the form: the same "
                                   "name is used for a text, a list or an object.");
        }
        if (child) {
            at = *child;
            continue;
        }
        if (nodes_[at].children.size() == kCallersJson.members) {
            return bad_field(name, " is one too many. There may be at most " +
                                       std::to_string(kCallersJson.members) +
                                       " text fields, and as many members or items in each.");
        }
        Node node;
        node.shape = is_last                                              ? Shape::text
                     : path->steps[i + 1].kind == FieldPath::Kind::member ? Shape::object
                                                                          : Shape::list;
        node.key = needed == Shape::object ? step.text : std::string_view();
        const auto index = static_cast<uint32_t>(nodes_.size());
        nodes_[at].children.push_back(index);
        nodes_.push_back(std::move(node));
        at = index;
    }
    nodes_[at].value = std::move(value);
    return std::nullopt;
}

std::string FormFields::json() const {
    JsonWriter out;
    write(out, 0);
    return std::move(out).finish_text();
}

void FormFields::write(JsonWriter &out, uint32_t index) const {
    const Node &node = nodes_[index];
    if (node.shape == Shape::text) {
        out.string(node.value);
        return;
    }
    const bool object = node.shape == Shape::object;
    object ? out.open_object() : out.open_array();
    for (const uint32_t child : node.children) {
        if (object) {
            out.key(nodes_[child].key);
        }
        write(out, child);
    }
    object ? out.close_object() : out.close_array();
}

}  // namespace gateway
