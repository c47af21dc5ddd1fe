#include "core/bytes/held_disk.h"

#include <utility>

namespace gateway {

HeldDisk::HeldDisk(const Rules &rules)
    : limit_(rules.limit), share_(rules.limit / 100 * rules.share) {}

std::shared_ptr<HeldDisk> HeldDisk::create(const Rules &rules) {
    return std::shared_ptr<HeldDisk>(new HeldDisk(rules));
}

std::unique_ptr<DiskSpace> HeldDisk::open(const Owner &owner) {
    auto &caller = *callers_.try_emplace(owner).first;
    return std::make_unique<DiskSpace>(shared_from_this(), caller);
}

// A caller may use all space that is free, until three quarters of it are in use.
bool HeldDisk::fits(size_t held_by_caller, size_t more) const {
    const bool is_short = total_ + more > limit_ / 4 * 3;
    return total_ + more <= limit_ && (!is_short || held_by_caller + more <= share_);
}

DiskSpace::DiskSpace(std::shared_ptr<HeldDisk> held, HeldDisk::Callers::value_type &caller)
    : held_(std::move(held)), caller_(caller) {
    ++caller_.second.requests;
}

DiskSpace::~DiskSpace() {
    (void)hold(0);
    if (--caller_.second.requests == 0) {
        held_->callers_.erase(caller_.first);
    }
}

bool DiskSpace::hold(size_t bytes) noexcept {
    if (bytes > own_ && !held_->fits(caller_.second.bytes, bytes - own_)) {
        return false;
    }
    held_->total_ += bytes - own_;
    caller_.second.bytes += bytes - own_;
    own_ = bytes;
    return true;
}

}  // namespace gateway
