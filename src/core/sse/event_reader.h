// Reads server-sent events as they arrive, in whatever pieces. Their data goes through a Lifter: a
// line may be as long as a picture, and is stored once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/lifter.h"

namespace gateway {

struct ServerEvent {
    std::string name;  // empty: it has none
    LiftedText data;
};

class EventReader {
 public:
    EventReader(Blocks blocks, std::function<void(ServerEvent)> on_event)
        : blocks_(std::move(blocks)), on_event_(std::move(on_event)) {}

    void feed(std::string_view piece);
    // How many blocks more it takes to be fed so many bytes, if they are one event's.
    [[nodiscard]] size_t blocks_for(size_t bytes) const {
        return data_ ? data_->blocks_for(bytes) : bytes / kBlockSize + 1;
    }
    // The stream has ended, and not broken off: an event that no empty line follows is one, too.
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
    std::optional<Lifter> data_;  // of the event so far

    // Of the line so far.
    Place place_ = Place::name;
    Field field_ = Field::none;
    std::string name_;   // of its field
    std::string front_;  // of its value, while it may be a field's name that was written twice
    bool empty_ = true;
    bool after_return_ = false;  // a line feed now belongs to the line before
    bool first_line_ = true;
};

}  // namespace gateway
