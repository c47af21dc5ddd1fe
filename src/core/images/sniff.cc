#include "core/images/sniff.h"

#include <algorithm>

#include "core/images/byte_order.h"

namespace gateway {

namespace {

ImageFormat format_of_brand(std::string_view brand) {
    if (brand == "avif" || brand == "avis") {
        return ImageFormat::avif;
    }
    // ISO/IEC 23008-12, annex B: images and sequences that are coded with HEVC.
    constexpr std::string_view kHeic[] = {"heic", "heix", "heim", "heis",
                                          "hevc", "hevx", "hevm", "hevs"};
    return std::find(std::begin(kHeic), std::end(kHeic), brand) != std::end(kHeic)
               ? ImageFormat::heic
               : ImageFormat::unknown;
}

// ISO/IEC 14496-12, section 4.3: size, "ftyp", the main brand, a version, and compatible brands. A
// file of a general main brand ("mif1") has its kind among the compatible ones.
ImageFormat format_of_brands(std::string_view bytes) {
    constexpr size_t kBrand = 4;
    constexpr size_t kMainBrand = 8;
    constexpr size_t kCompatibleBrands = 16;
    const size_t size = big_endian(bytes, 0, 4);
    if (size < kCompatibleBrands) {
        return ImageFormat::unknown;
    }
    const std::string_view brands = bytes.substr(0, size);
    ImageFormat format = format_of_brand(brands.substr(kMainBrand, kBrand));
    for (size_t at = kCompatibleBrands;
         format == ImageFormat::unknown && at + kBrand <= brands.size(); at += kBrand) {
        format = format_of_brand(brands.substr(at, kBrand));
    }
    return format;
}

}  // namespace

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
    if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp"sv) {
        return format_of_brands(bytes);
    }
    return ImageFormat::unknown;
}

}  // namespace gateway
