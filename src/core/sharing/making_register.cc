#include "core/sharing/making_register.h"

#include <utility>

namespace gateway {

MakingRegister::MakingRegister(EventLoop &loop, Health &health, MakingHome &home)
    : health_(health),
      home_(home),
      bury_(loop.make_alarm([this] { std::exchange(over_, {}).clear(); }, TimerKind::idle)) {}

MakingRegister::~MakingRegister() {
    while (!makings_.empty()) {
        const std::shared_ptr<SharedMaking> first = makings_.begin()->second;
        first->end_with_process();
        makings_.erase(first->terms().id);  // if it has not removed itself
    }
}

std::shared_ptr<SharedMaking> MakingRegister::find(const RecordId &id) const {
    const auto found = makings_.find(id);
    return found == makings_.end() ? nullptr : found->second;
}

std::shared_ptr<SharedMaking> MakingRegister::begin(std::shared_ptr<Order> order,
                                                    SharingTerms terms) {
    const RecordId id = terms.id;
    auto making =
        std::make_shared<SharedMaking>(std::move(order), health_, home_, std::move(terms), *this);
    makings_.insert_or_assign(id, making);
    return making;
}

MakingRegister::Jobs MakingRegister::count_jobs() const {
    Jobs jobs;
    for (const auto &[id, making] : makings_) {
        if (making->terms().kind == RecordKind::job) {
            ++(making->waits() ? jobs.waiting : jobs.running);
        }
    }
    return jobs;
}

void MakingRegister::remove(const RecordId &id) noexcept {
    auto node = makings_.extract(id);
    if (!node.empty()) {
        over_.insert(std::move(node));
        bury_->set(Milliseconds(0));
    }
}

}  // namespace gateway
