#include "core/catalog/model_spec.h"

#include <algorithm>

#include "core/glob.h"

namespace gateway {

namespace {

constexpr std::array<std::string_view, kOperationCount> kOperations = {"generate", "edit",
                                                                       "variation", "stream"};
constexpr std::array<std::string_view, 4> kStatuses = {"current", "preview", "deprecated",
                                                       "shut_down"};

}  // namespace

std::string_view name_of(Operation operation) {
    return kOperations[static_cast<size_t>(operation)];
}

std::optional<Operation> operation_named(std::string_view name) {
    const auto *found = std::find(kOperations.begin(), kOperations.end(), name);
    return found == kOperations.end()
               ? std::nullopt
               : std::optional(static_cast<Operation>(found - kOperations.begin()));
}

std::string_view name_of(ModelStatus status) {
    return kStatuses[static_cast<size_t>(status)];
}

bool SizeSpec::Rule::allows(Pixels size) const {
    const auto [shorter, longer] = std::minmax(size.width, size.height);
    return size.width % multiple_of == 0 && size.height % multiple_of == 0 && shorter >= min_side &&
           longer <= max_side && size.area() >= min_area && size.area() <= max_area &&
           static_cast<double>(longer) <= max_ratio * static_cast<double>(shorter);
}

bool SizeSpec::allows(Pixels size) const {
    return takes_any() || std::find(list.begin(), list.end(), size) != list.end() ||
           (rule && rule->allows(size));
}

bool ModelSpec::lists(std::string_view model, bool in_any_case) const {
    std::string_view name = pattern;
    name.remove_suffix(name.ends_with('*') ? 1 : 0);
    const bool is_same = in_any_case ? equal_in_any_case(model, name) : model == name;
    return is_same && name.find('*') == std::string_view::npos;
}

}  // namespace gateway
