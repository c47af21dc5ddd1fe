#include "state/process_identity.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

namespace gateway {

namespace {

std::string read_line(const std::string &path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// When the process was started, in ticks since the machine was. Empty if that is not known, and for
// a process that has ended and that its parent has not waited for: in a container without an init,
// nobody ever does.
std::string start_of_process(long number) {
    constexpr int kFieldsBefore = 18;  // between the state and the time
    const std::string line = read_line("/proc/" + std::to_string(number) + "/stat");
    const size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) {
        return {};
    }
    std::istringstream fields(line.substr(name_end + 1));
    std::string state;
    fields >> state;
    std::string field;
    for (int i = 0; i <= kFieldsBefore && fields >> field; ++i) {
    }
    const bool has_ended = state.empty() || state == "Z" || state == "X";
    return fields && !has_ended ? field : std::string();
}

std::string identity_of(long number) {
    return std::to_string(number) + " " + start_of_process(number) + " " +
           read_line("/proc/sys/kernel/random/boot_id");
}

}  // namespace

std::string own_identity() {
    return identity_of(getpid());
}

int32_t number_of(const std::string &identity) {
    int32_t number = 0;
    std::from_chars(identity.data(), identity.data() + identity.size(), number);
    return std::max(number, 0);
}

bool is_running(const std::string &identity) {
    const int32_t number = number_of(identity);
    if (number == 0 || (kill(number, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    return identity_of(number) == identity;
}

}  // namespace gateway
