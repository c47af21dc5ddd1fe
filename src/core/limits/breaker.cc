#include "core/limits/breaker.h"

#include <algorithm>

namespace gateway {

std::optional<Breaker::Pass> Breaker::enter(const BreakerRules &rules, int64_t now,
                                            int64_t patience) {
    if (rules.off() || !is_open()) {
        return Pass{0};
    }
    if (now < open_until_ || now < probe_until_) {
        return std::nullopt;
    }
    probe_until_ = now + patience;
    probes_ = std::max<uint32_t>(1, probes_ + 1);
    return probes_;
}

void Breaker::leave(const BreakerRules &rules, int64_t now, Pass pass, Verdict verdict) {
    if (rules.off()) {
        return;
    }
    if (is_open()) {
        // Only the probe decides: other calls began before the breaker opened.
        if (pass == 0 || pass != probes_) {
            return;
        }
        probe_until_ = 0;
        if (verdict == Verdict::success) {
            close();
        } else if (verdict == Verdict::failure) {
            open(rules, now);
        }
        return;
    }
    if (verdict == Verdict::nothing) {
        return;
    }
    const bool failed = verdict == Verdict::failure;
    count(rules, now, failed);
    if (failed && (failures_in_a_row_ >= static_cast<uint32_t>(rules.failures) ||
                   fails_too_often(rules, now))) {
        open(rules, now);
    }
}

int64_t Breaker::wait(int64_t now) const {
    if (!is_open()) {
        return 0;
    }
    return std::max<int64_t>(0, std::max(open_until_, probe_until_) - now);
}

bool Breaker::is_like_new(const BreakerRules &rules, int64_t now) const {
    return !is_open() && now - last_failure_ > rules.window.count();
}

void Breaker::count(const BreakerRules &rules, int64_t now, bool failed) {
    const int64_t slice = std::max<int64_t>(1, rules.window.count() / kBuckets);
    const int64_t number = now / slice;
    Bucket &bucket = buckets_[static_cast<size_t>(number % kBuckets)];
    if (bucket.number != number) {
        bucket = {number, 0, 0};
    }
    ++bucket.calls;
    if (!failed) {
        failures_in_a_row_ = 0;
        return;
    }
    ++bucket.failures;
    // Failures further apart than the window are not counted as consecutive.
    if (now - last_failure_ > rules.window.count()) {
        failures_in_a_row_ = 0;
    }
    ++failures_in_a_row_;
    last_failure_ = now;
}

bool Breaker::fails_too_often(const BreakerRules &rules, int64_t now) const {
    const int64_t slice = std::max<int64_t>(1, rules.window.count() / kBuckets);
    uint64_t calls = 0;
    uint64_t failures = 0;
    for (const Bucket &bucket : buckets_) {
        if (bucket.number > now / slice - kBuckets && bucket.number <= now / slice) {
            calls += bucket.calls;
            failures += bucket.failures;
        }
    }
    return calls >= static_cast<uint64_t>(rules.min_calls) &&
           failures * 100 >= calls * static_cast<uint64_t>(rules.rate);
}

void Breaker::open(const BreakerRules &rules, int64_t now) {
    open_until_ = now + std::max<int64_t>(1, rules.open.count());
    probe_until_ = 0;
}

void Breaker::close() {
    const uint32_t probes = probes_;
    *this = Breaker();
    probes_ = probes;  // no two probes have the same number
}

}  // namespace gateway
