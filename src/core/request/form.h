// Collects a form of multipart/form-data: its text fields as values, and its files as ranges of the
// body. The bytes of files are not kept; a FileListener sees them as they pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_error.h"
#include "core/request/form_fields.h"
#include "core/request/multipart_reader.h"

namespace gateway {

struct FormFile {
    // The field that it belongs to. For image, image[], image[0], images and images[] it is
    // "image". Other names lose a [] or [0] at their end.
    std::string field;
    size_t index = 0;  // among the files of this field, in the order of arrival
    std::string name;  // of the field, as written
    std::string file_name;
    std::string declared_type;  // the Content-Type of the part; not to be relied on
    uint64_t offset = 0;        // of its first byte, in the body
    uint64_t size = 0;
};

// Sees each file of a form as it passes. A problem that it returns ends the reading.
class FileListener {
 public:
    virtual ~FileListener() = default;
    // The size is not known yet.
    virtual std::optional<Problem> on_file(const FormFile &file) = 0;
    virtual std::optional<Problem> on_file_data(std::string_view piece) = 0;
    virtual std::optional<Problem> on_file_end(const FormFile &file) = 0;
};

struct FormLimits {
    size_t value_bytes = 1024 * 1024;     // of one text field
    size_t text_bytes = 2 * 1024 * 1024;  // of all text fields
};

// A part is a file if it
//   - has a file name, even an empty one; or
//   - declares a type that is neither text nor JSON: clients that make a part from bytes give it a
//     type, and not always a name; or
//   - belongs to a field of images, has neither name nor type, and begins with bytes that no text
//     begins with: `curl -F image=<a.png` sends that.
// All others are text: the SDKs' text parts have no Content-Type, those of Java and .NET clients
// text/plain, or application/json. A charset is not looked at: text that is not UTF-8 is refused.
class FormCollector final : public PartListener {
 public:
    // `listener` may be null. Otherwise it must outlive the collector.
    explicit FormCollector(FileListener *listener = nullptr, const FormLimits &limits = {})
        : listener_(listener), limits_(limits) {}

    std::optional<Problem> on_part(const PartHead &head) override;
    std::optional<Problem> on_data(std::string_view piece, uint64_t offset) override;
    std::optional<Problem> on_part_end() override;

    // Those that have arrived, in their order.
    [[nodiscard]] const std::vector<FormFile> &files() const { return files_; }
    [[nodiscard]] const FormFields &fields() const { return fields_; }
    // The bytes of text that it holds.
    [[nodiscard]] size_t text_bytes() const { return text_bytes_; }

 private:
    enum class Kind : uint8_t { text, text_or_file, file };

    std::optional<Problem> decide();
    std::optional<Problem> add(std::string_view piece);
    std::optional<Problem> add_to_text(std::string_view piece);
    std::optional<Problem> add_to_file(std::string_view piece);
    std::optional<Problem> announce_file();
    std::optional<Problem> end_text();
    std::optional<Problem> end_file();
    std::optional<Problem> find_exploded_buffer();
    [[nodiscard]] Problem not_utf8() const;

    FileListener *const listener_;
    const FormLimits limits_;
    std::vector<FormFile> files_;
    FormFields fields_;
    size_t text_bytes_ = 0;
    size_t escapes_ = 0;     // characters of text that JSON escapes, which is slow
    size_t byte_parts_ = 0;  // text parts that look like single bytes of an image

    // Of the part that arrives.
    Kind kind_ = Kind::text;
    std::string name_;
    std::string value_;   // of a text
    size_t checked_ = 0;  // bytes of the value that are known to be UTF-8
    FormFile file_;
    std::array<char, 16> front_{};  // the beginning of what may be a text or a file
    size_t front_size_ = 0;
    bool is_announced_ = false;  // the file, to the listener
    bool is_nameless_ = false;   // its file name is empty
};

}  // namespace gateway
