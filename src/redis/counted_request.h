// What this worker knows of a request that is counted in Redis.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/limits/party.h"
#include "core/money.h"

namespace gateway {

struct CountedRequest {
    enum class State : uint8_t { asked, open, closed, undone };
    struct Reservation {
        uint64_t step = 0;
        int64_t second = 0;  // of the server; 0: it has not said so
        int64_t images = 0;
    };

    State state = State::asked;
    std::string tag;                   // the owner's account, which all keys of its parties share
    std::vector<std::string> parties;  // as the script reads them
    int64_t entered = 0;               // the server's second; 0: it has not said so
    std::vector<Reservation> reservations;
    uint64_t steps = 0;  // given out
    MicroUsd held = 0;
    int64_t used = 0;
    MicroUsd spent = 0;
    bool is_known = false;    // the server has confirmed this state
    bool is_putting = false;  // the state was sent, and is not confirmed yet
};

// Hexadecimal.
std::string name_of(const Account &account);
// The part of all keys' names that decides where they are kept.
std::string tag_of(const Party &party);
// One argument of the script.
std::string party_argument(const Party &party, int64_t keep_seconds);
// The reservations as one argument of the script.
std::string reservations_argument(std::span<const CountedRequest::Reservation> reservations);

}  // namespace gateway
