#include "core/images/heif_boxes.h"

#include <algorithm>

#include "core/images/byte_order.h"
#include "core/images/image_header.h"

namespace gateway {

namespace {

using namespace std::string_view_literals;

constexpr size_t kBoxHeader = 8;       // size and name
constexpr size_t kLongBoxHeader = 16;  // the same, and a size of 8 bytes
constexpr size_t kFullBox = 4;         // version and flags, at the beginning of some boxes
constexpr uint64_t kLongestFile = uint64_t{1} << 50;  // positions do not overflow

// C2PA specification, embedding manifests into ISO base media files.
constexpr std::string_view kCredentialsId =
    "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"sv;

// ISO/IEC 23008-12, section 6.5.8, and annexes: an auxiliary image with the alpha channel.
constexpr std::string_view kAlphaNames[] = {"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"sv,
                                            "urn:mpeg:hevc:2015:auxid:1"sv};
constexpr size_t kLongestAlphaName = 43;

bool is_alpha_name(std::string_view text) {
    return std::any_of(std::begin(kAlphaNames), std::end(kAlphaNames),
                       [=](std::string_view name) { return text.starts_with(name); });
}

bool is_sequence(std::string_view brand) {
    return brand == "avis" || brand == "hevc" || brand == "hevx" || brand == "hevm" ||
           brand == "hevs" || brand == "msf1";
}

}  // namespace

NextRead HeifBoxes::begin(std::string_view front, HeaderFacts &found) {
    ends_[0] = kLongestFile;
    found.facts.is_animated = is_sequence(front.substr(8, 4));
    return {0, kBoxHeader};
}

NextRead HeifBoxes::look(std::string_view bytes, uint64_t position, HeaderFacts &found) {
    switch (step_) {
        case Step::box: break;
        case Step::entry: return read_entry(bytes, position);
        case Step::association: return read_association(bytes, position, found);
    }
    return read_box(bytes, position, found);
}

NextRead HeifBoxes::read_box(std::string_view bytes, uint64_t position, HeaderFacts &found) {
    while (level_ != Level::file && position >= ends_[static_cast<size_t>(level_)]) {
        level_ = static_cast<Level>(static_cast<uint8_t>(level_) - 1);
    }
    const uint64_t end = ends_[static_cast<size_t>(level_)];
    Box box{bytes.substr(4, 4), big_endian(bytes, 0, 4), kBoxHeader};
    if (box.size == 1) {
        if (bytes.size() < kLongBoxHeader) {
            return {0, kLongBoxHeader};
        }
        box.size = uint64_t{big_endian(bytes, 8, 4)} << 32 | big_endian(bytes, 12, 4);
        box.header = kLongBoxHeader;
    } else if (box.size == 0) {
        box.size = end - position;
        found.is_open_ended = found.is_open_ended || level_ == Level::file;
    }
    if (position > end || box.size < box.header || box.size > end - position) {
        return {};
    }
    switch (level_) {
        case Level::file: return read_file_box(bytes, position, box, found);
        case Level::meta:
        case Level::properties: return read_meta_box(bytes, position, box, found);
        case Level::property_list: break;
    }
    return read_property(bytes, box, found);
}

NextRead HeifBoxes::read_file_box(std::string_view bytes, uint64_t position, const Box &box,
                                  HeaderFacts &found) {
    if (box.name == "mdat") {
        found.has_media = true;
    } else if (box.name == "meta" && !has_meta_ && box.size >= box.header + kFullBox) {
        has_meta_ = true;
        return enter(Level::meta, position, box, kFullBox);
    } else if (box.name == "uuid" && box.size >= box.header + kCredentialsId.size()) {
        if (bytes.size() < box.header + kCredentialsId.size()) {
            return {0, box.header + kCredentialsId.size()};
        }
        if (bytes.substr(box.header).starts_with(kCredentialsId)) {
            found.facts.has_credentials = true;
        }
    }
    return {box.size, kBoxHeader};
}

// Takes boxes of "meta" and of "iprp" in it.
NextRead HeifBoxes::read_meta_box(std::string_view bytes, uint64_t position, const Box &box,
                                  HeaderFacts &found) {
    constexpr size_t kFewBytes = 8;  // suffice for the boxes whose content is read here
    const bool is_long_enough = box.size >= box.header + kFewBytes;
    const bool is_read = level_ == Level::meta ? box.name == "pitm" : box.name == "ipma";
    // A "pitm" of version 0 has 6 bytes, and other boxes follow.
    if (is_read && bytes.size() < box.header + kFewBytes) {
        return {0, box.header + kFewBytes};
    }
    if (level_ == Level::properties) {
        if (box.name == "ipco") {
            found.facts.has_alpha = found.facts.has_alpha.value_or(false);
            return enter(Level::property_list, position, box, 0);
        }
        if (is_read && is_long_enough && !is_primary_known_) {
            return begin_associations(bytes, position, box);
        }
    } else if (box.name == "iprp") {
        return enter(Level::properties, position, box, 0);
    } else if (box.name == "idat") {
        found.has_media = true;  // small images may be here instead of in "mdat"
    } else if (is_read) {
        const bool has_long_id = byte_at(bytes, box.header) != 0;
        primary_ = big_endian(bytes, box.header + kFullBox, has_long_id ? 4 : 2);
    }
    return {box.size, kBoxHeader};
}

NextRead HeifBoxes::read_property(std::string_view bytes, const Box &box, HeaderFacts &found) {
    property_ = static_cast<uint16_t>(property_ + 1);
    size_t need = 0;
    if (box.name == "ispe") {
        need = box.header + kFullBox + 8;
    } else if (box.name == "auxC") {
        need = static_cast<size_t>(
            std::min<uint64_t>(box.size, box.header + kFullBox + kLongestAlphaName));
    }
    if (need > box.size || need == 0) {
        return {box.size, kBoxHeader};
    }
    if (bytes.size() < need) {
        property_ = static_cast<uint16_t>(property_ - 1);
        return {0, need};
    }
    const std::string_view content = bytes.substr(box.header, need - box.header);
    if (box.name == "auxC") {
        if (content.size() > kFullBox && is_alpha_name(content.substr(kFullBox))) {
            found.facts.has_alpha = true;
        }
        return {box.size, kBoxHeader};
    }
    const auto size = possible_size(big_endian(content, 4, 4), big_endian(content, 8, 4));
    if (size && size_count_ < sizes_.size()) {
        sizes_[size_count_++] = {property_, size->width, size->height};
    }
    const auto area = [](int64_t width, int64_t height) { return width * height; };
    if (size && area(size->width, size->height) > area(found.facts.width, found.facts.height)) {
        found.facts.width = size->width;
        found.facts.height = size->height;
    }
    return {box.size, kBoxHeader};
}

NextRead HeifBoxes::enter(Level level, uint64_t position, const Box &box, size_t before_content) {
    level_ = level;
    ends_[static_cast<size_t>(level)] = position + box.size;
    return {box.header + before_content, kBoxHeader};
}

NextRead HeifBoxes::begin_associations(std::string_view bytes, uint64_t position, const Box &box) {
    has_long_ids_ = byte_at(bytes, box.header) != 0;
    has_long_indexes_ = (byte_at(bytes, box.header + 3) & 1) != 0;
    entries_ = big_endian(bytes, box.header + kFullBox, 4);
    associations_end_ = position + box.size;
    return next_entry(box.header + kFullBox + 4, position);
}

// Goes to the next image's entry; if there is none, to the end of the box.
NextRead HeifBoxes::next_entry(uint64_t advance, uint64_t position) {
    if (entries_ == 0 || is_primary_known_ ||
        position + advance + entry_size() > associations_end_) {
        step_ = Step::box;
        return {associations_end_ - position, kBoxHeader};
    }
    --entries_;
    step_ = Step::entry;
    return {advance, entry_size()};
}

NextRead HeifBoxes::read_entry(std::string_view bytes, uint64_t position) {
    const uint32_t image = big_endian(bytes, 0, entry_size() - 1);
    const size_t count = byte_at(bytes, entry_size() - 1);
    if (image != primary_) {
        return next_entry(entry_size() + count * association_size(), position);
    }
    associations_ = static_cast<uint16_t>(count);
    return next_association(entry_size(), position);
}

NextRead HeifBoxes::next_association(uint64_t advance, uint64_t position) {
    if (associations_ == 0 || is_primary_known_ ||
        position + advance + association_size() > associations_end_) {
        return next_entry(advance, position);
    }
    --associations_;
    step_ = Step::association;
    return {advance, association_size()};
}

NextRead HeifBoxes::read_association(std::string_view bytes, uint64_t position,
                                     HeaderFacts &found) {
    // The highest bit says whether a reader must understand the property.
    const uint32_t property =
        has_long_indexes_ ? big_endian(bytes, 0, 2) & 0x7fff : byte_at(bytes, 0) & 0x7f;
    const auto *end = sizes_.begin() + size_count_;
    const auto *size = std::find_if(sizes_.begin(), sizes_.begin() + size_count_,
                                    [=](const Size &known) { return known.property == property; });
    if (size != end) {
        is_primary_known_ = true;
        found.facts.width = size->width;
        found.facts.height = size->height;
    }
    return next_association(association_size(), position);
}

}  // namespace gateway
