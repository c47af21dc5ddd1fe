#include "core/images/sniff.h"

namespace gateway {

ImageFormat sniff(std::string_view bytes) {
    using namespace std::string_view_literals;
    if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) {
        return ImageFormat::png;
    }
    if (bytes.starts_with("\xff\xd8\xff"sv)) {
        return ImageFormat::jpeg;
    }
    if (bytes.starts_with("RIFF"sv) && bytes.substr(4).size() >= 8 &&
        bytes.substr(8, 4) == "WEBP"sv) {
        return ImageFormat::webp;
    }
    if (bytes.starts_with("GIF87a"sv) || bytes.starts_with("GIF89a"sv)) {
        return ImageFormat::gif;
    }
    return ImageFormat::unknown;
}

}  // namespace gateway
