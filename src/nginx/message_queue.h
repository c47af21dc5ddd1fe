// The queue of webhook messages, in the file of records.
#pragma once

#include "core/callback_owner.h"
#include "core/webhooks/message.h"
#include "nginx/records_queue.h"

namespace gateway {

class NgxMessageQueue final : public MessageQueue {
 public:
    // Both must outlive the queue.
    NgxMessageQueue(RecordsQueue &records, CallbackOwner &owner)
        : records_(records), owner_(owner) {}
    std::unique_ptr<Task> claim(MessageClaim claim,
                                std::function<void(std::optional<ClaimedMessages>)> then) override;
    void end(MessageEnd end) noexcept override;

 private:
    RecordsQueue &records_;
    CallbackOwner &owner_;
};

}  // namespace gateway
