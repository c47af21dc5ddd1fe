// The gateway's ids of requests and jobs: hard to guess, and short enough to read aloud.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/ports.h"

namespace gateway {

std::string new_request_id(Random &random);
// Whoever knows the id of a job without an owner may see it.
std::string new_job_id(Random &random);
// The id that belongs to a hash.
std::string job_id_from(std::span<const uint8_t> hash);
bool is_job_id(std::string_view text);

}  // namespace gateway
