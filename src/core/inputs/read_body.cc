#include "core/inputs/read_body.h"

#include <algorithm>
#include <utility>

#include "core/images/image_inspector.h"
#include "core/inputs/image_text.h"
#include "core/inputs/json_images.h"
#include "core/request/form.h"
#include "core/request/multipart_reader.h"

namespace gateway {

namespace {

constexpr size_t kPieceOfBody = size_t{64} * 1024;
constexpr size_t kMaxCutOut = 64;  // strings; the number of images is checked later

std::string in_megabytes(size_t bytes) {
    constexpr size_t kMegabyte = size_t{1024} * 1024;
    return bytes % kMegabyte == 0 ? std::to_string(bytes / kMegabyte) + " MB"
                                  : std::to_string(bytes) + " bytes";
}

Problem too_large(const std::string &field, size_t max) {
    return {field, "image_too_large",
            field + " has more than " + in_megabytes(max) + ", the most that is allowed."};
}

ApiError error_of(Problem problem) {
    return ApiError::of(400, std::move(problem.code), std::move(problem.message),
                        std::move(problem.param));
}

// Looks at the files of a form as they pass.
class FormFiles final : public FileListener {
 public:
    explicit FormFiles(const InputLimits &limits) : limits_(limits) {}

    std::optional<Problem> on_file(const FormFile & /*file*/) override {
        inspector_.emplace();
        return std::nullopt;
    }
    std::optional<Problem> on_file_data(std::string_view piece) override {
        inspector_->feed(piece);
        size_ += piece.size();
        return std::nullopt;
    }
    std::optional<Problem> on_file_end(const FormFile &file) override {
        const size_t size = std::exchange(size_, 0);
        if (size > limits_.image_bytes) {
            return too_large(file.field, limits_.image_bytes);
        }
        facts.push_back(facts_from(*inspector_));
        return std::nullopt;
    }

    std::vector<ImageFacts> facts;

 private:
    const InputLimits &limits_;
    std::optional<ImageInspector> inspector_;
    size_t size_ = 0;
};

// Decodes the strings that are cut out of JSON into a file.
class CutOutImages final : public CutOutListener {
 public:
    CutOutImages(const InputLimits &limits, const SpoolFiles *spool)
        : limits_(limits), spool_(spool) {}

    bool on_string(std::string_view field) override {
        if (images.size() == kMaxCutOut) {
            error = ApiError::of(400, "array_above_max_length",
                                 "The request has too many input images.", std::string(field));
            return false;
        }
        images.emplace_back().field = field;
        text_ = {};
        inspector_.emplace();
        start_ = written_;
        return true;
    }

    bool on_string_data(std::string_view piece) override {
        text_.feed(piece, bytes_);
        return write();
    }

    bool on_string_end() override {
        FoundImage &image = images.back();
        image.problem = text_.finish(bytes_);
        if (!write()) {
            return false;
        }
        image.facts = facts_from(*inspector_);
        image.content = Content::in_file(file_, start_, written_ - start_);
        return true;
    }

    std::vector<FoundImage> images;
    std::optional<ApiError> error;

 private:
    bool write() {
        if (written_ + bytes_.size() - start_ > limits_.image_bytes) {
            error = error_of(too_large(images.back().field, limits_.image_bytes));
            return false;
        }
        if (file_ == nullptr) {
            file_ = spool_ == nullptr ? nullptr : spool_->create();
        }
        if (file_ == nullptr || !file_->append(bytes_)) {
            error = ApiError::of(507, "input_not_stored",
                                 "The gateway has no room on disk for the input images.");
            return false;
        }
        inspector_->feed(bytes_);
        written_ += bytes_.size();
        bytes_.clear();
        return true;
    }

