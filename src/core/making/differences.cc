#include "core/making/differences.h"

#include <algorithm>
#include <string>

namespace gateway {

namespace {

// Lists images that are a link instead of bytes, or the other way round.
void compare_form(std::span<const Image> images, const Params &requested,
                  std::span<const ImageDelivery::Problem> problems, std::vector<Adjustment> &into) {
    if (!requested.is_requested(Param::response_format)) {
        return;
    }
    const std::string_view wanted = requested.text(Param::response_format);
    const bool other_form = std::any_of(images.begin(), images.end(), [=](const Image &image) {
        return (image.form == Image::Form::url) != (wanted == "url");
    });
    if (!other_form) {
        return;
    }
    std::string why = problems.empty() ? "" : ": " + problems.front().why;
    if (wanted == "url") {
        const bool is_ours = std::any_of(images.begin(), images.end(), [](const Image &image) {
            return image.outside_mask_changed.has_value();
        });
        into.push_back(
            {"response_format", "\"url\"", "\"url\"",
             !why.empty() ? "the url is a data: URL" + why
             : is_ours    ? "the gateway put the image together and did not store it: the url is a "
                            "data: URL"
                          : "the model returns bytes and the gateway did not store them: the url "
                            "is a data: URL"});
    } else {
        into.push_back({"response_format", "\"b64_json\"", "\"url\"",
                        "the model returns links, and not all could be fetched" + why});
    }
}

constexpr std::string_view kMade = "the provider made ";

Adjustment made_instead(Param param, const Params &requested, const Params &sent,
                        std::string_view actual) {
    return {std::string(name_of(param)), to_json(requested[param]), to_json(sent[param]),
            std::string(kMade).append(actual)};
}

// Lists parameters that the provider, by its own words, did not follow.
void compare_words(const ImageWords &result, const Params &requested, const Params &sent,
                   std::vector<Adjustment> &into) {
    const std::pair<Param, const std::string &> told[] = {
        {Param::size, result.size},
        {Param::quality, result.quality},
        {Param::background, result.background},
        {Param::output_format, result.output_format},
    };
    for (const auto &[param, actual] : told) {
        const std::string_view wanted = sent.text(param);
        if (!requested.is_requested(param) || wanted.empty() || wanted == "auto" ||
            actual.empty() || actual == wanted) {
            continue;
        }
        into.push_back(made_instead(param, requested, sent, actual));
    }
}

// The same for each image, by its bytes. A parameter that is listed already is not listed again.
void compare_images(std::span<const Image> images, const Params &requested, const Params &sent,
                    std::vector<Adjustment> &into) {
    const auto size = parse_size(sent.text(Param::size));
    // Compares with what was sent. If that differs from what was requested, fitting has listed it.
    const auto ratio = size ? size : parse_ratio(sent.text(Param::aspect_ratio));
    const std::string_view format = sent.text(Param::output_format);
    for (const Image &image : images) {
        const Pixels actual{image.width, image.height};
        const auto tell = [&](Param param, std::string_view made) {
            const auto is_same = [&](const Adjustment &line) {
                return line.param == name_of(param) && line.reason.starts_with(kMade);
            };
            if (requested.is_requested(param) && std::none_of(into.begin(), into.end(), is_same)) {
                into.push_back(made_instead(param, requested, sent, made));
            }
        };
        if (image.width != 0 && size && actual != *size) {
            tell(Param::size, size_text(actual));
        }
        if (image.width != 0 && ratio && !agree(actual, *ratio)) {
            tell(Param::aspect_ratio, size_text(actual));
        }
        if (image.format != ImageFormat::unknown && !format.empty() &&
            format != name_of(image.format)) {
            tell(Param::output_format, name_of(image.format));
        }
    }
}

}  // namespace

void note_lifetime(Image &image, const ModelSpec &model, int64_t now) {
    if (image.form == Image::Form::url && model.returns.lifetime) {
        image.expires_at = now + *model.returns.lifetime;
    }
}

void fill_in_sent(ImageWords &result, const Params &sent) {
    const auto fill = [&](std::string &told, Param param) {
        if (told.empty()) {
            told = sent.text(param);
        }
    };
    fill(result.size, Param::size);
    fill(result.quality, Param::quality);
    fill(result.background, Param::background);
    fill(result.output_format, Param::output_format);
    for (std::string *word : {&result.size, &result.quality, &result.background}) {
        if (word->empty()) {
            *word = "auto";
        }
    }
}

std::vector<Adjustment> list_differences(const ImageWords &words, std::span<const Image> images,
                                         const Params &requested, const Params &sent,
                                         std::span<const ImageDelivery::Problem> problems) {
    std::vector<Adjustment> differences;
    compare_form(images, requested, problems, differences);
    compare_words(words, requested, sent, differences);
    compare_images(images, requested, sent, differences);
    return differences;
}

}  // namespace gateway
