// A directory of a test's own with a place for a state file in it, gone with the test.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/utc_time.h"

namespace gateway {

const int64_t kNow = *parse_time("2027-01-15T10:30:00Z");

class StateDirectoryTest : public testing::Test {
 protected:
    StateDirectoryTest() {
        char name[] = "/tmp/image-gateway-state-XXXXXX";
        directory = mkdtemp(name);
        path = directory + "/state.db";
    }
    ~StateDirectoryTest() override { std::filesystem::remove_all(directory); }

    std::string directory;
    std::string path;
};

}  // namespace gateway
