// The webhook messages in the file of records. A message is written with the record of its job; a
// trigger of the database makes it due when the job's record ends, whoever ends it and how.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/sharing/records.h"
#include "core/webhooks/message.h"
#include "state/database.h"

namespace gateway {

// Each returns false, or nothing, if the database fails.

// Creates the tables. The table of records must exist.
bool prepare_messages(Database &database);

// Whether a job may have this receiver.
std::optional<Claimed::Answer> check_webhook(Database &database, const WebhookTarget &target);
bool add_message(Database &database, const RecordClaim &claim, int64_t unix_seconds);
// Of a job that its client removes.
bool remove_messages(Database &database, const std::string &job);

bool claim_messages(Database &database, const std::string &process, const MessageClaim &claim,
                    ClaimedMessages &claimed, int64_t unix_seconds);
bool end_message(Database &database, const std::string &process, const MessageEnd &end,
                 int64_t unix_seconds);
// Releases the messages of processes that have died, and forgets receivers that were gone long ago.
bool sweep_messages(Database &database, int64_t unix_seconds);

}  // namespace gateway
