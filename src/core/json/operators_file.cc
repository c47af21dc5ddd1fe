#include "core/json/operators_file.h"

#include "core/words.h"

namespace gateway {

void fail(const std::string &path, const std::string &what) {
    throw Mistake{path + " " + what};
}

void expect_object(const std::string &path, JsonValue value) {
    if (!value.is(JsonKind::object)) {
        fail(path, "must be an object");
    }
}

void expect_members(const std::string &path, JsonValue object, std::string_view known) {
    expect_object(path, object);
    for (const JsonValue member : object) {
        if (!is_one_of(member.key(), known)) {
            fail(path, "has a member \"" + std::string(member.key()) +
                           "\", which is not known (expected: " + std::string(known) + ")");
        }
    }
}

}  // namespace gateway
