#include "core/images/gif_blocks.h"

#include "core/images/byte_order.h"

namespace gateway {

namespace {

using namespace std::string_view_literals;

// GIF89a, appendix A.
constexpr uint32_t kExtension = 0x21;
constexpr uint32_t kImage = 0x2c;
constexpr uint32_t kTrailer = 0x3b;
constexpr uint32_t kGraphicControl = 0xf9;
constexpr uint32_t kApplication = 0xff;

constexpr size_t kScreen = 13;            // signature and logical screen descriptor
constexpr size_t kImageDescriptor = 9;    // without its first byte
constexpr size_t kControlBlock = 2;       // its size and its flags
constexpr size_t kApplicationBlock = 12;  // its size, identifier and authentication code

// C2PA specification, embedding manifests into GIF.
constexpr std::string_view kCredentials = "C2PA_GIF\x01\x00\x00"sv;

// Sections 18 and 20: a colour table is present if the highest bit of the flags is set.
size_t colour_table(uint32_t flags) {
    return (flags & 0x80) != 0 ? size_t{3} << ((flags & 7) + 1) : 0;
}

}  // namespace

NextRead GifBlocks::begin(std::string_view front) {
    return {kScreen + colour_table(byte_at(front, 10)), 1};
}

NextRead GifBlocks::look(std::string_view bytes, uint64_t /*position*/, HeaderFacts &found) {
    ImageFacts &facts = found.facts;
    const uint32_t first = byte_at(bytes, 0);
    switch (step_) {
        case Step::block: return read_block(first, facts);
        case Step::extension: return read_extension(first);
        case Step::control:
            if (first != 0 && (byte_at(bytes, 1) & 1) != 0) {
                facts.has_alpha = true;  // a colour is transparent
            }
            return read_data(first);
        case Step::application:
            if (first == kCredentials.size() && bytes.substr(1).starts_with(kCredentials)) {
                facts.has_credentials = true;
            }
            return read_data(first);
        case Step::image:
            step_ = Step::data;
            // A byte with the size of codes precedes the data.
            return {kImageDescriptor + colour_table(byte_at(bytes, kImageDescriptor - 1)) + 1, 1};
        case Step::data: break;
    }
    return read_data(first);
}

NextRead GifBlocks::read_block(uint32_t kind, ImageFacts &facts) {
    if (kind == kExtension) {
        step_ = Step::extension;
        return {1, 1};
    }
    if (kind == kImage && !has_image_) {
        has_image_ = true;
        facts.has_alpha = facts.has_alpha.value_or(false);
        step_ = Step::image;
        return {1, kImageDescriptor};
    }
    if (kind == kImage || kind == kTrailer) {
        facts.is_animated = kind == kImage;
    }
    return {};
}

NextRead GifBlocks::read_extension(uint32_t label) {
    if (label == kGraphicControl && !has_image_) {
        step_ = Step::control;
        return {1, kControlBlock};
    }
    if (label == kApplication) {
        step_ = Step::application;
        return {1, kApplicationBlock};
    }
    step_ = Step::data;
    return {1, 1};
}

// Section 15: sub-blocks follow until one of size 0.
NextRead GifBlocks::read_data(uint32_t size) {
    step_ = size == 0 ? Step::block : Step::data;
    return {1 + size, 1};
}

}  // namespace gateway