    const InputLimits &limits_;
    const SpoolFiles *spool_;
    std::shared_ptr<SpoolFile> file_;
    ImageText text_;
    std::optional<ImageInspector> inspector_;
    std::string bytes_;
    size_t start_ = 0;
    size_t written_ = 0;
};

// Calls `take` with each piece of the body until it returns false. False if the body cannot be
// read.
template <typename Take>
bool for_each_piece(const ReceivedBody &body, Take take) {
    if (body.file == nullptr) {
        (void)take(std::string_view(body.text));
        return true;
    }
    std::string piece;
    for (uint64_t at = 0; at < body.size; at += piece.size()) {
        piece.resize(std::min<uint64_t>(kPieceOfBody, body.size - at));
        if (body.file->read(at, piece) != piece.size()) {
            return false;
        }
        if (!take(std::string_view(piece))) {
            return true;
        }
    }
    return true;
}

ReadBody failed(ApiError error) {
    ReadBody read;
    read.error = std::move(error);
    return read;
}

ReadBody unreadable() {
    return failed(
        ApiError::of(500, "body_not_read", "The gateway could not read the body of the request."));
}

Content content_of(const ReceivedBody &body, const FormFile &file) {
    return body.file == nullptr
               ? Content::in_memory(body.text.substr(file.offset, file.size))
               : Content::in_file(body.file, file.offset, static_cast<size_t>(file.size));
}

// ("image", 2) is "image[2]", and the only one is "image".
std::string place_of(const FormFile &file, const std::vector<FormFile> &all) {
    const auto is_beside = [&](const FormFile &other) {
        return other.field == file.field && other.index != file.index;
    };
    return std::any_of(all.begin(), all.end(), is_beside)
               ? file.field + "[" + std::to_string(file.index) + "]"
               : file.field;
}

ReadBody read_form(const ReceivedBody &body, const BodyLimits &limits) {
    auto boundary = read_boundary(body.content_type);
    if (!boundary) {
        return failed(error_of(std::move(boundary.error())));
    }
    FormFiles files(limits.images);
    FormLimits text_limits;
    text_limits.value_bytes = std::min(text_limits.value_bytes, limits.text_bytes);
    text_limits.text_bytes = std::min(text_limits.text_bytes, limits.text_bytes);
    FormCollector form(&files, text_limits);
    MultipartReader reader(*boundary, form);
    bool is_good = true;
    if (!for_each_piece(body,
                        [&](std::string_view piece) { return is_good = reader.feed(piece); })) {
        return unreadable();
    }
    if (!is_good || !reader.finish()) {
        return failed(error_of(reader.problem()));
    }
    ReadBody read;
    read.is_form = true;
    read.text = form.fields().json();
    for (size_t i = 0; i < form.files().size(); ++i) {
        const FormFile &file = form.files()[i];
        read.files.push_back(
            {place_of(file, form.files()), content_of(body, file), files.facts[i], ""});
    }
    return read;
}

ReadBody read_json(const ReceivedBody &body, const BodyLimits &limits, const SpoolFiles *spool) {
    CutOutImages images(limits.images, spool);
    JsonImages json(limits.text_bytes, images);
    if (!for_each_piece(body, [&](std::string_view piece) { return json.feed(piece); })) {
        return unreadable();
    }
    if (images.error) {
        return failed(std::move(*images.error));
    }
    if (json.is_too_large()) {
        return failed(ApiError::of(413));
    }
    ReadBody read;
    read.text = json.outline();
    read.files = std::move(images.images);
    return read;
}

}  // namespace

ReadBody read_body(const ReceivedBody &body, const BodyLimits &limits, const SpoolFiles *spool) {
    if (body.is_form()) {
        return read_form(body, limits);
    }
    return read_json(body, limits, spool);
}

bool is_plain_text(const ReceivedBody &body, const BodyLimits &limits) {
    return body.file == nullptr && !body.is_form() && body.text.size() <= limits.text_bytes;
}

ImageFacts facts_from(ImageInspector &inspector) {
    if (auto facts = inspector.finish()) {
        return *facts;
    }
    ImageFacts facts;
    facts.format = inspector.format();
    return facts;
}

FoundImage read_image_text(std::string field, std::string_view text) {
    FoundImage image;
    image.field = std::move(field);
    ImageText reader;
    std::string bytes;
    reader.feed(text, bytes);
    image.problem = reader.finish(bytes);
    ImageInspector inspector;
    inspector.feed(bytes);
    image.facts = facts_from(inspector);
    image.content = Content::in_memory(std::move(bytes));
    return image;
}

}  // namespace gateway
