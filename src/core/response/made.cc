#include "core/response/made.h"

#include <algorithm>
#include <string>

namespace gateway {

namespace {

// Which form the pictures have in the answer, where it is not the one asked for.
void compare_form(const ImageResult &result, const Params &asked,
                  const std::vector<PictureDelivery::Problem> &problems,
                  std::vector<Adjustment> &into) {
    if (!asked.is_asked(Param::response_format)) {
        return;
    }
    const std::string_view wanted = asked.text(Param::response_format);
    const bool other_form = std::any_of(
        result.images.begin(), result.images.end(),
        [=](const Image &image) { return (image.form == Image::Form::url) != (wanted == "url"); });
    if (!other_form) {
        return;
    }
    std::string why = problems.empty() ? "" : ": " + problems.front().why;
    if (wanted == "url") {
        into.push_back({"response_format", "\"url\"", "\"url\"",
                        why.empty() ? "the model returns bytes and nothing here stores them: the "
                                      "url is a data: URL"
                                    : "the url is a data: URL" + why});
    } else {
        into.push_back({"response_format", "\"b64_json\"", "\"url\"",
                        "the model returns links, and not all could be fetched" + why});
    }
}

// Something else was made than the provider was told to make.
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

void note_lifetimes(ImageResult &result, const ModelSpec &model, int64_t now) {
    for (Image &image : result.images) {
        if (image.form == Image::Form::url && model.returns.lifetime) {
            image.expires_at = now + *model.returns.lifetime;
        }
    }
}

void take_truth(ImageResult &result) {
    const Image &first = result.images.front();
    if (first.width != 0) {
        result.size = size_text({first.width, first.height});
    }
    if (first.format != ImageFormat::unknown) {
        result.output_format = name_of(first.format);
    }
}

std::vector<Adjustment> list_differences(const ImageResult &result, const Params &asked,
                                         const Params &sent,
                                         const std::vector<PictureDelivery::Problem> &problems) {
    std::vector<Adjustment> differences;
    compare_form(result, asked, problems, differences);
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
