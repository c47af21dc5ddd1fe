// Places for jobs that wait, over all workers. They are leases of the ledger, so that those of a
// dead worker are free again.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/limits/ledger.h"

namespace gateway {

class WaitingPlaces {
 public:
    // All arguments must outlive the object and its places. `process` owns the leases.
    WaitingPlaces(Ledger &ledger, const Clock &clock, int32_t process)
        : ledger_(ledger), clock_(clock), process_(process) {}

    // Held until it is destroyed.
    class Place {
     public:
        explicit Place(WaitingPlaces &places) : places_(places) {}
        ~Place() { places_.give_back(shares_); }
        Place(const Place &) = delete;
        Place &operator=(const Place &) = delete;

     private:
        friend class WaitingPlaces;
        WaitingPlaces &places_;
        std::vector<PartyShare> shares_;
    };

    // Null if `max` places are taken, or if the caller has a quarter of them. Held for `longest` at
    // most.
    std::unique_ptr<Place> take(const Account &caller, int64_t max, Milliseconds longest);

 private:
    void give_back(std::vector<PartyShare> &shares) noexcept;
    [[nodiscard]] Moment moment() const { return {clock_.unix_seconds(), clock_.now().count()}; }

    Ledger &ledger_;
    const Clock &clock_;
    int32_t process_;
};

}  // namespace gateway
