// Prepares directories and zones in the master, which has more rights than workers, before these
// start.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/metrics/counters.h"
#include "nginx/conf.h"
#include "nginx/files.h"
#include "nginx/guard.h"
#include "nginx/zone.h"

namespace gateway {

namespace {

// Changes the owner of the opened directory: its name may lead elsewhere by now, and root does
// this.
bool give_to_workers(const std::string &directory, const ngx_core_conf_t &core) {
    const FileHandle open = open_directory(directory, false);
    struct stat status {};
    return open.is_open() && fstat(open.number(), &status) == 0 && status.st_uid == geteuid() &&
           fchown(open.number(), core.user, core.group) == 0;
}

// False after it has logged why there is no directory.
bool prepare_state_directory(const StateRules &state, ngx_cycle_t *cycle) {
    const std::string directory = state.path.substr(0, state.path.rfind('/'));
    const auto *core =
        reinterpret_cast<ngx_core_conf_t *>(ngx_get_conf(cycle->conf_ctx, ngx_core_module));
    constexpr mode_t kOwnersOnly = 0700;
    if (directory.empty()) {
        return true;
    }
    if (mkdir(directory.c_str(), kOwnersOnly) != 0) {
        const int why = errno;
        if (why == EEXIST || open_directory(directory, true).is_open()) {
            return true;
        }
        ngx_log_error(NGX_LOG_EMERG, cycle->log, why, "mkdir() \"%s\" failed in %s",
                      directory.c_str(), state.where.c_str());
        return false;
    }
    if (geteuid() == 0 && !give_to_workers(directory, *core)) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "image gateway: cannot give \"%s\" to the workers", directory.c_str());
    }
    return true;
}

}  // namespace

bool prepare_files(ngx_cycle_t *cycle) noexcept {
    return guard_or("files", false, [=] {
        if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == nullptr) {
            return true;
        }
        auto *main = static_cast<MainConf *>(
            ngx_http_cycle_get_module_main_conf(cycle, ngx_http_image_gateway_module));
        if (main == nullptr) {
            return true;
        }
        if (main->budget_zone != nullptr && ngx_is_init_cycle(cycle->old_cycle)) {
            forget_other_zones({main->zone, main->budget_zone, main->metrics_zone});
        }
        if (main->metrics_zone != nullptr) {
            ZoneMemory memory(main->metrics_zone, ZonePart::metrics, main->metrics_zone);
            Counters(memory).note_configuration(ngx_time());
        }
        size_t number = 0;
        for (const auto &store : main->stores) {
            store->metrics_zone = main->metrics_zone;
            store->number = number++;
        }
        if (!main->state.path.empty() && !prepare_state_directory(main->state, cycle)) {
            return false;
        }
        return std::all_of(main->stores.begin(), main->stores.end(),
                           [=](const auto &store) { return prepare_store(*store, cycle->log); });
    });
}

}  // namespace gateway
