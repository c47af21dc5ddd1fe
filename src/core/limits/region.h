// How a region of shared memory is laid out that holds a table of accounts and a list of leases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/limits/leases.h"
#include "core/limits/set_table.h"

namespace gateway {

// `kMagic` is the layout's version: change it with Entry. One part in `kLeaseShare` is for leases.
template <typename Entry, uint64_t kMagic, size_t kLeaseShare>
struct Region {
    struct Layout {
        SetTable<Entry> entries;
        Leases leases;
        int32_t &note;  // of whoever uses the region; 0 when it is fresh
    };

    static constexpr size_t least_size(size_t leases) {
        return sizeof(Header) + SetTable<Entry>::kSetSize + leases * sizeof(Lease);
    }

    static Layout layout(std::span<std::byte> region) {
        Header &header = header_of(region);
        auto *entries = reinterpret_cast<Entry *>(&header + 1);
        auto *leases = reinterpret_cast<Lease *>(entries + size_t{header.sets} * kWays);
        return {{entries, header.sets}, {header.leases, leases}, header.note};
    }

    // Lays it out anew, or takes it over as it is; false when it is not ours.
    static bool prepare(std::span<std::byte> region, bool fresh) {
        Header &header = header_of(region);
        if (!fresh) {
            return header.magic == kMagic && header.region_size == region.size();
        }
        const size_t room = region.size() - sizeof(Header);
        header = {};
        header.magic = kMagic;
        header.region_size = region.size();
        header.leases.count = static_cast<uint32_t>(room / kLeaseShare / sizeof(Lease));
        header.sets = static_cast<uint32_t>((room - header.leases.count * sizeof(Lease)) /
                                            SetTable<Entry>::kSetSize);
        Layout laid_out = layout(region);
        laid_out.entries.clear();
        laid_out.leases.clear();
        return true;
    }

 private:
    struct Header {
        uint64_t magic;
        uint64_t region_size;
        uint32_t sets;
        LeaseList leases;
        int32_t note;
    };

    static Header &header_of(std::span<std::byte> region) {
        return *reinterpret_cast<Header *>(region.data());
    }
};

}  // namespace gateway
