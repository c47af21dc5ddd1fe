#include "core/response/made.h"

#include <algorithm>
#include <string>

namespace gateway {

namespace {

void compare_form(const ImageResult &result, const Params &asked, std::vector<Adjustment> &into) {
    if (!asked.is_asked(Param::response_format)) {
        return;
    }
    const bool has_links =
        std::any_of(result.images.begin(), result.images.end(),
                    [](const Image &image) { return image.form == Image::Form::url; });
    const std::string_view wanted = asked.text(Param::response_format);
    if (wanted == "url" && !has_links) {
        into.push_back(
            {"response_format", "\"url\"", "\"url\"",
             "the model returns bytes and nothing here stores them: the url is a data: URL"});
    } else if (wanted == "b64_json" && has_links) {
        into.push_back({"response_format", "\"b64_json\"", "\"url\"", "the model returns links"});
    }
}

// The provider says that it made something else than it was told to.
void compare_words(const ImageResult &result, const Params &asked, const Params &sent,
                   std::vector<Adjustment> &into) {
    const std::pair<Param, const std::string &> told[] = {
        {Param::size, result.size},
        {Param::quality, result.quality},
        {Param::background, result.background},
        {Param::output_format, result.output_format},
    };
    for (const auto &[param, actual] : told) {
        const std::string_view wanted = sent.text(param);
        if (!asked.is_asked(param) || wanted.empty() || wanted == "auto" || actual.empty() ||
            actual == wanted) {
            continue;
        }
        into.push_back({std::string(name_of(param)), to_json(asked[param]), to_json(sent[param]),
                        "the provider made " + actual});
    }
}

}  // namespace

std::vector<Adjustment> list_differences(const ImageResult &result, const Params &asked,
                                         const Params &sent) {
    std::vector<Adjustment> differences;
    compare_form(result, asked, differences);
    compare_words(result, asked, sent, differences);
    const auto made = static_cast<int64_t>(result.images.size());
    const int64_t wanted = sent.integer(Param::n, 1);
    if (made < wanted) {
        differences.push_back({"n", std::to_string(wanted), std::to_string(wanted),
                               "the provider made only " + std::to_string(made)});
    }
    return differences;
}

}  // namespace gateway
