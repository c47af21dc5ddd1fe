// Reads facts from the boxes of an AVIF or HEIC file (ISO/IEC 14496-12 and 23008-12).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/images/header_reader.h"

namespace gateway {

// The size is that of the primary image. If the file does not say in a simple way which one that
// is, it is the largest size in the file: thumbnails and tiles are smaller.
class HeifBoxes {
 public:
    NextRead begin(std::string_view front, HeaderFacts &found);
    NextRead look(std::string_view bytes, uint64_t position, HeaderFacts &found);

 private:
    // Containers within each other: the file, "meta", "iprp", "ipco".
    enum class Level : uint8_t { file, meta, properties, property_list };
    enum class Step : uint8_t { box, entry, association };
    struct Box {
        std::string_view name;
        uint64_t size = 0;
        size_t header = 0;
    };
    struct Size {
        uint16_t property = 0;
        int width = 0;
        int height = 0;
    };

    NextRead read_box(std::string_view bytes, uint64_t position, HeaderFacts &found);
    NextRead read_file_box(std::string_view bytes, uint64_t position, const Box &box,
                           HeaderFacts &found);
    NextRead read_meta_box(std::string_view bytes, uint64_t position, const Box &box,
                           HeaderFacts &found);
    NextRead read_property(std::string_view bytes, const Box &box, HeaderFacts &found);
    NextRead enter(Level level, uint64_t position, const Box &box, size_t before_content);

    // "ipma", which says which properties an image has.
    NextRead begin_associations(std::string_view bytes, uint64_t position, const Box &box);
    NextRead next_entry(uint64_t advance, uint64_t position);
    NextRead next_association(uint64_t advance, uint64_t position);
    NextRead read_entry(std::string_view bytes, uint64_t position);
    NextRead read_association(std::string_view bytes, uint64_t position, HeaderFacts &found);
    [[nodiscard]] size_t entry_size() const { return (has_long_ids_ ? 4 : 2) + 1; }
    [[nodiscard]] size_t association_size() const { return has_long_indexes_ ? 2 : 1; }

    std::array<uint64_t, 4> ends_{};  // of the containers, by level
    std::array<Size, 8> sizes_{};
    uint64_t associations_end_ = 0;
    std::optional<uint32_t> primary_;  // the number of the primary image
    uint32_t entries_ = 0;
    uint16_t associations_ = 0;
    uint16_t property_ = 0;  // the number of the last property
    uint8_t size_count_ = 0;
    Level level_ = Level::file;
    Step step_ = Step::box;
    bool has_long_ids_ = false;
    bool has_long_indexes_ = false;
    bool is_primary_known_ = false;
    bool has_meta_ = false;
};

}  // namespace gateway
