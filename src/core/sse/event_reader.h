// Reads server-sent events while they arrive, in pieces of any size. Their data goes through a
// Lifter, because a line may be as long as an image and must be stored only once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/lifter.h"

namespace gateway {

struct ServerEvent {
    std::string name;  // empty if the event has no name
    LiftedText data;
};

class EventReader {
 public:
    EventReader(Blocks blocks, std::function<void(ServerEvent)> on_event)
        : blocks_(std::move(blocks)), on_event_(std::move(on_event)) {}

    void feed(std::string_view piece);
    // The number of further blocks that feeding `bytes` bytes of one event needs.
    [[nodiscard]] size_t blocks_for(size_t bytes) const {
        return data_ ? data_->blocks_for(bytes) : bytes / kBlockSize + 1;
    }
    // Call it when the stream has ended completely. Then the last event counts even if no empty
    // line follows it.
    void finish();

 private:
    enum class Place : uint8_t { name, value_start, value };
    enum class Field : uint8_t { none, event, data };

    void feed_line(std::string_view part);
    std::string_view take_name(std::string_view part);
    std::string_view take_value_start(std::string_view part);
    void take_value(std::string_view part);
    void end_line();
    void end_name();
    void end_event();

    Blocks blocks_;
    std::function<void(ServerEvent)> on_event_;
    std::string event_name_;
    std::optional<Lifter> data_;  // of the current event

    // Of the current line.
    Place place_ = Place::name;
    Field field_ = Field::none;
    std::string name_;   // the name of its field
    std::string front_;  // the front of its value, while it may be a repeated field name
    bool empty_ = true;
    bool after_return_ = false;  // a line feed now belongs to the previous line
    bool first_line_ = true;
};

}  // namespace gateway
