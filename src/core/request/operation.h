// What models can do. Each operation of a request has a row with its names in replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gateway {

enum class Operation : uint8_t { generate, edit, variation, stream };

struct OperationRow {
    Operation operation;
    // extra_fields.request_type of a document, and of the events of a stream.
    std::string_view request_type;
    std::string_view request_type_of_stream;
    // The events of a stream.
    std::string_view preview_event;
    std::string_view completed_event;
};

inline constexpr OperationRow kOperationRows[] = {
    {Operation::generate, "image_generation", "image_generation_stream",
     "image_generation.partial_image", "image_generation.completed"},
    {Operation::edit, "image_edit", "image_edit_stream", "image_edit.partial_image",
     "image_edit.completed"},
    {Operation::variation, "image_variation", "image_variation_stream",
     "image_variation.partial_image", "image_variation.completed"},
};

constexpr const OperationRow &row_of(Operation operation) {
    size_t index = 0;
    while (kOperationRows[index].operation != operation) {
        ++index;
    }
    return kOperationRows[index];
}

}  // namespace gateway
