// Fetching and keeping images in memory: records requests; the test determines their results.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/image_ports.h"

namespace gateway {

// One thing that was asked for; `Result` is how it ends.
template <typename Asked, typename Result>
struct Pending {
    Asked asked;
    std::function<void(Result)> on_end;  // null: ended, or cancelled
    bool cancelled = false;
};

template <typename Base, typename Entry>
struct PendingHandle final : Base {
    explicit PendingHandle(std::shared_ptr<Entry> pending) : entry(std::move(pending)) {}
    ~PendingHandle() override {
        entry->cancelled = entry->on_end != nullptr;
        entry->on_end = nullptr;
    }
    std::shared_ptr<Entry> entry;
};

class FakeFetcher final : public ImageFetcher {
 public:
    using Entry = Pending<ImageFetch, FetchedImage>;
    std::unique_ptr<Fetch> fetch(ImageFetch asked,
                                 std::function<void(FetchedImage)> on_end) override {
        auto entry = std::make_shared<Entry>(Entry{std::move(asked), std::move(on_end)});
        auto handle = std::make_unique<PendingHandle<Fetch, Entry>>(entry);
        entries.push_back(std::move(entry));
        return handle;
    }
    void end(size_t index, FetchedImage image) {
        const auto on_end = std::exchange(entries.at(index)->on_end, nullptr);
        ASSERT_NE(on_end, nullptr) << "it has ended";
        on_end(std::move(image));
    }
    [[nodiscard]] size_t open() const {
        return static_cast<size_t>(
            std::count_if(entries.begin(), entries.end(),
                          [](const auto &entry) { return entry->on_end != nullptr; }));
    }
    std::vector<std::shared_ptr<Entry>> entries;
};

class FakeFiles final : public ImageFiles {
 public:
    struct Asked {
        std::string path;
        Bytes base64;
    };
    using Entry = Pending<Asked, Written>;
    std::unique_ptr<Write> write(std::string path, Bytes base64,
                                 std::function<void(Written)> on_end) override {
        if (busy) {
            return nullptr;
        }
        auto entry =
            std::make_shared<Entry>(Entry{{std::move(path), std::move(base64)}, std::move(on_end)});
        auto handle = std::make_unique<PendingHandle<Write, Entry>>(entry);
        entries.push_back(std::move(entry));
        return handle;
    }
    void end(size_t index, Written::Result result) {
        const auto on_end = std::exchange(entries.at(index)->on_end, nullptr);
        ASSERT_NE(on_end, nullptr) << "it has ended";
        on_end({result, "the disk is away"});
    }
    // Ends when the test says so, like write().
    using KeptEntry = Pending<KeptFiles, Written>;
    std::unique_ptr<Write> keep(KeptFiles files, std::function<void(Written)> on_end) override {
        if (busy) {
            return nullptr;
        }
        auto entry = std::make_shared<KeptEntry>(KeptEntry{std::move(files), std::move(on_end)});
        auto handle = std::make_unique<PendingHandle<Write, KeptEntry>>(entry);
        kept.push_back(std::move(entry));
        return handle;
    }
    void end_keeping(size_t index, Written::Result result) {
        const auto on_end = std::exchange(kept.at(index)->on_end, nullptr);
        ASSERT_NE(on_end, nullptr) << "it has ended";
        on_end({result, "the disk is away"});
    }
    bool busy = false;
    std::vector<std::shared_ptr<Entry>> entries;
    std::vector<std::shared_ptr<KeptEntry>> kept;
};

}  // namespace gateway
