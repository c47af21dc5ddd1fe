#include "core/limits/keys_in_use.h"

#include "core/limits/memory_lock.h"
#include "core/limits/region.h"
#include "core/limits/set_table.h"

namespace gateway {

namespace {

struct KeyInUse {
    Account account{};  // all zero: free
    int64_t deadline = 0;
    int64_t process = 0;
};

// The number is the layout's version. There are no leases: a key has one holder, which its entry
// names.
using KeyPlaces = Region<KeyInUse, 0x316573756e695f6b, 1024, 1>;

}  // namespace

size_t KeysInUse::min_size() {
    return KeyPlaces::min_size(0);
}

bool KeysInUse::prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
    return region.size() >= min_size() && KeyPlaces::prepare(region, fresh, id);
}

tl::expected<std::shared_ptr<const KeysInUse::Hold>, KeysInUse::Refusal> KeysInUse::take(
    const Account &key, Moment now, int64_t deadline) {
    if (const auto refusal = note(key, now, deadline)) {
        return tl::unexpected(*refusal);
    }
    try {
        return std::make_shared<const Hold>(*this, key);
    } catch (...) {
        release(key);
        throw;
    }
}

// Nothing, if the key is ours now.
std::optional<KeysInUse::Refusal> KeysInUse::note(const Account &key, Moment now,
                                                  int64_t deadline) {
    const MemoryLock lock(memory_);
    KeyPlaces places(memory_.region());
    const auto is_over = [&](const KeyInUse &entry) {
        return entry.deadline < now.milliseconds || !is_alive_(static_cast<int32_t>(entry.process));
    };
    const SetTable<KeyInUse> table(places.entries(), places.id());
    KeyInUse *entry = table.find(key);
    if (entry != nullptr && entry->process != process_ && !is_over(*entry)) {
        return Refusal::in_use;
    }
    entry = entry != nullptr ? entry : table.room_for(key, is_over);
    if (entry == nullptr) {
        return Refusal::full;
    }
    places.edit(*entry);
    *entry = {key, deadline, process_};
    return std::nullopt;
}

bool KeysInUse::was_held_by(int32_t process, const Account &key) const {
    const MemoryLock lock(memory_);
    const KeyPlaces places(memory_.region());
    const KeyInUse *entry = SetTable<KeyInUse>(places.entries(), places.id()).find(key);
    return entry != nullptr && entry->process == process;
}

void KeysInUse::release(const Account &key) noexcept {
    release_for(process_, key);
}

void KeysInUse::release_for(int32_t process, const Account &key) noexcept {
    const MemoryLock lock(memory_);
    KeyPlaces places(memory_.region());
    KeyInUse *entry = SetTable<KeyInUse>(places.entries(), places.id()).find(key);
    if (entry != nullptr && entry->process == process) {
        places.edit(*entry);
        *entry = KeyInUse{};
    }
}

}  // namespace gateway
