// Looks for makings that a dead worker has left while their provider worked on jobs of its own, and
// goes on with them in this worker.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/sharing/making_register.h"
#include "core/sharing/written_making.h"

namespace gateway {

class OrphanedJobs {
 public:
    // All must outlive the object.
    struct Parts {
        const Clock &clock;
        EventLoop &loop;
        Log &log;
        HeldMemory &memory;
        Records &records;
        MakingRegister &running;
        const ModelMap &models;
        Accounts &accounts;
        // The location of this name; nothing: the configuration has none.
        std::function<std::optional<MakingPlace>(std::string_view)> place;
        std::function<bool()> is_leaving;  // whether this worker is about to end
    };

    // Looks at once, and then every few seconds.
    explicit OrphanedJobs(Parts parts);

 private:
    void look();
    void on_taken(std::vector<OrphanedJob> jobs);
    [[nodiscard]] bool resume(const OrphanedJob &job);
    void interrupt(const OrphanedJob &job) noexcept;

    Parts parts_;
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<Task> task_;
};

}  // namespace gateway
