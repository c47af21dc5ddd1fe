#include "nginx/message_queue.h"

#include <utility>

namespace gateway {

std::unique_ptr<Task> NgxMessageQueue::claim(
    MessageClaim claim, std::function<void(std::optional<ClaimedMessages>)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::claim_messages;
    operation.message_claim = std::move(claim);
    return records_.ask(std::move(operation), owner_,
                        [then = std::move(then)](RecordOperation &ran, bool done) {
                            done ? then(std::move(ran.messages)) : then(std::nullopt);
                        });
}

void NgxMessageQueue::end(MessageEnd end) noexcept {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::end_message;
    operation.message_end = std::move(end);
    records_.add_quietly(std::move(operation));
}

}  // namespace gateway
