// A webhook message: one for each job that has a receiver, about the job's end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ports.h"

namespace gateway {

struct Message {
    std::string id;
    std::string caller;  // whose secret signs it
    std::string url;
    std::string rules;  // the name of the WebhookRules
    std::string job;
    std::string status;  // completed, failed or cancelled
    std::string operation;
    std::string model;    // as requested
    int64_t created = 0;  // unix seconds, of the job
    int64_t ended = 0;
    int64_t expires = 0;
    int64_t attempts = 0;  // with the one that begins now
    int64_t begun = 0;     // the first one; unix seconds
};

std::string new_message_id(Random &random);

// The same for each attempt.
std::string write_message(const Message &message);

// When to try again after a failed attempt: after 5 s, 15 s, 45 s … with jitter, not before the
// receiver's Retry-After, and for the last time a day after the first attempt. Nothing: never.
std::optional<int64_t> next_attempt(const Message &message, int64_t now,
                                    std::optional<int64_t> retry_after, Random &random);

// How many attempts may be in progress, in all workers, for one party and for one host.
inline constexpr int64_t kMessagesPerParty = 16;
inline constexpr int64_t kMessagesPerHost = 8;
// How many messages of one party may wait, with those of jobs that have not ended.
inline constexpr int64_t kMessagesWaiting = 10'000;

struct MessageClaim {
    size_t room = 0;      // the most messages to claim
    std::string after;    // the party that had the last turn
    bool counts = false;  // also count the messages that wait
};

struct ClaimedMessages {
    std::vector<Message> messages;
    std::string after;
    bool more = false;     // it is worth looking again at once
    bool blocked = false;  // it is worth looking again after the end of an attempt
    size_t dropped = 0;    // messages to receivers that are gone
    std::optional<int64_t> waiting;
};

struct MessageEnd {
    enum class What : uint8_t {
        delivered,
        again,  // at `due`
        gone,   // the receiver wants no more messages
        given_up,
    };
    std::string id;
    What what = What::delivered;
    int64_t due = 0;  // unix seconds
};

// The messages of all workers. They outlive the process.
class MessageQueue {
 public:
    virtual ~MessageQueue() = default;
    // Claims messages that are due, for this process. Parties take turns. Nothing: the queue cannot
    // be read. Destroying the task drops the answer.
    virtual std::unique_ptr<Task> claim(
        MessageClaim claim, std::function<void(std::optional<ClaimedMessages>)> then) = 0;
    // Ends an attempt. Repeated until it succeeds.
    virtual void end(MessageEnd end) noexcept = 0;
};

}  // namespace gateway
