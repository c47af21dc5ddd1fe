#include "core/sse/event_reader.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

constexpr size_t kLongestName = 16;  // enough for all field names that are used
constexpr size_t kLongestEventName = 256;
constexpr std::string_view kDataAgain = "data:";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void EventReader::feed(std::string_view piece) {
    if (after_return_ && !piece.empty()) {
        after_return_ = false;
        piece.remove_prefix(piece.front() == '\n' ? 1 : 0);
    }
    while (!piece.empty()) {
        const size_t end = piece.find_first_of("\r\n");
        feed_line(piece.substr(0, end));
        if (end == std::string_view::npos) {
            return;
        }
        end_line();
        const bool carriage_return = piece[end] == '\r';
        piece.remove_prefix(end + 1);
        if (carriage_return && !piece.empty() && piece.front() == '\n') {
            piece.remove_prefix(1);
        } else {
            after_return_ = carriage_return && piece.empty();
        }
    }
}

void EventReader::finish() {
    if (!empty_) {
        end_line();
    }
    end_event();
}

void EventReader::feed_line(std::string_view part) {
    empty_ = empty_ && part.empty();
    if (place_ == Place::name) {
        part = take_name(part);
    }
    if (place_ == Place::value_start) {
        part = take_value_start(part);
    }
    if (place_ == Place::value) {
        take_value(part);
    }
}

std::string_view EventReader::take_name(std::string_view part) {
    const size_t colon = part.find(':');
    const std::string_view more = part.substr(0, colon);
    name_.append(more.substr(0, kLongestName - std::min(kLongestName, name_.size())));
    if (colon == std::string_view::npos) {
        return {};
    }
    end_name();
    return part.substr(colon + 1);
}

void EventReader::end_name() {
    std::string_view name = name_;
    if (first_line_ && name.starts_with(kByteOrderMark)) {
        name.remove_prefix(kByteOrderMark.size());
    }
    field_ = name == "data" ? Field::data : name == "event" ? Field::event : Field::none;
    place_ = Place::value_start;
    if (field_ == Field::event) {
        event_name_.clear();
    } else if (field_ == Field::data && data_) {
        data_->feed("\n");
    } else if (field_ == Field::data) {
        data_.emplace(blocks_);
    }
}

// The value may begin with a space. Some relays write "data: data: …"; the repeated name is
// skipped.
std::string_view EventReader::take_value_start(std::string_view part) {
    while (!part.empty()) {
        front_ += part.front();
        part.remove_prefix(1);
        const size_t space = front_.front() == ' ' ? 1 : 0;
        const std::string_view value = std::string_view(front_).substr(space);
        if (field_ == Field::data && value == kDataAgain) {
            front_.clear();
        } else if (field_ != Field::data || !kDataAgain.starts_with(value)) {
            place_ = Place::value;
            take_value(value);
            break;
        }
    }
    return part;
}

void EventReader::take_value(std::string_view part) {
    if (field_ == Field::data) {
        data_->feed(part);
    } else if (field_ == Field::event) {
        event_name_.append(
            part.substr(0, kLongestEventName - std::min(kLongestEventName, event_name_.size())));
    }
}

void EventReader::end_line() {
    if (empty_) {
        end_event();
    } else if (place_ == Place::name) {
        end_name();  // a line with a field name and no value
    } else if (place_ == Place::value_start) {
        take_value(std::string_view(front_).substr(front_.starts_with(' ') ? 1 : 0));
    }
    place_ = Place::name;
    name_.clear();
    front_.clear();
    empty_ = true;
    first_line_ = false;
}

void EventReader::end_event() {
    if (data_) {
        ServerEvent event{std::move(event_name_), std::move(*data_).finish()};
        data_.reset();
        on_event_(std::move(event));
    }
    event_name_.clear();
}

}  // namespace gateway
