// The first bytes choose the limits and the pieces; the rest is the body of a form with the
// boundary B.
#include "core/request/form.h"

#include <vector>

#include "core/json/document.h"
#include "fuzz.h"
#include "pieces.h"

namespace gateway {
namespace {

// Joins what it sees of the last file.
class LastFile final : public FileListener {
 public:
    std::optional<Problem> on_file(const FormFile &file) override {
        promise(ended, "files do not overlap");
        ended = false;
        bytes.clear();
        promise(file.size == 0, "a new file has no bytes yet");
        return std::nullopt;
    }
    std::optional<Problem> on_file_data(std::string_view piece) override {
        promise(!ended && !piece.empty(), "only a file has bytes");
        bytes += piece;
        return std::nullopt;
    }
    std::optional<Problem> on_file_end(const FormFile &file) override {
        promise(!ended && file.size == bytes.size(), "all bytes of a file were seen");
        ended = true;
        return std::nullopt;
    }

    std::string bytes;
    bool ended = true;
};

struct Collected {
    std::string problem;
    std::string json;
    std::vector<FormFile> files;
};

Collected collect(std::string_view body, const FormLimits &limits, const uint8_t *sizes) {
    LastFile last;
    FormCollector form(&last, limits);
    MultipartReader reader("B", form);
    const bool good = feed_in_pieces(reader, body, sizes);
    promise(form.text_bytes() <= limits.text_bytes, "text keeps its limit", body);
    Collected collected{{}, form.fields().json(), form.files()};
    if (!good) {
        const Problem &problem = reader.problem();
        collected.problem = problem.param + "|" + problem.code + "|" + problem.message;
        return collected;
    }
    promise(last.ended, "every file ends", body);
    if (!form.files().empty()) {
        const FormFile &file = form.files().back();
        promise(body.substr(file.offset, file.size) == last.bytes, "a file is a range of the body",
                body);
    }
    return collected;
}

void look_at_field(JsonValue value, int depth) {
    promise(depth < 5, "fields are not nested deeper");
    promise(depth == 0 || value.is(JsonKind::string) || value.is(JsonKind::object) ||
                value.is(JsonKind::array),
            "all leaves are strings");
    for (const JsonValue child : value) {
        look_at_field(child, depth + 1);
    }
}

void run(Input input) {
    const FormLimits limits{input.byte() * 2U, input.byte() * 4U};
    uint8_t sizes[4];
    for (uint8_t &size : sizes) {
        size = input.byte();
    }
    const std::string_view body = input.rest();
    const Collected whole = collect(body, limits, nullptr);
    const Collected pieces = collect(body, limits, sizes);
    promise(whole.problem == pieces.problem, "the pieces do not change the problem", body);
    promise(whole.json == pieces.json, "nor the fields", body);
    promise(whole.files.size() == pieces.files.size(), "nor the number of files", body);
    for (size_t i = 0; i < whole.files.size(); ++i) {
        const FormFile &file = whole.files[i];
        const FormFile &other = pieces.files[i];
        promise(file.field == other.field && file.index == other.index &&
                    file.offset == other.offset && file.size == other.size,
                "nor the files", body);
        promise(file.offset + file.size <= body.size(), "a file is in the body", body);
    }
    const auto document = JsonDocument::read(whole.json, kCallersJson);
    promise(document.has_value(), "the fields are JSON as of a caller", whole.json);
    look_at_field(document->root(), 0);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
